"""What waits: messages for the application, a ping behind a long answer, a refusal behind messages, a stop."""

import socket
import threading
from contextlib import suppress

import pytest
from harness.connection import Client, request
from harness.process import Serve
from harness.procfs import MIB, resident
from test_websocket_limits import HANDSHAKE, at, close_code, get

pytest.importorskip("websockets", reason="websockets is not installed")
from websockets.exceptions import ConnectionClosed

KEY = b"\x11\x22\x33\x44"


def frame(first: int, payload: bytes) -> bytes:
    """A small masked frame."""
    masked = bytes(byte ^ KEY[index % 4] for index, byte in enumerate(payload))
    return bytes([first, 0x80 | len(payload)]) + KEY + masked


@pytest.mark.clause("ASGI-168")
def test_large_messages_that_follow_small_ones_do_not_pile_up(serve: Serve) -> None:
    """Each one that is taken makes room; not for as many as there were small ones."""
    server = serve("websockets_waiting:app", "--graceful-timeout", "0")
    lengths = [1] * 31 + [66_000] + [8 * MIB] * 40
    with at(server, "/counted/it", compression=None) as flooding:

        def flood() -> None:
            with suppress(ConnectionClosed):  # the test is done before all are taken
                for length in lengths:
                    flooding.send(bytes(length))

        flooder = threading.Thread(target=flood, daemon=True)
        before = resident(server.pid)
        flooder.start()
        try:
            for length in lengths[:28]:
                assert get(server, "/take/it").text == str(length)
                assert (
                    resident(server.pid) - before < 24 * MIB
                )  # the one on its way, and what growing it takes
            for length in lengths[28:36]:
                assert get(server, "/take/it").text == str(length)
            assert flooder.is_alive(), "256 MiB went somewhere"
        finally:
            flooding.socket.shutdown(socket.SHUT_RDWR)  # it would wait for room for ever
            flooder.join()


@pytest.mark.clause("ASGI-164")
def test_a_ping_behind_a_long_answer_is_not_held_against_a_slow_reader(serve: Serve) -> None:
    server = serve("websockets_waiting:app", "--ws-ping-interval", "0.1", "--ws-ping-timeout", "0.2")
    with Client(server.address, receive_buffer=65_536) as slow:
        slow.send(request("GET", f"/flood/{8 * MIB}", *HANDSHAKE))
        slow.read_until(b"\r\n\r\n")
        # It reads nothing while another one answers ten pings: three times as long as a pong may take.
        with Client(server.address) as other:
            other.send(request("GET", "/flood/0", *HANDSHAKE))
            other.read_until(b"\r\n\r\n\x82\x00")
            for number in range(1, 11):
                ping = number.to_bytes(4, "big")
                other.read_until(b"\x89\x04" + ping)
                other.send(frame(0x8A, ping))
        slow.send(frame(0x81, b"there"))
        slow.read_until(b"\x81\x05there")


@pytest.mark.clause("ASGI-168")
@pytest.mark.parametrize("count", [1, 20, 200])
def test_what_came_before_a_broken_frame_is_answered_before_the_refusal(serve: Serve, count: int) -> None:
    server = serve("websockets_plain:app")
    with Client(server.address) as client:
        client.send(request("GET", "/echo/it", *HANDSHAKE))
        client.read_until(b"\r\n\r\n")
        client.send(frame(0x81, b"sound") * count + frame(0xB1, b"reserved bits"))
        answers = client.read_to_end()
    assert answers.startswith(b"\x81\x05sound" * count + b"\x88")
    assert answers[7 * count + 2 :].startswith((1002).to_bytes(2, "big"))
    assert get(server, "/ended/it").json()["code"] == 1002


@pytest.mark.clause("ASGI-187")
def test_a_stop_says_which_close_frames_it_waits_for(serve: Serve) -> None:
    server = serve("websockets_plain:app", "--ws-close-timeout", "1")
    with Client(server.address) as silent:
        silent.send(request("GET", "/echo/it", *HANDSHAKE))
        silent.read_until(b"\r\n\r\n")
        server.send_signal()
        server.expect(r"waiting for the close frame of a WebSocket from 127\.0\.0\.1:\d+")
        assert silent.read_to_end().startswith(b"\x88\x02" + (1012).to_bytes(2, "big"))
    assert server.wait() == 0


@pytest.mark.clause("ASGI-025", "ASGI-199")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("when", ["now", "later"])
def test_a_task_of_the_application_may_end_the_process(serve: Serve, loop: str, when: str) -> None:
    """Whether it is stepped in the turn of its client or by the loop."""
    server = serve("websockets_waiting:app", "--loop", loop)
    with at(server, f"/exit/{when}") as connection:
        connection.send("go")
        assert server.wait() == 7
    if when == "now":
        server.expect(r"stopping \(SystemExit\(7\) raised at websockets_waiting\.py:\d+\)")


@pytest.mark.clause("ASGI-187")
def test_who_sends_on_while_the_server_stops_is_told_so(serve: Serve) -> None:
    server = serve("websockets_waiting:app")
    with at(server, "/late") as connection:
        server.send_signal()
        assert close_code(connection) == 1012
    server.expect("the server stops: of this WebSocket only websocket.close is still taken")
    assert server.wait() == 0
