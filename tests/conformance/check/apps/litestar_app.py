"""A sound Litestar application, whose schema lies at /schema/openapi.json."""

import contextlib
from pathlib import Path

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.response import File, Stream


@contextlib.asynccontextmanager
async def lifespan(application: Litestar):
    application.state.word = "from lifespan"
    yield


@get("/")
async def home(request: Request) -> dict[str, str]:
    return {"word": request.app.state.word}


@get("/items/{number:int}")
async def item(number: int, q: str) -> dict[str, str | int]:
    return {"number": number, "q": q}


async def numbers():
    for number in range(20):
        yield b"%d\n" % number


@get("/stream", media_type="text/plain")
async def stream() -> Stream:
    return Stream(numbers())


@get("/file", media_type="text/plain")
async def file() -> File:
    return File(Path(__file__))


@post("/upload")
async def upload(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


@websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect, KeyError):
        while True:
            await socket.send_text(await socket.receive_text())


app = Litestar([home, item, stream, file, upload, echo], lifespan=[lifespan])
