"""Servers that behave badly on purpose: each is the small server with a few lines before it."""

import os
import socket
import sys
import time

import pytest

from asgate.conformance import process
from asgate.conformance.process import NotStarted, Starter
from asgate.conformance.results import Outcome
from asgate.conformance.runner import Run
from asgate.conformance.servers import custom
from asgate.conformance.signals import ending

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")


@pytest.fixture
def starter(small_server, tmp_path):
    """Makes starters of the small server with lines before it, and in place of its last."""

    def make(before: str = "", last: str = "asyncio.run(main())") -> Starter:
        path = tmp_path / "server.py"
        source = small_server.read_text().removesuffix("asyncio.run(main())\n")
        path.write_text(f"import os, signal, socket, sys, time\n{before}\n{source}\n{last}\n")
        return Starter(custom(f"{sys.executable} {path} {{port}} {{target}} plain"), sys.executable)

    return make


@pytest.fixture
def started(starter):
    """Starts such a server; it is ended with the test."""
    servers = []

    def start(*lines: str) -> process.Server:
        servers.append(starter(*lines).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def soon():
    return time.monotonic() + 5


def passes(trial):
    wire, app = trial.request("/")
    app.respond(body=b"hello")
    assert wire.response().body == b"hello"


def test_the_words_for_an_ending():
    assert [ending(code) for code in (0, 3, -9, -99)] == ["code 0", "code 3", "signal SIGKILL", "signal 99"]


@LINUX
def test_a_server_that_a_real_time_signal_ends(starter):
    with pytest.raises(NotStarted, match=r"^it ended with signal 35 and printed nothing"):
        starter("os.kill(os.getpid(), 35)").start()


@pytest.mark.parametrize("how", ["[os.unlink(name) for name in os.listdir()]", "os.rmdir(os.getcwd())"])
def test_a_server_that_deletes_what_is_in_its_folder(started, how):
    server = started(f"{how}; print('all gone')")
    assert server.well() == ""
    assert server.output().startswith("all gone\n")


def test_what_a_server_prints_is_dropped_while_it_starts(started, monkeypatch):
    """It does not start before."""
    monkeypatch.setattr(process, "START_LIMIT", 5.0)
    server = started(
        "os.write(1, b'x' * (2 << 20))\nwhile os.fstat(1).st_size: time.sleep(0.01)\nos.write(1, b'last')"
    )
    assert server.output().endswith("xxlast")


EACH = """
def each():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.create_server(("127.0.0.1", PORT))
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            asyncio.run(one(connection))
            os._exit(0)
        connection.close()

async def one(connection):
    import asgi_probe
    reader, writer = await asyncio.open_connection(sock=connection)
    await serve(asgi_probe.app, reader, writer)
    await writer.wait_closed()

each()
"""


def test_a_process_for_each_connection_is_no_crash(started):
    server = started("", EACH)
    server.echo(soon())
    server.control.wait(lambda: len(server.control.lost) >= 2, soon(), "the processes ended")
    assert (server.well(), server.crashed()) == ("", "")


def test_cases_against_a_process_for_each_connection(starter, case):
    run = Run(starter("", EACH))
    try:
        for _ in range(2):
            result = run.result(case(passes))
            assert (result.outcome, result.detail) == (Outcome.PASS, "")
    finally:
        run.stop()


def test_a_process_that_ends_in_a_request_is_one(started):
    server = started("", EACH)
    with server.connect(soon()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        server.control.wait(lambda: server.control.opened, soon(), "a call")
        _, report = server.control.opened[0]
        os.kill(report["facts"]["pid"], 9)
        server.control.wait(lambda: server.control.broken, soon(), "its end")
    assert server.well() == server.crashed() == "a process of the server died"


GARBAGE = """
import asgi_probe_channel
asgi_probe_channel.channel().socket.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
"""


def test_garbage_on_the_control_channel_is_the_fault_of_the_server(starter):
    server = starter(GARBAGE).start(wait=False)
    try:
        server.control.wait(lambda: server.control.fault, soon(), "the garbage came")
        assert server.well() == server.crashed() == server.control.fault
    finally:
        server.stop()


STRAY = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        stray = socket.create_connection(("127.0.0.1", {port}))
        stray.send(b"x")
        time.sleep(60)
    os._exit(0)
"""


@LINUX
def test_a_process_in_a_session_of_its_own_is_ended_too(starter):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        server = starter(STRAY.format(port=listener.getsockname()[1])).start()
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1) == b"x"
            server.stop()
            connection.settimeout(5)
            assert connection.recv(1) == b""
