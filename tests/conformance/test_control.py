import json
import os
import resource
import selectors
import socket
import time

import pytest

from asgate.conformance import control as control_module
from asgate.conformance.control import LOST, Control, Never, Overdue


class Process:
    """A process of a server, as the control channel sees it."""

    def __init__(self, control, pid=7):
        host, port = control.address.split(":")
        self.control, self.socket = control, socket.create_connection((host, int(port)))
        self.file = self.socket.makefile("rb")
        self.says({"hello": pid})
        control.wait(lambda: control.peers and control.peers[0].pid, soon(), "hello")
        assert "modes" in json.loads(self.file.readline())

    def says(self, report):
        self.socket.sendall(json.dumps(report).encode() + b"\n")

    def heard(self):
        """The next command; what is still to be written is written meanwhile."""
        self.control.poll(1)
        return json.loads(self.file.readline())

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def control():
    control = Control()
    yield control
    control.close()


@pytest.fixture
def process(control):
    process = Process(control)
    yield process
    process.close()


def soon():
    return time.monotonic() + 5


OPEN = {"open": 1, "mode": "steered", "scope": {"$dict": [["type", "http"]]}, "facts": {}}


def test_commands_and_their_results(control, process):
    process.says(OPEN)
    control.wait(lambda: control.opened, soon(), "a call")
    peer, report = control.opened[0]
    assert (peer.pid, report["scope"]) == (7, {"type": "http"})
    number = control.command(peer, 1, "send", message={"body": b"x"})
    command = process.heard()
    assert (command["op"], command["message"]) == (number, {"$dict": [["body", {"$bytes": "eA=="}]]})
    assert control.result(number) is None
    process.says({"op": number, "value": {"$bytes": "eA=="}})
    control.wait(lambda: control.result(number), soon(), "the result")
    assert control.result(number)["value"] == b"x"


def test_a_process_that_dies_in_the_middle_of_a_line(control, process):
    process.says(OPEN)
    control.wait(lambda: control.opened, soon(), "a call")
    peer, _ = control.opened[0]
    number = control.command(peer, 1, "receive")
    process.socket.sendall(b'{"op": 1, "val')
    process.close()
    control.wait(lambda: control.lost, soon(), "the end")
    assert control.lost == [7]
    assert control.closed == {(1, 1): LOST}
    assert control.result(number)["gone"] is True
    assert control.result(control.command(peer, 1, "receive"))["gone"] is True
    assert control.abandon()


def test_a_line_in_many_pieces(control, process):
    for byte in json.dumps(OPEN).encode() + b"\n":
        process.socket.sendall(bytes([byte]))
        control.poll(0.01)
    control.wait(lambda: control.opened, soon(), "a call")


def test_commands_that_the_process_does_not_take_yet_do_not_block(control, process):
    process.says(OPEN)
    control.wait(lambda: control.opened, soon(), "a call")
    peer, _ = control.opened[0]
    for _ in range(20):
        control.command(peer, 1, "send", message=b"x" * 1_000_000)
    assert peer.outgoing
    process.socket.setblocking(False)
    lines = 0
    while lines < 20:
        control.poll(0.01)
        try:
            lines += process.socket.recv(1 << 20).count(b"\n")
        except BlockingIOError:
            continue
    assert not peer.outgoing


def test_processes_with_the_same_pid_are_kept_apart(control, process):
    other = socket.create_connection(process.socket.getpeername())
    other.sendall(b'{"hello": 7}\n' + json.dumps(OPEN).encode() + b"\n")
    process.says(OPEN)
    control.wait(lambda: len(control.opened) == 2, soon(), "two calls")
    other.sendall(b'{"closed": 1, "how": "returned"}\n')
    control.wait(lambda: control.closed, soon(), "an end")
    assert control.closed == {(2, 1): "returned"}
    other.close()


def test_waiting_for_another_socket_takes_reports_in(control, process):
    ours, theirs = socket.socketpair()
    process.says(OPEN)
    with pytest.raises(Overdue, match="something came"):
        control.ready(ours, selectors.EVENT_READ, time.monotonic() + 0.1, "something came")
    assert control.opened
    theirs.send(b"x")
    control.ready(ours, selectors.EVENT_READ, soon(), "something came")
    ours.close()
    theirs.close()


def test_a_wait_without_hope_ends_with_the_reason(control, process):
    process.says(OPEN)
    control.wait(lambda: control.opened, time.monotonic() + 3600, "a call", str)
    with pytest.raises(Never, match=r"^another call: it is over$"):
        control.wait(lambda: False, time.monotonic() + 3600, "another call", lambda: "it is over")
    arrived = []
    control.wait(
        lambda: arrived, soon(), "a call", lambda: arrived.append(1) or "it is over"
    )  # in the last moment


