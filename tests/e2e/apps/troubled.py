"""Applications that trouble a start or a stop."""

import asyncio
import time


async def no_start(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def no_end(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "still busy"})


async def endless_start(scope, receive, send):
    await receive()
    print("starting", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("start cancelled", flush=True)


async def blocked_end(scope, receive, send):
    """Blocks the loop's thread in its shutdown: only the system can end this."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("blocking", flush=True)
    time.sleep(600)


class Old:
    """ASGI 2: called with the scope, then with receive and send."""

    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        if self.scope["type"] != "http":
            raise NotImplementedError
        body = f"ASGI {self.scope['asgi']['version']}".encode()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": body})


NOT_CALLABLE = 42
