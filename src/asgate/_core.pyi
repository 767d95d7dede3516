"""The extension module: the reactor that joins sockets, HTTP and the application. `server/worker.py` alone imports it."""

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias, final, type_check_only

from asgate.config.settings import Settings

__all__ = ["ClientDisconnected", "MessageError", "Reactor"]

Scope: TypeAlias = dict[str, Any]
Address: TypeAlias = tuple[str, int | None]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

# (client, method, raw_path, query_string, http_version, request headers, status, body bytes sent, seconds, outcome,
# close code)
# status 0: no response had begun. outcome: "complete", "aborted" (cut short by us or the application), "disconnected".
# close code: of a WebSocket that was open, as told or heard, 1006 for a lost connection (RFC 6455 7.1.5); else None.
AccessRecord: TypeAlias = tuple[
    Address | None, str, bytes, bytes, str, list[tuple[bytes, bytes]], int, int, float, str, int | None
]

class MessageError(RuntimeError):
    """`asgate.MessageError`: the message is not allowed here, or lacks something (ASGI-030, 031, 037)."""

class ClientDisconnected(ConnectionError):
    """`asgate.ClientDisconnected`: `send` was called after the client had left (ASGI-110). Let it pass."""

@type_check_only
class Observer(Protocol):
    """What the reactor tells about. Called on the loop's thread; an exception out of it is printed and dropped.

    Of a scope come the method (`websocket` without one) and the path, as the request had them.
    """

    def application_raised(self, error: BaseException, scope: Scope) -> None:
        """The application ended with an exception (ASGI-016)."""
    def application_broke(self, reason: str, scope: Scope) -> None:
        """The application returned without a complete response, or was cut off (ASGI-018)."""
    def application_cancelled(self, scope: Scope) -> None:
        """The client left and the application did not notice within the grace time: its task was cancelled."""
    def refused(self, client: Address | None, status: int, reason: str) -> None:
        """The server answered by itself: a broken request, a limit, too slow (status 0: closed without an answer)."""
    def accessed(self, records: list[AccessRecord]) -> None:
        """Exchanges that ended since the last call, and WebSockets that were `opened` (only when
        `settings.access_log`)."""
    def trouble(self, message: str) -> None:
        """Something an operator should know (out of descriptors, connection limit reached, a bug of ours, an application
        that asks on and on)."""
    def quit(self, error: BaseException) -> None:
        """The application, or a task of its own, raised SystemExit or KeyboardInterrupt: stop the worker cleanly
        (ASGI-025)."""
    def child_ended(self, error: BaseException | None) -> None:
        """In a forked child: the application's code has come to its end there, and the child must not go on as a second
        server on its parent's descriptors."""
    def drained(self) -> None:
        """After `drain()`: the last connection is gone."""

@final
class Reactor:
    """Listening sockets, connections and timers of one event loop, on one pollable descriptor.

    Made and used on the loop's own thread while that loop runs:
    `loop.add_reader(reactor.fileno(), reactor.turn)`.
    """

    def __new__(
        cls,
        application: Application,
        event_loop: AbstractEventLoop,
        settings: Settings,
        observer: Observer,
        state: MutableMapping[str, Any] | None,
    ) -> Reactor:
        """`state`: the lifespan state, copied into each scope (ASGI-210); None leaves the key out (ASGI-212)."""
    def fileno(self) -> int: ...
    def turn(self) -> None:
        """Serves a bounded batch of what is ready."""
    def listen(self, fd: int) -> None:
        """Accepts from a listening stream socket. The descriptor is duplicated: the caller keeps and closes its own."""
    def drain(self) -> None:
        """Accepts what the backlog still holds, closes the listeners and the idle connections, ends the others politely.
        Requests that it finds begin in the reactor's own context, not in the caller's."""
    def cancel(self) -> None:
        """Cancels the applications that still run (their responses are cut short)."""
    def close(self) -> None:
        """Closes every connection at once and lets go of everything. Whose application still runs is told first: 503, or
        1012 on a WebSocket."""
    def abandon(self) -> None:
        """In a forked child: closes its copies of the parent's sockets, without a word to anybody."""
    def waiting_for(self) -> list[str]:
        """A text for each exchange that still runs: `GET /path from host:port for 3.2 s, response begun`. The path is as
        in the scope: to be escaped."""
    @property
    def connections(self) -> int:
        """Open connections."""
    @property
    def websockets(self) -> int:
        """Open WebSockets, with those whose handshake waits for its answer: what `limit_websockets` bounds."""
    @property
    def requests(self) -> int:
        """Requests taken since the start."""