def test_modes_are_restored(control, process):
    def taken():
        command = process.heard()
        process.says({"op": command["op"]})
        return command["modes"]["http"]

    control.restore(0)  # nothing to do, and so nothing to wait for
    with pytest.raises(Overdue):
        control.switch(time.monotonic(), http="echo")
    assert taken() == "echo"
    with pytest.raises(Overdue):
        control.restore(time.monotonic())
    assert taken() == "steered"
    control.restore(0)


@pytest.mark.parametrize(("kind", "broken"), [("http", [7]), ("lifespan", [])])
def test_a_process_that_ends_in_the_middle_of_a_request(control, process, kind, broken):
    process.says(OPEN | {"scope": {"$dict": [["type", kind]]}})
    control.wait(lambda: control.opened, soon(), "a call")
    process.close()
    control.wait(lambda: control.lost, soon(), "the end")
    assert control.broken == broken


def test_requests_of_our_own_are_no_calls(control, process):
    process.says(OPEN | {"mode": "aside", "aside": "3"})
    process.says({"closed": 1, "how": "returned"})
    control.wait(lambda: control.aside.get("3"), soon(), "the end")
    assert not control.opened
    control.forget()
    assert not control.aside


def test_watchers_are_told_everything_until_they_leave(control, process):
    told = []
    leave = control.watch(lambda peer, report: told.append((peer.pid, report)))
    process.says(OPEN)
    control.wait(lambda: control.opened, soon(), "a call")
    control.command(control.opened[0][0], 1, "send", message={"a": b"b"})
    leave()
    control.command(control.opened[0][0], 1, "receive")
    assert [pid for pid, _ in told] == [7, 7]
    assert told[1][1]["message"] == {"a": b"b"}


def connected(control):
    host, port = control.address.split(":")
    return socket.create_connection((host, int(port)))


def ended(control, connection):
    """Waits until the other end has closed the connection, which says nothing."""
    control.ready(connection, selectors.EVENT_READ, soon(), "the end")
    return connection.recv(1) == b""


STRANGE = [b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b"5\n", b'{"hello": "7"}\n', b"\xff\n", b"[" * 100_000 + b"\n"]


@pytest.mark.parametrize("line", STRANGE, ids=lambda line: str(line[:9]))
def test_who_says_no_hello_is_not_heard(control, process, line):
    with connected(control) as stranger:
        stranger.sendall(line)
        assert ended(control, stranger)
    assert (len(control.peers), control.lost, control.fault) == (1, [], "")
    process.says(OPEN)
    control.wait(lambda: control.opened, soon(), "a call")


def test_who_says_nothing_is_no_process(control, process):
    connected(control).close()
    process.says(OPEN)  # it comes after the connection and its end
    control.wait(lambda: control.opened, soon(), "a call")
    control.poll(0)
    assert (len(control.peers), control.lost) == (1, [])


FOUL = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"[]\n",
    b'{"open": 1}\n',
    b'{"open": 2, "mode": "aside", "scope": {"$what": 1}}\n',
    b'{"value": {"$dict": [[[], 1]]}, "op": 1}\n',
    b'{"hello": 8}\n',
    b"[" * 100_000 + b"\n",
]


@pytest.mark.parametrize("line", FOUL, ids=lambda line: str(line[:30]))
def test_a_process_that_writes_what_no_probe_writes(control, process, line):
    process.says(OPEN)
    process.socket.sendall(line)
    control.wait(lambda: control.lost, soon(), "the end")
    assert control.fault.startswith("the server broke the control channel: a line that is no report (")
    assert control.closed == {(1, 1): LOST}
    assert not control.peers


@pytest.mark.parametrize("known", [True, False])
def test_a_line_without_end(control, process, monkeypatch, known):
    monkeypatch.setattr(control_module, "LINE_LIMIT", 1000)
    connection = process.socket if known else connected(control)
    connection.sendall(b"x" * 1001)
    assert ended(control, connection)
    assert control.lost == ([7] if known else [])
    assert control.fault == (
        "the server broke the control channel: a line of more than 1000 bytes" if known else ""
    )
    connection.close()


def test_connections_have_a_bound(control, process, monkeypatch):
    monkeypatch.setattr(control_module, "CONNECTIONS", 2)
    with connected(control) as second, connected(control) as third:
        assert ended(control, third)
        second.sendall(b'{"hello": 8}\n')
        control.wait(lambda: len(control.peers) == 2, soon(), "the second process")


def test_a_connection_for_which_no_descriptor_is_free(control, process):
    """It waits until there is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with connected(control) as connection:
        connection.sendall(b'{"hello": 8}\n')
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            control.poll(1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(control.peers) == 1
        control.wait(lambda: len(control.peers) == 2, soon(), "the second process")
