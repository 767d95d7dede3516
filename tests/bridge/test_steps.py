"""Tasks that wait for a client are stepped in the very turn in which it speaks, without the loop's queue between. They
must not notice: not in how they wait, nor in their context, nor in how they are cancelled, nor in what they raise
(ASGI-009, ASGI-021, ASGI-022).
"""

import asyncio
import contextvars
import logging
import sys

import anyio
import pytest
import uvloop

from asgate.conformance.websocket import text

from .sockets import accept, opened, received, said
from .waits import until
from .ways import WAYS

clause = pytest.mark.clause
VALUE = contextvars.ContextVar("VALUE", default="unset")


@pytest.fixture
def talk(serve):
    """Runs `app(receive, send)` behind the accept. Each message of the application is answered by the next of
    `messages`, so that it waits for each of them. Gives what it said.
    """

    async def run(app, *messages):
        async def accepting(scope, receive, send):
            await accept(receive, send)
            await app(receive, send)

        said_ = []
        async with serve(accepting) as site:
            peer = await opened(site)
            for message in messages:
                said_.append(await peer.message())
                await peer.send(text(message))
            *more, end = await peer.everything()
        assert end == (1000, "")
        return said_ + more

    return run


EAGER = [False, *([True] if sys.version_info >= (3, 12) else [])]


@pytest.fixture(params=EAGER, ids=lambda eager: "eager tasks" if eager else "tasks")
def tasks(request, loop_factory):
    """Called in the loop, has its tasks made so."""
    if request.param and loop_factory is uvloop.new_event_loop and (3, 13) <= sys.version_info < (3, 13, 3):
        pytest.skip("uvloop hands on `eager_start`, which asyncio's factory takes from Python 3.13.3 on")

    def choose():
        if request.param:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    return choose


@clause("ASGI-009", "ASGI-021")
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_wait(talk, tasks, way):
    """Behind each the application is itself: its task, its loop, its context."""
    tasks()
    here = []

    async def app(receive, send):
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        VALUE.set("mine")
        await send(said("go on"))
        for _ in range(5):
            event = await WAYS[way](receive)
            here.append((asyncio.current_task() is task, asyncio.get_running_loop() is loop, VALUE.get()))
            await send(said(event["text"]))

    messages = [str(number) for number in range(5)]
    assert await talk(app, *messages) == ["go on", *messages]
    assert here == [(True, True, "mine")] * 5


@clause("ASGI-009", "ASGI-021")
async def test_one_receive_awaited_by_two_tasks(talk):
    """The second is told so, and the first gets the event; so does nobody behind it."""
    found = []

    async def wait(asked):
        return await asked

    async def app(receive, send):
        asked = receive()
        both = [asyncio.create_task(wait(asked)) for _ in range(2)]
        await asyncio.sleep(0)
        await send(said("go on"))
        found.extend(await asyncio.gather(*both, return_exceptions=True))
        found.extend(await asyncio.gather(wait(asked), return_exceptions=True))

    assert await talk(app, "a") == ["go on"]
    assert [type(one) for one in found] == [dict, RuntimeError, RuntimeError]
    assert found[0] == received("a")


@clause("ASGI-021")
async def test_each_task_goes_on_in_its_own_context(talk, tasks):
    """Also two that share one, which neither can enter while the other is in it."""
    tasks()
    seen = []

    async def fetch(receive, name):
        VALUE.set(name)
        event = await receive()
        seen.append((VALUE.get(), asyncio.current_task().get_name()))
        VALUE.set("done")
        return event

    async def app(receive, send):
        VALUE.set("the application's")
        shared = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        every = [loop.create_task(fetch(receive, name), name=name) for name in "ab"]
        every += [loop.create_task(fetch(receive, "c"), name=name, context=shared) for name in "cd"]
        await asyncio.sleep(0)
        for _ in every:
            await send(said(VALUE.get()))
        await asyncio.gather(*every)
        assert VALUE.get() == "the application's"
        assert shared[VALUE] == "done"

    assert await talk(app, *"1234") == ["the application's"] * 4
    # Whoever of the two comes second sees what the first has left.
    assert sorted(seen) in (
        [("a", "a"), ("b", "b"), ("c", "c"), ("done", "d")],
        [("a", "a"), ("b", "b"), ("c", "d"), ("done", "c")],
    )
    assert VALUE.get() == "unset"


