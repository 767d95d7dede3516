import asyncio
import sys
import threading

import pytest
import uvloop

from asgate.errors import Exit, Failure
from asgate.server.loops import loop_factory, run_on


def not_a_loop():
    return 5


def raising():
    raise ValueError("no")


number = 5
HERE = __name__


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """This module by a name that can be imported."""
    import sys

    monkeypatch.setitem(sys.modules, "loops_of_the_test", sys.modules[HERE])


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("auto", uvloop.Loop),
        ("uvloop", uvloop.Loop),
        ("asyncio", asyncio.SelectorEventLoop),
        ("uvloop:Loop", uvloop.Loop),
        ("asyncio:SelectorEventLoop", asyncio.SelectorEventLoop),
    ],
)
def test_choices(choice, kind):
    loop = loop_factory(choice)()
    assert isinstance(loop, kind)
    loop.close()


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("no_such_module:Loop", "cannot be imported"),
        ("asyncio:NoSuchLoop", "asyncio has no NoSuchLoop"),
        ("loops_of_the_test:number", "cannot be called"),
        ("loops_of_the_test:not_a_loop", "the factory made a int"),
        ("loops_of_the_test:raising", "cannot be made: no"),
    ],
)
def test_wrong_choices(choice, words):
    with pytest.raises(Failure, match=words) as caught:
        loop_factory(choice)()
    assert caught.value.exit_code is Exit.LOOP


@pytest.mark.parametrize("choice", ["asyncio", "uvloop"])
def test_left_over_tasks_and_generators_are_ended(choice):
    ended = []

    async def forever():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("task")

    async def generator():
        try:
            yield 1
            yield 2
        finally:
            ended.append("generator")

    kept = []

    async def main():
        kept.append(asyncio.ensure_future(forever()))
        kept.append(generator())
        await anext(kept[1])
        await asyncio.sleep(0)
        return "result"

    assert run_on(loop_factory(choice), main) == "result"
    assert sorted(ended) == ["generator", "task"]


@pytest.mark.parametrize("choice", ["asyncio", "uvloop"])
def test_a_thread_that_does_not_end_does_not_hold_it_up(choice):
    release = threading.Event()

    async def main():
        asyncio.get_running_loop().run_in_executor(None, release.wait)
        await asyncio.sleep(0)
        return "result"

    try:
        assert run_on(loop_factory(choice), main) == "result"
    finally:
        release.set()


def test_an_exception_comes_out():
    async def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_on(asyncio.new_event_loop, main)


LOOPS = pytest.mark.parametrize("choice", ["asyncio", "uvloop"])


async def served(said, end):
    """Like a server: what it does at its end needs another task, as lifespan shutdown does."""
    stop, stopped = asyncio.Event(), asyncio.Event()

    async def other():
        await stop.wait()
        stopped.set()

    task = asyncio.ensure_future(other())
    end(task)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        stop.set()
        await stopped.wait()
        said.append("stopped")


@LOOPS
@pytest.mark.clause("ASGI-199")
def test_a_callback_that_wants_to_end_it_all_lets_main_end_in_order(choice):
    said = []

    def end(_):
        asyncio.get_running_loop().call_soon(sys.exit, 9)

    with pytest.raises(SystemExit) as caught:
        run_on(loop_factory(choice), lambda: served(said, end))
    assert (caught.value.code, said) == (9, ["stopped"])


@LOOPS
def test_a_loop_that_was_stopped_lets_main_end_in_order(choice):
    said = []

    def end(_):
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.stop)

    with pytest.raises(Failure, match="the application stopped the event loop") as caught:
        run_on(loop_factory(choice), lambda: served(said, end))
    assert (caught.value.exit_code, said) == (Exit.APPLICATION, ["stopped"])


@LOOPS
def test_a_main_that_was_cancelled_is_told_in_a_sentence(choice):
    def end(_):
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)

    with pytest.raises(Failure, match="the application cancelled the server's task") as caught:
        run_on(loop_factory(choice), lambda: served([], end))
    assert caught.value.exit_code is Exit.APPLICATION


def test_a_runtime_error_of_main_is_its_own():
    async def main():
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run_on(asyncio.new_event_loop, main)
