"""nginx in front, as most installations have it: kept upstream connections over TCP and a Unix socket, uploads
and streams passed on as they come.

nginx listens on a Unix socket, so that no port has to be guessed.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator

import httpx
import pytest
from harness.connection import Client, request
from harness.process import Lines, Serve, Serving

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
FILE_CONTENT = b"".join(b"%07d\n" % number for number in range(40_000))
UPLOAD = bytes(range(256)) * 16_384  # 4 MiB
CONFIGURATION = """
{user}
daemon off;
worker_processes 1;
pid {here}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
    upstream application {{
        server {upstream};
        keepalive 8;
    }}
    server {{
        listen unix:{here}/front.sock;
        location / {{
            proxy_pass http://application;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_request_buffering off;
            proxy_buffering off;
        }}
        location /buffered/ {{
            proxy_pass http://application/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
        location /old/ {{
            proxy_pass http://application/;
        }}
    }}
}}
"""


@pytest.fixture(scope="module", params=["tcp", "unix"])
def upstream(request: pytest.FixtureRequest, serve_all: Serve) -> Serving:
    if request.param == "tcp":
        return serve_all("plain_routes:app")
    return serve_all("plain_routes:app", "--bind", "unix:server.sock")


@pytest.fixture(scope="module")
def front(upstream: Serving) -> Iterator[str]:
    """The path of nginx's socket."""
    here = upstream.directory
    where = upstream.url.removeprefix("http://")
    if where.startswith("unix:"):
        where = f"unix:{here}/server.sock"
    user = "user root;" if os.geteuid() == 0 else ""  # otherwise its worker may not look into our directory
    configuration = here / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(here=here, upstream=where, user=user))
    nginx = subprocess.Popen(
        [NGINX or "", "-p", str(here), "-c", str(configuration), "-e", "stderr"], stderr=subprocess.PIPE
    )
    assert nginx.stderr is not None
    lines = Lines(nginx.stderr)
    try:
        lines.expect("start worker process ")
        yield f"{here}/front.sock"
    finally:
        nginx.terminate()
        nginx.wait()
        lines.join()
    complaints = [line for line in lines.text.splitlines() if "[error]" in line or "[crit]" in line]
    assert [line for line in complaints if "/hello/late" not in line] == []


@pytest.fixture
def client(front: str) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=front)
    with httpx.Client(transport=transport, base_url="http://e2e.test", timeout=30) as client:
        yield client


def test_upstream_connections_are_kept(client: httpx.Client, upstream: Serving) -> None:
    for number in range(50):
        assert client.get(f"/hello/n{number}").json()["hello"] == f"n{number}"
    upstream.output.expect('"GET /hello/n49 HTTP/1.1" 200')
    clients = {line.split()[3] for line in upstream.output.text.splitlines() if '"GET /hello/n' in line}
    assert len(clients) == 1


@pytest.mark.parametrize("way", ["length", "chunks"])
@pytest.mark.parametrize("location", ["", "/buffered"])
def test_upload(client: httpx.Client, way: str, location: str) -> None:
    pieces = (UPLOAD[start : start + 50_000] for start in range(0, len(UPLOAD), 50_000))
    found = client.post(f"{location}/upload", content=UPLOAD if way == "length" else pieces).json()
    assert (found["sha256"], found["bytes"]) == (hashlib.sha256(UPLOAD).hexdigest(), len(UPLOAD))


@pytest.mark.parametrize("location", ["", "/buffered", "/old"])
def test_stream_and_file(client: httpx.Client, location: str) -> None:
    with client.stream("GET", f"{location}/stream/2000") as answer:
        assert list(answer.iter_lines()) == [f"line {number}" for number in range(2000)]
    assert client.get(f"{location}/file").content == FILE_CONTENT


def test_http_1_0_upstream(client: httpx.Client, upstream: Serving) -> None:
    assert client.get("/old/hello/old").json()["hello"] == "old"
    upstream.output.expect('"GET /hello/old HTTP/1.0" 200')


def test_stream_comes_through_piece_by_piece(front: str) -> None:
    with Client(front) as reader:
        reader.send(request("GET", "/ticking"))
        reader.read_until(b"tick\n")


@pytest.mark.clause("ASGI-097", "ASGI-110")
def test_client_that_leaves_nginx_leaves_the_application(front: str, client: httpx.Client) -> None:
    with Client(front) as reader:
        reader.send(request("GET", "/ticking"))
        reader.read_until(b"tick\n")
    assert client.get("/-/departed?name=ticking").json() == {"departed": True}


def test_errors_come_through(client: httpx.Client) -> None:
    assert client.get("/boom").status_code == 500
    assert client.get("/hello/next").json()["hello"] == "next"
    assert client.head("/file").headers["content-length"] == str(len(FILE_CONTENT))


def test_stop_behind_nginx_loses_nothing(client: httpx.Client, upstream: Serving) -> None:
    """The last test of the module: kept upstream connections end, and the stop does not wait for them."""
    assert client.get("/hello/last").status_code == 200
    assert upstream.stop() == 0
    assert client.get("/hello/late").status_code == 502
