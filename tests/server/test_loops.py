import asyncio
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
