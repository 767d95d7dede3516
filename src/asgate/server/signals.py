"""SIGINT and SIGTERM: the first asks for a stop, the second hurries it, the third is the system's own answer
again.

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

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def captured(loop: AbstractEventLoop, tell: Callable[[str], None]) -> Iterator[None]:
    """Calls `tell("SIGTERM")` on the loop for the first and the second signal; restores what was set before
    at the end.

    In another thread than the main one Python allows no handlers: nothing is captured then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = 0

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 2:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(tell, signal.Signals(number).name)

    previous = {number: signal.signal(number, handle) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
