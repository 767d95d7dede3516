"""Tests in the application's own event loop; httpx brings anyio, whose pytest plugin runs them.

pytest examples/testing_client.py
"""

import pytest
from examples.lifespan_state import app as counter
from examples.upload import app as upload

from asgate.testing import Client

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_the_lifespan_runs_with_the_block(anyio_backend):
    async with Client(counter, lifespan="on") as client:
        assert (await client.get("/")).text == "visit 1\n"
        assert (await client.get("/")).text == "visit 2\n"


async def test_a_body_in_pieces(anyio_backend):
    response = await Client(upload).put("/", content=[b"one", b"two"])
    assert response.text.startswith("6 bytes")


async def ticks(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    for number in range(1000):
        await send({"type": "http.response.body", "body": b"tick %d\n" % number, "more_body": True})
    await send({"type": "http.response.body"})


async def test_a_stream_and_a_client_that_leaves(anyio_backend):
    client = Client(ticks, buffer=0)  # each send waits for its reader
    async with client.stream("GET", "/") as response:
        assert await response.chunk() == b"tick 0\n"
    # The end of the block is the disconnect; the application has ended now.
    assert "the client has left" in response.transcript[-1]


async def chat(scope, receive, send):
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"].upper()})


async def test_a_websocket(anyio_backend):
    async with Client(chat).websocket("/chat") as socket:
        await socket.send("hello")
        assert await socket.receive_text() == "HELLO"
        await socket.close(4000, "bye")
