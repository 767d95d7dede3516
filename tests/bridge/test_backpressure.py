"""Backpressure both ways, with small buffers: a slow application stalls the client, a slow client stalls `send`
(ASGI-093, ASGI-118). A Unix socket's own buffers are small and constant, so that the bounds can be asserted.
"""

import asyncio

import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
KERNEL = 1 << 19  # more than the kernel keeps for one Unix socket


async def fill(client, data, limit):
    """Sends `data` again and again until the socket takes no more for a good while; the bytes sent."""
    sent, refused = 0, 0
    while refused < 100:
        try:
            sent += client.socket.send(data)
            refused = 0
        except BlockingIOError:
            refused += 1
        await asyncio.sleep(0)
        assert sent < limit, "the server reads on although nobody takes the body"
    return sent


@clause("ASGI-093")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("buffer", [1024, 64 * 1024])
async def test_a_slow_application_stalls_the_client(serve, unix, buffer, chunked):
    go, taken = asyncio.Event(), []

    async def app(scope, receive, send):
        await go.wait()
        more = True
        while more:
            event = await receive()
            taken.append(len(event["body"]))
            more = event["more_body"]
        await send(START)
        await send({"type": "http.response.body"})

    length = 8 << 20
    framing = (
        b"transfer-encoding: chunked\r\n\r\n%x\r\n" % length
        if chunked
        else b"content-length: %d\r\n\r\n" % length
    )
    async with serve(app, bind=unix, limit_read_buffer=buffer, limit_pipeline_size=1024) as site:
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\n" + framing)
        sent = await fill(client, b"x" * 4096, KERNEL)
        go.set()
        await client.send(b"x" * (length - sent) + (b"\r\n0\r\n\r\n" if chunked else b""))
        assert (await client.response()).status == 200
    assert sum(taken) == length
    assert max(taken) < KERNEL


@clause("ASGI-093")
async def test_reading_goes_on_whenever_the_application_takes_something(serve, unix):
    """Take a piece, see that more can be sent; several times over."""
    turns = asyncio.Queue()

    async def app(scope, receive, send):
        while (await turns.get()) is not None:
            assert (await receive())["body"]
        await send(START)
        await send({"type": "http.response.body"})

    async with serve(app, bind=unix, limit_read_buffer=1024) as site:
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n")
        for _ in range(5):
            assert await fill(client, b"x" * 4096, KERNEL) > 0
            turns.put_nowait(1)
            await asyncio.sleep(0)
        turns.put_nowait(None)
        assert (await client.response()).status == 200


@clause("ASGI-118", "ASGI-109")
@pytest.mark.parametrize("buffer", [1024, 64 * 1024])
@pytest.mark.parametrize("piece", [100, 4096, 100_000])
async def test_a_slow_client_stalls_send(serve, unix, buffer, piece):
    progress = []
    total = 1 << 20

    async def app(scope, receive, send):
        await send(START)
        for _ in range(total // piece):
            await send({"type": "http.response.body", "body": b"x" * piece, "more_body": True})
            progress.append(piece)
        await send({"type": "http.response.body"})

    async with serve(app, bind=unix, limit_write_buffer=buffer) as site:
        client = await site.connect()
        await client.send(GET)
        before, still = -1, 0
        while still < 100:
            still = still + 1 if len(progress) == before else 0
            before = len(progress)
            await asyncio.sleep(0)
        assert 0 < sum(progress) < KERNEL + buffer + piece
        assert len((await client.response()).body) == total // piece * piece


@clause("ASGI-118")
async def test_a_stalled_client_does_not_stall_others(serve, unix):
    stuck = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        if scope["path"] == "/big":
            sending = asyncio.ensure_future(send({"type": "http.response.body", "body": bytes(4 << 20)}))
            await asyncio.sleep(0)
            assert not sending.done()
            stuck.set()
            await sending
        else:
            await send({"type": "http.response.body", "body": b"quick"})

    async with serve(app, bind=unix) as site:
        slow = [await site.connect() for _ in range(10)]
        for client in slow:
            await client.send(GET.replace(b"/ ", b"/big "))
            await stuck.wait()
            stuck.clear()
        for _ in range(20):
            assert (await site.ask(GET)).body == b"quick"
        for client in slow:
            assert len((await client.response()).body) == 4 << 20


@clause("ASGI-118", "ASGI-093")
async def test_a_copying_application_does_not_starve_the_loop(serve, unix):
    """Fast client on both sides: other tasks of the loop run all the same."""
    ticks = []

    async def app(scope, receive, send):
        await send(START)
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            await send({"type": "http.response.body", "body": event["body"], "more_body": more})

    size = 8 << 20
    async with serve(app, bind=unix) as site:
        client = await site.connect()
        other = asyncio.ensure_future(ticking(ticks))
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size)
        sending = asyncio.ensure_future(client.send(bytes(size)))
        assert len((await client.response()).body) == size
        await sending
        other.cancel()
    assert len(ticks) > 8


async def test_an_endless_stream_of_small_messages_lets_other_tasks_run(serve):
    done = []

    async def app(scope, receive, send):
        await send(START)
        while not done:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body"})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await client.until(b"x")
        done.append(1)
        await client.until(b"\r\n0\r\n\r\n")


@clause("ASGI-021", "ASGI-118")
async def test_two_tasks_that_wait_in_send_are_both_released(serve, unix):
    stuck = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        body = {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
        both = [asyncio.create_task(send(body)) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in both)
        stuck.set()
        await asyncio.gather(*both)
        await send({"type": "http.response.body"})

    async with serve(app, bind=unix) as site:
        client = await site.connect()
        await client.send(GET)
        await stuck.wait()
        assert len((await client.response()).body) == 2 << 20


async def ticking(ticks):
    while True:
        ticks.append(1)
        await asyncio.sleep(0)


@clause("ASGI-118")
async def test_sending_what_nobody_waits_for_lets_other_tasks_run(serve):
    """The bodies of a HEAD are dropped, so that nothing ever stalls."""
    ticks = []

    async def app(scope, receive, send):
        other = asyncio.ensure_future(ticking(ticks))
        await send(START)
        for _ in range(50_000):
            await send({"type": "http.response.body", "body": b"x" * 100, "more_body": True})
        other.cancel()
        await send({"type": "http.response.body"})

    async with serve(app) as site:
        assert (await site.ask(GET.replace(b"GET", b"HEAD"), head=True)).status == 200
    assert len(ticks) >= 5


@clause("ASGI-096")
async def test_an_application_that_overlooks_the_disconnect_does_not_freeze_the_server(serve):
    ticks, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body"})
        other = asyncio.ensure_future(ticking(ticks))
        for _ in range(50_000):
            assert (await receive()) == {"type": "http.disconnect"}
        other.cancel()
        ended.set()

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200
        async with asyncio.timeout(10):
            await ended.wait()
    assert len(ticks) >= 5
