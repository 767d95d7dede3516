"""The client with Litestar."""

import asyncio

import pytest

pytest.importorskip("litestar")

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.response import Stream

from asgate.testing import Client


@post("/upload")
async def upload(request: Request) -> bytes:
    async for piece in request.stream():
        seen.append(piece)
    return b"".join(seen)


@get("/download")
async def download() -> Stream:
    async def pieces():
        yield b"one"
        await request_two.wait()
        yield b"two"

    return Stream(pieces())


seen = []
request_two = asyncio.Event()


@websocket("/ws")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close(code=4000, reason="bye")


async def test_lifespan_stream_and_websocket():
    log = []
    app = Litestar(
        [upload, download, socket],
        on_startup=[lambda: log.append("begin")],
        on_shutdown=[lambda: log.append("end")],
    )
    async with Client(app, lifespan="on") as client:
        async with client.open("POST", "/upload") as exchange:
            await exchange.send(b"one")
            assert await exchange.blocked() == "receive"
            assert seen == [b"one"]
            await exchange.send(b"two", more=False)
            assert await (await exchange.response()).read() == b"onetwo"
        async with client.stream("GET", "/download") as response:
            assert await response.chunk() == b"one"
            request_two.set()
            assert await response.chunk() == b"two"
        async with client.websocket("/ws") as connection:
            await connection.send("hello")
            assert await connection.receive() == "hello"
            closed = await connection.receive_close()
            assert (closed.code, closed.reason) == (4000, "bye")
    assert log == ["begin", "end"]
