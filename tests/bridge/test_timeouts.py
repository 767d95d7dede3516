"""Every timeout, hit with a small value: the client reads until the server's own timer ends the connection."""

import asyncio
import logging

import pytest

from .waits import a_while, departure

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
DISCONNECT = {"type": "http.disconnect"}


@pytest.fixture
def clock():
    """Seconds since the test began."""
    loop, begin = [], []

    def now():
        if not loop:
            loop.append(asyncio.get_running_loop())
            begin.append(loop[0].time())
        return loop[0].time() - begin[0]

    return now


@clause("ASGI-090")
@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nhost: a\r\n"])
async def test_timeout_head(serve, answer, clock, caplog, sent):
    caplog.set_level(logging.INFO, "asgate")
    called = []

    async def app(scope, receive, send):
        called.append(1)

    async with serve(app, timeout_head=0.2) as site:
        client = await site.connect()
        await client.send(sent)
        clock()
        found = await client.response()
        assert (found.status, found[b"connection"]) == (408, [b"close"])
        assert await client.rest() == b""
        assert 0.1 < clock() < 2
    assert called == []
    assert "408" in caplog.text


@clause("ASGI-090")
async def test_timeout_head_for_a_connection_that_says_nothing(serve, answer, clock):
    async with serve(answer, timeout_head=0.2) as site:
        client = await site.connect()
        clock()
        assert await client.rest() == b""
        assert 0.1 < clock() < 2


@clause("ASGI-090")
async def test_timeout_head_is_not_renewed_by_each_byte(serve, clock):
    """Slowloris: a byte now and then does not help."""

    async def app(scope, receive, send):
        pass

    async with serve(app, timeout_head=0.2, limit_head_size="1M") as site:
        client = await site.connect()
        clock()
        await client.send(b"GET / HTTP/1.1\r\nx: ")

        async def drip():
            while True:
                await client.send(b"y")
                await asyncio.sleep(0)

        dripping = asyncio.ensure_future(drip())
        assert (await client.response()).status == 408
        assert clock() < 2
        dripping.cancel()
        await asyncio.wait({dripping})


async def test_timeout_keep_alive(serve, answer, clock, caplog):
    caplog.set_level(logging.INFO, "asgate")

    async def app(scope, receive, send):
        await answer(send)

    async with serve(app, timeout_keep_alive=0.2) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(GET)
            assert (await client.response()).status == 200
        clock()
        assert await client.rest() == b""
        assert 0.1 < clock() < 2
    assert "refused" not in caplog.text


@clause("ASGI-095", "ASGI-100")
@pytest.mark.parametrize("begun", [False, True])
async def test_timeout_body_and_body_rate(serve, truncated, clock, begun):
    events, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        if begun:
            await send(START)
            await send(PART)
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())
        ended.set()

    async with serve(app, timeout_body=0.2, limit_body_rate=1000) as site:
        client = await site.connect()
        clock()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nsome")
        if begun:
            with pytest.raises(truncated):
                await client.response()
        else:
            assert (await client.response()).status == 408
            assert await client.rest() == b""
        assert 0.1 < clock() < 2
        async with asyncio.timeout(5):
            await ended.wait()
    assert [event["type"] for event in events] == ["http.request", "http.disconnect"]


@clause("ASGI-093")
async def test_time_in_which_the_application_does_not_read_is_not_the_clients_fault(serve, unix):
    sites = []

    async def app(scope, receive, send):
        assert len((await receive())["body"]) > 0
        await a_while(sites[0])
        size, more = 0, True
        while more:
            event = await receive()
            size, more = size + len(event["body"]), event.get("more_body", False)
        await send(START)
        await send({"type": "http.response.body", "body": event["type"].encode()})

    size = 2_000_000
    options = {
        "timeout_body": 0.1,
        "timeout_head": 0.4,
        "limit_body_rate": 10_000_000,
        "limit_read_buffer": 1024,
    }
    async with serve(app, bind=unix, **options) as site:
        sites.append(site)
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size)
        sending = asyncio.ensure_future(client.send(bytes(size)))
        assert (await client.response()).body == b"http.request"
        await sending


