"""Applications that take no notice: they ask on behind the end, or swallow their cancellation. The loop, the
threads and the clients do not suffer for it, and the log says who it is.
"""

import asyncio
import logging
import re

import pytest

from asgate.conformance.websocket import closing
from asgate.server import worker

from .sockets import accept, disconnect, handshake, opened
from .waits import soon, until

clause = pytest.mark.clause
GET = b"GET /it HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
DISCONNECT = {"type": "http.disconnect"}


def at_once(asked):
    """What a `receive()` gives that must not wait."""
    with pytest.raises(StopIteration) as given:
        asked.send(None)
    return given.value.value


async def leave(site, kind):
    """A client that makes its application hear of the end."""
    if kind == "websocket":
        await (await opened(site, b"/it")).send(closing(1000))
        return
    client = await site.connect()
    await client.send(GET)
    if kind == "complete":
        assert (await client.response()).status == 200
    else:
        client.close()


@clause("ASGI-094", "ASGI-095", "ASGI-175")
@pytest.mark.parametrize("kind", ["websocket", "gone", "complete"])
async def test_who_asks_on_behind_the_end_gives_way_each_time_and_is_named(serve, answer, caplog, kind):
    """Several parts of an application may ask without a wait, as Starlette's `is_disconnected` does."""
    count, end = 0, disconnect(1000) if kind == "websocket" else DISCONNECT

    async def app(scope, receive, send):
        nonlocal count
        if kind == "websocket":
            await accept(receive, send)
        else:
            await receive()
        if kind == "complete":
            await answer(send)
        assert await receive() == end
        assert [at_once(receive()) for _ in range(8)] == [end] * 8
        while True:
            assert await receive() == end
            count += 1

    async with serve(app) as site:
        await leave(site, kind)
        await until(lambda: count > 1500)
        before = count
        for _ in range(10):
            await asyncio.sleep(0)
        assert count - before <= 20
    what, told = ("websocket", "websocket.disconnect (ASGI-175)"), ("GET", "http.disconnect (ASGI-095)")
    name, event = what if kind == "websocket" else told
    sentence = f"the application of {name} /it goes on calling receive() after {event}: "
    assert caplog.text.count(sentence) == 1


class Deaf:
    """An application that has sent `before` and lives until `free` is set, though it is cancelled (not for ever)."""

    def __init__(self, *before):
        self.before, self.cancelled = before, 0
        self.begun, self.free, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        await receive()
        for message in self.before:
            await send(message)
        self.begun.set()
        while not self.free.is_set():
            try:
                await self.free.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                if self.cancelled > 2:
                    raise
        self.ended.set()


ACCEPT = {"type": "websocket.accept"}
REACHED = {
    "nothing": ((), GET, rb"HTTP/1.1 503 .*\r\n\r\nService Unavailable", "503 19 B"),
    "held": ((START,), GET, rb"HTTP/1.1 503 .*\r\n\r\nService Unavailable", "503 19 B"),
    "part": ((START, PART), GET, rb"HTTP/1.1 200 .*\r\n\r\n4\r\npart\r\n", "200 4 B .* aborted"),
    "handshake": ((), handshake(b"/it"), rb"HTTP/1.1 503 .*\r\n\r\nService Unavailable", "503 19 B"),
    "open": ((ACCEPT,), handshake(b"/it"), rb"HTTP/1.1 101 .*\r\n\r\n\x88\x02\x03\xf4", "101 .* closed 1012"),
}


@clause("ASGI-019", "ASGI-187", "ASGI-199")
@pytest.mark.parametrize("reached", REACHED)
async def test_who_takes_no_cancellation_is_left_behind_and_its_client_told(
    serve, caplog, monkeypatch, reached
):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(worker, "CANCEL_LIMIT", 0.05)
    before, request, wanted, line = REACHED[reached]
    app = Deaf(*before)
    async with serve(app, access_log=True, timeout_disconnect=0.001) as site:
        client = await site.connect()
        await client.send(request)
        await soon(app.begun)
        await site.server.stop()
        found = await client.rest()
        assert re.fullmatch(wanted, found, re.DOTALL), found
        await asyncio.sleep(0.02)  # whatever waits for `timeout_disconnect` comes before
        app.free.set()
        await soon(app.ended)
    name = "WebSocket" if request is not GET else "GET"
    assert re.search(f"took no cancellation, left behind: {name} /it from ", caplog.text)
    assert len(re.findall(f'"GET /it HTTP/1.1" {line}', caplog.text)) == 1, caplog.text
    assert app.cancelled == 1
    assert "did not notice" not in caplog.text
