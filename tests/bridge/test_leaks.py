"""Nothing is left behind: by requests of every kind, by cancelled waits, by servers that were stopped."""

import asyncio
import contextlib
import gc
import weakref
from collections import Counter
from pathlib import Path

import anyio
import pytest

from .waits import until

clause = pytest.mark.clause
OURS = ("Exchange", "Reactor", "Worker", "Task", "Future", "Waiting", "TimerHandle")
SPARE = 1  # the core keeps the last `extensions`, to use the dict again when nobody else has it
DISCONNECT = "http.disconnect"
START = {"type": "http.response.start", "status": 200}


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def census():
    """How many objects of the kinds that come with requests are alive, after a collection."""
    gc.collect()
    found = Counter(type(thing).__name__ for thing in gc.get_objects())
    return {name: found[name] for name in OURS}


linux = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")


class Scope:
    """Something that can be watched, kept alive by one request's scope and nothing else."""


class Mixture:
    """Answers by the path; `scopes` and `tasks` see what is still alive."""

    def __init__(self):
        self.scopes = weakref.WeakSet()
        self.tasks = weakref.WeakSet()
        self.begun = 0
        self.running = 0

    async def __call__(self, scope, receive, send):
        mark = scope["extensions"]["mark"] = Scope()
        self.scopes.add(mark)
        self.tasks.add(asyncio.current_task())
        self.begun += 1
        self.running += 1
        try:
            await getattr(self, scope["path"][1:])(receive, send)
        finally:
            self.running -= 1

    async def hello(self, receive, send):
        await send(START | {"headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def post(self, receive, send):
        while (await receive())["more_body"]:
            pass
        await self.hello(receive, send)

    async def stream(self, receive, send):
        await send(START)
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"end"})

    async def leave(self, receive, send):
        while (await receive())["type"] != DISCONNECT:
            pass


