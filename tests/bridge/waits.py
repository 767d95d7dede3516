"""Waiting for what has no event of its own. Where a test can set an `asyncio.Event`, that is better."""

import asyncio
import socket


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


async def soon(event, limit=10):
    """Waits for an `asyncio.Event`. `limit`: seconds until that counts as never."""
    async with asyncio.timeout(limit):
        await event.wait()


class Rounds:
    """Counts the rounds of the loop; its tasks have had a turn in each."""

    count = 0

    async def until(self, event):
        """Counts until the `asyncio.Event` is set."""
        while not event.is_set():
            self.count += 1
            await asyncio.sleep(0)


def refuses(site):
    """Whether nobody listens there any more."""
    with socket.socket(socket.AF_UNIX if isinstance(site.address, str) else socket.AF_INET) as client:
        return client.connect_ex(site.address) != 0
