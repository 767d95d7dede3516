"""Waiting for what has no event of its own. Where a test can set an `asyncio.Event`, that is better."""

import asyncio


async def until(condition, limit=10):
    """Lets the loop run until `condition()` holds; asking is all it does. `limit`: seconds until it counts as never."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0)


async def a_while(site):
    """As long as `timeout_head`: until the server ends a connection that says nothing."""
    assert await (await site.connect()).rest() == b""


async def departure(site, begun, ended, request, leave=None):
    """A client sends `request`, leaves when `begun` is set (by `leave`, else by closing), and `ended` follows."""
    client = await site.connect()
    await client.send(request)
    await begun.wait()
    if leave is None:
        client.close()
    else:
        leave(client)
    async with asyncio.timeout(5):
        await ended.wait()
