"""Nothing is left behind by WebSockets, whatever their ends: no scope, no task, no exchange."""

import asyncio
import gc
import weakref

import pytest

from asgate.conformance.websocket import closing, text

from .sockets import accept, handshake, said, told
from .waits import until

clause = pytest.mark.clause
CLOSE = {"type": "websocket.close", "code": 4001, "reason": "we move"}


class Mark:
    """Something that can be watched, kept alive by one WebSocket's scope and nothing else."""


class Mixture:
    """Ends as the path says."""

    def __init__(self):
        self.scopes, self.tasks = weakref.WeakSet(), weakref.WeakSet()
        self.running = 0

    async def __call__(self, scope, receive, send):
        mark = scope["extensions"]["mark"] = Mark()
        self.scopes.add(mark)
        self.tasks.add(asyncio.current_task())
        self.running += 1
        try:
            await getattr(self, scope["path"][1:])(receive, send)
        finally:
            self.running -= 1

    async def returns(self, receive, send):
        await accept(receive, send)
        await send(said("x"))

    async def closes(self, receive, send):
        await accept(receive, send)
        await send(CLOSE)
        await told(receive)

    async def listens(self, receive, send):
        await accept(receive, send)
        await told(receive)

    async def keeps(self, receive, send):
        """A receive that is never taken and messages that nobody asks for."""
        await accept(receive, send)
        asyncio.ensure_future(receive()).cancel()
        await receive()

    async def forbids(self, receive, send):
        await receive()
        await send(CLOSE)

    async def denies(self, receive, send):
        await receive()
        await send({"type": "websocket.http.response.start", "status": 404})
        await send({"type": "websocket.http.response.body"})


async def talk(site, path, number):
    """One WebSocket from its handshake to its end, which is one of four."""
    client = await site.connect()
    await client.send(
        handshake(path.encode(), b"sec-websocket-extensions: permessage-deflate") + text("a") * 3
    )
    if number % 4 == 0:
        client.reset()
        return
    head = await client.head()
    if head.status == 101:
        if number % 4 == 1:
            client.close()
            return
        await client.send(closing(4000) if number % 4 == 2 else b"\xff\xff")
    await client.end()
    client.close()


@clause("ASGI-014", "ASGI-175")
@pytest.mark.parametrize("takeover", [False, True])
async def test_a_thousand_websockets_leave_nothing_behind(serve, takeover):
    app = Mixture()
    paths = ("/returns", "/closes", "/listens", "/keeps", "/forbids", "/denies")
    async with serve(app, ws_deflate_takeover=takeover, timeout_disconnect=0.05) as site:
        for number in range(0, 1008, 24):
            await asyncio.gather(
                *(talk(site, paths[(number + one) % 6], (number + one) // 6) for one in range(24))
            )
            site.clients.clear()
        await until(lambda: not app.running)
        await until(lambda: gc.collect() >= 0 and len(app.scopes) <= 1 and len(app.tasks) <= 1)
        assert (await site.ask(b"GET /denies HTTP/1.1\r\nhost: a\r\n\r\n")).status == 500
