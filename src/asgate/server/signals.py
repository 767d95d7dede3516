"""SIGINT, SIGTERM and SIGHUP: the first asks for a stop, the second hurries it, the third is the system's own
answer again.

A closed terminal says SIGHUP several times at once (the kernel and the shell both do), so only the first
counts, and it never hurries. One that is ignored when we start (`nohup`) stays ignored.

Handlers are set with `signal.signal`, not by the loop: a third CTRL+C then ends even a process whose
application never yields. Only the command and `asgate.run` capture signals; embedding never does.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from types import FrameType

HANGUP: int | None = getattr(signal, "SIGHUP", None)  # not every platform has it
PATIENCE = 1.0  # seconds in which a loop that nothing blocks has heard of the first signal
STOPPING = (signal.SIGINT, signal.SIGTERM, *(() if HANGUP is None else (signal.Signals(HANGUP),)))
log = logging.getLogger("asgate")


@contextlib.contextmanager
def captured(
    loop: AbstractEventLoop, tell: Callable[[str], None], *, for_good: bool = False
) -> Iterator[None]:
    """Calls `tell("SIGTERM")` on the loop for the first and the second signal; restores what was set before
    at the end.

    `for_good`: the process ends afterwards, and a second signal that comes meanwhile must not change how
    (`timeout`, shells and supervisors tell the process and its group). Nothing is restored then.

    In another thread than the main one Python allows no handlers: nothing is captured then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handle = _Signals(loop, tell).handle
    wanted = [number for number in STOPPING if not _ignored(number)]
    previous = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in ({} if for_good else previous).items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


class Stopped(KeyboardInterrupt):
    """A signal that came before there was a loop to tell; its text is the name. No `except Exception` of an application
    takes it.
    """


@contextlib.contextmanager
def stoppable(*, for_good: bool = False) -> Iterator[None]:
    """Raises `Stopped` for the first SIGTERM or SIGHUP that comes while the application is imported; the third is the
    system's own answer. SIGINT is KeyboardInterrupt already. A handler that the application sets stays.

    `for_good`, and other threads than the main one: as with `captured`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[str] = []

    def handle(number: int, _: FrameType | None) -> None:
        seen.append(signal.Signals(number).name)
        if len(seen) == 1:
            raise Stopped(seen[0])
        if len(seen) > 2:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    wanted = [number for number in STOPPING if number != signal.SIGINT and not _ignored(number)]
    previous = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
        if seen:  # something took the exception for one of its own
            raise Stopped(seen[0])
    finally:
        for number, handler in ({} if for_good else previous).items():
            if signal.getsignal(number) is handle:
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _ignored(number: int) -> bool:
    """Whether it is SIGHUP, and ignored since we were started."""
    return number == HANGUP and signal.getsignal(number) is signal.SIG_IGN


class _Signals:
    """What came so far, and whether the loop has heard of it."""

    def __init__(self, loop: AbstractEventLoop, tell: Callable[[str], None]) -> None:
        self._loop = loop
        self._tell = tell
        self._seen = 0
        self._first = 0.0
        self._heard = False

    def handle(self, number: int, _: FrameType | None) -> None:
        if self._seen and number == HANGUP:
            return
        self._seen += 1
        if self._seen > 2:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._hear, signal.Signals(number).name)
        self._first = self._first or time.monotonic()
        if self._seen == 2 and not self._heard and time.monotonic() - self._first >= PATIENCE:
            self._tell_blocked()

    def _hear(self, name: str) -> None:
        self._heard = True
        self._tell(name)

    def _tell_blocked(self) -> None:
        """In the handler itself, because nothing runs on the loop. What it interrupts may be a write to the
        same stream, which Python refuses.
        """
        with contextlib.suppress(RuntimeError):
            log.warning("the application blocks the event loop: a third signal ends the process as it is")


def ignore() -> None:
    """For the last moments of a process, when Python calls no handlers any more."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
