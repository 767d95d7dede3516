"""What hostile clients have found: clients that linger, pipeline without end, use up descriptors, read by drops, stay
over a stop, forge log lines, or leave in the middle of an upload that nobody reads.

Times pass with the server's own timers (`a_while`); upper bounds are far from what is expected.
"""

import asyncio
import collections
import contextlib
import logging
import resource
import time

import pytest

from .waits import Rounds, a_while, until

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}
DISCONNECT = {"type": "http.disconnect"}
CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
LARGE = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n" + bytes(100_000)


@pytest.fixture
def turns():
    """`turns()` begins to collect the turns that the reactor of the running loop asks for."""

    def watch():
        loop, asked = asyncio.get_running_loop(), []

        def watched(schedule):
            def call(*arguments, **options):
                asked.extend(it for it in arguments if getattr(it, "__name__", "") in ("turn", "_turn"))
                return schedule(*arguments, **options)

            return call

        loop.call_soon, loop.call_later = watched(loop.call_soon), watched(loop.call_later)
        return asked

    return watch


@clause("ASGI-098")
@pytest.mark.parametrize("request_", [b"what\r\n\r\n", LARGE], ids=["refused", "answered early"])
@pytest.mark.parametrize("count", [1, 5])
async def test_lingering_connections_cost_no_turns(serve, answer, turns, request_, count):
    async def app(scope, receive, send):
        await answer(send, 413)

    async with serve(app, timeout_linger=2, timeout_head=0.3, limit_drain_size=10) as site:
        for _ in range(count):
            client = await site.connect()
            await client.send(request_)
            assert (await client.response()).status in (400, 413)
            assert await client.rest() == b""
        asked, used = turns(), time.process_time()
        await a_while(site)
        assert len(asked) < 30  # a spin makes thousands
        assert time.process_time() - used < 0.2


@clause("ASGI-098")
async def test_who_lingers_and_sends_a_byte_costs_a_turn_and_no_more(serve, answer, turns):
    async def app(scope, receive, send):
        await answer(send)

    async with serve(app, timeout_linger=2, timeout_head=0.3) as site:
        client = await site.connect()
        await client.send(b"what\r\n\r\n")
        assert (await client.response()).status == 400
        asked = turns()
        for _ in range(5):
            await client.send(b"x")
            await site.get()
        await a_while(site)
        assert len(asked) < 60


@clause("ASGI-073")
@pytest.mark.parametrize("count", [1, 4])
async def test_pipelining_clients_let_others_in_between(serve, answer, count):
    """The first application of a pipeline makes another client's request and a callback: both come soon."""
    order, others = [], []

    async def app(scope, receive, send):
        if scope["path"] == "/many" and not order:
            others[0].socket.send(GET.replace(b"/ ", b"/other "))
            asyncio.get_running_loop().call_soon(order.append, "callback")
        order.append(scope["path"])
        await answer(send)

    many, requests = GET.replace(b"/ ", b"/many "), 2000
    async with serve(app) as site:
        others.append(await site.connect())
        await others[0].send(GET)
        await others[0].response()
        order.clear()
        pipelines = [await site.connect() for _ in range(count)]
        for client in pipelines:
            client.socket.send(many * requests)
        assert (await others[0].response()).status == 200
        for client in pipelines:
            for _ in range(requests):
                assert (await client.response()).status == 200
    assert order.count("/many") == requests * count
    assert order.index("callback") < 300 * count
    assert order.index("/other") < 300 * count


@clause("ASGI-073")
@pytest.mark.parametrize(
    ("chunk", "size", "most"),
    [(b"1\r\na\r\n", 3 << 20, 20_000), (b"1;" + b"x" * 2000 + b"\r\na\r\n", 24 << 20, 600)],
    ids=["tiny", "extended"],
)
async def test_uploads_that_are_mostly_framing_let_others_in_between(serve, answer, chunk, size, most):
    """Counted are the data bytes that reach the application in one round of the loop."""
    rounds, brought, ended = Rounds(), collections.Counter(), asyncio.Event()

    async def app(scope, receive, send):
        more = True
        while more:
            event = await receive()
            brought[rounds.count] += len(event["body"])
            more = event["more_body"]
        ended.set()
        await answer(send)

    whole = size // len(chunk)
    async with serve(app) as site:
        counting = asyncio.create_task(rounds.until(ended))
        client = await site.connect()
        await client.send(CHUNKED + chunk * whole + b"0\r\n\r\n")
        assert (await client.response()).status == 200
        await counting
    assert brought.total() == whole
    assert max(brought.values()) <= most


