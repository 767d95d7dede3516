"""asgate: a fast and strict server for ASGI applications.

`asgate.run(app)` serves until a signal, `async with asgate.Server(app)` inside a running program; `Failure`
is what both raise for something that the caller can put right.
"""

from typing import TYPE_CHECKING, Any

from asgate.errors import Exit, Failure

if TYPE_CHECKING:
    from asgate.server.command import run
    from asgate.server.server import Server

__all__ = ["Exit", "Failure", "Server", "__version__", "run"]

__version__: str


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `asgate --help` needs no event loop, and Windows has no extension to load.
    if name == "run":
        from asgate.server.command import run

        return run
    if name in ("Server", "__version__"):
        from asgate.server import server

        return server.Server if name == "Server" else server.version()
    raise AttributeError(f"module 'asgate' has no attribute {name!r}")
