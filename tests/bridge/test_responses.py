"""Responses as they are on the wire: heads, framing, defaults, what is dropped and enforced (ASGI section 5)."""

import asyncio
import re

import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}
BARE = {"server_header": False, "date_header": False}


@pytest.fixture
def sent(serve):
    """The bytes on the wire of a response of `messages`, until the server closes or falls silent."""

    async def take(*messages, request=GET, after=b"", **options):
        async def app(scope, receive, send):
            if scope["path"] == "/silence":
                await send(START | {"headers": [(b"connection", b"close")]})
                await send(END | {"body": b"SILENCE"})
                return
            for message in messages:
                await send(message)

        async with serve(app, **(BARE | options)) as site:
            client = await site.connect()
            await client.send(request + after)
            return await client.rest()

    return take


AFTER = b"GET /silence HTTP/1.1\r\nhost: a\r\n\r\n"
NEXT = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nSILENCE"


@clause("ASGI-101", "ASGI-102", "ASGI-108", "ASGI-109")  # section 23: missing headers
async def test_the_least_response(sent):
    assert await sent(START, {"type": "http.response.body"}, after=AFTER) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" + NEXT
    )


@clause("ASGI-101", "ASGI-103", "ASGI-104")  # section 23: order
@pytest.mark.parametrize("container", [list, tuple, iter, lambda items: (list(item) for item in items)])
async def test_headers_keep_their_order(sent, container):
    fields = [
        (b"x-a", b"1"),
        (b"x-b", b"2"),
        (b"x-a", b"3"),
        (b"set-cookie", b"a=b"),
        (b"x-c", b""),
        (b"set-cookie", b"c=d"),
    ]
    wire = await sent(START | {"headers": container(fields)}, END, after=AFTER)
    lines = b"".join(b"%s: %s\r\n" % pair for pair in fields)
    assert wire == b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: 3\r\n\r\nend" + NEXT


@clause("ASGI-072")
async def test_set_cookie_is_never_merged(serve):
    async def app(scope, receive, send):
        await send(START | {"headers": [(b"set-cookie", b"a=1; Path=/, x"), (b"set-cookie", b"b=2")]})
        await send(END)

    async with serve(app) as site:
        assert (await site.ask(GET))[b"set-cookie"] == [b"a=1; Path=/, x", b"b=2"]


@clause("ASGI-105", "ASGI-106")
async def test_the_head_waits_for_the_first_body_and_leaves_with_it_in_one_piece(serve):
    started, go = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        started.set()
        await go.wait()
        await send(PART)
        await go.wait()
        await send(END)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await started.wait()
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        go.set()
        assert (await client.response()).body == b"partend"


@clause("ASGI-107")
async def test_transfer_encoding_of_the_application_is_ignored(sent):
    fields = [(b"transfer-encoding", b"chunked"), (b"Transfer-Encoding", b"gzip")]
    assert await sent(START | {"headers": fields}, END, after=AFTER) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nend" + NEXT
    )
    wire = await sent(START | {"headers": [*fields, (b"content-length", b"3")]}, END, after=AFTER)
    assert wire == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nend" + NEXT


@clause("ASGI-108", "ASGI-112")
async def test_without_a_length_it_is_chunked_and_empty_parts_do_not_end_it(sent):
    empty = PART | {"body": b""}
    assert await sent(START, empty, PART, empty, empty, END, after=AFTER) == (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n3\r\nend\r\n0\r\n\r\n" + NEXT
    )


@clause("ASGI-108")  # section 23: chunked to HTTP/1.0
@pytest.mark.parametrize("keep", [b"", b"connection: keep-alive\r\n"])
async def test_http_1_0_never_gets_chunks(sent, keep):
    request = b"GET / HTTP/1.0\r\n" + keep + b"\r\n"
    assert (
        await sent(START, PART, END, request=request)
        == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\npartend"
    )


@clause("ASGI-108", "ASGI-117")
async def test_http_1_0_keep_alive(sent):
    request = b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"
    assert await sent(START, END, request=request, after=AFTER) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\nend" + NEXT
    )
    assert (
        await sent(START, END, request=OLD)
        == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nend"
    )


