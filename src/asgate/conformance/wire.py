"""The driver's sockets: bytes out as a case wrote them, bytes in as the server sent them, and a reader of
HTTP/1.1 answers.

No HTTP library: they would repair, refuse or hide what a case is about. The reader takes only what RFC 9112 says of
heads and framing (sections 4 to 7.1), and judges nothing else. A case that judges the framing fields itself reads the
`head`, which looks at no field's meaning. `Incoming` reads, from whatever has come; `Wire` is the socket that it comes
from. Every wait has a deadline. What went over the wire is told to `tell`, which keeps the evidence.
"""

import contextlib
import errno
import re
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from asgate.conformance.control import Control, Overdue, left_until
from asgate.conformance.evidence import brief
from asgate.spec.messages import BODILESS

RECEIVE = 1 << 16
HEAD_LIMIT = 1 << 20  # bytes of one head
LIMIT = 1 << 28  # bytes of one connection: a server that never ends must not take the driver's memory
Tell = Callable[[str, bytes], None]

# RFC 9110 sections 5.5 and 5.6: field-content, token, quoted-string. RFC 9112 sections 4, 5 and 7.1: status-line (the
# space before the reason stands there also without one), field-line, chunk-ext.
TEXT = r"[\t -~\x80-\xff]*"
NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
QUOTED = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
STATUS_LINE = re.compile(rf"(HTTP/1\.[0-9]) ([1-9][0-9]{{2}}) ({TEXT})")
FIELD_LINE = re.compile(rf"({NAME}):({TEXT})")
CHUNK_LINE = re.compile(
    rf"([0-9A-Fa-f]{{1,16}})(?:[ \t]*;[ \t]*{NAME}(?:[ \t]*=[ \t]*(?:{NAME}|{QUOTED}))?)*"
)
LENGTH = re.compile(r"[0-9]{1,18}")
# What the system says of a connection that its other end has left; EINVAL on macOS, of one that was reset.
DEPARTED = {errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT, errno.ENOTCONN, errno.EINVAL}


class Departed(ConnectionError):
    """The server has left the connection. An `OSError` of the driver's own, such as too many open files, is none."""


@contextlib.contextmanager
def departing() -> Iterator[None]:
    """Inside, the errors by which a socket tells that the server has left are `Departed`."""
    try:
        yield
    except OSError as error:
        if error.errno not in DEPARTED:
            raise
        raise Departed(*error.args) from None


class Malformed(Exception):
    """What the server sent is not HTTP/1.1; the message says why."""


class Cut(Malformed):
    """The connection ended in the midst of it."""


@dataclass(slots=True)
class Response:
    """One answer as it was on the wire."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]  # as on the wire: case, order and doubles kept
    informational: list["Response"] = field(default_factory=list)
    body: bytes = b""
    framing: str = "none"  # length, chunked, close or none
    complete: bool = True  # False: the connection ended before the framing said so
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """The values of all fields of this name, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def interim(self) -> bool:
        """Whether another answer follows it: 1xx, except 101, which ends HTTP on the connection."""
        return self.status < 200 and self.status != 101

    @property
    def options(self) -> set[str]:
        """What its Connection fields say, in lower case."""
        return {word.strip(" \t").lower() for value in self.values("connection") for word in value.split(",")}

    @property
    def last(self) -> bool:
        """Whether this is the last answer on its connection, as far as it says so (RFC 9112 section 9.3)."""
        old = self.version == "HTTP/1.0" and "keep-alive" not in self.options
        return old or "close" in self.options or self.framing == "close"