async def talk(site, times):
    """Three kinds of request by turns on one connection."""
    client = await site.connect()
    for _ in range(times):
        await client.send(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await client.response()).body == b"ok"
        await client.send(b"POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n")
        await client.send(b"body")
        assert (await client.response()).body == b"ok"
        await client.send(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")
        assert (await client.response()).body == b"partpartpartend"
    client.close()


async def depart(site, app, times):
    """Clients that leave while their application waits for it, one after the other."""
    for number in range(times):
        client = await site.connect()
        begun = app.begun
        await client.send(b"GET /leave HTTP/1.1\r\nhost: a\r\n\r\n")
        await until(lambda begun=begun: app.begun > begun)
        (client.reset if number % 2 else client.close)()
    site.clients.clear()


@clause("ASGI-014", "ASGI-094")
@linux
async def test_two_thousand_requests_leave_nothing_behind(serve):
    app = Mixture()
    async with serve(app) as site:
        await talk(site, 2)
        await depart(site, app, 2)
        await until(lambda: not app.running)
        await asyncio.sleep(0)
        before, open_before = census(), descriptors()
        await asyncio.gather(*(talk(site, 150) for _ in range(4)))
        await depart(site, app, 200)
        await until(lambda: not app.running)
        site.clients.clear()
        assert app.begun == 8 + 1800 + 200
        await until(lambda: descriptors() <= open_before)
        after = census()
        assert len(app.scopes) <= SPARE
        assert len(app.tasks) <= 1  # at most the last one, in some register of the loop
    # A few may be in the hands of the loop or of asyncio's own helpers; what leaks, leaks by the hundred.
    grown = {name: after[name] - before[name] for name in OURS if after[name] - before[name] > 8}
    assert not grown


async def by_task(receive):
    task = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


async def by_timeout(receive):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await receive()


async def by_scope(receive):
    """As Starlette's `request.is_disconnected()` does."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await receive()


@clause("ASGI-022")
@pytest.mark.parametrize("cancel", [by_task, by_timeout, by_scope])
async def test_cancelled_receives_leave_no_future(serve, cancel):
    """As `request.is_disconnected()` in an endless loop does."""
    found = []

    async def app(scope, receive, send):
        await receive()
        await send(START)
        for count in (10, 1_000):
            for _ in range(count):
                await cancel(receive)
            found.append(census())
        await send({"type": "http.response.body", "body": b"end"})

    async with serve(app) as site:
        assert (await site.get()).body == b"end"
    for name in ("Future", "Task", "Waiting"):
        assert found[1][name] - found[0][name] < 20


@clause("ASGI-022", "ASGI-095")
async def test_after_many_cancelled_receives_the_last_one_hears_of_the_disconnect(serve):
    heard, ready, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        patient = asyncio.ensure_future(receive())
        for _ in range(500):
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        ready.set()
        heard.append(await patient)
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await ready.wait()
        client.close()
        await ended.wait()
    assert heard == [{"type": DISCONNECT}]


async def test_cancelled_sends_leave_no_future(serve, unix):
    """To a client that reads nothing; afterwards it gets every byte that `send` had taken, in order."""
    found, done = [], asyncio.Event()
    part = {"type": "http.response.body", "body": b"x" * 65_536, "more_body": True}

    async def app(scope, receive, send):
        await send(START)
        with_room = True
        while with_room:  # until a send has to wait
            task = asyncio.ensure_future(send(part))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            with_room = task.done()
        for count in (10, 500):
            for _ in range(count):
                task.cancel()
                await asyncio.wait({task})
                task = asyncio.ensure_future(send({**part, "body": b""}))
                await asyncio.sleep(0)
            found.append(census())
        task.cancel()
        await asyncio.wait({task})
        done.set()
        await send({"type": "http.response.body", "body": b"end"})

    async with serve(app, bind=unix) as site:
        client = await site.connect()
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await done.wait()
        body = (await client.response()).body
    assert body.endswith(b"xend")
    assert body.count(b"x") == len(body) - 3
    for name in ("Future", "Task", "Waiting"):
        assert found[1][name] - found[0][name] < 20


def timers():
    """Those that will ring on this loop; uvloop does not tell."""
    scheduled = getattr(asyncio.get_running_loop(), "_scheduled", ())
    return {timer for timer in scheduled if not timer.cancelled()}


@linux
async def test_stopped_servers_leave_no_timer_no_descriptor_and_no_object(serve, answer):
    """One after the other in one loop, as the tests of an application start them; clients stay connected."""

    async def app(scope, receive, send):
        await answer(send)

    async def once(number):
        async with serve(app) as site:
            client = await site.connect()
            await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert (await client.response()).body == b"ok"
            if number % 2:
                client.close()

    for number in range(2):
        await once(number)
    before, open_before, timers_before = census(), descriptors(), timers()
    for number in range(20):
        await once(number)
    after = census()
    assert descriptors() <= open_before
    assert timers() <= timers_before
    for name in ("Exchange", "Reactor", "Worker", "Task"):
        assert after[name] <= before[name] + 1, name


@linux
async def test_a_stopped_server_forgets_its_departed_clients(serve):
    """An application that never notices is watched by a timer, which ends with it and with the server."""
    app, go = Mixture(), asyncio.Event()

    async def stays(receive, send):
        await go.wait()

    app.stays = stays
    async with serve(app) as site:
        for _ in range(50):
            client = await site.connect()
            await client.send(b"GET /stays HTTP/1.1\r\nhost: a\r\n\r\n")
            begun = app.begun
            await until(lambda begun=begun: app.running >= begun)
        await until(lambda: app.running == 50)
        for client in site.clients:
            client.reset()
        site.clients.clear()
        del client
        go.set()
        await until(lambda: not app.running)
        await asyncio.sleep(0)
        gc.collect()
        assert len(app.scopes) <= SPARE


async def test_a_send_of_another_thread_that_was_given_up_can_be_collected(serve, unix):
    """It waits for its client, which waits for nothing; the application keeps it where its own scope leads."""
    marks, given_up = weakref.WeakSet(), asyncio.Event()

    async def app(scope, receive, send):
        mark = scope["mark"] = Scope()
        marks.add(mark)
        await send(START)
        part = {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
        mark.sending = await asyncio.to_thread(send, part)
        mark.sending.send(None)
        given_up.set()

    async with serve(app, bind=unix) as site:
        client = await site.connect(room=4096)
        await client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await given_up.wait()
        client.close()
        await until(lambda: gc.collect() >= 0 and not marks)
