"""A chat room: a page, and a WebSocket for each who opens it. A thousand fit into one process.

asgate run examples.chat:app --ws-max-size 4K
Open http://127.0.0.1:8000 in two windows.
"""

import asyncio
import contextlib
from pathlib import Path

PAGE = Path(__file__).with_suffix(".html").read_bytes()
HEADERS = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(PAGE))]
WAITING = 64  # messages for one who does not read, then the room goes on without
room = set()


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await chat(receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": PAGE})
    else:
        raise NotImplementedError(f"no {scope['type']}")


async def chat(receive, send):
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    queue = asyncio.Queue(WAITING + 1)  # and the end
    room.add(queue)
    writer = asyncio.create_task(write(queue, send))
    try:
        while (event := await receive())["type"] == "websocket.receive":
            if event.get("text"):
                say(event["text"])
    finally:
        room.discard(queue)
        writer.cancel()


def say(text):
    """To everybody, without waiting for anybody: a slow client stalls its own writer alone."""
    for queue in tuple(room):
        if queue.qsize() < WAITING:
            queue.put_nowait(text)
        else:
            room.discard(queue)
            queue.put_nowait(None)  # the end, after what waits already


async def write(queue, send):
    with contextlib.suppress(OSError):  # the client has left: `receive` says so, too
        while (text := await queue.get()) is not None:
            await send({"type": "websocket.send", "text": text})
        await send({"type": "websocket.close", "code": 1013, "reason": "too slow"})
