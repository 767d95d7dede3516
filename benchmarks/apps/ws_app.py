"""The plain ASGI applications of the WebSocket scenarios: no framework, no more than the conversation."""

from __future__ import annotations

from bench_app import Message, Receive, Send, live

listeners: set[Send] = set()


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Sends every message back as what it came: text as text, bytes as bytes."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send(answer(message))


async def broadcast(scope: Message, receive: Receive, send: Send) -> None:
    """Sends every message to all connections, one after the other, the sender's included."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    listeners.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            for listener in tuple(listeners):
                await listener(answer(message))
    finally:
        listeners.discard(send)


def answer(message: Message) -> Message:
    """A new message each time: a server may keep or change what it is given."""
    if (text := message.get("text")) is not None:
        return {"type": "websocket.send", "text": text}
    return {"type": "websocket.send", "bytes": message["bytes"]}
