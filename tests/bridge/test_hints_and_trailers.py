"""`http.response.early_hint` and `http.response.trailers` (ASGI sections 17 and 18)."""

import asyncio

import pytest

from .messages import sending

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
WANTS = b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
TRAILING = START | {"trailers": True, "headers": [(b"trailer", b"x-a, x-b")]}
BODY = {"type": "http.response.body", "body": b"body"}
BARE = {"server_header": False, "date_header": False}


def hint(*links):
    return {"type": "http.response.early_hint", "links": links}


def trailers(*fields, **keys):
    return {"type": "http.response.trailers", "headers": fields} | keys


@clause("ASGI-270", "ASGI-271")
@pytest.mark.parametrize(
    "messages", [(hint(b"</a>", b"</b>"), START, BODY), (START, hint(b"</a>", b"</b>"), BODY)]
)
async def test_one_hint_before_or_after_the_start(serve, messages):
    async with serve(sending(*messages), **BARE) as site:
        client = await site.connect()
        await client.send(GET + b"BAD\r\n\r\n")
        wire = await client.rest()
    assert wire.startswith(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nlink: </b>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbodyHTTP/1.1 400 "
    )


@clause("ASGI-270")
async def test_many_hints_leave_at_once(serve):
    ask, go = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        for number in range(3):
            await send(hint(b"</%d>; rel=preload" % number))
        ask.set()
        await go.wait()
        await send(START)
        await send(BODY)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        for number in range(3):
            assert (
                await client.until(b"\r\n\r\n")
                == b"HTTP/1.1 103 Early Hints\r\nlink: </%d>; rel=preload\r\n\r\n" % number
            )
        go.set()
        assert (await client.response()).body == b"body"


@clause("ASGI-270")
@pytest.mark.parametrize("container", [list, tuple, iter, set])
async def test_links_are_any_iterable(serve, container):
    message = {"type": "http.response.early_hint", "links": container([b"</a>"])}
    async with serve(sending(message, START, BODY)) as site:
        found = await site.ask(GET)
    assert [one.fields for one in found.interim] == [[(b"link", b"</a>")]]


@clause("ASGI-270")
async def test_no_links_are_no_hint(serve):
    async with serve(sending(hint(), START, BODY)) as site:
        assert (await site.ask(GET)).interim == []


@clause("ASGI-272", "ASGI-221")
async def test_nothing_interim_for_http_1_0(serve):
    async def app(scope, receive, send):
        assert "http.response.early_hint" not in scope["extensions"]
        with pytest.raises(RuntimeError, match="ASGI-272"):
            await send(hint(b"</a>"))
        await send(START)
        await send(BODY)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 200 OK\r\n")


@clause("ASGI-273")
@pytest.mark.parametrize("before", [(START, BODY | {"more_body": True}), (TRAILING, BODY)])
async def test_late_hints_raise(serve, before):
    raised = []

    async def app(scope, receive, send):
        for message in before:
            await send(message)
        try:
            await send(hint(b"</a>"))
        except RuntimeError as error:
            raised.append(str(error))
        await send(trailers() if before[0] is TRAILING else BODY)

    async with serve(app) as site:
        assert (await site.ask(GET)).body in (b"body", b"bodybody")
    assert "ASGI-273" in raised[0]


@clause("ASGI-274", "ASGI-116", "ASGI-040")
@pytest.mark.parametrize("link", [b"</a>\r\nx: y", b"\n", b"a\0"])
async def test_links_cannot_inject(serve, link):
    raised = []

    async def app(scope, receive, send):
        try:
            await send(hint(b"</fine>", link))
        except RuntimeError as error:
            raised.append(str(error))
        await send(START)
        await send(BODY)

    async with serve(app) as site:
        assert (await site.ask(GET)).interim == []
    assert "ASGI-274" in raised[0]


