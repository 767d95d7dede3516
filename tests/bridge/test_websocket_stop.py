"""A server that stops: the application hears of it, has the chance to close in its own words, and the client gets a
close frame whatever it does with that chance (ASGI-187).
"""

import asyncio
import contextlib

import pytest

from asgate import ClientDisconnected
from asgate.conformance.websocket import binary, text

from .sockets import accept, disconnect, handshake, opened, outcome, received, said, told
from .waits import refuses, soon, until

clause = pytest.mark.clause
RESTART = disconnect(1012)
CLOSE = {"type": "websocket.close", "code": 4001, "reason": "we move"}


@pytest.fixture
def stopped(serve):
    """Stops the server while `app` is behind its accept; gives the code and reason that the client read in the end."""

    async def run(app, *before, graceful_timeout=5):
        open_ = asyncio.Event()

        async def opening(scope, receive, send):
            await accept(receive, send)
            open_.set()
            await app(receive, send)

        async with serve(opening, graceful_timeout=graceful_timeout) as site:
            peer = await opened(site)
            await peer.send(*before)
            await soon(open_)
            stopping = asyncio.ensure_future(site.server.stop())
            found = await peer.everything()
            async with asyncio.timeout(10):
                await stopping
        return found[-1]

    return run


@clause("ASGI-187", "ASGI-175")
async def test_who_asks_on_is_closed_with_1012(stopped):
    events = []

    async def app(receive, send):
        for _ in range(3):
            events.append(await receive())

    assert await stopped(app) == (1012, "")
    assert events == [RESTART] * 3


@clause("ASGI-187")
async def test_who_has_heard_may_close_in_its_own_words(stopped):
    heard = []

    async def app(receive, send):
        heard.append(await receive())
        heard.extend(await outcome(send, said("too late")))
        await send(CLOSE)
        heard.append(await receive())

    assert await stopped(app) == (4001, "we move")
    assert (heard[0], heard[2]) == (RESTART, disconnect(4001, "we move"))
    assert isinstance(heard[1], OSError)


@clause("ASGI-187", "ASGI-184", "ASGI-185")
@pytest.mark.parametrize("error", [None, ValueError("why")])
async def test_who_ends_instead_leaves_a_1012_as_well(stopped, error, caplog):
    async def app(receive, send):
        await receive()
        if error is not None:
            raise error

    assert await stopped(app) == (1012, "")
    assert caplog.text.count("application raised") == (error is not None)


@clause("ASGI-187", "ASGI-167")
async def test_what_has_come_is_received_before_the_news(serve):
    """Messages that wait are not thrown away by the stop."""
    events, open_, go, ended = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        assert await receive() == received("first")
        open_.set()
        await go.wait()
        events.extend(await told(receive))
        ended.set()

    async with serve(app, graceful_timeout=5) as site:
        peer = await opened(site)
        await peer.send(text("first"), text("a"), binary(b"b"))
        await soon(open_)
        stopping = asyncio.ensure_future(site.server.stop())
        await until(lambda: refuses(site))
        go.set()
        assert await peer.farewell() == (1012, "")
        await soon(ended)
        await stopping
    assert events == [received("a"), received(b"b"), RESTART]


@clause("ASGI-187")
@pytest.mark.parametrize("listener", [False, True], ids=["none", "a task that listens"])
async def test_who_only_sends_hears_of_the_stop_there(stopped, listener):
    """Without a `receive` that waits it is the only place."""
    raised, events = [], []

    async def app(receive, send):
        listening = asyncio.ensure_future(receive()) if listener else None
        while not raised:
            raised.extend(error for error in await outcome(send, said("tick")) if error is not None)
            await asyncio.sleep(0)
        if listening is not None:
            events.append(await listening)
        raised.extend(await outcome(send, said("tick")))
        await send(CLOSE)

    assert await stopped(app) == (4001, "we move")
    assert events == [RESTART] * listener
    assert [type(error) for error in raised] == [ClientDisconnected] * 2
    assert all("the server stops" in str(error) for error in raised)


@clause("ASGI-187")
async def test_who_does_not_listen_is_cancelled_in_the_end(stopped):
    ended = []

    async def app(receive, send):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ended.append(await receive())
            raise

    assert await stopped(app, graceful_timeout=0.05) == (1012, "")
    assert ended == [RESTART]