@clause("ASGI-109")
async def test_each_body_is_on_its_way_when_send_returns(serve):
    go = asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send(PART)
        await go.wait()
        await send(END)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        assert (await client.until(b"4\r\npart\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        go.set()
        assert await client.until(b"0\r\n\r\n") == b"3\r\nend\r\n0\r\n\r\n"


@clause("ASGI-111", "ASGI-034")
async def test_what_follows_a_complete_response_is_ignored(sent):
    more = [
        END,
        PART,
        START,
        {"type": "http.response.trailers"},
        {"type": "nonsense"},
        {"type": "http.response.body", "body": 5},
    ]
    assert (
        await sent(START, END, *more, after=AFTER)
        == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nend" + NEXT
    )


class Bytes(bytes):
    pass


@clause("ASGI-113", "ASGI-012")
@pytest.mark.parametrize("size", [4, 100_000])
@pytest.mark.parametrize(
    "kind", [bytes, bytearray, memoryview, Bytes, lambda body: memoryview(body * 2)[: len(body)]]
)
async def test_bodies_may_be_any_kind_of_bytes_and_are_safe_from_changes(serve, kind, size):
    async def app(scope, receive, send):
        body = kind(b"x" * size)
        await send(START)
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if kind is bytearray:
            body[:] = b"y" * (size + 1)
        await send({"type": "http.response.body"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"x" * size


@clause("ASGI-113")
async def test_a_strided_memoryview(serve):
    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body", "body": memoryview(b"a-b-c-")[::2]})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"abc"


LENGTH = START | {"headers": [(b"content-length", b"7")]}


@clause("ASGI-114")
@pytest.mark.parametrize("messages", [(PART, END), (END | {"body": b"partend"},), (END | {"body": b""},)])
async def test_head_has_the_headers_of_get_and_no_body(sent, messages):
    wire = await sent(LENGTH, *messages, request=HEAD, after=AFTER)
    assert wire == b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n" + NEXT


@clause("ASGI-114")
async def test_head_without_a_length_has_no_chunks(sent):
    wire = await sent(START, PART, END, request=HEAD, after=AFTER)
    assert wire.endswith(b"\r\n\r\n" + NEXT)
    assert b"part" not in wire
    assert b"0\r\n\r\n" not in wire.removesuffix(NEXT)


@clause("ASGI-114")
@pytest.mark.parametrize(
    ("status", "phrase", "kept"), [(204, b"No Content", False), (304, b"Not Modified", True)]
)
async def test_204_and_304_have_no_body(sent, status, phrase, kept):
    line = b"HTTP/1.1 %d %s\r\n" % (status, phrase)
    length = b"content-length: 7\r\n" if kept else b""
    for messages in ((PART, END), (END,), (END | {"body": b""},)):
        assert await sent(START | {"status": status}, *messages, after=AFTER) == line + b"\r\n" + NEXT
        assert (
            await sent(LENGTH | {"status": status}, *messages, after=AFTER) == line + length + b"\r\n" + NEXT
        )


@clause("ASGI-114")
async def test_205_is_empty_and_says_so(sent):
    assert await sent(START | {"status": 205}, END, after=AFTER) == (
        b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n" + NEXT
    )


@clause("ASGI-115")  # section 23: over-long body
@pytest.mark.parametrize("parts", [(b"12345678",), (b"1234", b"5678"), (b"1234567", b"8")])
async def test_more_than_content_length_raises_and_is_not_sent(serve, truncated, parts):
    raised = []

    async def app(scope, receive, send):
        await send(LENGTH)
        for number, part in enumerate(parts):
            try:
                await send({"type": "http.response.body", "body": part, "more_body": number < len(parts) - 1})
            except RuntimeError as error:
                raised.append(str(error))

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        if len(parts) == 1:
            assert (await client.response()).status == 500
        else:
            wire = (await client.rest()).partition(b"\r\n\r\n")[2]
            assert wire == parts[0]
    assert len(raised) == 1
    assert "ASGI-115" in raised[0]


@clause("ASGI-115", "ASGI-040")
async def test_after_too_long_a_body_the_right_one_can_be_sent(serve):
    async def app(scope, receive, send):
        await send(LENGTH)
        for body in (b"12345678", b"1234567"):
            try:
                await send({"type": "http.response.body", "body": body})
            except RuntimeError:
                assert body == b"12345678"

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"1234567"


@clause("ASGI-115")
async def test_less_than_content_length_is_visible(serve, truncated, caplog):
    async def app(scope, receive, send):
        await send(LENGTH)
        await send(PART)
        await send({"type": "http.response.body"})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        with pytest.raises(truncated) as cut:
            await client.response()
        assert cut.value.args == ("eof", b"part")
    assert "ASGI-115" in caplog.text


@clause("ASGI-115", "ASGI-017")
async def test_less_than_content_length_at_once_is_a_500(serve):
    async def app(scope, receive, send):
        await send(LENGTH)
        await send(END)

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 500


@clause("ASGI-115", "ASGI-040")
@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+3", b"3 ", b"3,3", b"0x3", b"3.0", b"\xb2", b"99999999999999999999"]
)
async def test_a_content_length_that_is_no_number_is_refused(serve, answer, value):
    async def app(scope, receive, send):
        with pytest.raises(RuntimeError, match="ASGI-1"):
            await send(START | {"headers": [(b"content-length", value)]})
        with pytest.raises(RuntimeError, match="twice"):
            await send(START | {"headers": [(b"content-length", b"3"), (b"Content-Length", b"3")]})
        await answer(send)

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200


@clause("ASGI-117")
async def test_connection_close_of_the_application_closes(sent):
    wire = await sent(START | {"headers": [(b"Connection", b"Close")]}, END)
    assert wire == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nend"


@clause("ASGI-117")
async def test_other_hop_by_hop_headers_are_honoured(sent):
    fields = [(b"keep-alive", b"timeout=5"), (b"upgrade", b"h2c"), (b"connection", b"upgrade, keep-alive")]
    wire = await sent(START | {"headers": fields}, END, after=AFTER)
    assert wire.endswith(b"\r\n\r\nend" + NEXT)
    head = wire.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert {b"keep-alive: timeout=5", b"upgrade: h2c", b"connection: upgrade"} <= set(head)


@clause("ASGI-117")
async def test_connection_close_of_the_client_is_answered(sent):
    wire = await sent(
        START, END, request=b"GET / HTTP/1.1\r\nhost: a\r\nConnection: x, Close\r\n\r\n", after=AFTER
    )
    assert wire == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nend"


@clause("ASGI-119")
async def test_date_and_server_by_default_and_never_twice(serve):
    own = [(b"Date", b"today"), (b"SERVER", b"mine"), (b"x-all", b"own")]

    async def app(scope, receive, send):
        await send(START | {"headers": own if scope["path"] == "/own" else []})
        await send(END)

    async with serve(app, headers=["x-all: each", "x-two: 2"]) as site:
        found, mine = await site.get(), await site.get(b"/own")
    assert found[b"server"] == [b"asgate"]
    assert re.fullmatch(rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", found[b"date"][0])
    assert len(found[b"date"]) == 1
    assert (found[b"x-all"], found[b"x-two"]) == ([b"each"], [b"2"])
    assert (mine[b"server"], mine[b"date"], mine[b"x-all"]) == ([b"mine"], [b"today"], [b"own"])


@clause("ASGI-119", "ASGI-017")
async def test_answers_of_our_own_have_a_date_too(serve):
    async def app(scope, receive, send):
        pass

    async with serve(app) as site:
        failed, refused = await site.get(), await site.ask(b"GET / HTTP/1.1\r\n\r\n")
    assert (failed.status, refused.status) == (500, 400)
    assert len(failed[b"date"]) == 1
    assert len(refused[b"date"]) == 1


@clause("ASGI-120")
@pytest.mark.parametrize(
    ("status", "phrase"), [(200, b"OK"), (299, b""), (418, b"I'm a Teapot"), (599, b""), (999, b"")]
)
async def test_every_final_status_is_passed(serve, status, phrase):
    async def app(scope, receive, send):
        await send(START | {"status": status})
        await send(END)

    async with serve(app) as site:
        found = await site.ask(GET)
    assert (found.status, found.reason, found.body) == (status, phrase, b"end")