@clause("ASGI-092")
async def test_who_waits_for_100_continue_is_not_slow(serve, answer):
    asked, go = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        asked.set()
        await go.wait()
        assert (await receive())["body"] == b"body"
        await answer(send)

    async with serve(app, timeout_body=0.1, timeout_keep_alive=0.1, timeout_head=0.1) as site:
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        await asked.wait()
        for _ in range(3):
            await a_while(site)
        go.set()
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"body")
        assert (await client.response()).status == 200


@clause("ASGI-118", "ASGI-110")
async def test_timeout_write(serve, unix, clock, caplog):
    caplog.set_level(logging.INFO, "asgate")
    outcome, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        try:
            await send(PART | {"body": bytes(4 << 20)})
        except OSError as error:
            outcome.append(error)
        outcome.append(clock())
        ended.set()

    async with serve(app, bind=unix, timeout_write=0.2) as site:
        client = await site.connect()
        clock()
        await client.send(GET)
        async with asyncio.timeout(5):
            await ended.wait()
        assert isinstance(outcome[0], OSError)
        assert 0.1 < outcome[1] < 2
    assert "timeout_write" in caplog.text


@clause("ASGI-118")
async def test_timeout_write_is_about_progress_and_not_about_the_whole(serve, unix):
    """A client that takes a little again and again is served to the end, however long it takes."""

    async def app(scope, receive, send):
        await send(START | {"headers": [(b"content-length", b"%d" % (2 << 20))]})
        await send({"type": "http.response.body", "body": bytes(2 << 20)})

    async with serve(app, bind=unix, timeout_write=0.6, timeout_head=0.1) as site:
        client = await site.connect(room=4096)
        await client.send(GET)
        await client.until(b"\r\n\r\n")
        for _ in range(8):
            await client.exactly(1 << 18)
            await a_while(site)


@clause("ASGI-015", "ASGI-095")
async def test_timeout_disconnect_cancels_who_does_not_notice(serve, clock, caplog):
    caplog.set_level(logging.INFO, "asgate")
    begun, ended, cleaned = asyncio.Event(), asyncio.Event(), []

    async def app(scope, receive, send):
        await send(START)
        await send(PART)
        begun.set()
        clock()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cleaned.append(clock())
            raise
        finally:
            ended.set()

    async with serve(app, timeout_disconnect=0.2) as site:
        await departure(site, begun, ended, GET)
    assert 0.1 < cleaned[0] < 2
    assert "--timeout-disconnect" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@clause("ASGI-015")
@pytest.mark.parametrize("phase", ["before start", "start held", "complete"])
async def test_timeout_disconnect_leaves_others_alone(serve, phase):
    """Who has not begun may still clean up, and background work of a finished response is never cancelled."""
    begun, ended, sites = asyncio.Event(), asyncio.Event(), []

    async def app(scope, receive, send):
        if phase != "before start":
            await send(START)
        if phase == "complete":
            await send({"type": "http.response.body"})
        begun.set()
        await a_while(sites[0])
        ended.set()

    async with serve(app, timeout_disconnect=0.05, timeout_head=0.3) as site:
        sites.append(site)
        await departure(site, begun, ended, GET)


@clause("ASGI-015", "ASGI-110")
async def test_timeout_disconnect_spares_who_noticed_and_takes_time(serve, clock):
    begun, ended, errors, sites = asyncio.Event(), asyncio.Event(), [], []

    async def app(scope, receive, send):
        await send(START)
        await send(PART)
        begun.set()
        for _ in range(8):
            await a_while(sites[0])
            try:
                await send(PART)
            except OSError as error:
                errors.append(error)
        ended.set()

    async with serve(app, timeout_disconnect=0.6, timeout_head=0.1) as site:
        sites.append(site)
        await departure(site, begun, ended, GET)
    assert len(errors) >= 7


@clause("ASGI-121", "ASGI-098")
async def test_timeout_linger(serve, answer, clock):
    """After an early answer the connection is read for a while, and ends although the client never does."""

    async def app(scope, receive, send):
        await answer(send, 413, b"too much")

    async with serve(app, timeout_linger=0.2, limit_drain_size=10) as site:
        client = await site.connect()
        clock()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n")
        found = await client.response()
        assert (found.status, found.body, found[b"connection"]) == (413, b"too much", [b"close"])
        assert await client.rest() == b""
        # Our side has ended at once, theirs is read until the timer ends it: then a write meets a closed socket.
        with pytest.raises(OSError):
            while clock() < 5:
                await client.send(b"x")
                await asyncio.sleep(0)
        assert 0.15 < clock() < 2
