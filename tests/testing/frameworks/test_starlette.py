"""The client with Starlette and FastAPI."""

import asyncio
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("starlette")

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from asgate.testing import ALL_EXTENSIONS, ASGITransport, Client, Denied, LifespanFailed, SyncClient


def app_of(*routes, startup=None, shutdown=None):
    @asynccontextmanager
    async def lifespan(app):
        yield startup() if startup else {}
        if shutdown:
            shutdown()

    return Starlette(routes=routes, lifespan=lifespan)


async def test_lifespan_state_reaches_requests():
    log = []

    async def page(request):
        return PlainTextResponse(request.state.pool)

    app = app_of(Route("/", page), startup=lambda: {"pool": "open"}, shutdown=lambda: log.append("closed"))
    async with Client(app, lifespan="on", validate=True) as client:
        assert (await client.get("/")).text == "open"
        assert (await client.get("/missing")).status_code == 404
    assert log == ["closed"]


async def test_a_startup_that_raises():
    def startup():
        raise LookupError("no database")

    with pytest.raises(LifespanFailed, match="no database") as failed:
        async with Client(app_of(startup=startup)):
            pass
    assert isinstance(failed.value.__cause__, LookupError)


@pytest.mark.parametrize(
    "spec_version", ["2.4", "2.5"]
)  # below, Starlette reads the body to see a disconnect
async def test_both_directions_are_interleaved(spec_version):
    async def page(request):
        async def pieces():
            async for piece in request.stream():
                yield piece.upper()

        return StreamingResponse(pieces())

    async with (
        Client(app_of(Route("/", page, methods=["POST"])), spec_version=spec_version) as client,
        client.open("POST", "/") as exchange,
    ):
        for piece in (b"one", b"two"):
            await exchange.send(piece)
            response = await exchange.response()
            assert await response.chunk() == piece.upper()
        await exchange.end()
        assert await response.chunk() is None


@pytest.mark.parametrize("spec_version", ["2.0", "2.3", "2.4", "2.5"])
async def test_a_stream_ends_when_the_client_leaves(spec_version):
    async def page(request):
        async def endless():
            while True:
                yield b"tick"

        return StreamingResponse(endless())

    async with Client(app_of(Route("/", page)), spec_version=spec_version, buffer=0) as client:
        async with client.stream("GET", "/") as response:
            assert await response.chunk() == b"tick"
        assert "ClientDisconnect()" in response.transcript[-1] or "returned" in response.transcript[-1]


async def test_a_page_sees_the_disconnect():
    seen = []

    async def page(request):
        await request.body()
        seen.append(await request.is_disconnected())
        await gone.wait()
        seen.append(await request.is_disconnected())
        return PlainTextResponse("nobody reads it")

    gone = asyncio.Event()
    async with Client(app_of(Route("/", page))).open("GET", "/", content=b"") as exchange:
        await asyncio.sleep(0)
        exchange.disconnect()
        gone.set()
        await exchange.ended()
    assert seen[-1] is True


async def test_background_tasks_are_done():
    done = []

    async def page(request):
        return PlainTextResponse("fine", background=BackgroundTask(done.append, 1))

    await Client(app_of(Route("/", page))).get("/")
    assert done == [1]


async def test_an_error_is_raised_or_a_500():
    async def page(request):
        raise LookupError("in the page")

    with pytest.raises(LookupError, match="in the page"):
        await Client(app_of(Route("/", page))).get("/")
    response = await Client(app_of(Route("/", page)), raise_app_exceptions=False).get("/")
    assert (response.status_code, response.text) == (500, "Internal Server Error")


async def test_a_file_goes_by_pathsend(tmp_path):
    path = tmp_path / "file.txt"
    path.write_bytes(b"content" * 10000)

    async def page(request):
        return FileResponse(path)

    for extensions in ((), ALL_EXTENSIONS):
        response = await Client(app_of(Route("/", page)), extensions=extensions).get("/")
        assert response.content == path.read_bytes()
    assert "http.response.pathsend" in "".join(response.transcript)


async def echo(socket):
    await socket.accept(subprotocol="chat")
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect as left:
        codes.append((left.code, left.reason))


codes = []


async def test_a_websocket():
    codes.clear()
    client = Client(app_of(WebSocketRoute("/ws", echo)), validate=True)
    async with client.websocket("/ws", subprotocols=["chat"]) as socket:
        assert socket.subprotocol == "chat"
        await socket.send_text("hello")
        assert await socket.receive_text() == "hello"
        await socket.close(4001, "bye")
    assert codes == [(4001, "bye")]


async def test_a_websocket_that_is_denied():
    async def deny(socket):
        await socket.send_denial_response(PlainTextResponse("not you", status_code=401))

    client = Client(app_of(WebSocketRoute("/ws", deny)))
    with pytest.raises(Denied) as denied:
        async with client.websocket("/ws"):
            pass
    assert (denied.value.response.status_code, denied.value.response.text) == (401, "not you")


def test_the_same_without_async():
    with (
        SyncClient(app_of(WebSocketRoute("/ws", echo))) as client,
        client.websocket("/ws", subprotocols=["chat"]) as socket,
    ):
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


async def test_httpx_streams():
    httpx = pytest.importorskip("httpx")
    go = asyncio.Event()

    async def page(request):
        async def pieces():
            yield b"one"
            await go.wait()
            yield b"two"

        return StreamingResponse(pieces())

    transport = ASGITransport(app_of(Route("/", page)))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://a") as client,
        client.stream("GET", "/") as response,
    ):
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"one"
        go.set()
        assert await anext(pieces) == b"two"


async def test_fastapi():
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()

    @app.post("/items/{number}")
    async def item(number: int, body: dict, q: str = ""):
        return {"number": number, "body": body, "q": q}

    @app.websocket("/ws")
    async def socket(websocket: fastapi.WebSocket):
        await websocket.accept()
        await websocket.send_json(await websocket.receive_json())
        await websocket.close(4000)

    async with Client(app, validate=True) as client:
        response = await client.post("/items/3", json={"a": 1}, params={"q": "x"})
        assert response.json() == {"number": 3, "body": {"a": 1}, "q": "x"}
        assert (await client.post("/items/x", json={})).status_code == 422
        async with client.websocket("/ws") as websocket:
            await websocket.send_json([1])
            assert await websocket.receive_json() == [1]
            assert (await websocket.receive_close()).code == 4000
