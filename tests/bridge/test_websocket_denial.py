"""Handshakes that are refused: with `websocket.close`, and with a response of the application's own (ASGI-151,
152, 157 and section 13).
"""

import asyncio

import pytest

from asgate import MessageError

from .sockets import CONNECT, disconnect, handshake, opened, outcome
from .waits import soon

clause = pytest.mark.clause
START = {"type": "websocket.http.response.start", "status": 418}
PART = {"type": "websocket.http.response.body", "body": b"part", "more_body": True}
END = {"type": "websocket.http.response.body", "body": b"end"}
CLOSE = {"type": "websocket.close", "code": 4001, "reason": "bye"}


@pytest.fixture
def denied(serve):
    """The answer to a handshake of an application that sends these messages, and what it hears behind them."""

    async def ask(*messages, asking=False, then=()):
        heard, ended = [], asyncio.Event()

        async def app(scope, receive, send):
            assert await receive() == CONNECT
            waiting = asyncio.ensure_future(receive()) if asking else None
            await asyncio.sleep(0)
            for message in messages:
                await send(message)
            heard.append(await (waiting or receive()))
            heard.append(await receive())
            heard.extend(await outcome(send, *then))
            ended.set()

        async with serve(app) as site:
            client = await site.connect()
            await client.send(handshake() + b"GET /next HTTP/1.1\r\nhost: a\r\n\r\n")
            found = await client.response()
            assert await client.rest() == b""
            await soon(ended)
        assert not found[b"upgrade"] + found[b"sec-websocket-accept"] + found[b"sec-websocket-protocol"]
        assert found[b"connection"] == [b"close"]
        return found, heard

    return ask


@clause("ASGI-151", "ASGI-152", "ASGI-157", "ASGI-179", "ASGI-236")
@pytest.mark.parametrize("asking", [False, True])
@pytest.mark.parametrize("close", [CLOSE, {"type": "websocket.close"}, CLOSE | {"code": "none", "reason": 5}])
async def test_a_close_before_the_accept_is_a_403(denied, close, asking):
    found, heard = await denied(close, asking=asking, then=[close])
    assert found.status == 403
    assert heard[:2] == [disconnect(1006)] * 2
    assert isinstance(heard[2], RuntimeError)


