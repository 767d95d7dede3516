"""The lifespan protocol: one call of the application before the first connection, until after the last."""

import asyncio
import contextvars
import sys
from typing import TYPE_CHECKING, Any

from .plants import planted

if TYPE_CHECKING:
    from .server import Server

SHUTDOWN_LIMIT = 10.0  # seconds for the application's shutdown
Message = dict[str, Any]


class StartupFailed(Exception):
    """The application cannot start; the message is its own."""


class Lifespan:
    """`mode`: auto goes on without an application that does not take part, on does not, off does not ask."""

    def __init__(self, server: "Server", mode: str) -> None:
        self._server, self._mode = server, mode
        self.state: dict[str, Any] = {"server": "reference"} if planted("state_not_empty") else {}
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._phase = "startup"  # then serving, shutdown, over
        self._answered = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.deserted = False  # the application has left it though it serves; for a planted fault
        self.context: contextvars.Context | None = None  # of the application; for a planted fault

    async def start(self) -> None:
        """Returns when requests may be served. Raises `StartupFailed`."""
        if self._mode == "off":
            return
        asgi = {"version": "3.0", "spec_version": "2.5" if planted("lifespan_version_of_http") else "2.0"}
        scope: dict[str, Any] = {"type": "lifespan", "asgi": asgi, "state": self.state}
        more = {"server": "reference"} if planted("startup_with_more_keys") else {}
        self._events.put_nowait({"type": "lifespan.startup", **more})
        self._task = asyncio.create_task(self._run(scope))
        await self._answered.wait()
        if self._failure is not None and not planted("startup_failed_ignored"):
            raise StartupFailed(self._failure)

    async def stop(self) -> None:
        """Returns when the application has shut down, or at once if it takes no part."""
        if self._task is None or self._task.done() or planted("no_shutdown"):
            return
        self._answered.clear()
        self._phase = "shutdown"
        self._events.put_nowait({"type": "lifespan.shutdown"})
        if not planted("shutdown_not_awaited"):
            try:
                await asyncio.wait_for(self._answered.wait(), SHUTDOWN_LIMIT)
            except TimeoutError:
                print("the application did not shut down in time", file=sys.stderr)
        if self._failure is not None:
            print(f"shutdown failed: {self._failure}", file=sys.stderr)

    async def _run(self, scope: dict[str, Any]) -> None:
        error: BaseException | None = None
        try:
            await self._server.application(scope, self._events.get, self._send)
        except BaseException as raised:  # whatever it is, it is no reason to take the server down (ASGI-196)
            error = raised
        if error is not None and self._phase != "startup":
            print(f"lifespan raised {error!r}", file=sys.stderr)
        unanswered = self._phase == "startup" and not self._answered.is_set()
        if unanswered and (self._mode == "on" or fatal(error)):
            self._failure = f"the application takes no part in lifespan: {error!r}"
        self.deserted = self._phase == "serving"
        self._answered.set()

    async def _send(self, message: Message) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise TypeError("a message is a dict with a type")
        phase, _, how = message["type"].removeprefix("lifespan.").partition(".")
        sound = message["type"].startswith("lifespan.") and how in ("complete", "failed")
        if not sound or phase != self._phase or self._answered.is_set():
            if planted("lifespan_message_swallowed"):
                return
            raise RuntimeError(f"{message['type']} does not come now")
        if planted("lifespan_extra_keys_refused") and message.keys() - {"type", "message"}:
            raise RuntimeError("no other keys")
        if how == "failed":
            if not isinstance(message.get("message", ""), str):
                raise TypeError("message is a str")
            self._failure = message.get("message", "")
            if not planted("failure_not_printed"):
                print(f"{phase} failed: {self._failure}", file=sys.stderr, flush=True)
        elif phase == "startup":
            self._phase = "serving"
            self.context = contextvars.copy_context()
        self._answered.set()


def fatal(error: BaseException | None) -> bool:
    """Whether an application that takes no part ends the server, which are faults: in `auto` it is served."""
    if error is None:
        return planted("lifespan_return_is_fatal")
    misread = planted("asgi2_not_recognised") or planted("asgi3_not_recognised")
    return misread or planted("no_lifespan_is_fatal")
