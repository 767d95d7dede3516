"""Clients that leave where nobody reads, and what a stop says about requests (see test_hostile.py)."""

import asyncio
import logging

import pytest

from .waits import until

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
DISCONNECT = {"type": "http.disconnect"}
LARGE = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n" + bytes(100_000)


class Waiter:
    """An application that takes no body; `go` lets it receive until the disconnect, then send. Or it is cancelled."""

    def __init__(self, begin):
        self.begin = begin
        self.called = 0
        self.ended = 0
        self.outcomes = []
        self.go = asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["path"] == "/after":
            await send(START)
            await send(PART | {"more_body": False})
            return
        try:
            for message in self.begin:
                await send(message)
            self.called += 1
            await self.go.wait()
            while (event := await receive()) != DISCONNECT:
                pass
            self.outcomes.append(event)
            try:
                await send(PART if self.begin else START)
            except OSError as error:
                self.outcomes.append(error)
        except asyncio.CancelledError as error:
            self.outcomes.append(error)
            raise
        finally:
            self.ended += 1


async def leave(site, app, count, how, request):
    """`count` clients make the request, are seen, and leave."""
    clients = [await site.connect() for _ in range(count)]
    for client in clients:
        await client.send(request)
    await until(lambda: app.called == count)
    for client in clients:
        if app.begin:
            await client.until(b"part")
        {"close": client.close, "reset": client.reset}[how]()


@clause("ASGI-015", "ASGI-095")
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_who_leaves_an_unread_upload_frees_its_place(serve, how):
    """All connections are taken; the next client comes in when they are known to be gone."""
    app = Waiter((START, PART))
    options = {"timeout_disconnect": 0.2, "limit_read_buffer": 1024, "limit_connections": 3}
    async with serve(app, **options) as site:
        await leave(site, app, 3, how, LARGE)
        assert (await site.get(b"/after")).status == 200
        await until(lambda: app.ended == 3)
    assert [type(it) for it in app.outcomes] == [asyncio.CancelledError] * 3


@clause("ASGI-095", "ASGI-100", "ASGI-110")
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("begin", [(), (START, PART)], ids=["before start", "mid-download"])
async def test_who_reads_on_hears_of_a_client_that_left_its_upload(serve, how, begin):
    app = Waiter(begin)
    async with serve(app, timeout_disconnect=0.2, limit_read_buffer=1024, limit_connections=1) as site:
        await leave(site, app, 1, how, LARGE)
        if not begin:  # the connection is gone, and the application lives
            assert (await site.get(b"/after")).status == 200
        app.go.set()
        await until(lambda: app.ended)
    assert app.outcomes[0] == DISCONNECT
    assert isinstance(app.outcomes[1], OSError)


@clause("ASGI-095", "ASGI-087")
async def test_who_takes_its_body_in_time_gets_all_of_it_from_a_client_that_left(serve, answer):
    """A client that is gone has still sent something: it is not thrown away at once."""
    taken, go = [], asyncio.Event()

    async def app(scope, receive, send):
        if scope["path"] == "/after":
            await answer(send)
            return
        await go.wait()
        while (event := await receive()) != DISCONNECT:
            taken.append(len(event["body"]))
            assert event["more_body"]
        taken.append(event)

    async with serve(app, timeout_disconnect=60, limit_read_buffer=1024) as site:
        client = await site.connect()
        await client.send(LARGE)
        client.finish()
        await site.get(b"/after")
        go.set()
        await until(lambda: DISCONNECT in taken)
    assert sum(taken[:-1]) == 100_000


@clause("ASGI-097")
@pytest.mark.parametrize("request_", [GET, LARGE], ids=["GET", "unread upload"])
@pytest.mark.parametrize("begin", [(), (START, PART)], ids=["before start", "mid-download"])
async def test_with_half_close_a_reset_is_still_a_departure(serve, request_, begin):
    app = Waiter(begin)
    options = {"half_close": True, "limit_read_buffer": 1024, "limit_connections": 2}
    async with serve(app, timeout_disconnect=0.2, **options) as site:
        await leave(site, app, 2, "reset", request_)
        assert (await site.get(b"/after")).status == 200
        if begin:
            await until(lambda: app.ended == 2)
            assert [type(it) for it in app.outcomes] == [asyncio.CancelledError] * 2
        else:
            app.go.set()
            await until(lambda: app.ended == 2)
            assert app.outcomes.count(DISCONNECT) == 2
            assert len([it for it in app.outcomes if isinstance(it, OSError)]) == 2


class Evil:
    """What an application may put into its scope."""

    def __str__(self):
        raise ValueError("not to be told")

    __repr__ = __str__


@pytest.mark.parametrize("mutated", [False, True])
async def test_a_stop_reports_requests_on_one_harmless_line_each(serve, caplog, mutated):
    caplog.set_level(logging.INFO, "asgate")
    called = []

    async def app(scope, receive, send):
        if mutated:
            scope["path"] = Evil()
        called.append(1)
        await asyncio.get_running_loop().create_future()

    async with serve(app, graceful_timeout=0.05) as site:
        client = await site.connect()
        await client.send(b"GET /a%0a2026%20CRITICAL%20forged%0d%1b[2J%c2%85%7f HTTP/1.1\r\nhost: a\r\n\r\n")
        await until(lambda: called)
        await site.server.stop()
    reports = [record.getMessage() for record in caplog.records if "cancelled" in record.getMessage()]
    assert len(reports) == 1
    assert all(character.isprintable() for character in reports[0])
    path = r"/a\n2026 CRITICAL forged\r\x1b[2J\x85\x7f"
    assert (path in reports[0]) is not mutated
