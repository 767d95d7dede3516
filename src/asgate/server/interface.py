"""Which calling convention an application has, and the adapter that makes an ASGI 2 application an ASGI 3
one.

The rules are asgiref's `is_double_callable` (ASGI-321); `--interface` overrides them (ASGI-322).
"""

import inspect
from collections.abc import Callable
from typing import Any, cast

from asgate.errors import Exit, Failure
from asgate.spec.interface import accepts, is_double_callable
from asgate.spec.types import ASGI2Application, ASGIApplication, Receive, Scope, Send


def as_asgi3(application: Any, interface: str, name: str) -> tuple[ASGIApplication, int]:
    """The application as an ASGI 3 callable, and the version (2 or 3) it was written for.

    Raises `Failure` (TARGET) when it cannot be called as the convention asks.
    """
    if not callable(application):
        raise Failure(
            Exit.TARGET,
            f"{name} is not callable: it is an object of type {type(application).__name__}",
            "an ASGI application is an async callable (scope, receive, send)",
        )
    if _is_class_of_applications(application):
        raise Failure(
            Exit.TARGET,
            f"{name} is a class: its instances are ASGI applications, not itself",
            f"make one, such as app = {application.__name__}(), or add --factory",
        )
    double = interface == "asgi2" or (interface == "auto" and is_double_callable(application))
    _check_arguments(application, 1 if double else 3, name)
    if double:
        return _single(application), 2
    return cast("ASGIApplication", application), 3


def _is_class_of_applications(application: Any) -> bool:
    """A class whose instances can only be called as ASGI 3 asks: no convention serves the class itself.

    The class is ASGI 2 if its instances take (receive, send), and ASGI 3 if they can be awaited.
    """
    if not inspect.isclass(application) or hasattr(application, "__await__"):
        return False
    call = next((vars(base)["__call__"] for base in application.__mro__ if "__call__" in vars(base)), None)
    return callable(call) and accepts(call, 4) is True and accepts(call, 3) is False  # with `self`


def _single(application: ASGI2Application) -> ASGIApplication:
    async def call_asgi2(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope)(receive, send)

    return call_asgi2


def _check_arguments(application: Callable[..., Any], arguments: int, name: str) -> None:
    if accepts(application, arguments) is not False:
        return
    if inspect.isclass(application) and accepts(application, 3):
        hint = "it looks like a class for ASGI 3: add --interface asgi3"
    elif accepts(application, 2):
        hint = (
            "it looks like a WSGI application: wrap it with a2wsgi.WSGIMiddleware or asgiref.wsgi.WsgiToAsgi"
        )
    elif accepts(application, 0) and inspect.iscoroutinefunction(application):
        hint = "it looks like an async factory: make it a plain def and add --factory"
    elif accepts(application, 0):
        hint = "it looks like a factory: add --factory"
    elif accepts(application, 1):
        hint = "it looks like an ASGI 2 application: add --interface asgi2"
    else:
        hint = "an ASGI application is an async callable (scope, receive, send)"
    raise Failure(
        Exit.TARGET,
        f"{name} is not an ASGI application: it does not take {arguments} argument{'s' * (arguments > 1)}",
        hint,
    )
