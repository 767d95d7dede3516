"""A stream of server-sent events that ends when the client leaves.

asgate run examples.streaming:app
curl -N 'http://127.0.0.1:8000/?count=3'
"""

import asyncio
from urllib.parse import parse_qs

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    query = parse_qs(scope["query_string"].decode("latin-1"))
    count = int(query.get("count", ["60"])[0])
    pause = float(query.get("pause", ["1"])[0])
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    for number in range(count):
        if number:
            await asyncio.sleep(pause)
        # Once the client has left this raises asgate.ClientDisconnected, an OSError. Let it pass: it is not logged.
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
    await send({"type": "http.response.body"})
