"""How WebSockets end, what the client sees of it and what the application hears, as often as it asks; what the log says
(ASGI sections 8 and 9).
"""

import asyncio

import pytest

from asgate.conformance.websocket import Opcode, binary, closing, frame, text

from .sockets import accept, disconnect, handshake, opened, outcome, received, said, told
from .waits import soon, until

clause = pytest.mark.clause
CLOSE = {"type": "websocket.close", "code": 4001, "reason": "bye"}


class Watcher:
    """An application that hears everything, twice the end, and then tries to send; `go` lets it begin."""

    def __init__(self):
        self.events, self.sent = [], []
        self.go, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        try:
            await accept(receive, send)
            await self.go.wait()
            self.events += await told(receive)
            self.events.append(await receive())
            self.sent = await outcome(send, said("a"), said(b"b"), CLOSE, {"type": "websocket.accept"})
        finally:
            self.ended.set()

    def check(self, *events):
        assert self.events == [*events, events[-1]]
        assert len(self.sent) == 4
        for error in self.sent:
            assert isinstance(error, OSError)
            assert type(error) is not OSError


@clause("ASGI-175", "ASGI-176", "ASGI-178", "ASGI-179", "ASGI-180")
@pytest.mark.parametrize("when", ["waiting", "late"])
@pytest.mark.parametrize(
    ("last", "told"),
    [
        (closing(4001, "bye ✓"), (4001, "bye ✓")),
        (closing(1000), (1000, "")),
        (frame(Opcode.CLOSE), (1005, "")),
        (closing(1011, "x" * 123), (1011, "x" * 123)),
    ],
    ids=["code and reason", "code", "neither", "longest"],
)
async def test_the_clients_close_frame(serve, last, told, when):
    """It is answered in its own words whether the application listens or not, and told behind what came before it."""
    app = Watcher()
    async with serve(app) as site:
        peer = await opened(site)
        if when == "waiting":
            app.go.set()
        await peer.send(text("a"), binary(b""), last)
        assert await peer.closed() == told
        assert await peer.client.rest() == b""
        app.go.set()
        await soon(app.ended)
    app.check(received("a"), received(b""), disconnect(*told))


@clause("ASGI-167", "ASGI-178")
async def test_what_came_with_the_close_frame_is_answered_before_it(serve):
    async def echo(scope, receive, send):
        await accept(receive, send)
        while (event := await receive())["type"] == "websocket.receive":
            await send(said(event.get("text") or event["bytes"]))

    async with serve(echo) as site:
        peer = await opened(site)
        await peer.send(text("a"), binary(b"b"), closing(1000))
        assert [await peer.message(), await peer.message()] == ["a", b"b"]
        assert await peer.closed() == (1000, "")
        assert await peer.client.rest() == b""


@clause("ASGI-175", "ASGI-177", "ASGI-179", "ASGI-180", "ASGI-184")
@pytest.mark.parametrize("half", [False, True], ids=["strict", "half_close"])
@pytest.mark.parametrize("how", ["close", "reset", "half-close", "half a frame"])
async def test_a_client_that_leaves_without_a_close_frame(serve, how, half):
    app = Watcher()
    app.go.set()
    async with serve(app, half_close=half) as site:
        peer = await opened(site)
        if how == "half a frame":
            await peer.send(text("a"), text("half")[:-1])
            how = "half-close"
            before = [received("a")]
        else:
            before = []
        {"close": peer.client.close, "reset": peer.client.reset, "half-close": peer.client.finish}[how]()
        await soon(app.ended)
    app.check(*before, disconnect(1006))


@clause("ASGI-161", "ASGI-168", "ASGI-175")
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (frame(Opcode.TEXT, b"\xff"), 1007),
        (frame(Opcode.TEXT, b"a", masked=False), 1002),
        (frame(3), 1002),
        (frame(0, b"more"), 1002),
        (frame(Opcode.CLOSE, b"\x03"), 1002),
        (frame(Opcode.BINARY, announced=1001), 1009),
        (frame(Opcode.BINARY, b"x" * 600, final=False) + frame(0, b"x" * 600), 1009),
    ],
)
async def test_a_fault_of_the_client_is_told_to_both(serve, wrong, code):
    app = Watcher()
    app.go.set()
    async with serve(app, ws_max_size=1000) as site:
        peer = await opened(site)
        await peer.send(text("a"), wrong)
        found, reason = await peer.closed()
        assert (found, bool(reason)) == (code, True)
        peer.client.finish()
        assert await peer.client.rest() == b""
        await soon(app.ended)
    app.check(received("a"), disconnect(code))


