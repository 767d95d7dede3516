"""Who holds the loop up is found, with the place."""

import asyncio
import time

from asgate.conformance.check.blocking import Watchdog


async def blocked(times):
    async with Watchdog(limit=0.05) as watchdog:
        for _ in range(times):
            time.sleep(0.2)
            await asyncio.sleep(0.05)
    return watchdog.places


def test_a_place_that_blocks_is_named():
    ((place, (seconds, times)),) = asyncio.run(blocked(2)).items()
    assert place.endswith("in blocked")
    assert seconds > 0.05
    assert times == 2


def test_a_loop_that_turns_is_not():
    async def idle():
        async with Watchdog(limit=5) as watchdog:
            await asyncio.sleep(0)
        return watchdog.places

    assert asyncio.run(idle()) == {}
