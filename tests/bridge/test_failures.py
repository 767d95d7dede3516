"""Applications that fail: exceptions at every point of a response, returning too early, exceptions that are no
`Exception`. The client sees it, the connection ends, the worker lives on (ASGI sections 1 and 2).
"""

import asyncio
import logging

import pytest

from .sockets import handshake

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}


class Odd(BaseException):
    """Neither an Exception nor one of Python's own."""


class Late(asyncio.CancelledError):
    pass


CONTAINED = [
    ValueError,
    Odd,
    asyncio.CancelledError,
    Late,
    GeneratorExit,
    StopAsyncIteration,
    ExceptionGroup,
    OSError,
]


def made(kind):
    return kind("why", [ValueError()]) if kind is ExceptionGroup else kind("why")


@pytest.fixture
def failing(serve):
    """A server whose application sends `before` and then raises `error` (None: returns); "/good" is fine."""

    def make(*before, error=None, wait=False, **options):
        async def app(scope, receive, send):
            if scope["path"] == "/good":
                await send(START)
                await send(END)
                return
            for message in before:
                await send(message)
            if wait:
                await asyncio.sleep(0)
            if error is not None:
                raise error

        return serve(app, **options)

    return make


@clause("ASGI-016", "ASGI-017", "ASGI-020", "ASGI-025")  # section 23: 500 on raise
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("before", [(), (START,)], ids=["before start", "start held"])
@pytest.mark.parametrize("kind", CONTAINED)
async def test_raised_before_anything_is_on_the_wire(failing, caplog, kind, before, wait):
    async with failing(*before, error=made(kind), wait=wait) as site:
        client = await site.connect()
        await client.send(GET + GET)
        found = await client.response()
        assert found.status == 500
        assert found[b"connection"] == [b"close"]
        assert b"why" not in found.body
        assert await client.rest() == b""
        assert (await site.get(b"/good")).status == 200
    assert "application raised" in caplog.text


@clause("ASGI-016", "ASGI-019", "ASGI-025")
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("length", [None, b"99"], ids=["chunked", "length"])
@pytest.mark.parametrize("kind", CONTAINED)
async def test_raised_after_the_first_body(failing, truncated, caplog, kind, length, wait):
    start = START | {"headers": [(b"content-length", length)] if length else []}
    async with failing(start, PART, error=made(kind), wait=wait) as site:
        client = await site.connect()
        await client.send(GET + GET)
        with pytest.raises(truncated) as cut:
            await client.response()
        assert cut.value.args == ("eof", b"part")
        assert (await site.get(b"/good")).status == 200
    assert "application raised" in caplog.text


@clause("ASGI-019")
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
async def test_a_response_that_only_the_close_delimits_is_cut_by_a_reset(failing, wait):
    async with failing(START, PART, error=ValueError(), wait=wait) as site:
        client = await site.connect()
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert await client.end() == "reset"


@clause("ASGI-015", "ASGI-016")
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("kind", CONTAINED)
async def test_raised_after_the_end_the_client_has_its_response(failing, caplog, kind, wait):
    async with failing(START, END, error=made(kind), wait=wait) as site:
        client = await site.connect()
        for _ in range(2):
            await client.send(GET)
            found = await client.response()
            assert (found.status, found.body) == (200, b"end")
    assert "application raised" in caplog.text


@clause("ASGI-018")  # section 23: no response
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(
    ("before", "said"),
    [
        ((), "without sending a response (ASGI-018)"),
        ((START,), "without http.response.body behind its http.response.start (ASGI-105)"),
    ],
    ids=["nothing sent", "start held"],
)
async def test_returned_without_a_response(failing, caplog, before, said, wait):
    async with failing(*before, wait=wait) as site:
        client = await site.connect()
        await client.send(GET)
        assert (await client.response()).status == 500
        assert await client.rest() == b""
    assert f"on GET /: the application returned {said}" in caplog.text


