"""Something that is opened at the start, shared by all requests, and closed at the end.

asgate run examples.lifespan_state:app --lifespan on
curl http://127.0.0.1:8000/
"""

import itertools


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await live(scope["state"], receive, send)
    elif scope["type"] == "http":
        # Each request gets a copy of the dict; the objects in it are the same ones.
        number = next(scope["state"]["visits"])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"visit %d\n" % number})
    else:
        raise NotImplementedError(f"only HTTP, not {scope['type']}")


async def live(state, receive, send):
    await receive()  # lifespan.startup
    state["visits"] = itertools.count(1)  # a pool of database connections, say
    await send({"type": "lifespan.startup.complete"})
    await receive()  # lifespan.shutdown: all connections are closed by now
    del state["visits"]
    await send({"type": "lifespan.shutdown.complete"})
