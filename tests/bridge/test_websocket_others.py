"""WebSockets that are not the application's own: who sends to many meets those that have gone or ended. What of that is
an error of the sender, and what the log says of it (ASGI-035, ASGI-036, ASGI-180).
"""

import asyncio
import contextlib

import pytest

from asgate import ClientDisconnected, MessageError
from asgate.conformance.websocket import closing, text

from .sockets import accept, disconnect, handshake, opened, said
from .waits import refuses, soon, until

clause = pytest.mark.clause


class Room:
    """Members by path. `/a` waits to be let go; `/b` says what it receives to all, by `say`."""

    def __init__(self, say):
        self.say, self.sends = say, {}
        self.go, self.gone = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        await accept(receive, send)
        self.sends[scope["path"]] = send
        if scope["path"] == "/a":
            await self.go.wait()
            self.gone.set()
            return
        while (event := await receive())["type"] == "websocket.receive":
            await self.say(self, event["text"])


async def pair(site):
    return await opened(site, b"/a"), await opened(site, b"/b")


async def carelessly(room, words):
    for send in room.sends.values():
        await send(said(words))


@clause("ASGI-035", "ASGI-180", "ASGI-184")
async def test_who_lets_the_news_of_another_ones_departure_pass_is_told_of(serve, caplog):
    room = Room(carelessly)
    async with serve(room) as site:
        a, b = await pair(site)
        a.client.close()
        await until(lambda: site.server.websockets == 2 and departed(room))
        await b.send(text("hi"))
        assert await b.farewell() == (1011, "")
        room.go.set()
    assert caplog.text.count("application raised ClientDisconnected on websocket /b") == 1


def departed(room):
    """Whether the server has noticed: a send raises then, and before it does no harm."""
    try:
        room.sends["/a"](said("probe"))
    except ClientDisconnected:
        return True
    return False


@clause("ASGI-035", "ASGI-180")
async def test_who_catches_it_loses_nobody_else(serve, caplog):
    async def carefully(room, words):
        for path, send in list(room.sends.items()):
            try:
                await send(said(words))
            except OSError:
                del room.sends[path]

    room = Room(carefully)
    async with serve(room) as site:
        a, b = await pair(site)
        await a.send(closing(1000))
        await a.closed()
        await b.send(text("hi"))
        assert await b.message() == "hi"
        assert list(room.sends) == ["/b"]
        room.go.set()
        await b.send(closing(1000))
        assert await b.closed() == (1000, "")
    assert not caplog.text


@clause("ASGI-180", "ASGI-183")
async def test_a_member_whose_application_has_ended_is_gone_for_the_others(serve):
    found = []

    async def say(room, words):
        for send in room.sends.values():
            try:
                await send(said(words))
            except Exception as error:
                found.append(error)

    room = Room(say)
    async with serve(room) as site:
        a, b = await pair(site)
        room.go.set()
        await soon(room.gone)
        assert await a.farewell() == (1000, "")
        await b.send(text("hi"))
        assert await b.message() == "hi"
    (error,) = found
    assert isinstance(error, ClientDisconnected)
    assert not isinstance(error, MessageError)
    assert "its application has ended" in str(error)


class WebSocketDisconnect(Exception):
    """A framework's own word for it."""


@clause("ASGI-035", "ASGI-036")
@pytest.mark.parametrize(
    ("kind", "logged"), [(WebSocketDisconnect, False), (KeyError, True), (AttributeError, True)]
)
@pytest.mark.parametrize("where", ["except", "finally"])
async def test_what_is_raised_on_the_way_is_an_error_and_a_translation_is_none(
    serve, caplog, where, kind, logged
):
    ended = asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        assert await receive() == disconnect(1000)
        try:
            if where == "finally":
                try:
                    await send(said("late"))
                finally:
                    raise kind("on the way")
            try:
                await send(said("late"))
            except OSError:
                raise kind("on the way")  # noqa: B904 (frameworks do it so)
        finally:
            ended.set()

    async with serve(app) as site:
        peer = await opened(site)
        await peer.send(closing(1000))
        await soon(ended)
    assert caplog.text.count("application raised") == logged


@clause("ASGI-180")
async def test_who_never_stops_sending_does_not_keep_the_others_waiting(serve):
    spinning, ended = asyncio.Event(), []

    async def app(scope, receive, send):
        if scope["path"] == "/good":
            await accept(receive, send)
            return
        await accept(receive, send)
        assert await receive() == disconnect(1000)
        spinning.set()
        try:
            while True:
                with contextlib.suppress(Exception):
                    await send(said("on and on"))
        finally:
            ended.append(scope["path"])

    async with serve(app) as site:
        peer = await opened(site)
        await peer.send(closing(1000))
        await soon(spinning)
        assert await (await opened(site, b"/good")).farewell() == (1000, "")
    assert ended == ["/"]


@clause("ASGI-153", "ASGI-187")
async def test_who_returns_at_the_stop_before_it_has_answered_is_not_logged(serve, caplog):
    begun = asyncio.Event()

    async def app(scope, receive, send):
        begun.set()
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async with serve(app, graceful_timeout=5) as site:
        client = await site.connect()
        await client.send(handshake())
        await soon(begun)
        stopping = asyncio.ensure_future(site.server.stop())
        assert (await client.response()).status == 503
        await stopping
        assert refuses(site)
    assert "application" not in caplog.text


@clause("ASGI-018", "ASGI-231")
async def test_a_denial_without_a_body_is_told_as_what_it_is(serve, caplog):
    async def app(scope, receive, send):
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})

    async with serve(app) as site:
        assert (await site.ask(handshake())).status == 500
    assert "without websocket.http.response.body" in caplog.text
