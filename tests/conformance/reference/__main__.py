"""`python -m reference asgi_probe:app --port 8000`: the command line."""

import argparse
import asyncio
import importlib
import inspect
import sys
from typing import Any

from .plants import planted
from .server import Application, Server
from .websocket_frames import MESSAGE_LIMIT


def main() -> int:
    """Serves what the arguments say."""
    parser = argparse.ArgumentParser(prog="reference")
    parser.add_argument("target", help="module:name")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--path", help="a Unix socket instead")
    parser.add_argument("--root-path", default="")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds")
    parser.add_argument("--lifespan", choices=("auto", "on", "off"), default="auto")
    parser.add_argument("--body-limit", type=int, default=0, help="bytes")
    parser.add_argument("--message-limit", type=int, default=MESSAGE_LIMIT, help="bytes")
    parser.add_argument("--ping-interval", type=float, default=0.0, help="seconds")
    parser.add_argument("--ping-timeout", type=float, default=10.0, help="seconds")
    parser.add_argument("--asgi2", action="store_true", help="the application is called twice")
    options = vars(parser.parse_args())
    module, _, name = options.pop("target").partition(":")
    application: Application = getattr(importlib.import_module(module), name)
    if planted("asgi2_option_unknown") and options["asgi2"]:
        parser.error("unrecognized arguments: --asgi2")
    said = options.pop("asgi2") and not planted("asgi2_option_ignored")
    if said or is_called_twice(application):
        application = called_twice(application)
    return asyncio.run(Server(application, **options).run())


def is_called_twice(application: Any) -> bool:
    """Whether it looks like ASGI 2, by asgiref's rules (ASGI-321)."""
    if planted("asgi3_not_recognised"):
        return not inspect.iscoroutinefunction(application)
    if planted("asgi2_not_recognised") or hasattr(application, "_asgi_single_callable"):
        return False
    if hasattr(application, "_asgi_double_callable") or inspect.isclass(application):
        return True
    call = getattr(application, "__call__", None)  # noqa: B004 (what is asked is what kind of function it is)
    return not (inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call))


def called_twice(application: Any) -> Application:
    """An ASGI 2 application as an ASGI 3 one (ASGI-320)."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        await application(scope)(receive, send)

    return call


if __name__ == "__main__":
    sys.exit(main())
