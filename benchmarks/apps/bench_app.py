"""The plain ASGI applications under load: no framework, nothing but the conversation with the server.

Each is named after its scenario. They answer lifespan properly, so that no server falls back or warns, and
declare Content-Length wherever the length is known, so that every server frames the same answer alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CHUNK = b"x" * 1024
CHUNKS = 20
BLOCK = b"x" * 65536


async def hello(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
        }
    )
    await send({"type": "http.response.body", "body": b"Hello, World!"})


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Sends the whole request body back."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    await answer(send, b"".join(parts))


async def stream(scope: Message, receive: Receive, send: Send) -> None:
    """Twenty chunks of 1 KiB, of undeclared length: chunked coding."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def upload(scope: Message, receive: Receive, send: Send) -> None:
    """Throws the request body away and answers with its length."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    total = 0
    more = True
    while more:
        message = await receive()
        total += len(message.get("body", b""))
        more = message.get("more_body", False)
    await answer(send, str(total).encode())


async def download(scope: Message, receive: Receive, send: Send) -> None:
    """Streams as many bytes as the path says (`/1073741824`), 64 KiB at a time."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    left = int(scope["path"].lstrip("/"))
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", str(left).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while left > 0:
        block = BLOCK if left >= len(BLOCK) else BLOCK[:left]
        left -= len(block)
        await send({"type": "http.response.body", "body": block, "more_body": left > 0})


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def live(receive: Receive, send: Send) -> None:
    """The lifespan conversation of an application that has nothing to set up."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
