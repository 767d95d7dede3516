"""The plain ASGI application of most tests: each route shows one behaviour, and says on stderr what it does where
a test has to know (`say`), or waits until another request opens its gate (`/open?name=…`).
"""

import asyncio
import json
import os
import time
from collections import defaultdict
from urllib.parse import parse_qsl

PIECE = bytes(range(256)) * 256  # 64 KiB
TEXT = [(b"content-type", b"text/plain")]
gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
progress: dict[str, int] = defaultdict(int)


def say(words):
    os.write(2, f"{words}\n".encode())  # in one piece: a forked child may be speaking, too


async def answer(send, body=b"", status=200, headers=TEXT):
    length = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})


async def answer_json(send, content):
    await answer(send, json.dumps(content).encode(), headers=[(b"content-type", b"application/json")])


async def start(send, headers=TEXT):
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def body_of(receive):
    """The pieces of the body; None at the end when the client left before."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            yield None
            return
        yield message["body"]
        more = message["more_body"]


async def hello(query, scope, receive, send):
    await answer(send, b"Hello, World!")


async def scope_(query, scope, receive, send):
    shown = {key: value for key, value in scope.items() if key not in ("client", "server", "state")}
    await answer(send, repr(dict(sorted(shown.items()))).encode())


async def echo(query, scope, receive, send):
    body = b"".join([piece async for piece in body_of(receive) if piece is not None])
    await answer(send, body)


async def events(query, scope, receive, send):
    """The receive events of this request, as JSON."""
    seen = [await receive()]
    while seen[-1].get("more_body"):
        seen.append(await receive())
    joined = b"".join(event.get("body", b"") for event in seen).decode("latin-1")
    ends = [event["type"] for event in seen if not event.get("more_body")]
    await answer_json(send, {"body": joined, "ends": ends})


async def hold(query, scope, receive, send):
    """Answers when the body is complete: the client has it in its hand when that is."""
    say(f"holding {query.get('name', '')}")
    size = 0
    async for piece in body_of(receive):
        if piece is None:
            say("the client of hold left")
            return
        size += len(piece)
    await answer(send, b"%d" % size)


async def held_stream(query, scope, receive, send):
    """As hold, but its response has begun."""
    await start(send)
    await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
    say(f"streaming {query.get('name', '')}")
    async for _ in body_of(receive):
        pass
    await send({"type": "http.response.body", "body": b"end\n"})


async def hang(query, scope, receive, send):
    if "begun" in query:
        await start(send)
        await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
    say("hanging")
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            say("hang cancelled")
            if "stubborn" not in query:
                raise


async def stream(query, scope, receive, send):
    """`count` pieces of `size` bytes, giving way between them."""
    await start(send)
    piece = (PIECE * (int(query.get("size", 10)) // len(PIECE) + 1))[: int(query.get("size", 10))]
    for _ in range(int(query.get("count", 20))):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


async def flood(query, scope, receive, send):
    """`mib` MiB in pieces of 64 KiB; /progress?name=… shows how many bytes `send` has taken."""
    name = query.get("name", "flood")
    await start(send)
    for _ in range(int(query["mib"]) * 16):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        progress[name] += len(PIECE)
    await send({"type": "http.response.body"})


async def paused(query, scope, receive, send):
    """Takes nothing of its upload until its gate opens."""
    say("paused")
    await gates[query["name"]].wait()
    async for piece in body_of(receive):
        progress[query["name"]] += len(piece or b"")
    await answer(send, b"%d" % progress[query["name"]])


async def open_(query, scope, receive, send):
    gates[query["name"]].set()
    await answer(send)


async def progress_(query, scope, receive, send):
    await answer(send, b"%d" % progress[query["name"]])


async def block(query, scope, receive, send):
    """Keeps the thread of the loop to itself."""
    say("blocking")
    time.sleep(float(query["seconds"]))
    await answer(send)


async def blob(query, scope, receive, send):
    await answer(send, b"b" * int(query["size"]))


async def path_(query, scope, receive, send):
    """A file by pathsend."""
    await start(send)
    await send({"type": "http.response.pathsend", "path": query["path"]})
    say("pathsend returned")


async def early(query, scope, receive, send):
    """An answer before the upload is read."""
    await answer(send, b"too large", status=413)


async def background(query, scope, receive, send):
    await answer(send, b"done")
    await gates[query["name"]].wait()
    say("background work done")


async def trailers(query, scope, receive, send):
    headers = [*TEXT, (b"trailer", b"x-sum")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    await send({"type": "http.response.body", "body": b"with trailers"})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42")]})


async def hints(query, scope, receive, send):
    await send({"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]})
    await answer(send, b"after the hint")


async def empty(query, scope, receive, send):
    """A status without a body."""
    await send({"type": "http.response.start", "status": int(query.get("status", 204)), "headers": []})
    await send({"type": "http.response.body"})


async def boom(query, scope, receive, send):
    if "begun" in query:
        await start(send)
        await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
    raise RuntimeError("boom as asked")


async def quit_(query, scope, receive, send):
    raise SystemExit(int(query["code"]))


async def lifespan(scope, receive, send):
    await receive()
    say("lifespan startup")
    scope["state"]["word"] = "from lifespan"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("lifespan shutdown")
    await send({"type": "lifespan.shutdown.complete"})


ROUTES = {
    "*": hello,
    "background": background,
    "blob": blob,
    "block": block,
    "boom": boom,
    "early": early,
    "echo": echo,
    "empty": empty,
    "events": events,
    "flood": flood,
    "hang": hang,
    "held-stream": held_stream,
    "hello": hello,
    "hints": hints,
    "hold": hold,
    "open": open_,
    "path": path_,
    "paused": paused,
    "progress": progress_,
    "quit": quit_,
    "scope": scope_,
    "stream": stream,
    "trailers": trailers,
}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(scope, receive, send)
    path = scope["path"].removeprefix(scope["root_path"])
    route = ROUTES.get("*" if path == "*" else path.split("/")[1] or "hello")
    if route is None:
        return await answer(send, b"not found", status=404)
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    return await route(query, scope, receive, send)