@clause("ASGI-014", "ASGI-016")
@pytest.mark.parametrize("change", [dict.clear, lambda scope: scope.update(method=None, path=object())])
@pytest.mark.parametrize("request_", [GET.replace(b"/", b"/%61?b", 1), handshake(b"/%61?b")])
@pytest.mark.parametrize("access", [True, False])
async def test_an_application_that_spoils_its_scope_is_named_all_the_same(
    serve, caplog, access, request_, change
):
    async def app(scope, receive, send):
        change(scope)
        raise ValueError

    caplog.set_level(logging.INFO)
    async with serve(app, access_log=access) as site:
        assert (await site.ask(request_)).status == 500
    websocket = b"upgrade" in request_
    if access:
        place = "websocket /a" if websocket else "GET /a"
    else:
        place = f"a {'websocket' if websocket else 'request'} whose scope the application changed"
    assert f"the application raised ValueError on {place}\n" in caplog.text


@clause("ASGI-018", "ASGI-285", "ASGI-105")  # section 23: half a response
@pytest.mark.parametrize("trailers", [False, True])
@pytest.mark.parametrize("more", [True, False])
async def test_returned_in_the_middle_of_a_response(failing, truncated, caplog, more, trailers):
    if not trailers and not more:
        return
    async with failing(START | {"trailers": trailers}, PART | {"more_body": more}) as site:
        client = await site.connect()
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n")
        with pytest.raises(truncated) as cut:
            await client.response()
        assert cut.value.args == ("eof", b"part")
    assert ("ASGI-018" if more else "ASGI-285") in caplog.text


@clause("ASGI-020", "ASGI-016")
async def test_failing_while_the_request_body_arrives(serve, caplog):
    async def app(scope, receive, send):
        await receive()
        raise ValueError

    async with serve(app) as site:
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nsome")
        found = await client.response()
        assert found.status == 500
        assert await client.rest() == b""


@clause("ASGI-025")
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(
    "before", [(), (START, PART), (START, END)], ids=["before start", "part", "after the end"]
)
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
async def test_a_deliberate_exit_stops_the_server_cleanly(failing, kind, before, wait):
    answers = []
    with pytest.raises(kind) as left:
        async with failing(*before, error=kind(7), wait=wait) as site:
            client = await site.connect()
            await client.send(GET.replace(b"host", b"connection: close\r\nhost"))
            answers.append(await client.rest())
            async with asyncio.timeout(5):
                await site.server.wait()
    assert left.value.args == (7,)
    status = b"500" if not before else b"200"
    assert answers[0].startswith(b"HTTP/1.1 " + status)


@clause("ASGI-035", "ASGI-036", "ASGI-110")
@pytest.mark.parametrize("caught", [False, True])
async def test_the_oserror_of_a_late_send_is_not_an_error(serve, caplog, caught):
    caplog.set_level(logging.DEBUG, "asgate")
    ended = asyncio.Event()

    async def app(scope, receive, send):
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
            try:
                await send(START)
                await send(END)
            except OSError:
                if not caught:
                    raise
        finally:
            ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        client.close()
        async with asyncio.timeout(5):
            await ended.wait()
        assert (await site.connect()).socket
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@clause("ASGI-036")
async def test_an_oserror_of_the_applications_own_is_an_error(failing, caplog):
    async with failing(error=ConnectionResetError("the database left")) as site:
        assert (await site.get()).status == 500
    assert "the database left" in caplog.text


@clause("ASGI-016")
async def test_the_log_shows_the_applications_frames_and_none_of_ours(failing, caplog):
    async with failing(error=ValueError("here")) as site:
        await site.get()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    trace, names = record.exc_info[2], []
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names == ["app"]
    assert "GET /" in record.getMessage()


@clause("ASGI-020", "ASGI-025")
async def test_many_failures_leave_nothing_behind(failing):
    async with failing(error=Odd()) as site:
        for _ in range(60):
            assert (await site.get()).status == 500
        assert (await site.get(b"/good")).status == 200
        assert [task for task in asyncio.all_tasks() if task.get_name() == "asgate-request"] == []


@clause("ASGI-016", "ASGI-020")
async def test_an_application_that_cancels_itself(serve, answer):
    async def app(scope, receive, send):
        if scope["path"] == "/good":
            await answer(send)
        else:
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

    async with serve(app) as site:
        assert (await site.get()).status == 500
        assert (await site.get(b"/good")).status == 200
