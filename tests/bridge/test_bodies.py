"""Request bodies as the application receives them (ASGI section 4)."""

import asyncio

import pytest

from .messages import bodies

clause = pytest.mark.clause
HEAD = b"POST / HTTP/1.1\r\nhost: a\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
EMPTY = {"type": "http.request", "body": b"", "more_body": False}
DISCONNECT = {"type": "http.disconnect"}


def length(body, announced=None):
    return HEAD + b"content-length: %d\r\n\r\n" % (len(body) if announced is None else announced) + body


@pytest.fixture
def received(serve, answer):
    """All events of a request until its body ends or the client is gone, and the response."""

    async def take(*pieces, **options):
        """Each piece is sent when the application has seen the one before, or waits for more."""
        events, hungry = [], asyncio.Semaphore(0)

        async def app(scope, receive, send):
            while not events or events[-1].get("more_body"):
                asking = asyncio.ensure_future(receive())
                await asyncio.sleep(0)
                if not asking.done():
                    hungry.release()
                events.append(await asking)
            await answer(send)

        async with serve(app, **options) as site:
            client = await site.connect()
            for piece in pieces[:-1]:
                await client.send(piece)
                async with asyncio.timeout(5):
                    await hungry.acquire()
            await client.send(pieces[-1])
            assert (await client.response()).status == 200
        return events

    return take


def joined(events):
    assert all(event["type"] == "http.request" for event in events)
    assert [event["more_body"] for event in events] == [True] * (len(events) - 1) + [False]
    return b"".join(event["body"] for event in events)


@clause("ASGI-085", "ASGI-086")
@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", length(b""), CHUNKED + b"0\r\n\r\n"]
)
async def test_without_a_body_there_is_one_empty_event(received, request_):
    assert await received(request_) == [EMPTY]


@clause("ASGI-086", "ASGI-087", "ASGI-088", "ASGI-012")  # section 23: body type
@pytest.mark.parametrize("size", [1, 100, 16384, 200_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_body_is_what_was_sent(received, size, chunked):
    body = bytes(number % 251 for number in range(size))
    if chunked:
        pieces = [body[at : at + 7001] for at in range(0, size, 7001)]
        sent = CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        sent = length(body)
    events = await received(sent)
    assert joined(events) == body
    for event in events:
        assert set(event) == {"type", "body", "more_body"}
        assert type(event["body"]) is bytes


@clause("ASGI-087", "ASGI-091")
async def test_the_application_sees_each_piece_as_it_comes(received):
    events = await received(HEAD + b"content-length: 9\r\n\r\n", b"one", b"two", b"end")
    assert [(event["body"], event["more_body"]) for event in events] == [
        (b"one", True),
        (b"two", True),
        (b"end", False),
    ]


@clause("ASGI-091", "ASGI-090")
async def test_the_application_starts_with_the_head_and_not_with_the_body(serve):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"early"})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(HEAD + b"content-length: 1000000\r\n\r\n")
        assert (await client.response()).body == b"early"


@clause("ASGI-089")
async def test_chunks_are_decoded_and_extensions_and_trailers_do_not_leak(received):
    chunks = b'4;a=b;c="d\\"e"\r\nWiki\r\n0005 ; x\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n'
    last = b"0;last\r\nX-Trailer: secret\r\n\r\n"
    assert joined(await received(CHUNKED + chunks + last)) == b"Wikipedia in\r\n\r\nchunks."


@clause("ASGI-089", "ASGI-087")
async def test_chunks_byte_by_byte(serve, answer):
    pieces = []

    async def app(scope, receive, send):
        pieces.extend(await bodies(receive))
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        for byte in CHUNKED + b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nt: u\r\n\r\n":
            await client.send(bytes([byte]))
        assert (await client.response()).status == 200
    assert b"".join(pieces) == b"abcd"


@clause("ASGI-088", "ASGI-096")
async def test_after_the_last_event_only_disconnect(serve, answer):
    events, waiting, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        assert await receive() == EMPTY | {"body": b"body"}
        waiting.set()
        for _ in range(3):
            events.append(await receive())
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(length(b"body"))
        await waiting.wait()
        client.close()
        async with asyncio.timeout(5):
            await ended.wait()
    assert events == [DISCONNECT] * 3


@clause("ASGI-089")
@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x4\r\nabcd\r\n",
        b"4\nabcd\r\n",
        b"3\r\nabcd\r\n",
        b"4\r\nabcdX",
        b"fffffffffffffffff\r\n",
        b" 4\r\n",
    ],
)
async def test_a_broken_chunk_is_a_400_and_a_disconnect(serve, answer, body):
    events, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        while not events or events[-1] != DISCONNECT:
            events.append(await receive())
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(CHUNKED + body)
        found = await client.response()
        assert (found.status, found[b"connection"]) == (400, [b"close"])
        assert await client.rest() == b""
        await ended.wait()
    assert all(event == DISCONNECT or event["more_body"] for event in events)


