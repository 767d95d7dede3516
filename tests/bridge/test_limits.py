"""Every limit has its status, its option and a request just inside it. (Those of connections and pipelines are in
`test_connections`, those of buffers in `test_backpressure`.)
"""

import asyncio
import logging

import pytest

clause = pytest.mark.clause
START = {"type": "http.response.start", "status": 200}
DISCONNECT = {"type": "http.disconnect"}


async def read_all(scope, receive, send):
    size, more = 0, True
    while more:
        event = await receive()
        if event == DISCONNECT:
            return
        size, more = size + len(event["body"]), event["more_body"]
    await send(START)
    await send({"type": "http.response.body", "body": b"%d" % size})


def post(length, body=b""):
    return b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % length + body


def chunked(*chunks):
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def line(size):
    """A request whose request line has `size` bytes without its CRLF."""
    return b"GET /" + b"x" * (size - len(b"GET / HTTP/1.1")) + b" HTTP/1.1\r\nhost: a\r\n\r\n"


def head(size):
    """A request whose whole head has `size` bytes."""
    rest = b"GET / HTTP/1.1\r\nhost: a\r\nx: \r\n\r\n"
    return rest.replace(b"x: ", b"x: " + b"y" * (size - len(rest)))


def fields(count):
    """A request with `count` fields."""
    return b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * (count - 1) + b"\r\n"


def chunk_line(size):
    """A body whose first chunk-size line has `size` bytes without its CRLF."""
    return chunked(b"abc").replace(b"3\r\n", b"3;" + b"x" * (size - 2) + b"\r\n", 1)


LIMITS = [
    ({"limit_request_line": 100}, line(100), line(101), 414),
    ({}, line(16384), line(16386), 414),
    ({"limit_head_size": 300}, head(300), head(301), 431),
    ({}, head(60_000), head(70_000), 431),  # section 23: header 70 KB
    ({"limit_head_fields": 5}, fields(5), fields(6), 431),
    ({}, fields(128), fields(129), 431),
    ({"limit_body_size": 10}, post(10, b"x" * 10), post(11, b"x" * 11), 413),
    ({"limit_body_size": 10}, chunked(b"x" * 5, b"x" * 5), chunked(b"x" * 5, b"x" * 6), 413),
    ({"limit_chunk_line": 20}, chunk_line(20), chunk_line(40), 400),
    ({}, chunk_line(4000), chunk_line(5000), 400),
]


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize(("options", "inside", "beyond", "status"), LIMITS)
async def test_just_inside_and_just_beyond(serve, caplog, options, inside, beyond, status, bytewise):
    caplog.set_level(logging.INFO, "asgate")
    async with serve(read_all, **options) as site:
        assert (await site.ask(inside)).status == 200
        client = await site.connect()
        if bytewise:
            for at in range(0, len(beyond), 997 if len(beyond) > 2000 else 1):
                try:
                    await client.send(beyond[at : at + (997 if len(beyond) > 2000 else 1)])
                except OSError:
                    break
        else:
            await client.send(beyond)
        found = await client.response()
        assert (found.status, found[b"connection"]) == (status, [b"close"])
        assert await client.rest() == b""
        assert (await site.ask(inside)).status == 200
    assert f"refused 127.0.0.1: {status}" in caplog.text


async def test_a_head_that_never_ends_is_refused_without_its_end(serve):
    async with serve(read_all, limit_head_size=1000) as site:
        for start in (b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nx: "):
            client = await site.connect()
            await client.send(start + b"y" * 2000)
            assert (await client.response()).status == 431
        client = await site.connect()
        await client.send(b"G" * 20_000)
        assert (await client.response()).status in (414, 431)


@clause("ASGI-092", "ASGI-091")
async def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(serve):
    called = []

    async def app(scope, receive, send):
        called.append(1)

    async with serve(app, limit_body_size=10) as site:
        found = await site.ask(post(11).replace(b"host", b"expect: 100-continue\r\nhost"))
        assert (found.status, found.interim) == (413, [])
    assert called == []


@clause("ASGI-100", "ASGI-095")
async def test_the_application_hears_of_a_body_that_grew_too_large(serve):
    events, begun, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())
            begun.set()
        ended.set()

    async with serve(app, limit_body_size=10) as site:
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\n")
        await begun.wait()
        await client.send(b"6\r\nyyyyyy\r\n0\r\n\r\n")
        assert (await client.response()).status == 413
        async with asyncio.timeout(5):
            await ended.wait()
    assert [event.get("more_body") for event in events] == [True, None]


@clause("ASGI-098")
@pytest.mark.parametrize(("size", "kept"), [(1000, True), (1001, False)])
async def test_how_much_is_drained(serve, size, kept):
    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body"})

    async with serve(app, limit_drain_size=1000) as site:
        client = await site.connect()
        await client.send(post(size))
        found = await client.response()
        assert found[b"connection"] == ([] if kept else [b"close"])
        if kept:
            await client.send(b"x" * size + post(0))
            assert (await client.response()).status == 200
