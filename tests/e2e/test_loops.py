"""The same bytes on every event loop and every interpreter (the literals are in harness/digest.py).

`make test` runs this on several interpreters: since the literals are the same, asyncio, uvloop, Python 3.11 and the
newest one are compared with each other.
"""

import importlib.util
import re

import pytest
from harness.connection import Client
from harness.digest import DIGEST, REFUSED, text
from harness.process import Serve, Serving

needs_uvloop = pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
)
LOOPS = ["asyncio", pytest.param("uvloop", marks=needs_uvloop)]
DATE = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"


@pytest.fixture(scope="module", params=LOOPS)
def server(request: pytest.FixtureRequest, serve_all: Serve) -> Serving:
    return serve_all("plain:app", "--loop", request.param, "--no-date-header", "--root-path", "/app")


@pytest.mark.clause("ASGI-103", "ASGI-107", "ASGI-108", "ASGI-112", "ASGI-114", "ASGI-119", "ASGI-282")
@pytest.mark.parametrize("name", DIGEST)
def test_same_bytes(server: Serving, name: str) -> None:
    asked, expected = DIGEST[name]
    with Client(server.address) as client:
        if name.startswith("close"):
            client.send(asked)
        else:
            # The answer to a further request shows that nothing more than expected came before it.
            client.send(asked + b"GET /hello HTTP/1.1\r\nHost: e2e.test\r\nConnection: close\r\n\r\n")
            expected += text(b"Hello, World!", fields=b"connection: close\r\n")
        assert client.read_to_end() == expected


@pytest.mark.parametrize("name", DIGEST)
def test_same_bytes_when_they_come_one_by_one(server: Serving, name: str) -> None:
    asked, expected = DIGEST[name]
    last = b"GET /hello HTTP/1.1\r\nHost: e2e.test\r\nConnection: close\r\n\r\n"
    if not name.startswith("close"):
        asked, expected = asked + last, expected + text(b"Hello, World!", fields=b"connection: close\r\n")
    with Client(server.address) as client:
        for index in range(len(asked)):
            client.send(asked[index : index + 1])
        found = client.read_to_end()
    # Whoever waits with the body is told to go on; here it may come without that.
    assert found.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n") == expected


@pytest.mark.parametrize("name", REFUSED)
def test_broken_requests_are_refused_and_the_connection_ends(server: Serving, name: str) -> None:
    asked, status = REFUSED[name]
    with Client(server.address) as client:
        client.send(asked)
        response = client.response()
        assert (response.status, response.header("connection")) == (status, "close")
        assert response.body.endswith(b").\n") or b"TLS" in response.body  # one sentence with its clause
        assert client.read_to_end() == b""


def test_broken_requests_are_refused_with_a_date(plain: Serving) -> None:
    """RFC 9110 section 6.6.1: in all 2xx, 3xx and 4xx responses."""
    for asked in (b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED["without a host"][0]):
        with Client(plain.address) as client:
            client.send(asked)
            response = client.response()
        assert re.fullmatch(DATE, response.header("date") or ""), response.fields
        assert response.header("server") == "asgate"