class Incoming:
    """Bytes of a server, `received` in all, and the reader of the answers in them. These here have all come: the
    connection has ended with FIN.
    """

    def __init__(self, received: bytes = b"") -> None:
        self._taken = 0
        self._ended = ""
        self.received = bytearray(received)

    @property
    def left(self) -> bytes:
        """What has come and has not been read."""
        return bytes(self.received[self._taken :])

    def ended(self) -> str:
        """Reads until the server ends the connection: "FIN" or "RST"."""
        while not self._ended:
            self._read("the server closed the connection")
        return self._ended

    def read_until(self, marker: bytes, limit: int = LIMIT) -> bytes:
        """What comes up to and with `marker`, which must come within `limit` bytes. Raises `Malformed`."""
        self._in_time(f"{marker!r} came")
        while (end := self.received.find(marker, self._taken)) < 0:
            if len(self.received) - self._taken > limit:
                raise Malformed(f"{limit} bytes came without {marker!r}")
            if self._ended:
                raise Cut(f"the connection ended before {marker!r}")
            self._read(f"{marker!r} came")
        return self._take(end + len(marker) - self._taken)

    def read_exactly(self, size: int) -> bytes:
        """So many bytes, fewer if the connection ends before."""
        while len(self.received) - self._taken < size and not self._ended:
            self._read(f"{size} bytes came")
        return self._take(min(size, len(self.received) - self._taken))

    def read_rest(self) -> bytes:
        """Everything up to the end of the connection."""
        self.ended()
        return self._take(len(self.received) - self._taken)

    def head(self) -> Response:
        """The next head, an informational one too; what its framing fields say is left to the caller."""
        return parsed_head(self.read_until(b"\r\n\r\n", HEAD_LIMIT))

    def response(self, *, head: bool = False) -> Response:
        """The next final answer, whole; `head`: it answers a HEAD request and has no body."""
        informational: list[Response] = []
        while (response := self.head()).interim:
            self.body(response)
            informational.append(response)
        response.informational = informational
        self.body(response, head=head)
        return response

    def body(self, response: Response, *, head: bool = False) -> None:
        """Reads the rest of an answer whose head has been read, an informational one too. Its framing must be sound
        also where there is no body.
        """
        how, length = framing(response)
        if head or response.status < 200 or response.status in BODILESS:
            return
        response.framing = how
        if response.framing == "chunked":
            response.complete = self._chunks(response)
        elif response.framing == "length":
            response.body = self.read_exactly(length)
            response.complete = len(response.body) == length
        else:
            response.body = self.read_rest()
            response.complete = self._ended == "FIN"

    def _chunks(self, response: Response) -> bool:
        """Whether all of them have come."""
        body = bytearray()
        try:
            while size := chunk_size(self.read_until(b"\r\n")):
                body += self.read_exactly(size)
                if not b"\r\n".startswith(end := self.read_exactly(2)):
                    raise Malformed(f"a chunk's data ends with {end!r}")
                if len(end) < 2:
                    return False
            while (line := self.read_until(b"\r\n")) != b"\r\n":
                response.trailers.append(field_line(line.decode("latin-1")))
        except Cut:
            return False
        finally:
            response.body = bytes(body)
        return True

    def _in_time(self, what: str) -> None:
        """Raises `Overdue` behind the deadline, also for what has already come: a flood of it is read piece by piece.
        Here there is none.
        """

    def _read(self, what: str) -> None:  # noqa: ARG002 - here nothing is waited for
        """Waits for more in `received`, or for the end in `_ended`. `what` is waited for."""
        self._ended = "FIN"

    def _take(self, size: int) -> bytes:
        start, self._taken = self._taken, self._taken + size
        return bytes(self.received[start : self._taken])


