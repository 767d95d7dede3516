"""How the application is driven by the faults that give it no task: step by step, from one future to the next."""

import asyncio
import functools
import inspect
import threading
from collections.abc import Coroutine
from typing import Any

from .plants import planted


def step(coroutine: Coroutine[Any, Any, None], _: object = None) -> None:
    """Drives a coroutine as a task would: on this thread, or after its beginning on others."""
    if not planted("changes_threads") or inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        advance(coroutine)
        return
    thread = threading.Thread(target=advance, args=(coroutine, asyncio.get_running_loop()))
    thread.start()
    thread.join()


def advance(coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop | None = None) -> None:
    """One step. `loop`: that of another thread, which waits meanwhile."""
    if loop:
        asyncio._set_running_loop(loop)
    try:
        future = coroutine.send(None)
        future._asyncio_future_blocking = False
        future.add_done_callback(functools.partial(step, coroutine))
    except StopIteration:
        pass