@clause("ASGI-021")
async def test_behind_a_step_no_task_is_the_current_one(talk):
    """What the loop calls next is not called in the task's name, nor in its context."""
    seen = []

    async def app(receive, send):
        await send(said("go on"))
        await receive()
        VALUE.set("the task's")
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: seen.append((asyncio.current_task(), VALUE.get())))
        loop.call_soon(lambda: seen.append(VALUE.get()), context=contextvars.Context())
        await asyncio.sleep(0)

    await talk(app, "a")
    assert seen == [(None, "the task's"), "unset"]
    assert VALUE.get() == "unset"


class Odd(BaseException):
    """Neither an Exception nor one of Python's own."""


@clause("ASGI-025")
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
async def test_a_task_of_the_application_that_asks_for_the_end(serve, kind):
    """asyncio lets it out of its loop, which it ends. The server stops as politely as for the application itself."""
    raised = []

    async def fetch(receive):
        await receive()
        raise kind(7)

    async def app(scope, receive, send):
        await accept(receive, send)
        fetching = asyncio.create_task(fetch(receive))
        await asyncio.wait({fetching})
        raised.append(fetching.exception())
        await send(said("still there"))

    with pytest.raises(kind) as left:
        async with serve(app, graceful_timeout=5) as site:
            peer = await opened(site)
            await peer.send(text("a"))
            assert await peer.everything() == ["still there", (1000, "")]
            async with asyncio.timeout(10):
                await site.server.wait()
    assert left.value.args == (7,)
    assert raised == [left.value]


@clause("ASGI-025")
async def test_an_end_that_the_application_hears_of_as_well_is_asked_for_once(serve, caplog):
    """A second wish would hurry the stop."""
    caplog.set_level(logging.INFO)

    async def fetch(receive):
        await receive()
        sys.exit(7)

    async def app(scope, receive, send):
        await accept(receive, send)
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch(receive))

    with pytest.raises(SystemExit):
        async with serve(app, graceful_timeout=5) as site:
            peer = await opened(site)
            await peer.send(text("a"))
            assert await peer.farewell() == (1011, "")
    assert caplog.text.count("stopping (SystemExit(7) raised at test_steps.py:") == 1
    assert "stopping at once" not in caplog.text


@clause("ASGI-025")
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
async def test_an_application_that_asks_for_the_end_behind_a_message(serve, kind):
    with pytest.raises(kind) as left:
        async with serve(raising(kind(7))) as site:
            peer = await opened(site)
            await peer.send(text("a"))
            assert await peer.farewell() == (1011, "")
            async with asyncio.timeout(10):
                await site.server.wait()
    assert left.value.args == (7,)


@clause("ASGI-016", "ASGI-184")
@pytest.mark.parametrize("kind", [ValueError, Odd, asyncio.CancelledError, GeneratorExit])
async def test_an_application_that_raises_behind_a_message(serve, caplog, kind):
    async with serve(raising(kind("why"))) as site:
        for _ in range(2):
            peer = await opened(site)
            await peer.send(text("a"))
            assert await peer.farewell() == (1011, "")
    assert caplog.text.count("application raised") == 2


def raising(error):
    async def app(scope, receive, send):
        await accept(receive, send)
        await receive()
        raise error

    return app


