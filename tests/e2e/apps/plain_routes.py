"""The shared routes with nothing but ASGI; the file goes by pathsend."""

from urllib.parse import parse_qs

import shared

HEADERS = [(b"content-type", b"text/plain")]


async def hello(scope, receive, send):
    words = parse_qs(scope["query_string"].decode()).get("greeting", [None])[0]
    await shared.answer_json(send, shared.greeting(scope["path"].removeprefix("/hello/"), words))


async def stream(scope, receive, send):
    await _pass_on(send, shared.lines(int(scope["path"].removeprefix("/stream/"))))


async def upload(scope, receive, send):
    checksum = shared.Checksum()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        checksum.update(message["body"])
        more = message["more_body"]
    await shared.answer_json(send, checksum.result())


async def file(scope, receive, send):
    size = str(shared.FILE.stat().st_size).encode()
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": str(shared.FILE)})


async def ticking(scope, receive, send):
    await _pass_on(send, shared.ticking())


async def silent(scope, receive, send):
    await _pass_on(send, shared.silent())


async def state(scope, receive, send):
    await shared.answer_json(send, {"state": scope["state"]["word"]})


async def boom(scope, receive, send):
    raise RuntimeError("boom as asked")


async def _pass_on(send, pieces):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    try:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        await pieces.aclose()
    await send({"type": "http.response.body"})


ROUTES = {
    "hello": hello,
    "stream": stream,
    "upload": upload,
    "file": file,
    "ticking": ticking,
    "silent": silent,
    "state": state,
    "boom": boom,
}


async def lifespan(scope, receive, send):
    await receive()
    scope["state"]["word"] = "from lifespan"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def routes(scope, receive, send):
    route = lifespan if scope["type"] == "lifespan" else ROUTES[scope["path"].split("/")[1]]
    await route(scope, receive, send)


app = shared.Watched(routes)
