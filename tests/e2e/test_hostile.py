"""Garbage over sockets: whatever comes, the server answers honestly or closes, and goes on serving.

Seeded: the same bytes in every run.
"""

import contextlib
import random
import socket
import struct

import pytest
from harness.connection import Client, Incomplete, Parser, chunked, request
from harness.process import Serve, Serving
from harness.procfs import resident
from harness.slow import taken_until_full

RESET = struct.pack("ii", 1, 0)  # struct linger: closing sends a reset
BODY = b"some body of a request " * 20
SEEDS = [
    request("GET", "/hello", "Accept: */*", "Cookie: a=b; c=d"),
    request("POST", "/echo", "Content-Type: text/plain", body=BODY),
    request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(BODY, b"x" * 300),
    request("POST", "/echo", "Expect: 100-continue", body=b"hello"),
    request("GET", "/stream?count=5", "Connection: keep-alive, TE", "TE: trailers"),
    b"GET / HTTP/1.0\r\n\r\n",
    request("OPTIONS", "*"),
]
BITS = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\r\n\r\n", b"HTTP/1.1", b"Host:", b"Content-Length: 9",
    b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n", b"\xff\xfe", b"%", b"ffffffffffffffff", b"-1", b"\r\n ",
    b"GET ", b";", b"\x16\x03\x01",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(serve_all: Serve) -> Serving:
    return serve_all("plain:app", "--timeout-linger", "0.2")


@pytest.fixture(autouse=True)
def survivor(server: Serving):
    yield
    assert server.alive, server.log.text
    with Client(server.address) as client:
        assert client.get("/hello").body == b"Hello, World!"
    assert server.log.count("Traceback") == server.log.count("boom as asked$")


def _mutated(chance: random.Random) -> bytes:
    data = bytearray(b"".join(chance.choices(SEEDS, k=chance.randint(1, 3))))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + chance.randint(1, 8)] = b""
            case 1:
                data[at:at] = chance.choice(BITS)
            case 2:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                data[at:at] = data[at : at + chance.randint(1, 60)]
    return bytes(data)


def _exchange(server: Serving, pieces: list[bytes]) -> bytes:
    """Sends all of it, then ends our side, and gives what came back; a reset ends it, too."""
    with Client(server.address) as client:
        received = []
        with contextlib.suppress(OSError):  # it may have closed already
            for piece in pieces:
                client.send(piece)
            client.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while data := client.socket.recv(65_536):
                received.append(data)
        return b"".join(received)


def _judge(answer: bytes) -> None:
    """Well-formed responses one after the other; the last may be cut short by our end."""
    parser = Parser()
    parser.feed(answer)
    while (response := parser.next(ended=True)) is not None and parser.began:
        assert response.status in (100, 200, 400, 404, 405, 408, 413, 414, 431, 500, 501, 505)


@pytest.mark.parametrize("seed", range(4))
def test_garbage(server: Serving, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        pieces = [chance.randbytes(chance.randint(1, 3000)) for _ in range(chance.randint(1, 3))]
        _judge(_exchange(server, pieces))


@pytest.mark.parametrize("seed", range(8))
def test_requests_that_are_slightly_wrong(server: Serving, seed: int) -> None:
    chance = random.Random(1000 + seed)
    for _ in range(200):
        data = _mutated(chance)
        cut = chance.randrange(len(data) + 1)
        _judge(_exchange(server, [data] if chance.random() < 0.5 else [data[:cut], data[cut:]]))


@pytest.mark.parametrize("seed", range(2))
def test_clients_that_vanish_at_any_point(server: Serving, seed: int) -> None:
    chance = random.Random(2000 + seed)
    for _ in range(300):
        data = b"".join(chance.choices(SEEDS, k=2))
        with Client(server.address) as client:
            client.send(data[: chance.randrange(len(data))])
            if chance.random() < 0.5:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


@pytest.mark.clause("ASGI-095", "ASGI-097")
def test_expectation_of_a_client_that_is_gone(serve: Serve) -> None:
    """The reset is noticed while an earlier answer and `100 Continue` are written, inside a `receive`."""
    server = serve("plain:app")
    with Client(server.address) as blocking:
        leaving = [Client(server.address) for _ in range(20)]
        for client in leaving:
            assert client.get("/hello").status == 200
        blocking.send(request("GET", "/block?seconds=0.2"))
        server.expect("^blocking")
        for client in leaving:
            held = request("POST", "/hold", "Expect: 100-continue", "Content-Length: 5") + b"he"
            client.send(request("GET", "/hello") + held)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
        assert blocking.response().status == 200
    assert server.stop() == 0
    assert "waiting for" not in server.log.text
    assert server.log.count("the client of hold left") == server.log.count("^holding")


def test_endless_head_is_refused_before_it_ends(server: Serving) -> None:
    with Client(server.address) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: e2e.test\r\n")
        try:
            for _ in range(2000):
                client.send(b"X-More: " + b"m" * 1000 + b"\r\n")
        except OSError:
            return  # closed with unread bytes of ours
        assert client.response().status == 431


def test_endless_pipeline_that_is_never_read_stops_being_taken(server: Serving) -> None:
    """Answers that nobody reads stop the reading of requests: memory does not grow with them."""
    many = request("GET", "/blob?size=50000") * 10_000  # half a GiB of answers
    before = resident(server.pid)
    with Client(server.address) as client, Client(server.address) as other:
        taken_until_full(client.socket, many)
        assert other.get("/hello").status == 200
        assert resident(server.pid) - before < 16 << 20


def test_connection_limit_makes_others_wait(serve: Serve) -> None:
    server = serve("plain:app", "--limit-connections", "3")
    with Client(server.address) as one, Client(server.address) as two, Client(server.address) as three:
        for client in (one, two, three):
            assert client.get("/hello").status == 200
        with Client(server.address) as waiting:
            waiting.send(request("GET", "/hello"))
            server.expect("3 connections are open: new ones wait")
            one.close()
            assert waiting.response().body == b"Hello, World!"


def test_requests_beyond_the_limit_are_told_to_come_again(serve: Serve) -> None:
    server = serve("plain:app", "--limit-concurrency", "1")
    with Client(server.address) as held, Client(server.address) as other:
        held.send(request("POST", "/hold", "Content-Length: 1"))
        server.expect("holding")
        refused = other.get("/hello")
        assert (refused.status, refused.header("retry-after")) == (503, "1")
        held.send(b"x")
        assert held.response().status == 200
        assert other.get("/hello").status == 200


def test_upload_beyond_the_limit_is_413(serve: Serve) -> None:
    server = serve("plain:app", "--limit-body-size", "1000")
    with Client(server.address) as client:
        client.send(request("POST", "/echo", body=b"x" * 1001))
        assert client.response().status == 413
    with Client(server.address) as client:
        client.send(request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(b"x" * 600, b"x" * 600))
        assert client.response().status == 413
    with Client(server.address) as client:
        client.send(request("POST", "/echo", body=b"x" * 1000))
        assert len(client.response().body) == 1000


def test_incomplete_is_what_the_harness_calls_a_cut(server: Serving) -> None:
    """The raw client itself: a response that is cut short does not pass as a whole one."""
    with Client(server.address) as client, pytest.raises(Incomplete):
        client.get("/boom?begun")