class Wire(Incoming):
    """One connection to the server under test. `received` is everything it has sent so far."""

    def __init__(
        self, connection: socket.socket, control: Control, tell: Tell, deadline: Callable[[], float]
    ) -> None:
        super().__init__()
        connection.setblocking(False)
        self._socket = connection
        self._control = control
        self._tell = tell
        self._deadline = deadline

    def send(self, data: bytes) -> None:
        """Sends all of it. Raises `Overdue` if the server does not take it, `Departed` if it has left."""
        self._tell("wire >", data)
        rest = memoryview(data)
        while rest:
            self._wait(selectors.EVENT_WRITE, "the server read what was sent")
            with departing():
                rest = rest[self._socket.send(rest) :]

    def send_some(self, data: bytes) -> int:
        """Sends what the kernel takes now without waiting, and returns how much that was. Raises `Departed`, and
        `Overdue` behind the deadline, since it is called again and again.
        """
        self._in_time("the server read what was sent")
        try:
            with departing():
                sent = self._socket.send(data)
        except BlockingIOError:
            return 0
        self._tell("wire >", data[:sent])
        return sent

    def half_close(self) -> None:
        """Ends our direction (FIN) and keeps the other. Raises `Departed`."""
        self._tell("wire >", b"FIN")
        with departing():
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Leaves with a RST. Raises `Departed`."""
        self._tell("wire >", b"RST")
        with departing():
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Leaves in good order."""
        if self._socket.fileno() >= 0:
            self._tell("wire >", b"close")
            self._socket.close()

    @property
    def name(self) -> object:
        """Our own address, as the server should see it."""
        return self._socket.getsockname()

    @property
    def peer(self) -> object:
        """The server's address, as we see it. Raises `Departed`."""
        with departing():
            return self._socket.getpeername()

    @property
    def descriptor(self) -> int:
        """For selecting; -1 once closed."""
        return self._socket.fileno()

    def ends_within(self, seconds: float) -> bool:
        """Reads until the server ends the connection; False if it has not done so in this time. Raises `Overdue`
        behind the deadline, also when it has ended: loops ask this.
        """
        self._in_time("the server decided about what was sent")
        limit = min(self._deadline(), time.monotonic() + seconds)
        try:
            while not self._ended:
                left_until(limit, "")
                self._control.ready(self._socket, selectors.EVENT_READ, limit, "")
                self._read("")
        except Overdue:
            self._in_time("the server decided about what was sent")
            return False
        return True

    def drained(self) -> bool:
        """Whether nothing has come, without waiting."""
        try:
            with departing():
                data = self._socket.recv(RECEIVE, socket.MSG_PEEK)
        except BlockingIOError:
            data = None
        except Departed:
            data = b""
        return data is None and self._taken == len(self.received)

    def answered(self) -> None:
        """Waits until something has come, or the server has ended the connection."""
        while not self.received and not self._ended:
            self._read("something came")

    def _read(self, what: str) -> None:
        self._wait(selectors.EVENT_READ, what)
        try:
            with departing():
                data = self._socket.recv(RECEIVE)
        except BlockingIOError:
            return  # whoever reads asks again
        except Departed:
            self._ended = "RST"
            self._tell("wire <", b"RST")
            return
        if not data:
            self._ended = "FIN"
            self._tell("wire <", b"FIN")
            return
        self._tell("wire <", data)
        self.received += data
        if len(self.received) > LIMIT:
            raise Malformed(f"more than {LIMIT} bytes came on one connection")

    def _in_time(self, what: str) -> None:
        left_until(self._deadline(), what)

    def _wait(self, events: int, what: str) -> None:
        self._in_time(what)
        self._control.ready(self._socket, events, self._deadline(), what)


def parsed_head(block: bytes) -> Response:
    """A status line and fields. Raises `Malformed`."""
    line, *lines = block.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    if not (parts := STATUS_LINE.fullmatch(line)):
        raise Malformed(f"not a status line: {brief(repr(line))}")
    return Response(parts[1], int(parts[2]), parts[3], [field_line(line) for line in lines])


def framing(response: Response) -> tuple[str, int]:
    """How an answer says where its body, if it may have one, ends: "chunked", "length" with the bytes, or "close"
    (RFC 9112 section 6.3). Raises `Malformed` for what no sender may say: anything in a 1xx or 204 (RFC 9112 6.1,
    RFC 9110 8.6), another coding than chunked, which nobody has asked for, one on HTTP/1.0 or beside a length
    (RFC 9112 6.1, 6.2), a length that is no number or stands there twice. In a 304 or an answer to HEAD the fields are
    those of the answer to GET, and as sound.
    """
    codings, lengths = response.values("transfer-encoding"), response.values("content-length")
    coding, length = (brief(", ".join(values)) for values in (codings, lengths))
    told = f"transfer-encoding: {coding}" if codings else f"content-length: {length}"
    if (codings or lengths) and (response.status < 200 or response.status == 204):
        raise Malformed(f"{told} with status {response.status}")
    if codings and (lengths or response.version == "HTTP/1.0"):
        raise Malformed(f"{told} with {f'content-length: {length}' if lengths else 'HTTP/1.0'}")
    if codings and [coding.lower() for coding in codings] != ["chunked"]:
        raise Malformed(told)
    if codings:
        return "chunked", 0
    if not lengths:
        return "close", 0
    if len(lengths) > 1 or not LENGTH.fullmatch(lengths[0]):
        raise Malformed(told)
    return "length", int(lengths[0])


def field_line(line: str) -> tuple[str, str]:
    """A field's name and value, the white space around the value removed. Raises `Malformed`."""
    if not (parts := FIELD_LINE.fullmatch(line.removesuffix("\r\n"))):
        raise Malformed(f"not a field line: {brief(repr(line))}")
    return parts[1], parts[2].strip(" \t")


def chunk_size(line: bytes) -> int:
    """The size in a chunk's first line. Raises `Malformed`."""
    if not (parts := CHUNK_LINE.fullmatch(line.removesuffix(b"\r\n").decode("latin-1"))):
        raise Malformed(f"not a chunk size: {brief(line)}")
    return int(parts[1], 16)
