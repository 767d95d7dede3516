"""What becomes of an application whose client has closed: it is left alone as long as it takes messages, is at work on
one, or puts things away behind the news; one that cannot notice is cancelled (`timeout_disconnect`).

That nobody was cancelled is asserted behind a cancellation: another application, whose client left later, had all of
its grace time behind the first.
"""

import asyncio

import pytest

from asgate.conformance.websocket import Opcode, closing, text

from .sockets import accept, disconnect, opened, received, said, told
from .waits import soon

clause = pytest.mark.clause
GRACE = {"timeout_disconnect": 0.02}


class Watched:
    """Runs `work(receive, send)` behind the accept, and tells how that ended. A plain request is answered for ever."""

    def __init__(self, work):
        self.work = work
        self.how, self.ended, self.cancelled = [], asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.cancelled.set()
        await accept(receive, send)
        try:
            self.how.append(await self.work(receive, send))
        except BaseException as error:
            self.how.append(error)
            raise
        finally:
            self.ended.set()


async def left(peer, *frames):
    """The client closes behind these frames, and its close was answered: the server knows of it."""
    await peer.send(*frames, closing(4000, "bye"))
    assert await peer.closed() == (4000, "bye")


async def grace(site, app):
    """The grace times of everybody who left before are over: first until a client that nobody listens to counts as
    gone, then until its application is cancelled.
    """
    client = await site.connect()
    await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n" + bytes(200_000))
    assert (await client.head()).status == 200
    client.finish()
    await soon(app.cancelled)


@clause("ASGI-014", "ASGI-175")
async def test_an_application_that_takes_no_messages_and_never_notices_is_cancelled(serve):
    async def work(receive, send):
        await asyncio.get_running_loop().create_future()

    app = Watched(work)
    async with serve(app, **GRACE) as site:
        await left(await opened(site))
        await soon(app.ended)
    assert [type(error) for error in app.how] == [asyncio.CancelledError]


@clause("ASGI-167", "ASGI-175", "ASGI-178")
@pytest.mark.parametrize("together", [False, True], ids=["apart", "in one piece"])
@pytest.mark.parametrize("behind", [0, 1, 5])
async def test_an_application_at_work_on_a_message_is_not_disturbed(serve, behind, together):
    """Whatever waits behind it is received, and then what the client has said in the end."""
    at_work, go = asyncio.Event(), asyncio.Event()

    async def work(receive, send):
        events = [await receive()]
        at_work.set()
        await go.wait()
        return events + await told(receive)

    app = Watched(work)
    async with serve(app, **GRACE) as site:
        peer = await opened(site)
        said = [text(str(number)) for number in range(behind + 1)]
        if not together:
            await peer.send(said.pop(0))
            await soon(at_work)
        await left(peer, *said)
        await soon(at_work)
        await grace(site, app)
        assert not app.how
        go.set()
        await soon(app.ended)
    messages = [received(str(number)) for number in range(behind + 1)]
    assert app.how == [[*messages, disconnect(4000, "bye")]]


@clause("ASGI-167", "ASGI-175", "ASGI-178")
async def test_who_takes_its_first_message_behind_the_close_is_not_disturbed_from_then_on(serve):
    """The grace time has begun, for an application that has listened to nothing so far."""
    begin, at_work, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(receive, send):
        await begin.wait()
        events = [await receive()]
        at_work.set()
        await go.wait()
        return events + await told(receive)

    app = Watched(work)
    async with serve(app, timeout_disconnect=0.5) as site:
        await left(await opened(site), text("a"), text("b"))
        begin.set()
        await soon(at_work)
        await grace(site, app)
        assert not app.how
        go.set()
        await soon(app.ended)
    assert app.how == [[received("a"), received("b"), disconnect(4000, "bye")]]


@clause("ASGI-175")
@pytest.mark.parametrize("listens", [False, True], ids=["first event", "behind a message"])
async def test_an_application_that_was_told_may_put_away_things_for_long(serve, listens):
    at_work, go = asyncio.Event(), asyncio.Event()

    async def work(receive, send):
        events = await told(receive)
        at_work.set()
        await go.wait()
        return events

    app = Watched(work)
    async with serve(app, **GRACE) as site:
        peer = await opened(site)
        messages = ["a"] * listens
        await left(peer, *map(text, messages))
        await soon(at_work)
        await grace(site, app)
        assert not app.how
        go.set()
        await soon(app.ended)
    assert app.how == [[*map(received, messages), disconnect(4000, "bye")]]


@clause("ASGI-167", "ASGI-168", "ASGI-178")
@pytest.mark.parametrize("first", [False, True], ids=["late from the first", "late behind the first"])
@pytest.mark.parametrize("how", ["half-close", "close"])
async def test_who_sends_more_than_the_queue_holds_and_leaves_is_heard_to_the_end(serve, how, first):
    """Also by an application that takes its time; nothing tells the client's end before all it has said was taken."""
    go, count = asyncio.Event(), 40

    async def work(receive, send):
        events = [await receive()] if first else []
        await go.wait()
        return events + await told(receive)

    app = Watched(work)
    async with serve(app, ws_max_queue=4, **(GRACE if first else {})) as site:
        peer = await opened(site)
        await peer.send(*[text(str(number)) for number in range(count)], closing(4000, "bye"))
        {"half-close": peer.client.finish, "close": peer.client.close}[how]()
        if first:
            await grace(site, app)
        assert not app.how
        go.set()
        await soon(app.ended)
        if how == "half-close":
            assert await peer.closed() == (4000, "bye")
            assert await peer.client.rest() == b""
    messages = [received(str(number)) for number in range(count)]
    assert app.how == [[*messages, disconnect(4000, "bye")]]


@clause("ASGI-164", "ASGI-168", "ASGI-178")
async def test_no_ping_destroys_what_a_departed_client_has_said(serve):
    """A ping to its closed socket would be answered with a reset. Another client tells when pings were due."""
    go, count = asyncio.Event(), 40

    async def work(receive, send):
        events = [await receive()]
        await go.wait()
        return events + await told(receive)

    app = Watched(work)
    async with serve(app, ws_max_queue=4, ws_ping_interval=0.05, ws_ping_timeout=0) as site:
        peer = await opened(site)
        await peer.send(*[text(str(number)) for number in range(count)], closing(4000, "bye"))
        peer.client.close()
        other = await opened(site)
        for _ in range(2):
            assert (await other.frame()).opcode == Opcode.PING
        go.set()
        await soon(app.ended)
    assert app.how[0] == [*(received(str(number)) for number in range(count)), disconnect(4000, "bye")]


@clause("ASGI-014", "ASGI-168")
async def test_an_application_that_sends_to_a_client_that_reads_on_is_not_cancelled(serve):
    """Its queue is full and the client says no more; but the time without a sign of it never comes together."""
    ticks = 20

    async def work(receive, send):
        for _ in range(ticks):
            await send(said("tick"))
            await asyncio.sleep(0.02)

    app = Watched(work)
    async with serve(app, ws_max_queue=1, timeout_disconnect=0.2) as site:
        peer = await opened(site)
        await peer.send(*[text("a")] * 10)
        peer.client.finish()
        for _ in range(ticks):
            assert await peer.message() == "tick"
        assert await peer.closed() == (1000, "")
    assert app.how == [None]
