"""A stop meets conversations: the answer that is being made is delivered, what has come is received, and behind the
news of the stop nothing is, whatever the client says meanwhile (ASGI-187).
"""

import asyncio
import contextlib

import pytest

from asgate import ClientDisconnected
from asgate.conformance.websocket import Opcode, binary, closing, frame, text

from .sockets import accept, disconnect, opened, outcome, received, said, told
from .waits import refuses, soon, until

clause = pytest.mark.clause
RESTART = disconnect(1012)
CLOSE = {"type": "websocket.close", "code": 4001, "reason": "we move"}


@clause("ASGI-187", "ASGI-179")
async def test_what_comes_behind_the_news_is_not_received(serve):
    """However much the client says, and however often the application asks; its pings are answered meanwhile."""
    events, heard, go, ended = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        events.append(await receive())
        heard.set()
        await go.wait()
        events.extend([await receive() for _ in range(5)])
        ended.set()

    async with serve(app, graceful_timeout=60, ws_max_queue=4) as site:
        peer = await opened(site)
        stopping = asyncio.ensure_future(site.server.stop())
        await soon(heard)
        await peer.send(*[text("late")] * 1000, binary(bytes(100_000)), frame(Opcode.PING, b"all"))
        assert (await peer.frame()).payload == b"all"
        go.set()
        assert await peer.farewell() == (1012, "")
        await soon(ended)
        async with asyncio.timeout(10):
            await stopping
    assert events == [RESTART] * 6


@pytest.fixture
def interrupted(serve):
    """The server stops while `app` is at work on a message; what happens `meanwhile` with the client comes before it
    goes on. Gives all that the client read from then on.
    """

    async def run(app, meanwhile=None):
        at_work, go = asyncio.Event(), asyncio.Event()

        async def working(scope, receive, send):
            await accept(receive, send)
            assert await receive() == received("question")
            at_work.set()
            await go.wait()
            await app(receive, send)

        async with serve(working, graceful_timeout=60) as site:
            peer = await opened(site)
            await peer.send(text("question"))
            await soon(at_work)
            stopping = asyncio.ensure_future(site.server.stop())
            await until(lambda: refuses(site))
            if meanwhile is not None:
                await meanwhile(peer)
            go.set()
            found = await peer.everything() if meanwhile is None else await peer.client.rest()
            async with asyncio.timeout(10):
                await stopping
        return found

    return run


@clause("ASGI-187")
async def test_the_answer_that_is_being_made_is_still_delivered(interrupted):
    """Any number of them, until the application has heard of the stop."""
    found = []

    async def app(receive, send):
        found.extend(await outcome(send, said("answer"), said(b"more")))
        found.append(await receive())
        found.extend(await outcome(send, said("late")))

    assert await interrupted(app) == ["answer", b"more", (1012, "")]
    assert found[:3] == [None, None, RESTART]
    assert isinstance(found[3], ClientDisconnected)
    assert "the server stops" in str(found[3])


@clause("ASGI-178", "ASGI-187")
async def test_the_clients_own_close_is_what_is_told_if_it_comes_before_the_news(interrupted):
    events = []

    async def leave(peer):
        await peer.send(text("more"), closing(4000, "I go"))
        assert await peer.closed() == (4000, "I go")

    async def app(receive, send):
        events.extend([*await told(receive), await receive()])

    assert await interrupted(app, leave) == b""
    assert events == [received("more"), *[disconnect(4000, "I go")] * 2]


@clause("ASGI-178", "ASGI-179", "ASGI-187")
async def test_the_clients_own_close_changes_nothing_behind_the_news(serve):
    events, heard, go, ended = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        events.append(await receive())
        heard.set()
        await go.wait()
        events.append(await receive())
        events.extend(await outcome(send, CLOSE))
        ended.set()

    async with serve(app, graceful_timeout=60) as site:
        peer = await opened(site)
        stopping = asyncio.ensure_future(site.server.stop())
        await soon(heard)
        await peer.send(closing(4000, "I go"))
        assert await peer.closed() == (4000, "I go")
        go.set()
        await soon(ended)
        await stopping
    assert events[:2] == [RESTART] * 2
    assert isinstance(events[2], OSError)


@clause("ASGI-187")
async def test_a_client_that_talks_on_does_not_keep_the_news_back(serve, unix):
    """It is always ahead of the application: of what it says behind the stop only what is on its way is received."""
    taken, size, begun, ended = 0, 1000, asyncio.Event(), asyncio.Event()
    on_its_way = (1 << 19) // size + 1000  # the kernel's and our own buffers

    async def app(scope, receive, send):
        nonlocal taken
        await accept(receive, send)
        begun.set()
        await until(lambda: refuses(site))
        while taken < 2 * on_its_way and await receive() == received(b"x" * size):
            taken += 1
            for _ in range(5):
                await asyncio.sleep(0)
        ended.set()

    async def talk(peer):
        with contextlib.suppress(ConnectionError):
            while True:
                await peer.send(binary(b"x" * size) * 100)

    async with serve(app, bind=unix, graceful_timeout=60, ws_close_timeout=0.05) as site:
        peer = await opened(site)
        await soon(begun)
        talking = asyncio.create_task(talk(peer))
        await asyncio.gather(site.server.stop(), soon(ended))
        await talking
    assert taken < on_its_way