@clause("ASGI-022")
@pytest.mark.parametrize("arguments", [(), ("why",)])
async def test_a_cancelled_wait_has_the_message_of_the_cancellation(talk, arguments):
    found = []

    async def fetch(receive):
        try:
            await receive()
        except asyncio.CancelledError as error:
            found.append(error.args)
            found.append(asyncio.current_task().cancelling())
            asyncio.current_task().uncancel()
        return await receive()

    async def app(receive, send):
        waiting = asyncio.create_task(fetch(receive))
        await asyncio.sleep(0)
        assert waiting.cancel(*arguments)
        await send(said("one"))
        assert await waiting == received("a")

    assert await talk(app, "a") == ["one"]
    assert found == [arguments, 1]


@clause("ASGI-022")
async def test_who_is_cancelled_by_the_one_that_was_stepped_before(talk):
    """Both were woken by the same message; the first takes it and cancels the second, which loses nothing."""
    found = []

    async def take(receive, other):
        event = await receive()
        other[0].cancel("you need not")
        return event

    async def give_up(receive):
        try:
            return await receive()
        except asyncio.CancelledError as error:
            found.append(error.args)
            return await receive()

    async def app(receive, send):
        other = []
        first = asyncio.create_task(take(receive, other))
        await asyncio.sleep(0)
        other.append(asyncio.create_task(give_up(receive)))
        await asyncio.sleep(0)
        await send(said("one"))
        found.append(await first)
        await send(said("two"))
        found.append(await other[0])

    await talk(app, "a", "b")
    assert sorted(map(str, found)) == sorted(map(str, [("you need not",), received("a"), received("b")]))


@clause("ASGI-022")
@pytest.mark.parametrize("inner", [0, 0.001])
async def test_timeouts_within_timeouts(talk, inner):
    """Only the inner one passes; the task is not left cancelled, and what comes then is received."""
    states = []

    async def app(receive, send):
        async with asyncio.timeout(10) as outer:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(inner):
                        await receive()
                with anyio.move_on_after(inner) as scope:
                    await receive()
                states.append((scope.cancelled_caught, asyncio.current_task().cancelling()))
                await send(said("go on"))
                states.append((await receive())["text"])
        assert not outer.expired()

    assert await talk(app, *"abc") == ["go on"] * 3
    assert states == [(True, 0), "a", (True, 0), "b", (True, 0), "c"]


@clause("ASGI-021", "ASGI-167")
async def test_what_one_client_says_reaches_all_others_although_nobody_else_speaks(serve):
    """Sent on their connections from within the step of one."""
    rooms, count = [], 20

    async def app(scope, receive, send):
        await accept(receive, send)
        rooms.append(send)
        while (event := await receive())["type"] == "websocket.receive":
            for every in rooms:
                await every(said(event["text"]))

    async with serve(app) as site:
        peers = [await opened(site) for _ in range(count)]
        await until(lambda: len(rooms) == count)
        for number, peer in enumerate(peers):
            await peer.send(text(str(number)))
            assert [await other.message() for other in peers] == [str(number)] * count


@clause("ASGI-187")
@pytest.mark.parametrize("graceful", [0, 60])
async def test_a_step_that_stops_the_server(serve, tasks, graceful):
    tasks()
    stopped = []

    async def app(scope, receive, send):
        await accept(receive, send)
        if (await receive()) == received("stop"):
            stopped.append(asyncio.ensure_future(site.server.stop()))
        await receive()

    async with serve(app, graceful_timeout=graceful) as site:
        other, peer = await opened(site), await opened(site)
        await peer.send(text("stop"))
        assert await peer.farewell() == (1012, "")
        assert await other.farewell() == (1012, "")
        async with asyncio.timeout(10):
            await stopped[0]


@clause("ASGI-021")
async def test_a_request_body_is_taken_the_same_ways(serve, answer, tasks):
    tasks()
    pieces, waits = [], asyncio.Queue()

    async def app(scope, receive, send):
        for way in WAYS.values():
            waits.put_nowait(way)
            pieces.append((await way(receive))["body"])
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
        await client.send(head % len(WAYS))
        for _ in WAYS:
            await waits.get()
            await client.send(b"x")
        async with asyncio.timeout(10):
            assert (await client.response()).status == 200
    assert pieces == [b"x"] * len(WAYS)