@clause("ASGI-187", "ASGI-153")
@pytest.mark.parametrize(
    ("answer", "status"),
    [({"type": "websocket.accept"}, 503), ({"type": "websocket.close"}, 403), (None, 503)],
)
async def test_a_handshake_that_is_not_answered_yet(serve, answer, status):
    found, asked, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        asked.set()
        found.append(await receive())
        if answer is not None:
            found.extend(await outcome(send, answer))
        ended.set()

    async with serve(app, graceful_timeout=5) as site:
        client = await site.connect()
        await client.send(handshake())
        await soon(asked)
        stopping = asyncio.ensure_future(site.server.stop())
        assert (await client.response()).status == status
        await soon(ended)
        await stopping
    assert found[0] == RESTART
    if status == 503 and answer is not None:
        assert isinstance(found[1], ClientDisconnected)
        assert "the server stops" in str(found[1])
    else:
        assert found[1:] == [None] * (answer is not None)


@clause("ASGI-187", "ASGI-153")
@pytest.mark.parametrize("begun", [1, 30])
async def test_a_handshake_that_is_completed_during_the_stop(serve, answer, begun):
    """It is refused, and nothing waits for it: neither the stop nor an application."""
    paths, at_work, go = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        paths.append(scope["path"])
        if scope["type"] == "websocket":
            await accept(receive, send)
            await told(receive)
            return
        if scope["path"] == "/busy":
            at_work.set()
            await go.wait()
        await answer(send)

    async with serve(app, graceful_timeout=60) as site:
        late, other = await site.connect(), await site.connect()
        await late.send(b"GET /first HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await late.response()).status == 200
        await other.send(b"GET /busy HTTP/1.1\r\nhost: a\r\n\r\n")
        await late.send(handshake(b"/late")[:begun])
        await soon(at_work)
        stopping = asyncio.ensure_future(site.server.stop())
        await until(lambda: refuses(site))
        await late.send(handshake(b"/late")[begun:])
        found = await late.response()
        assert (found.status, found[b"retry-after"]) == (503, [b"1"])
        assert not found[b"upgrade"]
        go.set()
        assert (await other.response()).status == 200
        async with asyncio.timeout(10):
            await stopping
    assert paths == ["/first", "/busy"]


@clause("ASGI-187")
async def test_at_the_end_of_the_grace_time_a_client_that_talks_on_still_reads_its_close(serve, unix):
    """Its unread words do not turn the end of the connection into a reset, which a Unix socket never hides."""
    open_ = asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        open_.set()
        await asyncio.get_running_loop().create_future()

    async def talk(peer):
        with contextlib.suppress(ConnectionError):
            while True:
                await peer.send(binary(bytes(100_000)))

    async with serve(app, bind=unix, graceful_timeout=0.05) as site:
        peer = await opened(site)
        await soon(open_)
        talking = asyncio.create_task(talk(peer))
        stopping = asyncio.ensure_future(site.server.stop())
        assert await peer.closed() == (1012, "")
        assert await peer.client.rest() == b""
        async with asyncio.timeout(10):
            await stopping
        await talking


@clause("ASGI-187")
async def test_a_stop_at_once_ends_everything(serve):
    """Open, connecting, being denied, closed by either side and not answered."""
    states, running = ("/open", "/connecting", "/denying", "/closed", "/flooded"), set()

    async def app(scope, receive, send):
        running.add(scope["path"])
        try:
            await receive()
            if scope["path"] == "/denying":
                await send({"type": "websocket.http.response.start", "status": 403})
                await send({"type": "websocket.http.response.body", "body": b"a", "more_body": True})
            elif scope["path"] != "/connecting":
                await send({"type": "websocket.accept"})
            if scope["path"] == "/closed":
                await send(CLOSE)
            await asyncio.get_running_loop().create_future()
        finally:
            running.discard(scope["path"])

    async with serve(app) as site:
        clients = []
        for state in states:
            clients.append(await site.connect())
            await clients[-1].send(
                handshake(state.encode()) + text("a") * (1000 if state == "/flooded" else 1)
            )
        await until(lambda: running == set(states))
        async with asyncio.timeout(10):
            await site.server.stop()
        assert not running
        for client in clients:
            assert await client.end() in ("eof", "reset")
