"""The lifespan protocol: one call of the application before the first connection, until after the last."""

import asyncio
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
        self.state: dict[str, Any] = {}
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._phase = "startup"  # then serving, shutdown, over
        self._answered = asyncio.Event()
        self._failure: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when requests may be served. Raises `StartupFailed`."""
        if self._mode == "off":
            return
        asgi = {"version": "3.0", "spec_version": "2.5" if planted("lifespan_version_of_http") else "2.0"}
        scope: dict[str, Any] = {"type": "lifespan", "asgi": asgi, "state": self.state}
        self._events.put_nowait({"type": "lifespan.startup"})
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
        if unanswered and (self._mode == "on" or (planted("no_lifespan_is_fatal") and error is not None)):
            self._failure = f"the application takes no part in lifespan: {error!r}"
        if planted("lifespan_return_hangs") and unanswered and error is None:
            return
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
        if how == "failed":
            if not isinstance(message.get("message", ""), str):
                raise TypeError("message is a str")
            self._failure = message.get("message", "")
            print(f"{phase} failed: {self._failure}", file=sys.stderr, flush=True)
        elif phase == "startup":
            self._phase = "serving"
        self._answered.set()
