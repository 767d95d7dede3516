"""Thousands of requests of every kind, good and bad: memory and descriptors stay where they are once it is warm."""

import contextlib
import os
import random
import socket
import struct
from pathlib import Path

import pytest
from harness.connection import Client, Incomplete, chunked, request
from harness.process import Serve, Serving
from harness.procfs import MIB, descriptors, resident

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
ROUNDS = 20_000 if os.environ.get("ASGATE_E2E_FULL") else 2500
BODY = b"some body " * 200
MALFORMED = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
]


def _get(client: Client, chance: random.Random) -> None:
    path = chance.choice(["/hello", "/scope/a?b=c", "/stream?count=9&size=3000", "/blob?size=90000"])
    assert client.get(path).status == 200


def _post(client: Client, chance: random.Random) -> None:
    body = BODY * chance.randint(0, 60)
    if chance.random() < 0.5:
        client.send(request("POST", "/echo", body=body))
    else:
        pieces = [body] if body else []
        client.send(request("POST", "/echo", "Transfer-Encoding: chunked") + chunked(*pieces))
    assert client.response().body == body


def _fails(client: Client, chance: random.Random) -> None:
    with contextlib.suppress(Incomplete):
        assert client.get(chance.choice(["/boom", "/boom?begun"])).status == 500


def _malformed(client: Client, chance: random.Random) -> None:
    client.send(chance.choice(MALFORMED))
    assert client.response().status in (400, 414)


def _aborts(client: Client, chance: random.Random) -> None:
    path = chance.choice(["/flood?mib=2", "/hold", "/stream?count=50&size=9000", "/hang?begun"])
    client.send(request("POST", path, "Content-Length: 100000") + b"x" * chance.randint(0, 50_000))
    if chance.random() < 0.5:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset


KINDS = [(_get, 5), (_post, 3), (_fails, 1), (_malformed, 1), (_aborts, 2)]
ENDS = (_fails, _malformed, _aborts)  # the connection is of no further use


def _soak(server: Serving, chance: random.Random, rounds: int) -> None:
    client = Client(server.address)
    try:
        for _ in range(rounds):
            (kind,) = chance.choices([kind for kind, _ in KINDS], [weight for _, weight in KINDS])
            kind(client, chance)
            if kind in ENDS or chance.random() < 0.05:
                client.close()
                client = Client(server.address)
    finally:
        client.close()


def _settled(server: Serving) -> None:
    """Every application of a departed client has been told or cancelled: the last access line is there."""
    with Client(server.address) as client:
        marker = f"/nothing/{server.output.count('GET /nothing')}"
        assert client.get(marker).status == 404
        server.output.expect(marker)


@pytest.mark.timeout(120)
def test_memory_and_descriptors_stay_where_they_are(serve: Serve) -> None:
    server = serve("plain:app", "--timeout-disconnect", "0.1", "--no-access-log")
    chance = random.Random(7)
    _soak(server, chance, ROUNDS // 2)
    warm = resident(server.pid)
    for _ in range(2):
        _soak(server, chance, ROUNDS // 2)
    assert resident(server.pid) - warm < 2 * MIB
    assert server.stop() == 0


@pytest.mark.timeout(120)
def test_every_departed_client_is_forgotten(serve: Serve) -> None:
    """After all of it the server has the descriptors of its beginning, and stops without waiting for anybody."""
    server = serve("plain:app", "--timeout-disconnect", "0.1")
    with Client(server.address) as client:
        assert client.get("/hello").status == 200
    _settled(server)
    before = descriptors(server.pid)
    _soak(server, random.Random(8), 600)
    _settled(server)
    assert descriptors(server.pid) <= before + 1
    assert server.stop() == 0
    assert "stopping, " not in server.log.text
