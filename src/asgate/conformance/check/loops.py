"""An event loop of the check's own for each half of it, which ends whatever an application leaves in it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from asgate.conformance.check.findings import Report

T = TypeVar("T")


def bounded(main: Coroutine[Any, Any, T], report: Report) -> T:
    """Runs in a loop of its own. Tasks that cannot be ended are left behind, where `asyncio.run` would wait.
    What applications do while they are taken down is no finding for the `report`. Raises `LoopEnded`.
    """
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # what an application leaves behind is not our output
    try:
        asyncio.set_event_loop(loop)
        return _result(loop, loop.create_task(main))
    finally:
        with report.deafened():
            _take_down(loop)


def _take_down(loop: asyncio.AbstractEventLoop) -> None:
    if left := asyncio.all_tasks(loop):
        for task in left:
            task.cancel()
        _result(loop, loop.create_task(asyncio.wait(left, timeout=1)))
    generators = loop.create_task(loop.shutdown_asyncgens())
    _result(loop, loop.create_task(asyncio.wait([generators], timeout=1)))
    asyncio.set_event_loop(None)
    loop.close()


class LoopEnded(Exception):
    """The loop was stopped, or broke, before its work was done."""


def _result(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    try:
        return loop.run_until_complete(task)
    except Exception as error:
        if task.done():
            raise
        raise LoopEnded from error
