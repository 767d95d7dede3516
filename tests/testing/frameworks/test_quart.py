"""The client with Quart."""

import pytest

pytest.importorskip("quart")

from quart import Quart, request, websocket

from asgate.testing import Client


@pytest.fixture
def app():
    app = Quart(__name__)
    app.log = []

    @app.before_serving
    async def begin():
        app.log.append("begin")

    @app.after_serving
    async def end():
        app.log.append("end")

    @app.post("/echo")
    async def echo():
        body = request.body

        async def pieces():
            async for piece in body:
                yield piece.upper()

        return pieces()

    @app.websocket("/ws")
    async def socket():
        while True:
            await websocket.send(await websocket.receive())

    return app


async def test_lifespan_stream_and_websocket(app):
    async with Client(app, lifespan="on") as client:
        assert app.log == ["begin"]
        async with client.open("POST", "/echo") as exchange:
            for piece in (b"one", b"two"):
                await exchange.send(piece)
                response = await exchange.response()
                assert await response.chunk() == piece.upper()
            await exchange.end()
            assert await response.read() == b""
        async with client.websocket("/ws") as socket:
            await socket.send("hello")
            assert await socket.receive() == "hello"
    assert app.log == ["begin", "end"]
