"""Applications that fork: whatever the child does, the parent goes on serving, its clients see the ends of their
responses, and it stops cleanly.
"""

import os
import signal
import socket

import pytest
from harness.connection import Client, Incomplete, fetch, request
from harness.process import PATIENCE, Serve, Serving

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
BOTH = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
CAME_BACK = r"a forked child of the application \(pid (\d+)\) came back to the server"


def well(server: Serving) -> None:
    """The parent answers, on a new connection and twice on it, and takes a body that comes in pieces."""
    with Client(server.address) as client:
        for _ in range(2):
            assert int(client.get("/hello").body) == server.pid
        client.send(request("POST", "/upload", "Content-Length: 8") + b"1234")
        client.send(b"5678")
        assert client.response().body == b"8"


def stops_cleanly(server: Serving) -> None:
    assert server.stop() == 0
    assert server.log.count("^lifespan shutdown$") == 1
    assert server.log.count("stopped$") == 1
    assert server.log.count("Task was destroyed") == 0


def end_child(server: Serving, times: int = 1) -> None:
    for time in range(1, times + 1):
        os.kill(int(server.expect(r"^child (\d+) lives", time)[1]), signal.SIGTERM)


@pytest.mark.clause("ASGI-025", "ASGI-199")
@BOTH
@pytest.mark.parametrize(
    ("way", "code"), [("sys_exit", 3), ("raises", 1), ("returns", 0), ("sends", 0), ("hard_exit", 0)]
)
def test_child_that_leaves_takes_nothing_with_it(serve: Serve, loop: str, way: str, code: int) -> None:
    server = serve("forks:app", "--loop", loop)
    with Client(server.address) as waiting, Client(server.address) as client:
        waiting.send(
            request("POST", "/upload", "Content-Length: 4") + b"12"
        )  # must not be touched by the child
        for number in range(1, 3):
            assert client.get(f"/{way}").body == b"parent"
            server.expect(r"^child \d+ leaves", number)
            assert fetch(server.address, "/reap").body == f"[{code}]".encode()
        well(server)
        waiting.send(b"34")
        assert waiting.response().body == b"4"
    assert server.log.count("^ +ValueError: the child$") == (2 if way == "raises" else 0)
    assert server.log.count("^ +Traceback") == (2 if way == "raises" else 0)
    if way != "hard_exit":
        child = int(server.expect(CAME_BACK)[1])
        assert child != server.pid
        assert server.log.count(CAME_BACK) == 2
    stops_cleanly(server)


@pytest.mark.clause("ASGI-199")
@BOTH
@pytest.mark.parametrize("way", ["lives", "process", "thread_lives", "thread_process"])
def test_child_that_lives_on_keeps_no_client_waiting(serve: Serve, loop: str, way: str) -> None:
    server = serve("forks:app", "--loop", loop)
    with Client(server.address) as idle, Client(server.address) as client:
        assert int(idle.get("/hello").body) == server.pid
        response = client.get(f"/{way}", "Connection: close")
        assert response.body == b"parent"
        assert client.read_to_end() == b""
        child = int(server.expect(r"^child (\d+) lives")[1])
        well(server)
        try:
            server.send_signal(signal.SIGTERM)
            server.expect("lifespan shutdown$")
            assert idle.ended()
            assert server.popen.wait(PATIENCE) == 0
        finally:
            if way.endswith("lives"):  # `multiprocessing` ends its daemons
                os.kill(child, signal.SIGTERM)


@BOTH
@pytest.mark.parametrize("way", ["lives", "thread_lives"])
def test_child_that_lives_on_keeps_no_port(serve: Serve, loop: str, way: str) -> None:
    server = serve("forks:app", "--loop", loop)
    assert fetch(server.address, f"/{way}", "Connection: close").body == b"parent"
    child = int(server.expect(r"^child (\d+) lives")[1])
    try:
        server.send_signal(signal.SIGTERM)
        assert server.popen.wait(PATIENCE) == 0
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(server.address)
            again.listen()
    finally:
        os.kill(child, signal.SIGTERM)


@BOTH
def test_close_delimited_response_ends_while_a_child_lives(serve: Serve, loop: str) -> None:
    """HTTP/1.0 without a length: the end of the connection is all that the client has."""
    server = serve("forks:app", "--loop", loop)
    try:
        for _ in range(2):
            with Client(server.address) as client:
                client.send(b"GET /lives HTTP/1.0\r\nHost: e2e.test\r\n\r\n")
                assert client.read_to_end().endswith(b"\r\n\r\nparent")
        well(server)
    finally:
        end_child(server, 2)
    assert fetch(server.address, "/reap").body == b"[-15, -15]"
    stops_cleanly(server)


@pytest.mark.clause("ASGI-019")
@BOTH
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_cut_response_is_seen_as_cut_while_a_child_lives(serve: Serve, loop: str, version: str) -> None:
    server = serve("forks:app", "--loop", loop)
    try:
        with Client(server.address) as client:
            client.send(f"GET /cut HTTP/{version}\r\nHost: e2e.test\r\n\r\n".encode())
            with pytest.raises((Incomplete, ConnectionResetError)):
                client.response()
        well(server)
    finally:
        end_child(server)
    assert fetch(server.address, "/reap").body == b"[-15]"
    stops_cleanly(server)
