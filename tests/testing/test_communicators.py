import asyncio

import pytest

from asgate.testing import (
    ApplicationCommunicator,
    HttpCommunicator,
    LifespanCommunicator,
    MessageRefused,
    TimedOut,
    UnexpectedMessage,
    WebsocketCommunicator,
)


async def hello(scope, receive, send):
    event = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
    await send({"type": "http.response.body", "body": event["body"]})


async def test_a_request():
    response = await HttpCommunicator(hello, "post", "/path?q", body=b"!").get_response()
    assert response == {"status": 200, "headers": [(b"a", b"b")], "body": b"/path!"}


async def test_messages_are_given_as_they_were_sent():
    async with HttpCommunicator(hello, "GET", "/") as communicator:
        await communicator.send_input({"type": "http.request", "body": b""})
        assert (await communicator.receive_output())["type"] == "http.response.start"
        assert "more_body" in await communicator.receive_output()
        assert await communicator.receive_output() == {"type": "http.response.body", "body": b""}
        await communicator.wait()


async def test_a_receive_that_takes_too_long_does_not_cancel_the_application():
    communicator = HttpCommunicator(hello, "GET", "/")
    with pytest.raises(TimedOut):
        await communicator.receive_output(0.001)
    assert (await communicator.get_response())["status"] == 200


async def test_messages_are_held_to_the_rules():
    async def app(scope, receive, send):
        await send({"type": "http.response.body"})

    with pytest.raises(MessageRefused):
        await HttpCommunicator(app, "GET", "/").receive_output()


async def test_a_websocket(echo):
    communicator = WebsocketCommunicator(echo, "/ws?q=1", subprotocols=["chat"])
    assert communicator.scope["query_string"] == b"q=1"
    assert await communicator.connect() == (True, None)
    await communicator.send_to(text_data="")
    assert await communicator.receive_from() == ""
    await communicator.send_to(bytes_data=b"\0")
    assert await communicator.receive_from() == b"\0"
    await communicator.send_json_to({"a": 1})
    assert await communicator.receive_json_from() == {"a": 1}
    assert await communicator.receive_nothing()
    await communicator.disconnect(4000)
    assert "code=4000" in "\n".join(communicator.transcript)
    with pytest.raises(ValueError, match="one of"):
        await communicator.send_to()


async def test_a_websocket_that_is_refused():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.close", "code": 4003})

    communicator = WebsocketCommunicator(app, "/ws")
    assert await communicator.connect() == (False, 4003)
    await communicator.wait()


async def test_a_close_is_no_message():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})

    communicator = WebsocketCommunicator(app, "/ws")
    await communicator.connect()
    with pytest.raises(UnexpectedMessage, match=r"websocket\.close came"):
        await communicator.receive_from()
    await communicator.wait()


async def test_nothing_is_known_at_once_when_the_application_waits_for_its_client():
    async def app(scope, receive, send):
        await receive()
        task = asyncio.ensure_future(send({"type": "from.a.task"}))
        await receive()
        await task

    communicator = ApplicationCommunicator(app, {"type": "own"}, timeout=None)
    assert await communicator.receive_nothing()
    await communicator.send_input({"type": "first"})
    assert not await communicator.receive_nothing()
    await communicator.receive_output()
    await communicator.send_input({"type": "second"})
    await communicator.wait()
    assert await communicator.receive_nothing()


async def test_nothing_within_a_time():
    go = asyncio.Event()

    async def app(scope, receive, send):
        await go.wait()
        await send({"type": "late"})

    communicator = ApplicationCommunicator(app, {"type": "own"})
    assert await communicator.receive_nothing()
    assert await communicator.receive_nothing(timeout=0.01)
    go.set()
    assert not await communicator.receive_nothing(timeout=5)
    await communicator.receive_output()
    await communicator.wait()


async def test_waiting_too_long_cancels_nothing_and_stopping_does():
    communicator = ApplicationCommunicator(hello, {"type": "own"})
    with pytest.raises(TimedOut):
        await communicator.wait(0.001)
    await communicator.stop()
    with pytest.raises(LookupError):

        async def broken(scope, receive, send):
            raise LookupError

        await ApplicationCommunicator(broken, {"type": "own"}).wait()


async def test_a_lifespan():
    async def app(scope, receive, send):
        scope["state"]["pool"] = 1
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})

    communicator = LifespanCommunicator(app)
    await communicator.startup()
    assert communicator.state == {"pool": 1}
    await communicator.shutdown()


async def test_a_lifespan_that_fails():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    communicator = LifespanCommunicator(app)
    with pytest.raises(UnexpectedMessage, match="no database"):
        await communicator.startup()
    await communicator.stop()
