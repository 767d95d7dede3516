"""The scope of a WebSocket, the subprotocols, and the handshake's answer (ASGI sections 6 and 7)."""

import asyncio

import pytest

from asgate.conformance.websocket import closing

from .sockets import CONNECT, accept, disconnect, handshake, opened, outcome, told
from .waits import soon

clause = pytest.mark.clause


@pytest.fixture
def scope_of(serve):
    """The scope that a handshake makes, and the addresses of its client and its server."""

    async def ask(target=b"/", *lines, **options):
        scopes = []

        async def app(scope, receive, send):
            scopes.append(scope)
            await accept(receive, send)

        async with serve(app, **options) as site:
            peer = await opened(site, target, *lines)
            addresses = peer.client.socket.getsockname(), peer.client.socket.getpeername()
            assert await peer.farewell() == (1000, "")
        return scopes[0], addresses

    return ask


@clause("ASGI-130", "ASGI-131", "ASGI-132", "ASGI-133", "ASGI-134", "ASGI-135", "ASGI-136", "ASGI-137")
@clause("ASGI-138", "ASGI-139", "ASGI-140", "ASGI-142", "ASGI-158", "ASGI-230")
async def test_every_key(scope_of):
    lines = (b"Origin: http://elsewhere", b"X-Same: 1", b"x-same: 2")
    scope, addresses = await scope_of(b"/a%2fb/%C3%A9?q=%20", *lines)
    assert set(scope) == {
        *("type", "asgi", "http_version", "server", "client", "scheme", "root_path", "path", "raw_path"),
        *("query_string", "headers", "extensions", "subprotocols", *(("state",) if "state" in scope else ())),
    }
    assert scope["type"] == "websocket"
    assert scope["asgi"]["version"] == "3.0"
    assert scope["asgi"]["spec_version"].startswith("2.")
    assert (scope["http_version"], scope["scheme"], scope["root_path"]) == ("1.1", "ws", "")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a/b/é", b"/a%2fb/%C3%A9", b"q=%20")
    assert (scope["client"], scope["server"]) == addresses
    names = [name for name, _ in scope["headers"]]
    assert names[:3] == [b"host", b"connection", b"upgrade"]
    assert scope["headers"][-3:] == [(b"origin", b"http://elsewhere"), (b"x-same", b"1"), (b"x-same", b"2")]
    assert scope["subprotocols"] == []
    assert scope["extensions"] == {"websocket.http.response": {}}


@clause("ASGI-140")
@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ((b"sec-websocket-protocol: chat",), ["chat"]),
        ((b"sec-websocket-protocol: b,a ,\tc",), ["b", "a", "c"]),
        ((b"sec-websocket-protocol: b", b"x: y", b"Sec-WebSocket-Protocol: a, c"), ["b", "a", "c"]),
    ],
)
async def test_subprotocols_of_all_fields_in_their_order(scope_of, lines, found):
    assert (await scope_of(b"/", *lines))[0]["subprotocols"] == found


@clause("ASGI-141", "ASGI-006")
async def test_what_is_mutable_is_each_scopes_own(serve):
    keys = ("state", "headers", "extensions", "asgi", "subprotocols")
    scopes, shared = [], []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            scope["state"]["shared"] = shared
            while (kind := (await receive())["type"]) != "lifespan.shutdown":
                await send({"type": f"{kind}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        scopes.append({key: scope[key] for key in keys})
        assert all("mine" not in scope[key] for key in keys)
        scope["state"]["mine"] = scope["headers"].append("mine")
        scope["extensions"]["mine"] = scope["asgi"]["mine"] = scope["subprotocols"].append("mine")
        await accept(receive, send)

    async with serve(app, lifespan="on") as site:
        for _ in range(2):
            assert await (await opened(site)).farewell() == (1000, "")
    first, second = scopes
    assert all(first[key] is not second[key] for key in keys)
    assert second["state"]["shared"] is shared


@clause("ASGI-145", "ASGI-002")
async def test_connect_comes_first_and_the_handshake_waits_for_the_answer(serve):
    events, heard, go = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        events.append(await receive())
        heard.set()
        await go.wait()
        await send({"type": "websocket.accept"})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(handshake())
        await soon(heard)
        with pytest.raises(BlockingIOError):
            client.socket.recv(1)
        go.set()
        assert (await client.head()).status == 101
    assert events == [CONNECT]


@clause("ASGI-145")
async def test_who_accepts_without_asking_is_still_told_of_the_connect(serve):
    events, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "websocket.accept"})
        events.extend(await told(receive))
        ended.set()

    async with serve(app) as site:
        (await opened(site)).client.close()
        await soon(ended)
    assert events == [CONNECT, disconnect(1006)]


