"""Connections between and around requests: keep-alive, pipelining, bounds on connections and on requests in flight,
many listeners, and strict framing, so that no two servers read one byte stream in two ways.
"""

import asyncio
import time

import pytest

from .messages import bodies

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}


async def echo_path(scope, receive, send):
    """Answers with its path; "/slow…" gives way to other tasks first."""
    if scope["path"].startswith("/slow"):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await send(START)
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def get(path):
    return b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % path


@clause("ASGI-073", "ASGI-002")
@pytest.mark.parametrize("count", [2, 50, 3000])
@pytest.mark.parametrize("prefix", [b"/", b"/slow"])
async def test_pipelined_requests_are_answered_in_order(serve, prefix, count):
    paths = [prefix + b"%d" % number for number in range(count)]
    async with serve(echo_path) as site:
        client = await site.connect()
        sending = asyncio.ensure_future(client.send(b"".join(map(get, paths))))
        assert [(await client.response()).body for _ in paths] == paths
        await sending


@clause("ASGI-073", "ASGI-098")
async def test_pipelined_uploads(serve):
    async def app(scope, receive, send):
        body = b"".join(await bodies(receive))
        await send(START)
        await send({"type": "http.response.body", "body": body})

    async with serve(app) as site:
        client = await site.connect()
        for number in range(20):
            body = b"%d" % number * 1000
            await client.send(
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
            )
            chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + chunk)
        for number in range(20):
            for _ in range(2):
                assert (await client.response()).body == b"%d" % number * 1000


