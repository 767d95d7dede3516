"""A bell that wakes everybody who waits for some change; they look for themselves whether it concerns them.

Nothing is handed over with it. So a waiter that is cancelled, or gives up, takes nothing away with it: what it waited
for is still in its queue. That is what makes every `receive` and `send` here cancel-safe (ASGI-022, 023).
"""

import asyncio


class News:
    """Waits of one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], None] = {}  # in the order of their coming

    def tell(self) -> None:
        """Something has changed."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def wait(self) -> None:
        """Returns when something has changed."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        try:
            await waiter
        finally:
            self._waiting.pop(waiter, None)
