"""Signals, for both judges: which of them interrupt a run, when they may, and how a process is said to have ended."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end a run as CTRL+C does: what runs under test ends with it."""
    with _handled((signal.SIGTERM, signal.SIGHUP), _interrupt):
        yield


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Holds interrupts back until the end of the block: none may come between a start and our knowing of it."""
    caught: list[int] = []
    try:
        with _handled(INTERRUPTS, lambda number, _: caught.append(number)):
            yield
    finally:
        for held in caught:
            signal.raise_signal(signal.Signals(held))


@contextlib.contextmanager
def _handled(
    numbers: tuple[signal.Signals, ...], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Gives these signals to `handler` inside. Nothing happens in other threads than the main one, which alone may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, signal.SIG_DFL if former is None else former)  # None: not set by Python


def ending(code: int) -> str:
    """What a process ended with, by its return code. Most real-time signals have no name."""
    if code >= 0:
        return f"code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
