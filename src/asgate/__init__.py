"""asgate: a fast and strict server for ASGI applications.

`asgate.run(app)` serves until a signal, `async with asgate.Server(app)` inside a running program; `Failure`
is what both raise for something that the caller can put right. An application meets `ClientDisconnected` (an
`OSError`) and `MessageError` (a `RuntimeError`) out of `send`.
"""

from typing import TYPE_CHECKING, Any

from asgate.errors import Exit, Failure

if TYPE_CHECKING:
    from asgate.server.command import run
    from asgate.server.server import Server
    from asgate.server.worker import ClientDisconnected, MessageError

__all__ = ["ClientDisconnected", "Exit", "Failure", "MessageError", "Server", "__version__", "run"]

__version__: str


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `asgate --help` needs no event loop, and Windows has no extension to load.
    if name == "run":
        from asgate.server.command import run

        return run
    if name == "Server":
        from asgate.server.server import Server

        return Server
    if name == "__version__":
        from asgate.version import version

        return version()
    if name in ("ClientDisconnected", "MessageError"):
        from asgate.server import worker

        return getattr(worker, name)
    raise AttributeError(f"module 'asgate' has no attribute {name!r}")