@clause("ASGI-280", "ASGI-281", "ASGI-122", "ASGI-284")
async def test_trailers(serve):
    async with serve(
        sending(TRAILING, BODY, trailers((b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3"))), **BARE
    ) as site:
        client = await site.connect()
        await client.send(WANTS + b"BAD\r\n\r\n")
        wire = await client.rest()
    assert wire.startswith(
        b"HTTP/1.1 200 OK\r\ntrailer: x-a, x-b\r\ntransfer-encoding: chunked\r\n\r\n"
        b"4\r\nbody\r\n0\r\nx-a: 1\r\nx-b: 2\r\nx-a: 3\r\n\r\nHTTP/1.1 400 "
    )


@clause("ASGI-122")
async def test_the_response_is_not_over_before_its_trailers(serve):
    go = asyncio.Event()

    async def app(scope, receive, send):
        await send(TRAILING)
        await send(BODY)
        await go.wait()
        await send(trailers((b"x-a", b"1")))

    async with serve(app) as site:
        client = await site.connect()
        await client.send(WANTS)
        await client.until(b"body\r\n")
        assert client.kept == b""
        go.set()
        assert await client.until(b"\r\n\r\n") == b"0\r\nx-a: 1\r\n\r\n"


@clause("ASGI-281")
async def test_several_messages_become_one_block(serve):
    parts = [trailers((b"x-%d" % number, b"y"), more_trailers=True) for number in range(3)]
    async with serve(sending(TRAILING, BODY, *parts, {"type": "http.response.trailers"})) as site:
        found = await site.ask(WANTS)
    assert found.trailers == [(b"x-0", b"y"), (b"x-1", b"y"), (b"x-2", b"y")]


@clause("ASGI-282", "ASGI-284")
@pytest.mark.parametrize(
    "request_", [GET, GET.replace(b"host", b"te: deflate\r\nhost"), b"GET / HTTP/1.0\r\nte: trailers\r\n\r\n"]
)
async def test_without_te_they_are_taken_and_dropped(serve, request_):
    parts = [trailers((b"x-a", b"1"), more_trailers=True), trailers((b"x-b", b"2"))]
    async with serve(sending(TRAILING, BODY, *parts)) as site:
        client = await site.connect()
        await client.send(request_)
        found = await client.response()
        assert (found.body, found.trailers) == (b"body", [])
        if b"1.1" in request_:
            await client.send(WANTS)
            assert (await client.response()).trailers == [(b"x-a", b"1"), (b"x-b", b"2")]


@clause("ASGI-283")
async def test_the_trailer_field_is_the_applications_matter(serve):
    async with serve(sending(START | {"trailers": True}, BODY, trailers((b"x-a", b"1")))) as site:
        found = await site.ask(WANTS)
    assert (found[b"trailer"], found.trailers) == ([], [(b"x-a", b"1")])


@clause("ASGI-284")
async def test_with_a_content_length_trailers_are_dropped(serve):
    start = START | {"trailers": True, "headers": [(b"content-length", b"4")]}
    async with serve(sending(start, BODY, trailers((b"x-a", b"1")))) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(WANTS)
            found = await client.response()
            assert (found.body, found.trailers, found[b"transfer-encoding"]) == (b"body", [], [])


@clause("ASGI-280", "ASGI-223")
@pytest.mark.parametrize("start", [START, START | {"trailers": False}])
async def test_trailers_that_were_not_announced_are_refused_or_ignored(serve, start):
    """Before the end they are out of order; after it everything is ignored (ASGI-111)."""
    raised = []

    async def app(scope, receive, send):
        await send(start)
        await send(BODY | {"more_body": True})
        try:
            await send(trailers((b"x-a", b"1")))
        except RuntimeError as error:
            raised.append(str(error))
        await send(BODY)
        assert await send(trailers((b"x-a", b"1"))) is None

    async with serve(app) as site:
        found = await site.ask(WANTS)
    assert (found.body, found.trailers) == (b"bodybody", [])
    assert "ASGI-280" in raised[0]


@clause("ASGI-281", "ASGI-104", "ASGI-116", "ASGI-040")
@pytest.mark.parametrize(
    "field",
    [
        (b":status", b"1"),
        (b"x", b"a\r\nb: c"),
        (b"", b""),
        (b"content-length", b"5"),
        (b"Transfer-Encoding", b"x"),
    ],
)
async def test_trailers_cannot_inject(serve, field):
    raised = []

    async def app(scope, receive, send):
        await send(TRAILING)
        await send(BODY)
        try:
            await send(trailers((b"x-bad", b"1"), field))
        except RuntimeError as error:
            raised.append(str(error))
        await send(trailers((b"x-a", b"1")))

    async with serve(app) as site:
        found = await site.ask(WANTS)
    assert len(raised) == 1
    assert found.trailers == [(b"x-a", b"1")]


@clause("ASGI-285", "ASGI-018")
async def test_trailers_that_never_come_are_an_abort(serve, truncated, caplog):
    async with serve(sending(TRAILING, BODY)) as site:
        client = await site.connect()
        await client.send(WANTS)
        with pytest.raises(truncated) as cut:
            await client.response()
    assert cut.value.args == ("eof", b"body")
    assert "before its last http.response.trailers: the response was cut short (ASGI-285)" in caplog.text


@clause("ASGI-282", "ASGI-114")
async def test_trailers_of_a_response_without_a_body(serve):
    async with serve(sending(TRAILING, BODY, trailers((b"x-a", b"1")))) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(WANTS.replace(b"GET", b"HEAD"))
            found = await client.response(head=True)
            assert (found.status, found.body) == (200, b"")


@clause("ASGI-040", "ASGI-281")
@pytest.mark.parametrize("more", [False, True])
async def test_a_refused_trailer_leaves_the_earlier_ones(serve, more):
    async def app(scope, receive, send):
        await send(TRAILING)
        await send(BODY)
        await send(trailers((b"x-a", b"1"), more_trailers=True))
        with pytest.raises(RuntimeError):
            await send(trailers((b"content-length", b"1"), more_trailers=more))
        await send(trailers((b"x-b", b"2")))

    async with serve(app) as site:
        assert (await site.ask(WANTS)).trailers == [(b"x-a", b"1"), (b"x-b", b"2")]
