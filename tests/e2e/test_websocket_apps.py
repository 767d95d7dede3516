"""WebSocket applications of every framework that has them, unchanged: the same talks with all of them."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from harness.process import PATIENCE, Serve, Serving

pytest.importorskip("websockets", reason="websockets is not installed")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

FRAMEWORKS = {
    "starlette": ("websockets_starlette:app", ""),
    "fastapi": ("websockets_fastapi:app", ""),
    "channels": ("websockets_channels:app", "/async"),
    "channels in threads": ("websockets_channels:app", "/sync"),
}
WITH_DENIAL = ("starlette", "fastapi")  # Channels knows `close` before it accepts, and no responses
SUBPROTOCOLS = ["chat.v1", "chat.v2"]


@dataclass(frozen=True)
class Site:
    server: Serving
    prefix: str

    def open(self, path: str, **around: Any) -> ClientConnection:
        url = self.server.url.replace("http://", "ws://") + self.prefix + path
        return connect(url, proxy=None, open_timeout=PATIENCE, close_timeout=PATIENCE, **around)


@pytest.fixture(scope="module", params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(framework: str, serve_all: Serve) -> Site:
    target, prefix = FRAMEWORKS[framework]
    return Site(serve_all(target), prefix)


def close_of(connection: ClientConnection) -> tuple[int, str]:
    """Waits for the end: the code and the reason that the server sent."""
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(PATIENCE)
    assert closed.value.rcvd is not None, "no close frame"
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.clause("ASGI-134", "ASGI-136", "ASGI-145")
def test_json_goes_both_ways_with_path_and_query(site: Site) -> None:
    with site.open("/json/Gr%C3%BC%C3%9Fe?greeting=hello") as connection:
        for said in ({"number": 1}, ["ä", None], "text"):
            connection.send(json.dumps(said))
            answer = json.loads(connection.recv(PATIENCE))
            assert answer == {"name": "Grüße", "said": said, "greeting": "hello"}


@pytest.mark.clause("ASGI-160", "ASGI-166")
@pytest.mark.parametrize("message", [b"\x00\xff", bytes(range(256)) * 1024], ids=["short", "long"])
def test_bytes_go_both_ways(site: Site, message: bytes) -> None:
    with site.open("/echo") as connection:
        connection.send(message)
        assert connection.recv(PATIENCE) == message


@pytest.mark.clause("ASGI-138", "ASGI-140", "ASGI-147", "ASGI-148")
def test_subprotocol_and_headers_of_the_accept_arrive(site: Site) -> None:
    with site.open("/spoken", subprotocols=SUBPROTOCOLS, additional_headers={"X-Asked": "yes"}) as connection:
        assert connection.recv(PATIENCE) == "yes"
        assert connection.subprotocol == "chat.v2"
        assert connection.response is not None
        fields = connection.response.headers
        assert fields["x-accepted"] == "yes"
        assert fields.get_all("set-cookie") == ["a=1", "b=2"]


@pytest.mark.clause("ASGI-151")
def test_a_close_before_the_accept_is_a_403(site: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        site.open("/refused")
    assert refused.value.response.status_code == 403


@pytest.mark.clause("ASGI-157", "ASGI-230", "ASGI-232", "ASGI-233")
def test_a_denial_response_arrives_as_it_is(site: Site, framework: str) -> None:
    if framework not in WITH_DENIAL:
        pytest.skip("Channels has no denial responses")
    with pytest.raises(InvalidStatus) as denied:
        site.open("/denied")
    response = denied.value.response
    assert (response.status_code, response.headers["x-why"]) == (401, "no ticket")
    assert json.loads(response.body) == {"error": "who are you?"}
    assert not {"upgrade", "sec-websocket-accept"} & {name.lower() for name in response.headers}


@pytest.mark.clause("ASGI-230", "ASGI-234")
def test_a_denial_response_in_pieces_arrives_whole(site: Site, framework: str) -> None:
    if framework not in WITH_DENIAL:
        pytest.skip("Channels has no denial responses")
    handshake = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    answer = httpx.get(f"{site.server.url}/denied/in/pieces", headers=handshake, trust_env=False)
    assert answer.status_code == 429
    assert answer.text == "piece 0\npiece 1\npiece 2\n"


@pytest.mark.clause("ASGI-181")
def test_the_application_closes_with_code_and_reason(site: Site) -> None:
    with site.open("/closed") as connection:
        assert close_of(connection) == (4002, "genug für heute")


@pytest.mark.clause("ASGI-175", "ASGI-176", "ASGI-178")
def test_the_application_hears_how_the_client_closed(serve: Serve, framework: str) -> None:
    target, prefix = FRAMEWORKS[framework]
    site = Site(serve(target), prefix)
    with site.open("/heard") as connection:
        connection.close(4010, "bis später")
    answer = httpx.get(f"{site.server.url}{prefix}/ended", timeout=PATIENCE, trust_env=False)
    assert answer.json() == {"code": 4010, "reason": "bis später"}


@pytest.mark.clause("ASGI-184")
def test_an_application_that_dies_closes_with_1011(site: Site) -> None:
    with site.open("/broken") as connection:
        assert close_of(connection)[0] == 1011
    site.server.expect("RuntimeError: broken as asked")
    with site.open("/echo") as connection:
        connection.send(b"next")
        assert connection.recv(PATIENCE) == b"next"


@pytest.mark.clause("ASGI-167")
def test_what_one_says_in_a_room_all_hear_in_the_same_order(site: Site) -> None:
    with ExitStack() as stack:
        present = [stack.enter_context(site.open("/room")) for _ in range(8)]
        assert [it.recv(PATIENCE) for it in present] == ["welcome"] * 8
        for number, speaker in enumerate(present):
            speaker.send(f"number {number}")
            assert {it.recv(PATIENCE) for it in present} == {f"number {number}"}


@pytest.mark.clause("ASGI-141", "ASGI-191")
def test_lifespan_state_reaches_websockets(site: Site, framework: str) -> None:
    if framework not in WITH_DENIAL:
        pytest.skip("Django takes no lifespan events")
    with site.open("/state") as connection:
        assert connection.recv(PATIENCE) == "from lifespan"


def test_a_path_that_is_not_there_is_refused(site: Site, framework: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        site.open("/nothing/here")
    assert refused.value.response.status_code == (403 if framework in WITH_DENIAL else 500)
