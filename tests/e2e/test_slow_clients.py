"""Clients that are slow on purpose or by fate: they cost others nothing, and they do not stay for ever."""

import pytest
from harness.connection import Client, request
from harness.process import Serve, Serving
from harness.slow import SlowCrowd

CROWD = 100  # of each kind
HEAD = request("GET", "/hello", "X-Slow: 1")
BODY = b"a" * 30


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_normal_client_is_served_while_200_are_slow(serve: Serve, loop: str) -> None:
    server = serve("plain:app", "--loop", loop, "--no-access-log")
    heads = SlowCrowd(server.address, CROWD, HEAD[:16], HEAD[16:])
    bodies = SlowCrowd(server.address, CROWD, request("POST", "/echo", "Content-Length: 30"), BODY)
    try:
        with Client(server.address) as client:
            served = 0
            while min(heads.sent, bodies.sent) < 3:  # bytes of each of the slow ones
                assert client.get("/hello").body == b"Hello, World!"
                assert client.get("/stream?count=10&size=20000").status == 200
                served += 2
        assert served > 200  # in three seconds
        assert heads.ended() + bodies.ended() == 0  # they were there all the time
        assert {response.body for response in heads.finish()} == {b"Hello, World!"}
        assert {response.body for response in bodies.finish()} == {BODY}
    finally:
        heads.close()
        bodies.close()


@pytest.mark.clause("ASGI-118")
def test_slow_readers_stall_only_their_own_application(serve: Serve) -> None:
    server = serve("plain:app", "--no-access-log")
    readers = [Client(server.address, receive_buffer=16_384) for _ in range(20)]
    try:
        for number, reader in enumerate(readers):
            reader.send(request("GET", f"/flood?mib=32&name=f{number}"))
            assert reader.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
        with Client(server.address) as client:
            for _ in range(300):
                assert client.get("/hello").body == b"Hello, World!"
            sent = [int(client.get(f"/progress?name=f{number}").body) for number in range(20)]
            assert client.get("/flood?mib=4&name=fast").body[-4:] == b"\xfc\xfd\xfe\xff"
            # What `send` has taken is in the kernel's buffers, but for one write buffer.
            assert max(sent) < 8 << 20
            assert [int(client.get(f"/progress?name=f{number}").body) for number in range(20)] == sent
    finally:
        for reader in readers:
            reader.close()


def test_slow_reader_gets_everything_in_the_end(serve: Serve) -> None:
    server = serve("plain:app")
    with Client(server.address, receive_buffer=16_384) as reader, Client(server.address) as client:
        reader.send(request("GET", "/flood?mib=16"))
        reader.read_until(b"\r\n\r\n")
        assert int(client.get("/progress?name=flood").body) < 8 << 20
        with Client(server.address) as other:
            other.send(request("GET", "/flood?mib=16&name=other"))
            assert len(other.response().body) == 16 << 20
        tail = b""
        while not tail.endswith(b"\r\n0\r\n\r\n"):
            piece = reader.socket.recv(1 << 16)
            assert piece, "ended before the last chunk"
            tail = (tail + piece)[-7:]


@pytest.fixture(scope="module")
def impatient(serve_all: Serve) -> Serving:
    return serve_all(
        "plain:app",
        "--limit-body-rate=1000",
        *(f"--timeout-{what}=0.3" for what in ("head", "body", "keep-alive", "write")),
    )


def test_slow_head_is_answered_408(impatient: Serving) -> None:
    with Client(impatient.address) as client:
        client.send(b"GET / HTTP/1.1\r\nHo")
        response = client.response()
        assert (response.status, response.header("connection")) == (408, "close")
        assert client.read_to_end() == b""


def test_silent_connection_is_closed_without_an_answer(impatient: Serving) -> None:
    with Client(impatient.address) as never, Client(impatient.address) as once:
        assert once.get("/hello").status == 200
        assert never.read_to_end() == b""
        assert once.read_to_end() == b""


@pytest.mark.clause("ASGI-095", "ASGI-100")
def test_slow_body_is_a_disconnect_for_the_application(impatient: Serving) -> None:
    with Client(impatient.address) as client:
        client.send(request("POST", "/hold?name=body", "Content-Length: 4000") + b"a")
        impatient.expect("holding body")
        response = client.response()
        assert (response.status, response.header("connection")) == (408, "close")
        assert client.read_to_end() == b""
    impatient.expect("the client of hold left")


@pytest.mark.clause("ASGI-110", "ASGI-118")
def test_client_that_reads_nothing_is_given_up(impatient: Serving) -> None:
    with Client(impatient.address, receive_buffer=16_384) as reader:
        reader.send(request("GET", "/flood?mib=64&name=stalled"))
        impatient.expect(r"refused 127\.0\.0\.1: closed, the client took no bytes for too long")
        impatient.output.expect(r'"GET /flood\?mib=64&name=stalled HTTP/1.1" 200 \d+ B .* disconnected')
    assert "Traceback" not in impatient.log.text