@clause("ASGI-168")
async def test_a_message_of_just_the_largest_size_is_none_too_many(serve):
    app = Watcher()
    app.go.set()
    async with serve(app, ws_max_size=1000) as site:
        peer = await opened(site)
        await peer.send(binary(b"x" * 1000), closing())
        assert await peer.closed() == (1000, "")
        await soon(app.ended)
    app.check(received(b"x" * 1000), disconnect(1000))


@clause("ASGI-175", "ASGI-179", "ASGI-181", "ASGI-182", "ASGI-183")
@pytest.mark.parametrize("listening", [False, True])
async def test_the_applications_own_close(serve, listening):
    """Its code is what `receive` tells from then on, whatever the client answers; what waited is forgotten."""
    found, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        assert await receive() == received("last")
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(CLOSE)
        if listening:
            found.append(await waiting)
        else:
            waiting.cancel()
            found.append(await receive())
        found.append(await receive())
        found.extend(await outcome(send, said("late"), CLOSE))
        ended.set()

    async with serve(app) as site:
        peer = await opened(site)
        await peer.send(text("last"))
        assert await peer.closed() == (4001, "bye")
        await peer.send(text("too late"), closing(4002, "no, you"))
        assert await peer.client.rest() == b""
        await soon(ended)
    assert found[:2] == [disconnect(4001, "bye")] * 2
    assert [isinstance(error, RuntimeError) and not isinstance(error, OSError) for error in found[2:]] == [
        True
    ] * 2


@clause("ASGI-181")
@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ({}, (1000, "")),
        ({"code": 3000}, (3000, "")),
        ({"reason": "é" * 61}, (1000, "é" * 61)),
        ({"code": 1014, "reason": None}, (1014, "")),
    ],
)
async def test_codes_and_reasons_of_the_application(serve, keys, seen):
    async def app(scope, receive, send):
        await accept(receive, send)
        await send({"type": "websocket.close"} | keys)

    async with serve(app) as site:
        assert await (await opened(site)).farewell() == seen


@clause("ASGI-188")
async def test_a_client_that_never_answers_a_close_is_given_up(serve):
    async def app(scope, receive, send):
        await accept(receive, send)
        await send(CLOSE)

    async with serve(app, ws_close_timeout=0.05) as site:
        peer = await opened(site)
        assert await peer.closed() == (4001, "bye")
        assert await peer.client.rest() == b""


@clause("ASGI-164", "ASGI-177")
async def test_a_client_that_answers_no_ping_is_gone(serve):
    app = Watcher()
    app.go.set()
    async with serve(app, ws_ping_interval=0.05, ws_ping_timeout=0.05) as site:
        peer = await opened(site)
        assert (await peer.frame()).opcode == Opcode.PING
        assert (await peer.closed())[0] == 1011
        await soon(app.ended)
    app.check(disconnect(1006))


@clause("ASGI-164")
async def test_a_client_that_answers_its_pings_stays(serve):
    app = Watcher()
    app.go.set()
    async with serve(app, ws_ping_interval=0.02, ws_ping_timeout=10) as site:
        peer = await opened(site)
        for _ in range(5):
            ping = await peer.frame()
            assert ping.opcode == Opcode.PING
            await peer.send(frame(Opcode.PONG, ping.payload))
        await peer.send(closing(4000))
        await soon(app.ended)
    app.check(disconnect(4000))


class Odd(BaseException):
    """Neither an Exception nor one of Python's own."""


