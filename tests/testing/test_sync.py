import contextvars
import queue
import threading

import pytest

from asgate.testing import Closed, StatusError, SyncClient, TimedOut

variable = contextvars.ContextVar("variable", default="unset")


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    left = [thread for thread in set(threading.enumerate()) - before if thread.name == "asgate.testing"]
    assert left == []


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for half in ("startup", "shutdown"):
            await receive()
            scope["state"]["pool"] = half
            await send({"type": f"lifespan.{half}.complete"})
        return
    status = 404 if scope["path"] == "/missing" else 200
    told = variable.get() if scope["path"] == "/variable" else scope["state"]["pool"]
    await send({"type": "http.response.start", "status": status})
    await send({"type": "http.response.body", "body": told.encode()})


def test_requests_and_lifespan():
    with SyncClient(app) as client:
        assert client.get("/").text == "startup"
        for call in (client.post, client.put, client.patch, client.delete, client.options):
            assert call("/").status_code == 200
        assert client.head("/").content == b""
        with pytest.raises(StatusError):
            client.get("/missing").raise_for_status()
    assert client.state == {"pool": "shutdown"}


def test_the_application_sees_the_variables_of_the_test():
    variable.set("by the test")
    with SyncClient(app) as client:
        assert client.get("/variable").text == "by the test"


def test_pieces_in_both_directions(echo):
    with SyncClient(echo, cookies={"a": "b"}) as client, client.open("POST", "/") as exchange:
        response = exchange.response()
        exchange.send(b"one")
        assert response.chunk() == b"one"
        assert exchange.blocked() == "receive"
        exchange.end()
        assert response.read() == b""
        exchange.ended()
        assert response.status_code == 200


def test_a_body_may_block_its_thread(echo):
    pieces = queue.Queue()
    with SyncClient(echo) as client, client.stream("POST", "/", content=iter(pieces.get, None)) as response:
        for piece in (b"one\n", b"two\n"):
            pieces.put(piece)
            assert response.chunk() == piece
        pieces.put(b"three\nfour")
        pieces.put(None)
        assert list(response.lines()) == ["three", "four"]


def test_leaving(echo):
    with SyncClient(echo) as client:
        with client.open("POST", "/") as exchange:
            exchange.disconnect()
            exchange.ended()
        with client.open("POST", "/") as exchange:
            exchange.half_close()
        with client.stream("POST", "/", content=b"abc") as response:
            assert list(response.stream()) == [b"abc"]


def test_a_websocket(echo):
    with SyncClient(echo) as client, client.websocket("/ws") as socket:
        socket.send_text("a")
        assert socket.receive_text() == "a"
        socket.send_bytes(b"a")
        assert socket.receive_bytes() == b"a"
        socket.send_json([1])
        assert socket.receive_json() == [1]
        with pytest.raises(TimedOut):
            socket.receive(timeout=0.01)
        assert socket.blocked() == "receive"
        assert socket.subprotocol is None
        socket.close(4000)
        socket.ended()


def test_a_websocket_that_is_closed():
    async def closing(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "a"})
        await send({"type": "websocket.close", "code": 4000})

    with SyncClient(closing, lifespan="off") as client:
        with client.websocket("/") as socket:
            assert list(socket) == ["a"]
            assert socket.receive_close().code == 4000
        with client.websocket("/") as socket, pytest.raises(Closed):
            socket.receive()
            socket.receive()


def test_faults_of_the_test_and_of_the_application_come_through():
    async def broken(scope, receive, send):
        raise LookupError("mine")

    with SyncClient(broken) as client, pytest.raises(LookupError, match="mine"):
        client.get("/")
    with pytest.raises(ZeroDivisionError), SyncClient(app) as client, client.open("GET", "/"):
        raise ZeroDivisionError


def test_without_a_block_it_is_closed(echo):
    client = SyncClient(echo)
    assert client.post("/", content=b"a").content == b"a"
    client.close()


def test_one_that_is_forgotten_leaves_no_thread(echo):
    client = SyncClient(echo)
    client.post("/", content=b"a")
    del client


def test_a_lifespan_that_fails_leaves_no_thread():
    from asgate.testing import LifespanFailed

    async def failing(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed"})

    with pytest.raises(LifespanFailed), SyncClient(failing):
        pass
