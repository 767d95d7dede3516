"""A WebSocket that asks for a token: without it there is a response instead, with it an echo in a subprotocol.

asgate run examples.denial:app
python -m websockets "ws://127.0.0.1:8000/?token=secret"
"""

from urllib.parse import parse_qs

SPOKEN = ("echo.v2", "echo.v1")  # the better first


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        raise NotImplementedError(f"no {scope['type']}")
    await receive()  # websocket.connect
    if parse_qs(scope["query_string"]).get(b"token") == [b"secret"]:
        await echo(scope, receive, send)
    else:
        await deny(scope, send, 401, b"The token is wrong.\n")


async def echo(scope, receive, send):
    chosen = next((name for name in SPOKEN if name in scope["subprotocols"]), None)
    await send({"type": "websocket.accept", "subprotocol": chosen})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


async def deny(scope, send, status, body):
    """With a response of our own where the server can send one, otherwise with the 403 of every server."""
    if "websocket.http.response" in scope.get("extensions", {}):
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close"})
