"""SIGTERM and SIGINT: idle connections end at once, what runs is finished or, after the grace time, cancelled, and
lifespan shutdown always runs.

A request is held by its own body: it runs until the test sends the rest of it.
"""

import signal
import socket
from pathlib import Path

import pytest
from harness.connection import Client, Incomplete, Response, request
from harness.process import APPS, Command, Serve, Serving

SIGNALS = [signal.SIGTERM, signal.SIGINT]


def _held(server: Serving, path: str = "/hold", said: str = "holding", times: int = 1) -> Client:
    """A client whose request runs until it sends one more byte."""
    client = Client(server.address)
    client.send(request("POST", path, "Content-Length: 4") + b"abc")
    server.expect(said, times)
    return client


def _last(response: Response, client: Client) -> bytes:
    """The body of a response that says that it was the last, and was."""
    assert response.header("connection") == "close"
    assert client.read_to_end() == b""
    return response.body


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.clause("ASGI-199", "ASGI-200")
def test_stop_finishes_what_runs_and_ends_what_is_idle(serve: Serve, number: signal.Signals) -> None:
    server = serve("plain:app")
    with Client(server.address) as unused, Client(server.address) as idle, _held(server) as held:
        assert idle.get().status == 200
        server.send_signal(number)
        assert unused.ended()
        assert idle.ended()
        with pytest.raises(ConnectionRefusedError):
            Client(server.address)
        assert server.alive
        held.send(b"d")
        assert _last(held.response(), held) == b"4"
    assert server.wait() == 0
    server.expect("lifespan shutdown")
    server.expect(f"stopping \\({number.name}\\)")
    server.expect("stopped$")


def test_half_received_head_is_still_answered(serve: Serve) -> None:
    server = serve("plain:app")
    with Client(server.address) as client, Client(server.address) as other:
        client.send(b"GET / HTTP/1.1\r\nHo")
        assert other.get().status == 200  # the half head came before
        server.send_signal()
        assert other.ended()
        client.send(b"st: e2e.test\r\n\r\n")
        assert _last(client.response(), client) == b"Hello, World!"
    assert server.wait() == 0


def test_stream_that_has_begun_comes_to_its_end(serve: Serve) -> None:
    server = serve("plain:app")
    with _held(server, "/held-stream", "streaming") as client, Client(server.address) as idle:
        server.send_signal()
        assert idle.ended()
        client.send(b"d")
        response = client.response()
        assert response.body == b"begun\nend\n"
        assert client.read_to_end() == b""
    assert server.wait() == 0


def test_pipelined_request_behind_the_last_answer_is_not_half_answered(serve: Serve) -> None:
    server = serve("plain:app")
    with _held(server) as client, Client(server.address) as idle:
        server.send_signal()
        assert idle.ended()
        client.send(b"d" + request("GET", "/hello"))
        assert _last(client.response(), client) == b"4"
    assert server.wait() == 0


def test_answer_that_is_still_on_its_way_is_not_lost_to_a_reset(serve: Serve) -> None:
    """The next request behind it comes too late to be answered; unread it must not turn the close into a reset."""
    server = serve("plain:app")
    with Client(server.address, receive_buffer=16_384) as reader, Client(server.address) as idle:
        assert idle.get().status == 200
        reader.send(request("GET", "/blob?size=4000000"))
        reader.socket.recv(1, socket.MSG_PEEK)
        server.send_signal()
        assert idle.ended()
        reader.send(request("GET", "/hello"))
        assert len(reader.response().body) == 4_000_000
        assert reader.read_to_end() == b""
    assert server.wait() == 0


@pytest.mark.clause("ASGI-199")
def test_grace_time_over_cancels_what_runs(serve: Serve) -> None:
    server = serve("plain:app", "--graceful-timeout", "0.3")
    with Client(server.address) as fresh, Client(server.address) as begun:
        fresh.send(request("GET", "/hang"))
        begun.send(request("GET", "/hang?begun"))
        server.expect("hanging", 2)
        server.send_signal()
        assert _last(fresh.response(), fresh) == b"Service Unavailable"
        with pytest.raises(Incomplete):  # ASGI-019: visibly cut short
            begun.response()
    assert server.wait() == 0
    assert server.log.count("hang cancelled") == 2
    server.expect("cancelled: GET /hang .*no response yet")
    server.expect("cancelled: GET /hang .*response begun")
    text = server.log.text
    assert text.index("hang cancelled") < text.index("lifespan shutdown")
    assert "Traceback" not in text


