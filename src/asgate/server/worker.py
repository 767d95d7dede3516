"""One reactor on the running loop, from lifespan startup to lifespan shutdown. The only importer of
`asgate._core`.

Start: lifespan startup, then the reactor, then listening (ASGI-194). Stop: drain (accept what waits, end idle
connections, finish the rest) -> after the grace time cancel -> after a last wait close -> lifespan shutdown,
always (ASGI-199). The loop watches one descriptor.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from asgate._core import ClientDisconnected, MessageError, Reactor
from asgate.config.settings import Settings
from asgate.errors import Exit
from asgate.observe.access import AccessLog
from asgate.observe.logs import escaped
from asgate.observe.reports import Reports
from asgate.observe.tracebacks import outside
from asgate.server.lifespan import Lifespan
from asgate.server.sockets import Listener
from asgate.spec.types import ASGIApplication

__all__ = ["ClientDisconnected", "MessageError", "Worker"]  # the exceptions for `asgate` itself

CANCEL_LIMIT = 5.0  # seconds from cancelling the applications to closing everything
TELL_FIRST = 0.25  # seconds of a stop that need no word: most requests end in less
TELL_EVERY = 5.0  # seconds between two messages about what a stop still waits for
log = logging.getLogger("asgate")


class Worker(Reports):
    """Serves one application on the running loop. `quit` tells the owner that the application wants to end it
    all.
    """

    def __init__(
        self, application: ASGIApplication, settings: Settings, quit_asked: Callable[[BaseException], None]
    ) -> None:
        super().__init__(AccessLog(settings.access_log_format) if settings.access_log else None)
        self._application = application
        self._settings = settings
        self._quit_asked = quit_asked
        self._lifespan = Lifespan(application, settings.lifespan, settings.timeout_lifespan)
        self._loop = asyncio.get_running_loop()
        self._reactor: Reactor | None = None
        self._listeners: list[Listener] = []
        self._drained = asyncio.Event()

    async def start(self, listeners: list[Listener]) -> None:
        """Runs lifespan startup and begins to accept. Raises `Failure`; nothing is left running then."""
        await self._lifespan.startup()
        try:
            self._accept(listeners)
        except BaseException:
            self._close()
            await self._lifespan.shutdown()
            raise

    def _accept(self, listeners: list[Listener]) -> None:
        self._reactor = Reactor(self._application, self._loop, self._settings, self, self._lifespan.state)
        self._listeners = listeners
        _workers.add(self)
        self._loop.add_reader(self._reactor.fileno(), self._reactor.turn)
        for listener in listeners:
            listener.listen(self._settings.backlog)
            self._reactor.listen(listener.socket.fileno())

    @property
    def websockets(self) -> int:
        return 0 if self._reactor is None else self._reactor.websockets

    async def stop(self, hurry: asyncio.Event) -> Exit:
        """Ends everything in order and tells how it went; when `hurry` is set the waits are cut short."""
        try:
            await self._finish_requests(hurry)
        finally:
            self._close()
            outcome = await self._finish_lifespan(hurry)
        return outcome

    async def _finish_requests(self, hurry: asyncio.Event) -> None:
        if self._reactor is None:
            return
        self._reactor.drain()
        if await self._wait_drained(self._settings.graceful_timeout, hurry):
            return
        for line in self._reactor.waiting_for():
            log.warning("cancelled: %s", escaped(line))
        self._reactor.cancel()
        if await self._wait_drained(CANCEL_LIMIT, None):
            return
        for line in self._reactor.waiting_for():
            log.warning("took no cancellation, left behind: %s", escaped(line))

    async def _wait_drained(self, limit: float, hurry: asyncio.Event | None) -> bool:
        """Waits for the last connection to go, and says from time to time what it waits for."""
        deadline = self._loop.time() + limit
        signs = [self._drained] if hurry is None else [self._drained, hurry]
        pause, note = TELL_EVERY, ""
        if hurry is not None:
            pause, note = TELL_FIRST, " (a second CTRL+C or SIGTERM ends the wait)"
        while not any(sign.is_set() for sign in signs) and (left := deadline - self._loop.time()) > 0:
            if not await first_of(signs, min(left, pause)):
                self._tell_waiting(deadline - self._loop.time(), note)
            pause, note = TELL_EVERY, ""
        return self._drained.is_set()

    def _tell_waiting(self, left: float, note: str) -> None:
        waiting = [] if self._reactor is None else self._reactor.waiting_for()
        if not waiting or left <= 0:
            return
        more = f", and {len(waiting) - 5} more" if len(waiting) > 5 else ""
        what = escaped("; ".join(waiting[:5]))
        log.info("stopping, %.0f s left, waiting for %s%s%s", left, what, more, note)

    async def _finish_lifespan(self, hurry: asyncio.Event) -> Exit:
        """Lifespan shutdown always runs; a second signal that comes while it does cuts it short."""
        ending = asyncio.ensure_future(self._lifespan.shutdown())
        if not hurry.is_set():
            hurried = asyncio.ensure_future(hurry.wait())
            while not await first_done({ending, hurried}, TELL_EVERY):
                log.info(
                    "stopping, waiting for the application's lifespan shutdown (a second signal cuts it short)"
                )
            hurried.cancel()
            if not ending.done():
                ending.cancel()
                await asyncio.wait({ending})
                log.warning("the application's lifespan shutdown was cut short")
                return Exit.SHUTDOWN
        return await ending

    def _close(self) -> None:
        if self._reactor is not None:
            self._loop.remove_reader(self._reactor.fileno())
            self._reactor.close()
            self._reactor = None

    def abandon(self) -> None:
        """In a forked child: lets go of the parent's sockets."""
        for listener in self._listeners:
            listener.socket.close()
        if self._reactor is not None:
            self._reactor.abandon()

    def quit(self, error: BaseException) -> None:
        self._quit_asked(error)

    def child_ended(self, error: BaseException | None) -> None:
        """A child that the application has forked shares its parent's loop: it leaves without touching that."""
        code: object = 0
        trace = None
        if isinstance(error, SystemExit):
            code = 0 if error.code is None else error.code
        elif error is not None:
            code, trace = 1, (type(error), error, outside(error.__traceback__))
        sentence = "a forked child of the application (pid %d) came back to the server: it ends here"
        log.warning(sentence, os.getpid(), exc_info=trace)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)

    def drained(self) -> None:
        self._drained.set()


_workers: WeakSet[Worker] = WeakSet()


def _abandon_all() -> None:
    for worker in list(_workers):
        worker.abandon()


if hasattr(os, "register_at_fork"):
    # A child of the application must not keep clients waiting for the end of a connection, nor the port open.
    os.register_at_fork(after_in_child=_abandon_all)


async def first_done(futures: set[asyncio.Future[Any]], limit: float) -> bool:
    """Waits until one of the futures is done; False when the time is over first."""
    done, _ = await asyncio.wait(futures, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)


async def first_of(signs: list[asyncio.Event], limit: float) -> bool:
    """Waits until one of the events is set; False when the time is over first."""
    waits = [asyncio.ensure_future(sign.wait()) for sign in signs]
    try:
        done, _ = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*waits, return_exceptions=True)
