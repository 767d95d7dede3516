import asyncio

import pytest

httpx = pytest.importorskip("httpx")

from asgate.testing import ASGITransport  # noqa: E402

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
