"""Memory stays flat, whatever an application does not take and a client does not read.

The sizes are small by default; `ASGATE_E2E_FULL=1` makes them 1 GiB.
"""

import os
import resource
import socket
from pathlib import Path

import pytest
from harness.connection import Client, request
from harness.process import PATIENCE, Serve, Serving
from harness.procfs import MIB, forget_peak, peak, resident
from harness.slow import taken_until_full

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
FULL = bool(os.environ.get("ASGATE_E2E_FULL"))
SIZE = (1024 if FULL else 96) * MIB
GROWTH = 8 * MIB
PIECE = b"p" * MIB


@pytest.fixture(scope="module")
def server(serve_all: Serve) -> Serving:
    return serve_all("plain:app", "--no-access-log")


@pytest.fixture(autouse=True)
def warm(server: Serving) -> None:
    """What is loaded and allocated once does not count."""
    with Client(server.address) as client:
        for path in ("/hello", "/flood?mib=1&name=warm", "/blob?size=200000"):
            assert client.get(path).status == 200
        client.send(request("POST", "/echo", body=PIECE))
        assert client.response().body == PIECE
    forget_peak(server.pid)


@pytest.mark.clause("ASGI-093")
@pytest.mark.parametrize("way", ["length", "chunks"])
def test_upload_to_an_application_that_sleeps(server: Serving, way: str) -> None:
    before = resident(server.pid)
    piece = PIECE if way == "length" else b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
    field = f"Content-Length: {SIZE}" if way == "length" else "Transfer-Encoding: chunked"
    with Client(server.address) as client, Client(server.address) as other:
        client.send(request("POST", f"/paused?name=upload-{way}", field))
        server.expect("^paused")
        taken = taken_until_full(client.socket, piece * 16)
        assert taken < 16 * MIB, "the kernel's buffers are full long before that"
        assert resident(server.pid) - before < 2 * MIB
        assert other.get("/hello").body == b"Hello, World!"
        assert other.get(f"/open?name=upload-{way}").status == 200
        client.socket.settimeout(PATIENCE)
        client.send((piece * 16)[taken:])
        for _ in range(SIZE // MIB - 16):
            client.send(piece)
        client.send(b"" if way == "length" else b"0\r\n\r\n")
        assert client.response().body == b"%d" % SIZE
    assert peak(server.pid) - before < GROWTH


@pytest.mark.clause("ASGI-118")
def test_streamed_download(server: Serving) -> None:
    before = resident(server.pid)
    with Client(server.address) as client:
        client.send(request("GET", f"/flood?mib={SIZE // MIB}&name=download"))
        assert _drained(client.socket) > SIZE
        assert int(client.get("/progress?name=download").body) == SIZE
    assert peak(server.pid) - before < GROWTH


def _drained(sock: socket.socket) -> int:
    """Reads up to the last chunk into one buffer; gives the bytes."""
    buffer = bytearray(MIB)
    received, tail = 0, b""
    while not tail.endswith(b"\r\n0\r\n\r\n"):
        count = sock.recv_into(buffer)
        assert count, "ended before the last chunk"
        received += count
        tail = (tail + buffer[max(0, count - 7) : count])[-7:]
    return received


@pytest.mark.clause("ASGI-260", "ASGI-267")
def test_file_by_pathsend(server: Serving, short_directory: Path) -> None:
    file = short_directory / "sparse.bin"
    with file.open("wb") as handle:
        handle.truncate(SIZE)
    before = resident(server.pid)
    with Client(server.address) as client:
        client.send(request("GET", f"/path?path={file}", "Connection: close"))
        client.read_until(b"\r\n\r\n")
        buffer = bytearray(MIB)
        while client.socket.recv_into(buffer):
            pass
    assert peak(server.pid) - before < GROWTH


def test_idle_connections_cost_at_most_three_kibibytes_each(server: Serving) -> None:
    room, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resident(server.pid)
    clients = [Client(server.address) for _ in range(min(10_000, room - 500))]
    try:
        for client in clients:
            assert client.get("/hello").body == b"Hello, World!"
        assert (resident(server.pid) - before) / len(clients) < 3 * 1024
        for client in reversed(clients):
            assert client.get("/hello").body == b"Hello, World!"
    finally:
        for client in clients:
            client.close()
