import asyncio

import pytest

httpx = pytest.importorskip("httpx")

from asgate.testing import ASGITransport  # noqa: E402
from asgate.testing.transport import HTTPX_DEFAULT  # noqa: E402

START = {"type": "http.response.start", "status": 200}


def client(app, **options):
    return httpx.AsyncClient(transport=ASGITransport(app, **options), base_url="http://testserver")


async def test_both_directions_stream(echo):
    pieces = asyncio.Queue()

    async def upload():
        while (piece := await pieces.get()) is not None:
            yield piece

    async with client(echo) as caller, caller.stream("POST", "/", content=upload()) as response:
        assert response.status_code == 200  # before anything was sent
        received = response.aiter_raw()
        for piece in (b"one", b"two"):
            await pieces.put(piece)
            assert await anext(received) == piece
        await pieces.put(None)
        assert [piece async for piece in received] == []


async def test_whole_requests():
    async def app(scope, receive, send):
        event = await receive()
        assert event == {"type": "http.request", "body": b'{"a":1}', "more_body": False}
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/ä", b"/%C3%A4", b"q=a+b")
        await send({**START, "headers": [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]})
        await send({"type": "http.response.body", "body": b"done"})

    async with client(app, lifespan="off") as caller:
        response = await caller.post("/ä", json={"a": 1}, params={"q": "a b"})
    assert response.text == "done"
    assert dict(caller.cookies) == {"a": "1", "b": "2"}


async def test_exceptions_are_raised_or_not():
    async def app(scope, receive, send):
        raise LookupError

    async with client(app) as caller:
        with pytest.raises(LookupError):
            await caller.get("/")
    async with client(app, raise_app_exceptions=False) as caller:
        assert (await caller.get("/")).status_code == 500


async def test_an_exception_in_the_middle():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await send(START)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise LookupError

    async with client(app) as caller:
        with pytest.raises(LookupError):
            await caller.get("/")
    async with client(app, raise_app_exceptions=False) as caller:
        with pytest.raises(httpx.RemoteProtocolError, match="cut short"):
            await caller.get("/")


async def test_time_limits_are_those_of_httpx():
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        seen.append((await receive())["type"])

    async with client(app) as caller:
        with pytest.raises(httpx.ReadTimeout, match="did not come within"):
            await caller.get("/", timeout=0.01)
    assert seen == ["http.disconnect"]


async def test_the_transports_own_limit_holds_where_httpx_has_only_its_default():
    assert httpx.AsyncClient(transport=ASGITransport(deaf)).timeout.as_dict() == HTTPX_DEFAULT
    with pytest.raises(httpx.ReadTimeout, match=r"within 0\.01 s"):
        async with client(deaf, timeout=0.01) as caller:
            await caller.get("/")
    with pytest.raises(httpx.ReadTimeout, match=r"within 0\.02 s"):
        async with client(deaf, timeout=0.01) as caller:
            await caller.get("/", timeout=0.02)  # what was asked of httpx is meant


async def deaf(scope, receive, send):
    """Neither answers nor hears of a client that leaves."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await asyncio.Event().wait()


async def broken(scope, receive, send):
    """Breaks when it is cancelled."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    try:
        await asyncio.Event().wait()
    finally:
        raise LookupError


async def halting(scope, receive, send):
    """Begins a response and goes on for ever."""
    await send(START)
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    await deaf(scope, receive, send)


async def test_closing_a_response_does_not_hide_the_error_before():
    async with client(halting, timeout=0.01, lifespan="off") as caller:
        with pytest.raises(httpx.ReadTimeout, match="the rest of the response did not come"):
            await caller.get("/")
        with pytest.raises(ZeroDivisionError):
            async with caller.stream("GET", "/"):
                raise ZeroDivisionError
        with pytest.raises(httpx.ReadTimeout, match="the client has left"):
            async with caller.stream("GET", "/"):
                pass


async def test_a_call_while_an_error_is_handled_is_like_any_other():
    done = []

    async def app(scope, receive, send):
        await send(START)
        await send({"type": "http.response.body"})
        for _ in range(100):  # more turns of the loop than a failed call grants
            await asyncio.sleep(0)
        done.append(True)

    async with client(app, lifespan="off") as caller:
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            await caller.get("/")
        assert done


@pytest.mark.parametrize("app", [deaf, broken])
async def test_leaving_the_block_does_not_hide_the_error_in_it(app):
    with pytest.raises(httpx.ReadTimeout, match="did not come within"):
        async with client(app, timeout=0.01) as caller:
            await caller.get("/")
    with pytest.raises(ZeroDivisionError):
        async with client(app, timeout=0.01) as caller:
            with pytest.raises(httpx.ReadTimeout):
                await caller.get("/")
            raise ZeroDivisionError


async def test_an_application_that_does_not_end_is_told_in_httpxs_words():
    with pytest.raises(httpx.ReadTimeout, match="the client has left, and the application did not end"):
        async with client(deaf, timeout=0.01) as caller:
            with pytest.raises(httpx.ReadTimeout, match="did not come"):
                await caller.get("/")


async def test_one_that_does_not_end_leaves_nobody_behind():
    """All others are ended, and so is the lifespan."""
    log = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            for _ in range(2):
                log.append(event := (await receive())["type"])
                await send({"type": f"{event}.complete"})
        else:
            await deaf(scope, receive, send)

    with pytest.raises(httpx.ReadTimeout):
        async with client(app, timeout=0.01) as caller:
            for _ in range(3):
                with pytest.raises(httpx.ReadTimeout):
                    await caller.get("/")
    assert log == ["lifespan.startup", "lifespan.shutdown"]


async def test_closing_a_response_is_a_disconnect():
    seen = []

    async def app(scope, receive, send):
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        seen.append((await receive())["type"])

    async with client(app, lifespan="off") as caller, caller.stream("GET", "/") as response:
        async for _ in response.aiter_raw():
            break
    assert seen == ["http.disconnect"]


async def test_entering_the_client_runs_the_lifespan():
    log = []

    async def app(scope, receive, send):
        if scope["type"] == "http":
            log.append(scope["state"])
            await send({**START, "trailers": True})
            await send({"type": "http.response.body"})
            await send({"type": "http.response.trailers", "headers": [(b"sum", b"1")]})
            return
        scope["state"]["pool"] = 1
        for _ in range(2):
            log.append(event := (await receive())["type"])
            await send({"type": f"{event}.complete"})

    async with client(app, extensions=["http.response.trailers"]) as caller:
        response = await caller.get("/", headers={"te": "trailers"})
    assert response.extensions["trailers"] == [(b"sum", b"1")]
    assert log == ["lifespan.startup", {"pool": 1}, "lifespan.shutdown"]
