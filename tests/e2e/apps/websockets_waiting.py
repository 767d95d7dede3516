"""An application of WebSockets that takes and gives when it is told to.

`/counted/NAME` takes one message for each `GET /take/NAME`, which waits for that. `/flood/BYTES` sends so many and then
echoes. `/late` goes on sending when it has heard of the end, and logs what comes of it.
`/exit/WHEN` has a task of its own that ends the process behind a message, at once or `later`.
"""

import asyncio
import logging
import sys
from collections import defaultdict

calls: "defaultdict[str, asyncio.Semaphore]" = defaultdict(lambda: asyncio.Semaphore(0))
taken: "defaultdict[str, asyncio.Queue[int]]" = defaultdict(asyncio.Queue)


async def counted(receive, send, name):
    while True:
        await calls[name].acquire()
        event = await receive()
        taken[name].put_nowait(len(event.get("bytes") or b""))


async def flood(receive, send, count):
    await send({"type": "websocket.send", "bytes": bytes(int(count))})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


async def late(receive, send, _):
    assert (await receive())["type"] == "websocket.disconnect"
    try:
        await send({"type": "websocket.send", "text": "late"})
    except OSError as error:
        logging.getLogger("asgate").warning("%s", error)


async def exit_(receive, send, when):
    async def read():
        await receive()
        if when == "later":
            await asyncio.sleep(0)
        sys.exit(7)

    await asyncio.wait({asyncio.create_task(read())})
    await send({"type": "websocket.send", "text": "it has ended"})


async def take(send, name):
    calls[name].release()
    body = b"%d" % await taken[name].get()
    head = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError("no lifespan")
    _, first, rest = (scope["path"] + "/").split("/", 2)
    name = rest.strip("/")
    if scope["type"] == "http":
        await take(send, name)
        return
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    route = {"counted": counted, "exit": exit_, "flood": flood, "late": late}[first]
    await route(receive, send, name)
