"""How an application may wait for what `receive()` gives: each takes `receive`, and gives the event."""

import asyncio

import anyio


async def shielded(receive):
    return await asyncio.shield(receive())


async def gathered(receive):
    found, _ = await asyncio.gather(receive(), asyncio.sleep(0))
    return found


async def by_task(receive):
    return await asyncio.create_task(receive())


async def by_future(receive):
    future = asyncio.ensure_future(receive())
    await asyncio.wait({future})
    return future.result()


async def by_callback(receive):
    """Through a future that the done callback of a task sets: it runs soon, with nothing else going on."""
    future = asyncio.get_running_loop().create_future()
    asyncio.ensure_future(receive()).add_done_callback(lambda task: future.set_result(task.result()))
    return await future


async def by_call_soon(receive):
    event, happened = await receive(), asyncio.Event()
    asyncio.get_running_loop().call_soon(happened.set)
    await happened.wait()
    return event


async def by_timer(receive):
    event, happened = await receive(), asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, happened.set)
    await happened.wait()
    return event


async def by_queue(receive):
    """One task hands to the other."""
    queue = asyncio.Queue()

    async def fetch():
        queue.put_nowait(await receive())

    fetching = asyncio.create_task(fetch())
    event = await queue.get()
    await fetching
    return event


async def with_limit(receive):
    async with asyncio.timeout(10), asyncio.timeout(None), asyncio.timeout(20):
        return await receive()


async def in_a_group(receive):
    async with asyncio.TaskGroup() as group:
        return await group.create_task(receive())


async def in_a_group_of_anyio(receive):
    found = []

    async def fetch():
        found.append(await receive())

    with anyio.fail_after(10), anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as group:
            group.start_soon(fetch)
    return found[0]


async def in_the_midst(receive):
    """Inside an asynchronous generator."""

    async def events():
        while True:
            yield await receive()

    return await anext(events())


WAYS = {
    "plainly": lambda receive: receive(),
    "wait_for": lambda receive: asyncio.wait_for(receive(), 10),
    "shield": shielded,
    "gather": gathered,
    "create_task": by_task,
    "ensure_future": by_future,
    "done callback": by_callback,
    "call_soon": by_call_soon,
    "call_later": by_timer,
    "queue": by_queue,
    "timeouts": with_limit,
    "TaskGroup": in_a_group,
    "anyio": in_a_group_of_anyio,
    "generator": in_the_midst,
}
