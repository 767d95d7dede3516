"""What a WebSocket may cost: messages, inflated messages, messages that wait, clients that are silent, and the end."""

import platform
import signal
import threading
import time
from contextlib import ExitStack, suppress

import httpx
import pytest
from harness.connection import Client, request
from harness.process import PATIENCE, Serve, Serving
from harness.procfs import MIB, forget_peak, peak, resident

pytest.importorskip("websockets", reason="websockets is not installed")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def at(server: Serving, path: str, **around: object) -> ClientConnection:
    url = server.url.replace("http://", "ws://") + path
    return connect(url, proxy=None, open_timeout=PATIENCE, max_size=None, **around)  # type: ignore[arg-type]


def get(server: Serving, path: str) -> httpx.Response:
    return httpx.get(server.url + path, timeout=PATIENCE, trust_env=False)


def close_code(connection: ClientConnection) -> int:
    """Waits for the close frame."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            connection.recv(PATIENCE)
    assert closed.value.rcvd is not None, "no close frame"
    return closed.value.rcvd.code


@pytest.mark.clause("ASGI-168")
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("pieces", [1, 4])
def test_a_message_beyond_the_limit_closes_with_1009(
    serve: Serve, compression: str | None, pieces: int
) -> None:
    server = serve("websockets_plain:app", "--ws-max-size", "65536")
    piece = "x" * (65536 // pieces)
    with at(server, "/echo", compression=compression) as connection:
        connection.send([piece] * pieces if pieces > 1 else piece)
        assert connection.recv(PATIENCE) == piece * pieces
        with suppress(ConnectionClosed):  # the close may be there before all is sent
            connection.send([piece] * pieces + ["x"] if pieces > 1 else piece + "x")
        assert close_code(connection) == 1009


@pytest.mark.clause("ASGI-169")
def test_a_bomb_is_stopped_while_it_inflates(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--ws-max-size", str(MIB))
    with at(server, "/echo") as connection:
        connection.send(b"warm" * 1000)
        connection.recv(PATIENCE)
        before = resident(server.pid)
        forget_peak(server.pid)
        connection.send(bytes(128 * MIB))  # 128 KiB on the wire
        assert close_code(connection) == 1009
        assert peak(server.pid) - before < 8 * MIB
    with at(server, "/echo") as connection:
        connection.send("next")
        assert connection.recv(PATIENCE) == "next"


def test_too_many_are_told_to_come_again_and_requests_are_served(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--limit-websockets", "3")
    with at(server, "/echo/0"), at(server, "/echo/1"):
        with at(server, "/echo/2"):
            with pytest.raises(InvalidStatus) as refused:
                at(server, "/echo/3").__enter__()
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["retry-after"] == "1"
            assert get(server, "/page").status_code == 200
            server.expect(r"too many WebSockets are open \(limit_websockets\)")
        assert get(server, "/ended/2").json()["code"] == 1000
        with at(server, "/echo/4") as connection:
            connection.send("there is room again")
            assert connection.recv(PATIENCE) == "there is room again"


@pytest.mark.clause("ASGI-164", "ASGI-177")
def test_a_client_that_answers_no_ping_is_given_up(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--ws-ping-interval", "0.1", "--ws-ping-timeout", "0.2")
    with Client(server.address) as silent:
        silent.send(request("GET", "/echo/silent", *HANDSHAKE))
        silent.read_until(b"\r\n\r\n")
        assert get(server, "/ended/silent").json()["code"] == 1006
        assert silent.read_to_end().startswith(b"\x89")  # the ping


@pytest.mark.clause("ASGI-164")
def test_a_client_that_answers_stays(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--ws-ping-interval", "0.1", "--ws-ping-timeout", "1")
    pings = threading.Semaphore(0)
    with at(server, "/echo") as connection:
        answer = connection.protocol.recv_frame

        def watched(frame: object) -> None:
            if getattr(frame, "opcode", None) == 0x9:
                pings.release()
            answer(frame)  # type: ignore[arg-type]

        connection.protocol.recv_frame = watched  # type: ignore[method-assign]
        for _ in range(15):  # longer than the time-out
            assert pings.acquire(timeout=PATIENCE)
        connection.send("still there")
        assert connection.recv(PATIENCE) == "still there"


@pytest.mark.clause("ASGI-168")
def test_what_waits_for_the_application_is_bounded_and_nothing_is_lost(serve: Serve) -> None:
    server = serve("websockets_plain:app")
    count, message = 2000, b"x" * 32_768
    with at(server, "/lazy/flood", compression=None) as flooding:

        def flood() -> None:
            for _ in range(count):
                flooding.send(message)
            flooding.send("last")

        before = resident(server.pid)
        flooder = threading.Thread(target=flood, daemon=True)
        flooder.start()
        with at(server, "/echo") as other:
            for number in range(200):
                other.send(f"{number}")
                assert other.recv(PATIENCE) == f"{number}"
        assert flooder.is_alive(), "64 MiB went somewhere"
        assert resident(server.pid) - before < 8 * MIB
        get(server, "/open/flood")
        assert flooding.recv(PATIENCE) == str(count + 1)
        flooder.join()


@pytest.mark.clause("ASGI-187")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_closes_with_1012(serve: Serve, number: signal.Signals) -> None:
    server = serve("websockets_plain:app")
    with ExitStack() as stack:
        open_ones = [stack.enter_context(at(server, f"/echo/{each}")) for each in range(20)]
        server.send_signal(number)
        assert {close_code(each) for each in open_ones} == {1012}
    assert server.wait() == 0
    assert not server.log.count("Traceback|cancelled")


def test_without_websocket_a_handshake_is_a_request(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--ws", "none")
    with Client(server.address) as client:
        response = client.get("/page", *HANDSHAKE)
        assert (response.status, response.header("upgrade")) == (200, None)
        assert b"WebSocket" in response.body
        assert client.get("/page").status == 200


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc's malloc_trim")
def test_what_a_crowd_took_goes_back_to_the_system(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--ws-deflate-takeover", "--ws-ping-interval", "0.5")
    with at(server, "/echo") as stays:
        before = resident(server.pid)
        for _ in range(3):  # what one crowd leaves behind the next could use
            with ExitStack() as stack:
                crowd = [stack.enter_context(at(server, f"/echo/{number}")) for number in range(100)]
                for each in crowd:
                    each.send("some text " * 400)
                for each in crowd:
                    each.recv(PATIENCE)
                stays.send("some text " * 400)
                stays.recv(PATIENCE)
                assert resident(server.pid) - before > 12 * MIB
        soon = time.monotonic() + PATIENCE
        while resident(server.pid) - before > 4 * MIB:
            assert time.monotonic() < soon, f"{(resident(server.pid) - before) // MIB} MiB are still there"
            assert stays.ping().wait(PATIENCE)
