import errno
import socket
import struct
import time

import pytest

from asgate.conformance.control import Control, Overdue
from asgate.conformance.wire import (
    Departed,
    Incoming,
    Malformed,
    Response,
    Wire,
    chunk_size,
    departing,
    field_line,
    parsed_head,
)


@pytest.fixture
def ends():
    """A wire and the server's end of it, and what was told."""
    control = Control()
    ours, theirs = socket.socketpair()
    told: list[tuple[str, bytes]] = []
    limit = time.monotonic() + 2
    wire = Wire(ours, control, lambda direction, data: told.append((direction, data)), lambda: limit)
    yield wire, theirs, told
    wire.close()
    theirs.close()
    control.close()


LENGTH = b"HTTP/1.1 200 OK\r\nX-a: 1\r\ncontent-length: 5\r\nx-A:  2 \r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx-t: 1\r\n\r\n"
)
CLOSE = b"HTTP/1.0 200 OK\r\n\r\nhello"


@pytest.mark.parametrize(
    ("data", "framing", "trailers"),
    [(LENGTH, "length", []), (CHUNKED, "chunked", [("x-t", "1")]), (CLOSE, "close", [])],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_answers(ends, data, framing, trailers, step):
    wire, theirs, _ = ends
    for start in range(0, len(data), step):
        theirs.sendall(data[start : start + step])
    theirs.shutdown(socket.SHUT_WR)
    response = wire.response()
    assert (response.status, response.body, response.framing) == (200, b"hello", framing)
    assert (response.trailers, response.complete) == (trailers, True)


def test_headers_are_as_on_the_wire(ends):
    wire, theirs, _ = ends
    theirs.sendall(LENGTH)
    response = wire.response()
    assert response.headers == [("X-a", "1"), ("content-length", "5"), ("x-A", "2")]
    assert response.values("x-a") == ["1", "2"]


CUT = [
    LENGTH[:-1],
    CHUNKED[:-2],
    CHUNKED[:-10],
    CHUNKED[:50],
]


@pytest.mark.parametrize("data", CUT)
def test_cut_answers(ends, data):
    wire, theirs, _ = ends
    theirs.sendall(data)
    theirs.shutdown(socket.SHUT_WR)
    response = wire.response()
    assert not response.complete
    assert wire.ended() == "FIN"


def test_one_answer_after_another(ends):
    wire, theirs, _ = ends
    theirs.sendall(
        b"HTTP/1.1 103 Early\r\nlink: a\r\n\r\n" + LENGTH + b"HTTP/1.1 204 No\r\n\r\n" + LENGTH[:-5]
    )
    first = wire.response()
    assert ([it.status for it in first.informational], first.body) == ([103], b"hello")
    assert wire.response().framing == "none"
    assert wire.response(head=True).body == b""
    assert wire.drained()


WRONG_HEADS = [
    b"SSH-2.0\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 2\xb20 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\rX-a: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx a: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-a: b\nx-c: d\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-a: b\0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-a: b\r\n c\r\n\r\n",
    b"HTTP/1.1 200\r\n\r\n",
    b"HTTP/1.1 000 OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\n\r\n",
    b"HTTP/1.1 200 O\x0bK\r\n\r\n",
    b"HTTP/1.1 200 O\x7fK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-a: b\x01\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-a: b\x0b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-a: b\x7f\r\n\r\n",
]


@pytest.mark.parametrize("data", WRONG_HEADS)
def test_what_is_not_http(ends, data):
    wire, theirs, _ = ends
    theirs.sendall(data)
    with pytest.raises(Malformed):
        wire.response()
    with pytest.raises(Malformed):
        parsed_head(data)


def framed(*fields: bytes, body: bytes = b"hello", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join((version + b" 200 OK", *fields, b"", body))


CODED = b"Transfer-Encoding: chunked"
SIZED = b"Content-Length: 5"
WRONG_BODIES = [
    *(
        (framed(CODED, body=size + b"\r\nhello\r\n0\r\n\r\n"), "not a chunk size: ")
        for size in (
            b"",
            b"0x5",
            b"+5",
            b"-5",
            b" 5",
            b"5 ",
            b"0_5",
            b"5;",
            b'5;a="b',
            b"5;a\rb",
            b"5\n",
            b"5" * 17,
        )
    ),
    (framed(CODED, body=b"5\r\nhelloXX0\r\n\r\n"), "a chunk's data ends with b'XX'"),
    (framed(CODED, body=b"5\r\nhello0\r\n\r\n"), r"a chunk's data ends with b'0\\r'"),
    (framed(CODED, body=b"5\r\nhello\n0\r\n\r\n"), r"a chunk's data ends with b'\\n0'"),
    (framed(CODED, body=b"0\r\nno colon\r\n\r\n"), "not a field line: 'no colon"),
    (framed(CODED, SIZED), "transfer-encoding: chunked with content-length: 5"),
    (framed(CODED, version=b"HTTP/1.0"), r"transfer-encoding: chunked with HTTP/1\.0"),
    (framed(b"Transfer-Encoding: gzip, chunked"), "transfer-encoding: gzip, chunked"),
    (framed(b"Transfer-Encoding: identity"), "transfer-encoding: identity"),
    (framed(b"Transfer-Encoding:"), "transfer-encoding: "),
    (framed(CODED, CODED), "transfer-encoding: chunked, chunked"),
    (framed(SIZED, SIZED), "content-length: 5, 5"),
    (framed(SIZED, b"Content-Length: 6"), "content-length: 5, 6"),
    *(
        (framed(b"Content-Length: " + length), "content-length: ")
        for length in (b"", b"+5", b"-5", b"5, 5", b"0_5", b"0x5", b"\xb2", b"five", b"9" * 5000)
    ),
]


@pytest.mark.parametrize(("data", "flaw"), WRONG_BODIES)
@pytest.mark.parametrize("ended", [True, False])
def test_framing_that_is_not_http(ends, data, flaw, ended):
    """The flaw is told, and told the same whether the server has already closed or not."""
    wire, theirs, _ = ends
    theirs.sendall(data)
    if ended:
        theirs.shutdown(socket.SHUT_WR)
        assert wire.ended() == "FIN"
    with pytest.raises(Malformed, match=f"^{flaw}"):
        wire.response()


def test_what_any_text_may_hold():
    response = parsed_head(b"HTTP/1.1 299 \t\xe9~\r\nx-a:\t \xe9\t!~ \r\n\r\n")
    assert (response.reason, response.headers) == ("\t\xe9~", [("x-a", "\xe9\t!~")])
    assert parsed_head(b"HTTP/1.1 999 \r\n\r\n").reason == ""


BOTH = (CODED, SIZED)
WRONG_WITHOUT_BODY = [
    *((status, (wrong,)) for status in (b"100", b"101", b"103", b"204") for wrong in (CODED, SIZED)),
    *((status, wrong) for status in (b"200", b"304") for wrong in (BOTH, (SIZED, SIZED), (CODED, CODED))),
    *((status, (b"Content-Length: five",)) for status in (b"200", b"304")),
    *((status, (b"Transfer-Encoding: gzip",)) for status in (b"200", b"304")),
]


@pytest.mark.parametrize(("status", "fields"), WRONG_WITHOUT_BODY)
def test_framing_is_looked_at_also_where_there_is_no_body(status, fields):
    data = framed(*fields, body=b"").replace(b"200", status) + LENGTH
    with pytest.raises(Malformed, match=r"^(transfer-encoding|content-length): "):
        Incoming(data).response(head=True)
    assert Incoming(data).head().status == int(status)  # for the case that judges it


@pytest.mark.parametrize("fields", [(), (SIZED,), (CODED,)])
@pytest.mark.parametrize("status", [b"200", b"304"])
def test_sound_framing_of_what_has_no_body(status, fields):
    incoming = Incoming(framed(*fields, body=b"").replace(b"200", status) + LENGTH)
    response = incoming.response(head=status == b"200")
    assert (response.framing, response.body, incoming.left) == ("none", b"", LENGTH)


def test_only_white_space_of_http_is_taken_off():
    response = Response("HTTP/1.1", 200, "", [("Connection", "Close\xa0, \tUpgrade\t")])
    assert response.options == {"close\xa0", "upgrade"}


def test_what_is_wrong_is_told_in_short():
    """Malformed words become the detail of a result, and may be megabytes."""
    for data in (
        b"x" * 9999 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 9999 + b"\r\n\r\n",
        framed(CODED, body=b"5" * 9999 + b"\r\n"),
        framed(b"Content-Length: " + b"5" * 9999),
        framed(b"Transfer-Encoding: " + b"x" * 9999),
    ):
        with pytest.raises(Malformed) as caught:
            Incoming(data).response()
        assert len(str(caught.value)) < 300


def test_lines():
    assert field_line("a:b\r\n") == ("a", "b")
    assert [chunk_size(line) for line in (b"1F ;x\r\n", b'0a;b="\\";";c = d\r\n')] == [31, 10]
    with pytest.raises(Malformed):
        chunk_size(b"x\r\n")
    with pytest.raises(Malformed):
        field_line("a : b")


def test_recorded_bytes_are_read_like_those_of_a_connection():
    incoming = Incoming(LENGTH + CHUNKED[:-1])
    assert incoming.response().body == b"hello"
    assert incoming.left == CHUNKED[:-1]
    assert not incoming.response().complete


def test_an_answer_that_never_comes(ends):
    wire, _, _ = ends
    limit = time.monotonic() + 0.05
    wire._deadline = lambda: limit
    with pytest.raises(Overdue, match=r"came"):
        wire.response()
    assert wire.drained()


def test_a_head_that_never_ends(ends, monkeypatch):
    wire, theirs, _ = ends
    monkeypatch.setattr("asgate.conformance.wire.HEAD_LIMIT", 1000)
    theirs.sendall(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000)
    with pytest.raises(Malformed, match="1000 bytes came without"):
        wire.head()


def test_a_flood_is_bounded(ends, monkeypatch):
    wire, theirs, _ = ends
    monkeypatch.setattr("asgate.conformance.wire.LIMIT", 1000)
    theirs.sendall(b"x" * 2000)
    with pytest.raises(Malformed, match="more than 1000 bytes"):
        wire.read_rest()


def test_sending_to_who_does_not_read(ends):
    wire, _, told = ends
    sent = 0
    while (some := wire.send_some(b"x" * 65536)) > 0:
        sent += some
    assert sum(len(data) for _, data in told) == sent
    limit = time.monotonic() + 0.05
    wire._deadline = lambda: limit
    with pytest.raises(Overdue, match="the server read what was sent"):
        wire.send(b"more")


def test_what_is_asked_again_and_again_ends_with_the_deadline(ends):
    """Also where nothing is waited for: an end that has come, bytes that the kernel takes."""
    wire, theirs, _ = ends
    theirs.close()
    assert wire.ends_within(1)
    limit = time.monotonic()
    wire._deadline = lambda: limit
    with pytest.raises(Overdue, match="decided"):
        wire.ends_within(1)
    with pytest.raises(Overdue, match="read what was sent"):
        wire.send_some(b"more")


@pytest.mark.parametrize("data", [b"1\r\na\r\n" * 9, b"0\r\n" + b"x: y\r\n" * 9])
def test_what_has_already_come_is_read_by_the_deadline_too(ends, data):
    """A flood of small pieces that is there at once must not keep the driver."""
    wire, theirs, _ = ends
    theirs.sendall(framed(CODED, body=data))
    head = wire.head()
    wire.answered()
    limit = time.monotonic()
    wire._deadline = lambda: limit
    with pytest.raises(Overdue, match="came"):
        wire.body(head)


def test_many_small_chunks_are_one_body():
    response = Incoming(framed(CODED, body=b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")).response()
    assert (response.body, type(response.body)) == (b"a" * 1000, bytes)
    cut = Incoming(framed(CODED, body=b"1\r\na\r\n" * 3)).response()
    assert (cut.body, cut.complete) == (b"aaa", False)


@pytest.fixture
def left():
    """A wire that the server has reset."""
    control = Control()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    limit = time.monotonic() + 2
    wire = Wire(ours, control, lambda *_: None, lambda: limit)
    yield wire
    wire.close()
    control.close()


@pytest.mark.parametrize(
    "use",
    [
        lambda wire: wire.send(b"x"),
        lambda wire: wire.send_some(b"x"),
        lambda wire: wire.half_close(),
        lambda wire: wire.peer,
    ],
    ids=["send", "send_some", "half_close", "peer"],
)
def test_a_server_that_has_left(left, use):
    assert left.ended() == "RST"
    with pytest.raises(Departed):
        use(left)


def test_an_error_of_the_drivers_own_is_no_leaving(ends):
    wire, _, _ = ends
    wire.close()
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        wire.half_close()
    assert not isinstance(caught.value, Departed)
    for number in (errno.EMFILE, errno.ENOENT, errno.ENOBUFS):
        with pytest.raises(OSError) as caught, departing():
            raise OSError(number, "of our own")
        assert not isinstance(caught.value, Departed)


def test_everything_is_told(ends):
    wire, theirs, told = ends
    wire.send(b"ask")
    assert theirs.recv(100) == b"ask"
    theirs.sendall(b"answer")
    assert wire.read_exactly(6) == b"answer"
    wire.half_close()
    theirs.close()
    assert wire.ended() == "FIN"
    wire.close()
    wire.close()
    assert told == [
        ("wire >", b"ask"),
        ("wire <", b"answer"),
        ("wire >", b"FIN"),
        ("wire <", b"FIN"),
        ("wire >", b"close"),
    ]