@clause("ASGI-016", "ASGI-020", "ASGI-025", "ASGI-153", "ASGI-184")
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("kind", [ValueError, Odd, asyncio.CancelledError, OSError, GeneratorExit])
@pytest.mark.parametrize("accepted", [False, True])
async def test_an_application_that_raises(serve, caplog, accepted, kind, wait):
    async def app(scope, receive, send):
        if scope["path"] == "/good":
            await accept(receive, send)
            return
        if accepted:
            await accept(receive, send)
            await send(said("last words"))
        if wait:
            await asyncio.sleep(0)
        raise kind("why")

    async with serve(app) as site:
        if accepted:
            peer = await opened(site)
            assert await peer.message() == "last words"
            assert await peer.farewell() == (1011, "")
        else:
            found = await site.ask(handshake())
            assert (found.status, found[b"connection"]) == (500, [b"close"])
            assert not found[b"upgrade"] + found[b"sec-websocket-accept"]
            assert b"why" not in found.body
        assert await (await opened(site, b"/good")).farewell() == (1000, "")
    assert caplog.text.count("application raised") == 1
    assert "why" in caplog.text


@clause("ASGI-016", "ASGI-184")
@pytest.mark.parametrize("own", [False, True], ids=["client closed", "application closed"])
async def test_raised_after_the_end_the_client_has_its_close_frame(serve, caplog, own):
    ended = asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        if own:
            await send(CLOSE)
        await told(receive)
        ended.set()
        raise ValueError("why")

    async with serve(app) as site:
        peer = await opened(site)
        if own:
            assert await peer.farewell() == (4001, "bye")
        else:
            await peer.send(closing(4000))
            assert await peer.closed() == (4000, "")
            assert await peer.client.rest() == b""
        await soon(ended)
        await until(lambda: "application raised" in caplog.text)
    assert caplog.text.count("application raised") == 1


@clause("ASGI-035", "ASGI-036", "ASGI-180")
async def test_an_application_that_lets_the_news_of_the_disconnect_pass_is_not_logged(serve, caplog):
    ended = asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        await told(receive)
        try:
            await send(said("late"))
        finally:
            ended.set()

    async with serve(app) as site:
        peer = await opened(site)
        await peer.send(closing(4000))
        assert await peer.closed() == (4000, "")
        await soon(ended)
    assert not caplog.text


@clause("ASGI-153")
async def test_returned_without_an_answer(serve, caplog):
    async def app(scope, receive, send):
        await receive()

    async with serve(app) as site:
        found = await site.ask(handshake())
        assert (found.status, found[b"upgrade"]) == (500, [])
    assert "ASGI-153" in caplog.text


@clause("ASGI-185")
async def test_returned_without_a_close_is_a_normal_end(serve, caplog):
    async def app(scope, receive, send):
        await accept(receive, send)
        await send(said("done"))

    async with serve(app) as site:
        peer = await opened(site)
        assert await peer.message() == "done"
        assert await peer.farewell() == (1000, "")
    assert not caplog.text


@clause("ASGI-034", "ASGI-007")
async def test_with_version_2_3_a_late_send_does_nothing(serve):
    app = Watcher()
    app.go.set()
    async with serve(app, spec_version="2.3") as site:
        peer = await opened(site)
        await peer.send(closing(4000))
        await soon(app.ended)
    assert app.events == [disconnect(4000)] * 2
    assert app.sent == [None] * 4


async def test_the_log_sees_a_websocket_come_and_go_and_a_denied_one_only_go(serve, caplog):
    caplog.set_level("INFO", "asgate.access")

    async def app(scope, receive, send):
        if scope["path"] == "/chat":
            await accept(receive, send)
            await send(said("welcome"))
            await told(receive)

    def lines():
        records = [record for record in caplog.records if record.name == "asgate.access"]
        return [(record.path, record.status, record.bytes, record.outcome) for record in records]

    async with serve(app, access_log=True) as site:
        peer = await opened(site, b"/chat")
        await until(lambda: lines() == [("/chat", 101, 0, "opened")])
        assert (await site.ask(handshake(b"/other"))).status == 500
        await peer.send(closing(1000))
        assert await peer.everything() == ["welcome", (1000, "")]
    assert [line[:2] for line in lines()] == [("/chat", 101), ("/other", 500), ("/chat", 101)]
    assert lines()[-1] == ("/chat", 101, 7, "complete")
