"""The application that test suites of others talk to: every message comes back as it was."""


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise NotImplementedError(f"only WebSocket, not {scope['type']}")
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})