@clause("ASGI-095", "ASGI-098")
async def test_body_rate_holds_after_an_upload_that_nobody_read(serve, answer):
    """An early answer takes up reading again, and the clock of the next body with it."""
    go, events = asyncio.Event(), []

    async def app(scope, receive, send):
        if scope["path"] == "/slow":
            while not events or events[-1] != DISCONNECT:
                events.append(await receive())
            return
        if scope["method"] == "POST":
            await go.wait()
        await answer(send)

    options = {"timeout_body": 0.3, "limit_body_rate": 1000, "limit_read_buffer": 1024}
    async with serve(app, **options) as site:
        client = await site.connect()
        await client.send(LARGE.replace(b"500000", b"100000"))
        await site.get()  # the upload has been read as far as it goes
        go.set()
        assert (await client.response()).status == 200
        await client.send(b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nsome")
        assert (await client.response()).status == 408
        await until(lambda: DISCONNECT in events)
    assert events == [{"type": "http.request", "body": b"some", "more_body": True}, DISCONNECT]


@contextlib.contextmanager
def descriptors_used_up():
    """Nothing new can be opened; what is open stays."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def exhausted(serve, answer):
    """`async with exhausted(held, new)`: `held` connected clients of a server with two listeners, and one client that
    is not connected yet for each of `new`, the number of its listener.
    """

    @contextlib.asynccontextmanager
    async def running(held, new):
        async def app(scope, receive, send):
            await answer(send)

        async with serve(app, bind=["127.0.0.1:0"] * 2) as site:
            kept = [await site.connect() for _ in range(held)]
            for client in kept:
                await trip(client)
            waiting = [type(kept[0])(site.server.addresses[number]) for number in new]
            site.clients += waiting
            yield kept, waiting

    return running


async def trip(client):
    """A request on an open connection: the server has seen to all that came before it."""
    await client.send(GET)
    assert (await client.response()).status == 200


async def knock(client):
    await client.connect()
    await client.send(GET)


async def test_without_descriptors_the_server_complains_once_and_accepts_later(exhausted, caplog, turns):
    async with exhausted(9, [0]) as (held, (waiting,)):
        with descriptors_used_up():
            asked = turns()
            await knock(waiting)
            await until(lambda: "cannot accept" in caplog.text)
            for client in held[1:]:
                client.close()  # each end is a reason to try again, and none to say so or to plan another retry
                await trip(held[0])
            assert len(asked) < 100
        assert (await waiting.response()).status == 200
    assert caplog.text.count("cannot accept") == 1


async def test_after_descriptors_ran_out_every_listener_accepts_again(exhausted, caplog):
    """The other listener's news comes while nobody accepts: it is not forgotten."""
    async with exhausted(1, [0, 1]) as ((held,), (first, second)):
        with descriptors_used_up():
            await knock(first)
            await until(lambda: "cannot accept" in caplog.text)
            await knock(second)
            await trip(held)
        assert (await second.response()).status == 200
        assert (await first.response()).status == 200


async def test_a_connection_that_ends_makes_room_at_once(exhausted, caplog):
    """Timers stand still here: the end of a connection is enough to accept those that wait."""
    async with exhausted(2, [0, 1, 0]) as (held, waiting):
        loop = asyncio.get_running_loop()
        later = loop.call_later
        loop.call_later = lambda seconds, *what, **options: later(seconds + 3600, *what, **options)
        with descriptors_used_up():
            for client in waiting:
                await knock(client)
            await until(lambda: "cannot accept" in caplog.text)
            await trip(held[0])
        held[1].close()
        for client in waiting:
            assert (await client.response()).status == 200


@clause("ASGI-118")
async def test_who_reads_slowly_but_steadily_is_served_on(serve):
    """Too little for the poller to speak up: it does so when a third of the socket's buffer is free."""
    size, outcome = 40 << 20, []

    async def app(scope, receive, send):
        await send(START | {"headers": [(b"content-length", b"%d" % size)]})
        try:
            await send({"type": "http.response.body", "body": bytes(size)})
        except OSError as error:
            outcome.append(error)

    async with serve(app, timeout_write=0.5, timeout_head=0.1) as site:
        client = await site.connect(room=4096)
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        for _ in range(9):
            await client.exactly(1 << 14)
            await a_while(site)
        assert outcome == []
        client.reset()
        await until(lambda: outcome)


@clause("ASGI-199")
@pytest.mark.parametrize("kind", ["half a head", "unread answer", "lingering"])
async def test_a_stop_does_not_wait_for_clients_without_an_application(serve, answer, kind):
    """The grace time ends them; the time that cancelled applications have is not theirs (5 s)."""
    loop = asyncio.get_running_loop()

    async def app(scope, receive, send):
        await answer(send, body=bytes(12 << 20))

    async with serve(app, graceful_timeout=0.3, limit_write_buffer="32M", timeout_linger=60) as site:
        client = await site.connect(room=4096)
        if kind == "half a head":
            await client.send(GET[:-4])
        elif kind == "unread answer":
            await client.send(GET)
            await client.until(b"\r\n\r\n")
        else:
            await client.send(b"what\r\n\r\n")
            assert (await client.response()).status == 400
        begun = loop.time()
        await site.server.stop()
        assert loop.time() - begun < 4
        if kind == "unread answer":
            assert loop.time() - begun > 0.2


@clause("ASGI-199")
@pytest.mark.parametrize("begun", [b"G", GET[:-2]], ids=["a byte", "most of it"])
async def test_a_head_that_is_never_complete_does_not_hold_up_a_stop(serve, answer, caplog, begun):
    """It has a second; the grace time, which is for applications, would be longer than the client waits here."""
    caplog.set_level(logging.INFO, "asgate")

    async def app(scope, receive, send):
        await answer(send)

    async with serve(app, graceful_timeout=60) as site:
        client = await site.connect()
        await client.send(begun)
        await site.get()
        stopping = asyncio.create_task(site.server.stop())
        assert (await client.response()).status == 408
        assert await client.rest() == b""
        client.close()
        await stopping
    assert "the request head was not complete" in caplog.text
