"""Applications that the tests of this folder serve, and what they wait for."""

import asyncio
import logging


class Recorder:
    """Answers lifespan and every request with its path, and keeps what it saw."""

    def __init__(self):
        self.seen = []
        self.states = []

    async def __call__(self, scope, receive, send):
        self.seen.append(scope["type"])
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["pool"] = "open"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.seen.append("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.states.append(scope["state"])
        body = scope["path"].encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", b"%d" % len(body))],
            }
        )
        await send({"type": "http.response.body", "body": body})


class Slow:
    """Waits for `release` before it answers; tells through `begun` that a request has come."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.release = asyncio.Event()
        self.cancelled = False

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        self.begun.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def answer(address, path="/", family="tcp"):
    """The raw answer to one GET, to its end."""
    if isinstance(address, str):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection(*address)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()


async def logged(text):
    """Waits until asgate logs a message with `text` in it."""
    said = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record):
            if text in record.getMessage():
                said.set()

    listener = Listener()
    logging.getLogger("asgate").addHandler(listener)
    try:
        async with asyncio.timeout(10):
            await said.wait()
    finally:
        logging.getLogger("asgate").removeHandler(listener)
