"""Real applications of every framework, asked by httpx and by raw sockets: the same answers from all of them."""

import asyncio
import hashlib
import re

import httpx
import pytest
from harness.connection import Client, request
from harness.process import Serve, Serving

FRAMEWORKS = {
    "plain": "plain_routes:app",
    "starlette": "starlette_app:app",
    "fastapi": "fastapi_app:app",
    "django": "django_app:app",
    "quart": "quart_app:app",
    "litestar": "litestar_app:app",
}
PATHSEND = ("plain", "starlette", "fastapi")  # the others know no pathsend and send the file in pieces
FILE_CONTENT = b"".join(b"%07d\n" % number for number in range(40_000))
UPLOAD = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture(scope="module", params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(framework: str, serve_all: Serve) -> Serving:
    return serve_all(FRAMEWORKS[framework], "--timeout-disconnect", "0.2")


@pytest.mark.clause("ASGI-053", "ASGI-057")
def test_path_parameter_and_query_string_arrive(site: Serving) -> None:
    with httpx.Client(base_url=site.url) as client:
        for name in ("Ada", "Grüße", "a b"):
            answer = client.get(f"/hello/{name}", params={"greeting": "good day & more"})
            assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")
            assert answer.json() == {"hello": name, "greeting": "good day & more"}


def test_many_requests_at_once(site: Serving) -> None:
    async def ask_all() -> list[object]:
        async with httpx.AsyncClient(base_url=site.url, timeout=30) as client:
            answers = await asyncio.gather(*(client.get(f"/hello/n{number}") for number in range(40)))
            return [answer.json()["hello"] for answer in answers]

    assert asyncio.run(ask_all()) == [f"n{number}" for number in range(40)]


@pytest.mark.clause("ASGI-108", "ASGI-112")
def test_stream_arrives_in_order_and_chunked(site: Serving) -> None:
    with httpx.Client(base_url=site.url) as client, client.stream("GET", "/stream/500") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert list(answer.iter_lines()) == [f"line {number}" for number in range(500)]


@pytest.mark.clause("ASGI-087", "ASGI-088")
@pytest.mark.parametrize("way", ["length", "chunks"])
def test_upload_arrives_whole(site: Serving, way: str) -> None:
    pieces = (UPLOAD[start : start + 10_000] for start in range(0, len(UPLOAD), 10_000))
    with httpx.Client(base_url=site.url) as client:
        answer = client.post("/upload", content=UPLOAD if way == "length" else pieces)
    found = answer.json()
    assert answer.status_code == 200
    assert (found["sha256"], found["bytes"]) == (hashlib.sha256(UPLOAD).hexdigest(), len(UPLOAD))


@pytest.mark.clause("ASGI-091")
def test_upload_is_streamed_to_the_application(site: Serving, framework: str) -> None:
    if framework == "django":
        pytest.skip("Django collects the body before it calls the view")
    with httpx.Client(base_url=site.url) as client:
        assert client.post("/upload", content=UPLOAD).json()["pieces"] > 1


@pytest.mark.clause("ASGI-260", "ASGI-262", "ASGI-263")
def test_file_arrives_whole_and_by_pathsend_where_the_framework_can(site: Serving, framework: str) -> None:
    with httpx.Client(base_url=site.url) as client:
        answer = client.get("/file")
        assert answer.status_code == 200
        assert answer.content == FILE_CONTENT
        assert answer.headers["content-length"] == str(len(FILE_CONTENT))
        sent = client.get("/-/sent", params={"path": "/file"}).json()
    if framework in PATHSEND:
        assert sent == ["http.response.start", "http.response.pathsend"]
    else:
        assert set(sent) == {"http.response.start", "http.response.body"}


@pytest.mark.clause("ASGI-095", "ASGI-097", "ASGI-110")
@pytest.mark.parametrize("stream", ["ticking", "silent"])
def test_application_notices_that_its_client_left(site: Serving, stream: str) -> None:
    tracebacks = site.log.count("Traceback")
    clients = [
        Client(site.address) for _ in range(12)
    ]  # who notices first, `send` or `receive`, is a matter of chance
    for client in clients:
        client.send(request("GET", f"/{stream}"))
        client.read_until(b"\r\n\r\n")
    for client in clients:
        client.close()
    answer = httpx.get(f"{site.url}/-/departed", params={"name": stream}, timeout=30)
    assert answer.json() == {"departed": True}
    # The access line is written when the exchange is over: whatever was to be logged is logged then.
    site.output.expect(rf'"GET /{stream} HTTP/1.1" 200 \d+ B .* disconnected', len(clients))
    assert site.log.count("Traceback") == tracebacks  # ASGI-036: that a client leaves is no error


@pytest.mark.clause("ASGI-191", "ASGI-210")
def test_lifespan_state_reaches_requests(site: Serving, framework: str) -> None:
    state = httpx.get(f"{site.url}/state").json()
    if framework == "django":
        assert state == {"state": None}
        site.expect(r"takes no lifespan events \(ValueError\): served without")
    else:
        assert state == {"state": "from lifespan"}


@pytest.mark.clause("ASGI-016", "ASGI-017")
def test_error_in_a_route_is_a_500_and_the_next_request_works(site: Serving) -> None:
    with httpx.Client(base_url=site.url) as client:
        assert client.get("/boom").status_code == 500
        assert client.get("/hello/again").json()["hello"] == "again"
    assert site.alive


def test_access_lines_tell_what_was_served(site: Serving) -> None:
    answer = httpx.get(f"{site.url}/hello/logged", params={"greeting": "x"})
    line = site.output.expect(
        r'127\.0\.0\.1:\d+ "GET /hello/logged\?greeting=x HTTP/1\.1" 200 (\d+) B \d+\.\d+ ms$'
    )
    assert int(line[1]) == len(answer.content)
    assert not re.search(r"\x1b\[", site.output.text)