@clause("ASGI-231", "ASGI-233", "ASGI-234", "ASGI-235", "ASGI-157")
@pytest.mark.parametrize("asking", [False, True])
@pytest.mark.parametrize(
    ("bodies", "body", "chunked"),
    [
        ((END,), b"end", False),
        ((PART, PART, END), b"partpartend", True),
        (({"type": END["type"]},), b"", False),
        ((PART, {"type": END["type"]}), b"part", True),
    ],
)
async def test_a_response_of_the_applications_own(denied, bodies, body, chunked, asking):
    headers = [(b"x-why", b"because"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]
    found, heard = await denied(START | {"headers": headers}, *bodies, asking=asking)
    assert (found.status, found.body) == (418, body)
    assert (found[b"x-why"], found[b"set-cookie"]) == ([b"because"], [b"a", b"b"])
    assert (found[b"transfer-encoding"] == [b"chunked"]) is chunked
    assert heard == [disconnect(1006)] * 2


@clause("ASGI-231", "ASGI-104")
@pytest.mark.parametrize("status", [200, 204, 302, 404, 599])
async def test_any_final_status_will_do(denied, status):
    found, _ = await denied(START | {"status": status}, {"type": END["type"]})
    assert (found.status, found.body) == (status, b"")


@clause("ASGI-115", "ASGI-231", "ASGI-040")
async def test_a_declared_length_holds_for_a_denial_as_well(serve):
    raised = []

    async def app(scope, receive, send):
        await send(START | {"headers": [(b"content-length", b"3")]})
        raised.extend(await outcome(send, END | {"body": b"long"}, END | {"body": b"s"}))
        await send(END)

    async with serve(app) as site:
        found = await site.ask(handshake())
    assert (found.status, found.body, found[b"content-length"]) == (418, b"end", [b"3"])
    assert [type(error).__name__ for error in raised] == ["MessageError"] * 2


@clause("ASGI-234", "ASGI-118")
async def test_a_long_denial_waits_for_a_slow_client(serve, unix):
    blocked, length = asyncio.Event(), 8 << 20

    async def app(scope, receive, send):
        await send(START)
        sending = asyncio.ensure_future(send(PART | {"body": bytes(length)}))
        await asyncio.sleep(0)
        assert not sending.done()
        blocked.set()
        await sending
        await send(END)

    async with serve(app, bind=unix) as site:
        client = await site.connect(room=4096)
        await client.send(handshake())
        await soon(blocked)
        assert (await client.response()).body == bytes(length) + b"end"


@clause("ASGI-153", "ASGI-018", "ASGI-105")
@pytest.mark.parametrize("error", [None, ValueError("why")])
async def test_a_denial_that_is_not_finished(serve, truncated, caplog, error):
    """Before its first byte is out it becomes a 500; behind that it is visibly cut short."""

    async def app(scope, receive, send):
        await send(START)
        if scope["path"] == "/begun":
            await send(PART)
        if error is not None:
            raise error

    async with serve(app) as site:
        assert (await site.ask(handshake())).status == 500
        client = await site.connect()
        await client.send(handshake(b"/begun"))
        with pytest.raises(truncated) as cut:
            await client.response()
    assert cut.value.args == ("eof", b"part")
    assert caplog.text.count("application raised" if error else "the application returned") == 2


@clause("ASGI-110", "ASGI-154", "ASGI-235")
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_in_the_middle_of_its_denial(serve, how):
    found, begun, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        assert await receive() == CONNECT
        await send(START)
        await send(PART)
        begun.set()
        found.extend([await receive(), await receive()])
        found.extend(await outcome(send, PART, END))
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(handshake())
        await soon(begun)
        {"close": client.close, "reset": client.reset}[how]()
        await soon(ended)
    assert found[:2] == [disconnect(1006)] * 2
    assert [isinstance(error, OSError) for error in found[2:]] == [True] * 2


@clause("ASGI-157", "ASGI-040")
@pytest.mark.parametrize(
    ("field", "named"),
    [
        ((b"connection", b"upgrade"), "connection: upgrade"),
        ((b"Connection", b"keep-alive, Upgrade"), "connection: upgrade"),
        ((b"upgrade", b"websocket"), "upgrade"),
        ((b"Upgrade", b"h2c"), "upgrade"),
        ((b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "sec-websocket-accept"),
        ((b"Sec-WebSocket-Extensions", b"permessage-deflate"), "sec-websocket-extensions"),
        ((b"sec-websocket-protocol", b"chat"), "sec-websocket-protocol"),
    ],
)
async def test_a_denial_with_a_field_of_an_acceptance_is_refused(serve, field, named):
    """Wherever it stands among the others; nothing is on the wire then, and the next answer is as good as ever."""
    raised = []
    answers = {
        "/deny": (START | {"headers": [(b"x-a", b"b")]}, END),
        "/accept": ({"type": "websocket.accept"},),
    }

    async def app(scope, receive, send):
        for headers in ([field], [(b"x-old", b"1"), field, (b"x-old", b"2")]):
            raised.extend(await outcome(send, START | {"headers": headers}))
        raised.extend(await outcome(send, END))
        for message in answers[scope["path"]]:
            await send(message)

    async with serve(app) as site:
        found = await site.ask(handshake(b"/deny"))
        assert (found.status, found.body, found[b"x-a"], found[b"x-old"]) == (418, b"end", [b"b"], [])
        assert found[b"connection"] == [b"close"]
        assert not found[b"upgrade"] + [
            name for name, _ in found.fields if name.startswith(b"sec-websocket-")
        ]
        peer = await opened(site, b"/accept")
        assert [name for name, _ in peer.response.fields].count(b"x-old") == 0
        assert await peer.farewell() == (1000, "")
    assert [type(error) for error in raised] == [MessageError] * 6
    for error in (raised[0], raised[1], raised[3], raised[4]):
        assert f"no {named} " in str(error)
        assert "ASGI-157" in str(error)


@clause("ASGI-157", "ASGI-231")
@pytest.mark.parametrize(
    "field",
    [
        (b"connection", b"close"),
        (b"sec-websocket-version", b"13"),
        (b"www-authenticate", b"Upgrade realm"),
        (b"x-upgrade", b"websocket"),
    ],
)
async def test_other_fields_of_a_denial_pass(denied, field):
    found, _ = await denied(START | {"headers": [field]}, END)
    assert (found.status, found.body, found[field[0]]) == (418, b"end", [field[1]])
