"""The client with Django and Channels, in a process of its own because of Django's settings."""

import subprocess
import sys

import pytest

pytest.importorskip("django")

PROGRAM = """
import asyncio
import django
from django.conf import settings

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[], LOGGING_CONFIG=None)
django.setup()

from django.core.asgi import get_asgi_application
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from asgate.testing import Client

go = None
left = []

async def echo(request):
    return HttpResponse(request.body, headers={"X-Method": request.method})

async def stream(request):
    async def pieces():
        try:
            yield b"one"
            await go.wait()
            yield b"two"
        finally:
            left.append(True)
    return StreamingHttpResponse(pieces())

def plain(request):
    return HttpResponse(b"from a thread")

urlpatterns = [path("echo", echo), path("stream", stream), path("plain", plain)]

async def main():
    global go
    go = asyncio.Event()
    async with Client(get_asgi_application()) as client:
        response = await client.post("/echo", content=[b"a", b"b"])
        assert (response.content, response.headers["x-method"]) == (b"ab", "POST")
        assert (await client.get("/plain")).text == "from a thread"
        async with client.stream("GET", "/stream") as response:
            assert await response.chunk() == b"one"
            go.set()
            assert await response.chunk() == b"two"
        go.clear()
        left.clear()
        async with client.stream("GET", "/stream") as response:
            assert await response.chunk() == b"one"
        assert left == [True]

asyncio.run(main())
"""

CHANNELS = """
import asyncio
import django
from django.conf import settings

settings.configure(SECRET_KEY="x", LOGGING_CONFIG=None)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from asgate.testing import TimedOut, WebsocketCommunicator

class Echo(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        await self.send_json(content)

async def main():
    communicator = WebsocketCommunicator(Echo.as_asgi(), "/ws")
    assert await communicator.connect() == (True, None)
    try:
        await communicator.receive_json_from(timeout=0.01)
    except TimedOut:
        pass
    assert await communicator.receive_nothing()
    await communicator.send_json_to({"a": 1})
    assert await communicator.receive_json_from() == {"a": 1}
    await communicator.disconnect()

asyncio.run(main())
"""


def run(program):
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_django():
    run(PROGRAM)


def test_channels():
    pytest.importorskip("channels")
    run(CHANNELS)
