"""SIGINT, SIGTERM and SIGHUP: the first asks for a stop, the second hurries it, the third is the system's own
answer again.

A closed terminal says SIGHUP several times at once (the kernel and the shell both do), so only the first
counts, and it never hurries. One that is ignored when we start (`nohup`) stays ignored.

Handlers are set with `signal.signal`, not by the loop: a third CTRL+C then ends even a process whose
application never yields. Only the command and `asgate.run` capture signals; embedding never does.
"""

import contextlib
import os
import signal
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator
from types import FrameType

HANGUP: int | None = getattr(signal, "SIGHUP", None)  # not every platform has it
STOPPING = (signal.SIGINT, signal.SIGTERM, *(() if HANGUP is None else (signal.Signals(HANGUP),)))


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
    seen = 0

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal seen
        if seen and number == HANGUP:
            return
        seen += 1
        if seen > 2:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(tell, signal.Signals(number).name)

    ignored = HANGUP is not None and signal.getsignal(HANGUP) is signal.SIG_IGN
    wanted = [number for number in STOPPING if not (ignored and number == HANGUP)]
    previous = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in ({} if for_good else previous).items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def ignore() -> None:
    """For the last moments of a process, when Python calls no handlers any more."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