@clause("ASGI-073")
async def test_the_next_pipelined_request_waits_for_the_answer_before(serve):
    begun, go = [], asyncio.Event()

    async def app(scope, receive, send):
        begun.append(scope["path"])
        await go.wait()
        await echo_path(scope, receive, send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(get(b"/1") + get(b"/2"))
        assert (await site.ask(b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n")).status == 501
        assert begun == ["/1"]
        go.set()
        assert [(await client.response()).body for _ in range(2)] == [b"/1", b"/2"]


@clause("ASGI-015")
async def test_background_work_does_not_hold_up_the_next_request(serve):
    go, ended = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await echo_path(scope, receive, send)
        if scope["path"] == "/1":
            await go.wait()
            ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(get(b"/1") + get(b"/2"))
        assert [(await client.response()).body for _ in range(2)] == [b"/1", b"/2"]
        go.set()
        async with asyncio.timeout(5):
            await ended.wait()


@clause("ASGI-093")
async def test_pipelined_requests_that_nobody_answers_yet_are_not_read_for_ever(serve, unix):
    """`limit_pipeline_size`: the sender gets stuck, and all is answered in the end."""
    go = asyncio.Event()

    async def app(scope, receive, send):
        await go.wait()
        await echo_path(scope, receive, send)

    async with serve(app, bind=unix, limit_pipeline_size=1024) as site:
        client = await site.connect()
        request, sent = get(b"/" + b"x" * 1000), 0
        while True:
            try:
                sent += client.socket.send(request)
            except BlockingIOError:
                break
            await asyncio.sleep(0)
            assert sent < 10_000_000
        go.set()
        for _ in range(sent // len(request)):
            assert len((await client.response()).body) == 1001


async def test_too_many_requests_in_flight_are_shed(serve, caplog):
    """`limit_concurrency`: 503 with Retry-After, at once, without the application."""
    go, calls = asyncio.Event(), []

    async def app(scope, receive, send):
        calls.append(scope["path"])
        await go.wait()
        await echo_path(scope, receive, send)

    async with serve(app, limit_concurrency=2) as site:
        busy = [await site.connect() for _ in range(2)]
        for client in busy:
            await client.send(get(b"/in"))
        client = await site.connect()
        await client.send(get(b"/out"))
        found = await client.response()
        assert found.status == 503
        assert int(found[b"retry-after"][0]) >= 1
        go.set()
        for other in busy:
            assert (await other.response()).status == 200
        again = client if not found[b"connection"] else await site.connect()
        await again.send(get(b"/again"))
        assert (await again.response()).status == 200
    assert calls == ["/in", "/in", "/again"]
    assert "limit_concurrency" in caplog.text


@clause("ASGI-016", "ASGI-018")
@pytest.mark.parametrize("end", ["answer", "raise", "return", "leave", "background"])
async def test_every_end_of_a_request_frees_its_place(serve, end):
    begun, gone = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        if end == "raise":
            raise ValueError
        if end == "leave":
            await receive()
            begun.set()
            await receive()
            gone.set()
            return
        if end in ("answer", "background"):
            await echo_path(scope, receive, send)
        if end == "background":
            await asyncio.get_running_loop().create_future()

    async with serve(app, limit_concurrency=1) as site:
        for _ in range(5):
            client = await site.connect()
            await client.send(GET)
            if end == "leave":
                async with asyncio.timeout(5):
                    await begun.wait()
                    client.close()
                    await gone.wait()
                begun.clear()
                gone.clear()
            else:
                assert (await client.response()).status == (200 if end in ("answer", "background") else 500)


async def test_connections_beyond_the_limit_wait_in_the_backlog(serve, caplog):
    async with serve(echo_path, limit_connections=2) as site:
        first, second, third = [await site.connect() for _ in range(3)]
        for client in (first, second):
            await client.send(get(b"/in"))
            assert (await client.response()).body == b"/in"
        await third.send(get(b"/third"))
        await first.send(get(b"/still"))
        assert (await first.response()).body == b"/still"
        with pytest.raises(BlockingIOError):
            third.socket.recv(1)
        first.close()
        assert (await third.response()).body == b"/third"
    assert "limit_connections" in caplog.text


async def test_a_crowd_at_the_limit_of_connections_cannot_fill_the_log(serve, caplog):
    """Each of them that ends lets in another one, and the limit is reached again."""
    begun = time.monotonic()
    async with serve(echo_path, limit_connections=1) as site:
        for client in [await site.connect() for _ in range(50)]:
            await client.send(get(b"/in"))
            assert (await client.response()).body == b"/in"
            client.close()
    told = [record for record in caplog.records if "limit_connections" in record.getMessage()]
    assert 1 <= len(told) <= 1 + (time.monotonic() - begun) // 10


@clause("ASGI-061")
async def test_several_listeners(serve, tmp_path):
    servers = []

    async def app(scope, receive, send):
        servers.append(scope["server"])
        await echo_path(scope, receive, send)

    async with serve(app, bind=["127.0.0.1:0", "127.0.0.1:0", f"unix:{tmp_path}/s"]) as site:
        addresses = site.server.addresses
        for site.address in addresses:
            assert (await site.get()).status == 200
    assert servers == [*addresses[:2], (addresses[2], None)]


REFUSED = {
    "TE and CL": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "CL and TE": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "two CL": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nbody",
    "CL list": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 4\r\n\r\nbody",
    "CL sign": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\nbody",
    "TE twice chunked": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "TE odd": b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE on 1.0": b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nhost: a\n\n",
    "bare LF in a header": b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n",
    "bare CR": b"GET / HTTP/1.1\r\nhost: a\r\nx: y\rz\r\n\r\n",
    "obs-fold": b"GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n z\r\n\r\n",
    "space before colon": b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
    "odd host": b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
    "not a token": b"G@T / HTTP/1.1\r\nhost: a\r\n\r\n",
    "raw UTF-8": b"GET /\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n",
    "asterisk GET": b"GET * HTTP/1.1\r\nhost: a\r\n\r\n",
}


@clause("ASGI-075", "ASGI-090")  # section 23: host missing, TE+CL, bare LF
@pytest.mark.parametrize("name", REFUSED)
async def test_ambiguous_requests_are_refused(serve, name):
    called = []

    async def app(scope, receive, send):
        called.append(scope)
        await echo_path(scope, receive, send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(REFUSED[name] + get(b"/smuggled"))
        found = await client.response()
        assert (found.status, found[b"connection"]) == (400, [b"close"])
        assert await client.rest() == b""
    assert called == []


@clause("ASGI-090")
@pytest.mark.parametrize(
    ("start", "status"), [(b"\x16\x03\x01", 400), (b"\0", 400), (b"\r\n\r\n\r\n\r\n", 400), (b"{}", 400)]
)
async def test_what_is_no_http_never_reaches_the_application(serve, start, status):
    called = []

    async def app(scope, receive, send):
        called.append(scope)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(start)
        wire = await client.rest()
        assert wire == b"" or wire.startswith(b"HTTP/1.1 %d " % status)
    assert called == []


@clause("ASGI-090", "ASGI-052")
@pytest.mark.parametrize(
    ("version", "status"),
    [
        (b"HTTP/2.0", 505),
        (b"HTTP/0.9", 505),
        (b"HTTP/1", 400),
        (b"http/1.1", 400),
        (b"HTTP/1.1 ", 400),
        (b"HTTP/1.9", 200),
    ],
)
async def test_other_versions(serve, version, status):
    """RFC 9110 section 2.5: a higher minor version is served as the highest that we know."""
    versions = []

    async def app(scope, receive, send):
        versions.append(scope["http_version"])
        await echo_path(scope, receive, send)

    async with serve(app) as site:
        assert (await site.ask(b"GET / %s\r\nhost: a\r\n\r\n" % version)).status == status
    assert versions == (["1.1"] if status == 200 else [])