def test_second_signal_hurries(serve: Serve) -> None:
    server = serve("plain:app", "--graceful-timeout", "600")
    with Client(server.address) as client:
        client.send(request("GET", "/hang"))
        server.expect("hanging")
        server.send_signal()
        server.expect("stopping \\(SIGTERM\\)")
        server.send_signal(signal.SIGINT)
        assert _last(client.response(), client) == b"Service Unavailable"
    assert server.wait() == 0
    server.expect("stopping at once \\(SIGINT\\)")
    server.expect("lifespan shutdown")


@pytest.mark.clause("ASGI-199", "ASGI-200")
def test_application_that_ignores_its_cancellation_delays_but_does_not_prevent_the_end(serve: Serve) -> None:
    server = serve("plain:app", "--graceful-timeout", "0")
    with Client(server.address) as client:
        client.send(request("GET", "/hang?stubborn"))
        server.expect("hanging")
        server.send_signal()
        server.expect("lifespan shutdown")
        assert _last(client.response(), client) == b"Service Unavailable"
    assert server.wait() == 0
    server.expect("took no cancellation, left behind: GET /hang from .*no response yet")
    server.expect("stopped$")


def test_third_signal_is_the_systems(serve: Serve) -> None:
    server = serve("troubled:blocked_end")
    server.send_signal()
    server.output.expect("blocking")
    server.send_signal(signal.SIGINT)  # another one: two of the same that come together would count once
    server.send_signal(signal.SIGTERM)
    assert server.wait() == -signal.SIGTERM


def test_stop_names_what_it_still_waits_for(serve: Serve) -> None:
    server = serve("plain:app")
    with _held(server, "/hold?name=slow") as client:
        server.send_signal()
        server.expect(
            rf"stopping, \d+ s left, waiting for POST /hold from {client.name} for \d+\.\d s, no response yet "
            r"\(a second CTRL\+C or SIGTERM ends the wait\)"
        )
        client.send(b"d")
        assert client.response().body == b"4"
    assert server.wait() == 0


def test_waiting_line_names_the_client(serve: Serve) -> None:
    server = serve("plain:app", "--graceful-timeout", "0")
    with Client(server.address) as client:
        client.send(request("GET", "/hang"))
        server.expect("hanging")
        server.send_signal()
        server.expect(rf"cancelled: GET /hang from {client.name} for \d+\.\d s, no response yet")
        client.response()


def test_background_work_of_a_finished_response_is_waited_for(serve: Serve) -> None:
    server = serve("plain:app")
    with Client(server.address) as idle, _held(server) as held, Client(server.address) as opening:
        assert idle.get("/background?name=work").body == b"done"
        assert opening.get("/open?name=work").status == 200
        server.send_signal()
        held.send(b"d")
        assert held.response().body == b"4"
    assert server.wait() == 0
    server.expect("background work done")


@pytest.mark.clause("ASGI-267")
def test_file_that_was_sent_holds_up_nothing(serve: Serve, short_directory: Path) -> None:
    file = short_directory / "file.bin"
    file.write_bytes(b"f" * 320_000)
    server = serve("plain:app")
    with Client(server.address) as client:
        assert client.get(f"/path?path={file}").body == file.read_bytes()
        server.expect("pathsend returned")
        assert client.get(f"/path?path={file}").body == file.read_bytes()
    assert server.stop() == 0
    assert "waiting for" not in server.log.text


def test_socket_file_is_gone_after_the_stop(serve: Serve, short_directory: Path) -> None:
    path = short_directory / "server.sock"
    server = serve("plain:app", "--bind", f"unix:{path}")
    assert path.is_socket()
    assert server.stop(signal.SIGINT) == 0
    assert not path.exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_while_the_application_starts_ends_it(command: Command, number: signal.Signals) -> None:
    process = command("run", "troubled:endless_start", "--app-dir", str(APPS), "--bind", "127.0.0.1:0")
    process.output.expect("starting")
    assert process.stop(number) == (130 if number is signal.SIGINT else 0)
    process.output.expect("start cancelled")
    process.expect("stopped before it served$")
    assert "Traceback" not in process.log.text
    assert "serves" not in process.log.text
