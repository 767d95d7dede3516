"""The driver's sockets: bytes out as a case wrote them, bytes in as the server sent them, and a reader of
HTTP/1.1 answers that judges nothing it need not judge.

No HTTP library: they would repair, refuse or hide what a case is about. Every wait has a deadline. What went over
the wire is told to `tell`, which keeps the evidence.
"""

import selectors
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from asgate.conformance.control import Control, Overdue, left_until

RECEIVE = 1 << 16
HEAD_LIMIT = 1 << 20  # bytes of one head
LIMIT = 1 << 28  # bytes of one connection: a server that never ends must not take the driver's memory
Tell = Callable[[str, bytes], None]


class Malformed(Exception):
    """What the server sent is not HTTP/1.1; the message says why."""


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


class Wire:
    """One connection to the server under test. `received` is everything it has sent so far."""

    def __init__(
        self, connection: socket.socket, control: Control, tell: Tell, deadline: Callable[[], float]
    ) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._control = control
        self._tell = tell
        self._deadline = deadline
        self._taken = 0
        self._ended = ""
        self.received = bytearray()

    def send(self, data: bytes) -> None:
        """Sends all of it. Raises `Overdue` if the server does not take it, `OSError` if it has left."""
        self._tell("wire >", data)
        rest = memoryview(data)
        while rest:
            self._wait(selectors.EVENT_WRITE, "the server read what was sent")
            rest = rest[self._socket.send(rest) :]

    def send_some(self, data: bytes) -> int:
        """Sends what the kernel takes now without waiting, and returns how much that was."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            return 0
        self._tell("wire >", data[:sent])
        return sent

    def half_close(self) -> None:
        """Ends our direction (FIN) and keeps the other."""
        self._tell("wire >", b"FIN")
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Leaves with a RST."""
        self._tell("wire >", b"RST")
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
        """The server's address, as we see it."""
        return self._socket.getpeername()

    @property
    def descriptor(self) -> int:
        """For selecting; -1 once closed."""
        return self._socket.fileno()

    def ended(self) -> str:
        """Reads until the server ends the connection: "FIN" or "RST"."""
        while not self._ended:
            self._read("the server closed the connection")
        return self._ended

    def ends_within(self, seconds: float) -> bool:
        """Reads until the server ends the connection; False if it has not done so in this time."""
        limit = min(self._deadline(), time.monotonic() + seconds)
        try:
            while not self._ended:
                left_until(limit, "")
                self._control.ready(self._socket, selectors.EVENT_READ, limit, "")
                self._read("")
        except Overdue:
            left_until(self._deadline(), "the server decided about what was sent")
            return False
        return True

    def drained(self) -> bool:
        """Whether nothing has come, without waiting."""
        try:
            data = self._socket.recv(RECEIVE, socket.MSG_PEEK)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        return data is None and self._taken == len(self.received)

    def answered(self) -> None:
        """Waits until something has come, or the server has ended the connection."""
        while not self.received and not self._ended:
            self._read("something came")

    def read_until(self, marker: bytes, limit: int = LIMIT) -> bytes:
        """What comes up to and with `marker`, which must come within `limit` bytes. Raises `Malformed`."""
        while (end := self.received.find(marker, self._taken)) < 0:
            if len(self.received) - self._taken > limit:
                raise Malformed(f"{limit} bytes came without {marker!r}")
            if self._ended:
                raise Malformed(f"the connection ended before {marker!r}")
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
        """The next head, an informational one too."""
        return parsed_head(self.read_until(b"\r\n\r\n", HEAD_LIMIT))

    def response(self, *, head: bool = False) -> Response:
        """The next final answer, whole; `head`: it answers a HEAD request and has no body."""
        informational = []
        while 100 <= (response := self.head()).status < 200 and response.status != 101:
            informational.append(response)
        response.informational = informational
        self._body(response, head=head)
        return response

    def _body(self, response: Response, *, head: bool) -> None:
        codings, lengths = response.values("transfer-encoding"), response.values("content-length")
        if head or response.status in (101, 204, 304):
            return
        if codings:
            response.framing = "chunked"
            self._chunks(response)
        elif lengths:
            response.framing = "length"
            if not lengths[0].isdigit():
                raise Malformed(f"content-length: {lengths[0]}")
            response.body = self.read_exactly(int(lengths[0]))
            response.complete = len(response.body) == int(lengths[0])
        else:
            response.framing = "close"
            response.body = self.read_rest()
            response.complete = self._ended == "FIN"

    def _chunks(self, response: Response) -> None:
        response.complete = False
        try:
            while size := chunk_size(self.read_until(b"\r\n")):
                data = self.read_exactly(size)
                response.body += data
                if len(data) < size:
                    return
                if self.read_exactly(2) != b"\r\n" and not self._ended:
                    raise Malformed("no CRLF after a chunk")
            while (line := self.read_until(b"\r\n")) != b"\r\n":
                response.trailers.append(field_line(line.decode("latin-1")))
        except Malformed:
            if self._ended:
                return
            raise
        response.complete = True

    def _read(self, what: str) -> None:
        self._wait(selectors.EVENT_READ, what)
        try:
            data = self._socket.recv(RECEIVE)
        except OSError:
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

    def _take(self, size: int) -> bytes:
        start, self._taken = self._taken, self._taken + size
        return bytes(self.received[start : self._taken])

    def _wait(self, events: int, what: str) -> None:
        left_until(self._deadline(), what)
        self._control.ready(self._socket, events, self._deadline(), what)


def parsed_head(block: bytes) -> Response:
    """A status line and fields. Raises `Malformed`."""
    line, *lines = block.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdigit():
        raise Malformed(f"not a status line: {line!r}")
    return Response(version, int(status), reason, [field_line(line) for line in lines])


def field_line(line: str) -> tuple[str, str]:
    """A field's name and value, the white space around the value removed. Raises `Malformed`."""
    name, colon, value = line.removesuffix("\r\n").partition(":")
    if not colon or not name or name != name.strip():
        raise Malformed(f"not a field line: {line!r}")
    return name, value.strip(" \t")


def chunk_size(line: bytes) -> int:
    """The size in a chunk's first line. Raises `Malformed`."""
    digits = line.split(b";")[0].strip()
    try:
        return int(digits, 16)
    except ValueError:
        raise Malformed(f"not a chunk size: {line!r}") from None
