import asyncio

import pytest

from asgate.testing import Client, Closed, ConversationError, Denied, TimedOut, UnexpectedMessage

ACCEPT = {"type": "websocket.accept"}


def app_of(*steps, seen=None):
    """Sends messages; takes events where a step is None, until the disconnect where it is ..."""

    async def app(scope, receive, send):
        if scope["type"] != "websocket":
            raise NotImplementedError
        assert (await receive())["type"] == "websocket.connect"
        for step in steps:
            if isinstance(step, dict):
                await send(step)
            else:
                event = await receive()
                while step is ... and event["type"] != "websocket.disconnect":
                    event = await receive()
                if seen is not None:
                    seen.append(event)

    return app


async def test_messages_of_every_kind(echo):
    async with Client(echo).websocket("/ws?q=1") as socket:
        await socket.send_text("ä")
        assert await socket.receive_text() == "ä"
        await socket.send_bytes(b"\xff")
        assert await socket.receive_bytes() == b"\xff"
        await socket.send_json({"a": 1})
        assert await socket.receive_json() == {"a": 1}
        await socket.send("")
        assert await socket.receive() == ""
        await socket.send("text")
        with pytest.raises(UnexpectedMessage, match="text came where bytes"):
            await socket.receive_bytes()
        await socket.send(b"bytes")
        with pytest.raises(UnexpectedMessage, match="bytes came where text"):
            await socket.receive_text()


async def test_a_receive_that_takes_too_long_loses_nothing(echo):
    async with Client(echo).websocket("/ws") as socket:
        with pytest.raises(TimedOut, match=r"within 0\.01 s: the application waits in receive"):
            await socket.receive(0.01)
        await socket.send("still there")
        assert await socket.receive() == "still there"


async def test_the_accept():
    app = app_of({**ACCEPT, "subprotocol": "chat", "headers": [(b"x-a", b"1")]}, ...)
    async with Client(app).websocket(
        "/ws", subprotocols=["other", "chat"], headers={"origin": "me"}
    ) as socket:
        assert (socket.subprotocol, socket.headers["x-a"]) == ("chat", "1")


@pytest.mark.parametrize(
    ("code", "reason", "told"), [(1000, "", 1000), (4001, "bye", 4001), (None, "", 1005), (1006, "", 1006)]
)
async def test_the_client_closes(code, reason, told):
    seen = []
    async with Client(app_of(ACCEPT, ..., None, seen=seen)).websocket("/ws") as socket:
        await socket.send("read before the close")
        await (socket.drop() if code == 1006 else socket.close(code, reason))
    assert seen == [{"type": "websocket.disconnect", "code": told, "reason": reason}] * 2


async def test_leaving_the_block_closes():
    seen = []
    async with Client(app_of(ACCEPT, ..., seen=seen)).websocket("/ws"):
        pass
    assert seen[0]["code"] == 1000


async def test_after_its_own_close_the_client_says_and_hears_nothing(echo):
    async with Client(echo).websocket("/ws") as socket:
        await socket.close()
        for step in (socket.send("a"), socket.receive()):
            with pytest.raises(ConversationError, match="the client left"):
                await step


@pytest.mark.parametrize("close", [{}, {"code": 4000, "reason": "bye"}])
async def test_the_application_closes(close):
    seen = []
    app = app_of(
        ACCEPT, {"type": "websocket.send", "text": "a"}, {"type": "websocket.close", **close}, None, seen=seen
    )
    async with Client(app).websocket("/ws") as socket:
        assert [message async for message in socket] == ["a"]
        closed = await socket.receive_close()
        assert (closed.code, closed.reason) == (close.get("code", 1000), close.get("reason", ""))
        assert (socket.close_code, socket.close_reason) == (closed.code, closed.reason)
        for step in (socket.send("late"), socket.receive()):
            with pytest.raises(Closed):
                await step
    assert seen[0]["code"] == closed.code


async def test_a_message_is_no_close(echo):
    async with Client(echo).websocket("/ws") as socket:
        await socket.send("a")
        with pytest.raises(UnexpectedMessage, match="close was expected: 'a'"):
            await socket.receive_close()


async def test_an_application_that_returns_is_closed_by_the_server():
    async with Client(app_of(ACCEPT)).websocket("/ws") as socket:
        assert (await socket.receive_close()).code == 1000


async def test_an_application_that_breaks():
    async def app(scope, receive, send):
        await receive()
        await send(ACCEPT)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        async with Client(app).websocket("/ws") as socket:
            await socket.receive()
    async with Client(app, raise_app_exceptions=False).websocket("/ws") as socket:
        assert (await socket.receive_close()).code == 1011


async def test_a_close_before_the_accept_is_a_403():
    seen = []
    client = Client(app_of({"type": "websocket.close", "code": 4000}, None, seen=seen))
    with pytest.raises(Denied) as denied:
        async with client.websocket("/ws"):
            pass
    assert denied.value.response.status_code == 403
    assert denied.value.transcript[2] == "   app: websocket.close code=4000"  # and no status beside it
    assert seen[0]["code"] == 1006


DENIAL = (
    {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x", b"1")]},
    {"type": "websocket.http.response.body", "body": b"not ", "more_body": True},
    {"type": "websocket.http.response.body", "body": b"you"},
)


async def test_a_denial_has_a_response():
    with pytest.raises(Denied, match="401") as denied:
        async with Client(app_of(*DENIAL)).websocket("/ws"):
            pass
    response = denied.value.response
    assert (response.status_code, response.headers["x"], response.text) == (401, "1", "not you")


async def test_the_body_of_a_denial_streams():
    go = asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        for message in DENIAL[:2]:
            await send(message)
        await go.wait()
        await send(DENIAL[2])

    async with Client(app).websocket("/ws", raise_denied=False) as socket:
        assert await socket.response.chunk() == b"not "
        go.set()
        assert [piece async for piece in socket.response.stream()] == [b"you"]


async def test_without_an_answer():
    with pytest.raises(ConversationError, match="before the answer to"):
        async with Client(app_of()).websocket("/ws"):
            pass
    with pytest.raises(Denied, match="500"):
        async with Client(app_of(), raise_app_exceptions=False).websocket("/ws"):
            pass
    with pytest.raises(TimedOut):
        async with Client(app_of(None)).websocket("/ws", timeout=0.01):
            pass


async def test_a_client_that_does_not_read_stalls_the_application():
    message = {"type": "websocket.send", "bytes": b"x" * 100}
    async with Client(app_of(ACCEPT, *[message] * 3), buffer=150).websocket("/ws") as socket:
        assert await socket.blocked() == "send"
        for _ in range(3):
            await socket.receive()
        await socket.ended()


async def test_an_application_that_takes_nothing_stalls_the_client():
    go = asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        await send(ACCEPT)
        await go.wait()
        while (await receive())["type"] == "websocket.receive":
            pass

    async with Client(app, backlog=2).websocket("/ws") as socket:
        for _ in range(2):
            await socket.send("a")
        with pytest.raises(TimedOut, match="took no event"):
            await socket.send("a", 0.01)
        go.set()
        await socket.send("a")


@pytest.mark.parametrize(("spec_version", "raises"), [("2.3", False), ("2.4", True)])
async def test_sending_to_a_client_that_left(spec_version, raises):
    seen = []

    async def app(scope, receive, send):
        await receive()
        await send(ACCEPT)
        await receive()
        try:
            await send({"type": "websocket.send", "text": "late"})
        except OSError:
            seen.append("OSError")

    async with Client(app, spec_version=spec_version).websocket("/ws"):
        pass
    assert bool(seen) is raises