@clause("ASGI-147", "ASGI-148")
async def test_headers_of_the_accept_are_on_the_101_in_their_order(serve):
    headers = [(b"set-cookie", b"a=1"), (b"x-one", b"\xff"), (b"set-cookie", b"b=2")]
    ours = [(b"upgrade", b"h2c"), (b"connection", b"close"), (b"content-length", b"3")]

    async def app(scope, receive, send):
        await accept(receive, send, headers=iter(headers + ours), subprotocol="b")

    async with serve(app) as site:
        response = (await opened(site, b"/", b"sec-websocket-protocol: a, b")).response
    fields = [(name.lower(), value) for name, value in response.fields]
    assert [field for field in fields if field[0] in (b"set-cookie", b"x-one")] == headers
    assert response[b"sec-websocket-protocol"] == [b"b"]
    assert response[b"sec-websocket-accept"] == [b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    assert [value.lower() for value in response[b"upgrade"]] == [b"websocket"]
    assert [value.lower() for value in response[b"connection"]] == [b"upgrade"]
    assert not response[b"content-length"] + response[b"transfer-encoding"]


@clause("ASGI-154")
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
async def test_a_client_that_leaves_before_the_accept(serve, how):
    found, heard, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        found.append(await receive())
        heard.set()
        found.append(await receive())
        found.append(await receive())
        found.extend(await outcome(send, {"type": "websocket.accept"}, {"type": "websocket.close"}))
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(handshake())
        await soon(heard)
        {"close": client.close, "reset": client.reset, "half-close": client.finish}[how]()
        await soon(ended)
    assert found[:3] == [CONNECT, disconnect(1006), disconnect(1006)]
    assert all(isinstance(error, OSError) for error in found[3:])
    assert len(found) == 5


@clause("ASGI-155", "ASGI-002")
@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ((b"version: 13", b"version: 12"), 426),
        ((b"sec-websocket-key: dGhl", b"sec-websocket-key: dGh"), 400),
        ((b"sec-websocket-key", b"no-key"), 400),
        ((b"GET ", b"PUT "), 400),
    ],
)
async def test_a_bad_handshake_never_reaches_the_application(serve, wrong, status):
    called = []

    async def app(scope, receive, send):
        called.append(scope)

    async with serve(app) as site:
        found = await site.ask(handshake().replace(*wrong))
    assert found.status == status
    assert (found[b"sec-websocket-version"] == [b"13"]) is (status == 426)
    assert not called


async def test_one_websocket_too_many_is_sent_away_and_a_place_that_is_free_is_taken(serve):
    async def app(scope, receive, send):
        await accept(receive, send)
        await told(receive)

    async with serve(app, limit_websockets=2) as site:
        first, second = await opened(site), await opened(site)
        refused = await site.ask(handshake())
        assert (refused.status, refused[b"retry-after"]) == (503, [b"1"])
        first.client.finish()
        assert await first.client.rest() == b""
        third = await opened(site)
        for peer in (second, third):
            await peer.send(closing(1000))
            assert await peer.closed() == (1000, "")
