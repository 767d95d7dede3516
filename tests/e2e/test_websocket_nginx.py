"""WebSockets through nginx, set up as docs/deployment.md shows it: `Upgrade` is passed on, connections are kept."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.process import PATIENCE, Lines, Serve

pytest.importorskip("websockets", reason="websockets is not installed")
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, unix_connect

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
PAGE = Path(__file__).parents[2] / "docs" / "deployment.md"
CONFIGURATION = """
{user}
daemon off;
pid {here}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    {map}
    upstream app {{
        server unix:{here}/server.sock;
        keepalive 32;
    }}
    server {{
        listen unix:{here}/front.sock;
        {location}
    }}
}}
"""


def block(name: str) -> str:
    """The block of the page's first piece of nginx configuration that begins so."""
    piece = PAGE.read_text(encoding="utf-8").partition("```nginx\n")[2].partition("```")[0]
    found = re.search(rf"^( *){re.escape(name)} \{{.*?^\1\}}", piece, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[0]


@pytest.fixture(scope="module")
def front(serve_all: Serve) -> Iterator[str]:
    """The path of nginx's socket."""
    here = serve_all("websockets_plain:app", "--bind", "unix:server.sock").directory
    user = "user root;" if os.geteuid() == 0 else ""  # otherwise its worker may not look into our directory
    blocks = {"map": block("map $http_upgrade $connection_upgrade"), "location": block("location /")}
    (here / "nginx.conf").write_text(CONFIGURATION.format(here=here, user=user, **blocks))
    command = [str(NGINX), "-p", str(here), "-e", "stderr", "-c", str(here / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    log = Lines(process.stderr)
    try:
        log.expect("start worker process ")
        yield str(here / "front.sock")
    finally:
        process.terminate()
        process.wait()
        log.join()


def open_through(front: str, path: str, **around: object) -> ClientConnection:
    return unix_connect(front, f"ws://e2e.test{path}", open_timeout=PATIENCE, **around)  # type: ignore[arg-type]


@pytest.mark.clause("ASGI-163", "ASGI-178")
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_and_the_close_pass_through(front: str, compression: str | None) -> None:
    with open_through(front, "/echo/nginx", compression=compression, subprotocols=["chat.v1"]) as connection:
        assert connection.subprotocol == "chat.v1"
        for message in ("Grüße", b"\x00" * 100_000, ""):
            connection.send(message)
            assert connection.recv(PATIENCE) == message
        assert connection.ping(b"through").wait(PATIENCE)
        connection.close(4321, "bye")
    transport = httpx.HTTPTransport(uds=front)
    with httpx.Client(transport=transport, timeout=PATIENCE) as client:
        told = client.get("http://e2e.test/ended/nginx").json()
    assert told == {"code": 4321, "reason": "bye"}


@pytest.mark.clause("ASGI-181")
def test_the_application_s_close_passes_through(front: str) -> None:
    with open_through(front, "/close?code=4002&reason=enough") as connection:
        connection.send("now")
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "enough")


@pytest.mark.clause("ASGI-177")
def test_a_client_that_vanishes_behind_nginx_is_noticed(front: str) -> None:
    with open_through(front, "/echo/vanished") as connection:
        connection.socket.shutdown(socket.SHUT_RDWR)
        with httpx.Client(transport=httpx.HTTPTransport(uds=front), timeout=PATIENCE) as client:
            assert client.get("http://e2e.test/ended/vanished").json()["code"] == 1006