@clause("ASGI-092")
async def test_100_continue_is_sent_when_the_application_first_asks(serve, answer):
    started, ask = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        started.set()
        await ask.wait()
        event = await receive()
        assert event == EMPTY | {"body": b"body"}
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(HEAD + b"Expect: 100-Continue\r\ncontent-length: 4\r\n\r\n")
        await started.wait()
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        ask.set()
        assert await client.exactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"body")
        found = await client.response()
        assert (found.status, found.interim) == (200, [])


@clause("ASGI-092")
@pytest.mark.parametrize("receives", ["never", "after the answer", "after the start"])
async def test_no_100_continue_once_the_answer_is_there(serve, receives):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 413})
        if receives == "after the start":
            await send({"type": "http.response.body", "body": b"no", "more_body": True})
            asyncio.ensure_future(receive()).cancel()
        await send({"type": "http.response.body"})
        if receives == "after the answer":
            assert await receive() == DISCONNECT

    async with serve(app) as site:
        client = await site.connect()
        await client.send(HEAD + b"expect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        found = await client.response()
        assert (found.status, found.interim) == (413, [])
        assert found[b"connection"] == [b"close"]
        client.finish()
        assert await client.rest() == b""


@clause("ASGI-092")
@pytest.mark.parametrize(
    ("request_", "interim"),
    [
        (HEAD + b"expect: 100-continue\r\ncontent-length: 4\r\n\r\nbody", 0),
        (HEAD.replace(b"1.1", b"1.0") + b"expect: 100-continue\r\ncontent-length: 4\r\n\r\nbody", 0),
        (b"GET / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n", 0),
    ],
    ids=["body is there", "HTTP/1.0", "no body"],
)
async def test_no_100_continue_where_nobody_waits(serve, answer, request_, interim):
    async def app(scope, receive, send):
        await receive()
        await answer(send)

    async with serve(app) as site:
        found = await site.ask(request_)
    assert (found.status, len(found.interim)) == (200, interim)


@clause("ASGI-092")
async def test_no_100_continue_for_a_client_that_began_to_send(serve, answer):
    """RFC 9110 section 10.1.1: who sends does not wait."""
    begun = asyncio.Event()

    async def app(scope, receive, send):
        assert (await receive())["body"] == b"some"
        begun.set()
        assert (await receive())["body"] == b"more"
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(HEAD + b"expect: 100-continue\r\ncontent-length: 8\r\n\r\nsome")
        await begun.wait()
        await client.send(b"more")
        found = await client.response()
    assert (found.status, found.interim) == (200, [])


async def test_other_expectations_are_refused(serve, answer):
    async def app(scope, receive, send):
        await answer(send)

    async with serve(app) as site:
        assert (await site.get(b"/", b"expect: miracles")).status == 417


@clause("ASGI-098", "ASGI-121")
@pytest.mark.parametrize("chunked", [False, True])
async def test_an_unread_body_is_drained_and_never_read_as_a_request(serve, answer, chunked):
    paths = []

    async def app(scope, receive, send):
        paths.append(scope["path"])
        await answer(send, body=scope["path"].encode())

    evil = b"GET /evil HTTP/1.1\r\nhost: a\r\n\r\n"
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(evil), evil) if chunked else evil
    head = CHUNKED if chunked else HEAD + b"content-length: %d\r\n\r\n" % len(evil)
    async with serve(app) as site:
        client = await site.connect()
        await client.send(head)
        assert (await client.response()).body == b"/"
        await client.send(body + evil.replace(b"evil", b"next"))
        assert (await client.response()).body == b"/next"
    assert paths == ["/", "/next"]


@clause("ASGI-098", "ASGI-121")
async def test_an_early_answer_to_an_upload_that_is_too_large_to_drain(serve, answer):
    """The client is told that the connection ends, can go on sending for a while, and reads the whole answer."""
    big = b"x" * 1_000_000

    async def app(scope, receive, send):
        await receive()
        await answer(send, 413, big)

    async with serve(app, limit_drain_size=1000) as site:
        client = await site.connect()
        await client.send(HEAD + b"content-length: 50000000\r\n\r\n" + b"y" * 1000)
        sending = asyncio.ensure_future(client.send(b"y" * 3_000_000))
        found = await client.response()
        assert (found.status, found[b"connection"], found.body) == (413, [b"close"], big)
        await sending
        assert await client.rest() == b""


@clause("ASGI-098")
async def test_a_chunked_upload_beyond_the_drain_limit_ends_the_connection(serve, answer):
    async def app(scope, receive, send):
        await answer(send)

    async with serve(app, limit_drain_size=1000) as site:
        client = await site.connect()
        await client.send(CHUNKED)
        assert (await client.response()).status == 200
        await client.send(b"7d0\r\n" + b"y" * 2000 + b"\r\n0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert await client.rest() == b""


@clause("ASGI-121")
async def test_a_final_response_may_stream_while_the_upload_goes_on(serve):
    """An echo: each piece is answered before the next is sent."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        more = True
        while more:
            event = await receive()
            more = event["more_body"]
            await send({"type": "http.response.body", "body": event["body"], "more_body": more})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(HEAD + b"content-length: 30\r\n\r\n")
        for number in range(10):
            await client.send(b"%03d" % number)
            await client.until(b"%03d" % number)
        await client.until(b"0\r\n\r\n")
