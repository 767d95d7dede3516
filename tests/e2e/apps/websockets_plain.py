"""A plain ASGI application of WebSockets: the path says what is done. `GET /ended/NAME` waits for the end of the
WebSocket `/echo/NAME` and shows how the application was told.
"""

import asyncio
import json
from collections import defaultdict
from urllib.parse import parse_qsl

SPOKEN = ("chat.v2", "chat.v1")  # the best first


def _news() -> "asyncio.Future[dict[str, object]]":
    return asyncio.get_running_loop().create_future()


gates: "defaultdict[str, asyncio.Event]" = defaultdict(asyncio.Event)
ended: "defaultdict[str, asyncio.Future[dict[str, object]]]" = defaultdict(_news)


async def echo(scope, receive, send, name):
    offered = scope["subprotocols"]
    subprotocol = next((it for it in SPOKEN if it in offered), None)
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    while (event := await receive())["type"] == "websocket.receive":
        if event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})
    ended[name].set_result({"code": event["code"], "reason": event.get("reason")})


async def close(scope, receive, send, _):
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.close", "code": int(query["code"]), "reason": query["reason"]})


async def burst(scope, receive, send, count):
    await send({"type": "websocket.accept"})
    for number in range(int(count)):
        await send({"type": "websocket.send", "text": f"message {number}"})
    await send({"type": "websocket.close", "code": 1000})


async def lazy(scope, receive, send, name):
    """Takes no message before `GET /open/NAME`; then counts."""
    await send({"type": "websocket.accept"})
    await gates[name].wait()
    count = 0
    while (event := await receive())["type"] == "websocket.receive":
        count += 1
        if event.get("text") == "last":
            await send({"type": "websocket.send", "text": str(count)})


async def open_(scope, receive, send, name):
    gates[name].set()
    await page(scope, receive, send, name)


async def page(scope, receive, send, _):
    """A page with an origin, for a browser."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<!doctype html><title>WebSocket</title>"})


async def told(scope, receive, send, name):
    body = json.dumps(await ended[name]).encode()
    del ended[name]
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


ROUTES = {
    ("websocket", "echo"): echo,
    ("websocket", "close"): close,
    ("websocket", "burst"): burst,
    ("websocket", "lazy"): lazy,
    ("http", "open"): open_,
    ("http", "page"): page,
    ("http", "ended"): told,
}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan")
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
    _, first, rest = (scope["path"] + "/").split("/", 2)
    await ROUTES[scope["type"], first](scope, receive, send, rest.strip("/"))
