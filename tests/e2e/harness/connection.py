"""A raw HTTP/1.1 client on a blocking socket, and a parser that believes nothing.

`Parser` is fed bytes and tells how far a response got; a response counts as complete only when its framing
says so.
"""

import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from harness.process import PATIENCE

Address = tuple[str, int] | str  # a path is a Unix socket


class Incomplete(AssertionError):
    """The connection ended in the middle of a response."""


@dataclass
class Response:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    interim: list[tuple[int, list[tuple[str, str]]]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The only value of that (lower-case) name."""
        values = [value for key, value in self.fields if key.lower() == name]
        assert len(values) < 2, values
        return values[0] if values else None


class Parser:
    """One response after the other out of bytes. `began`: a byte of the current response is there."""

    def __init__(self) -> None:
        self._data = b""

    @property
    def began(self) -> bool:
        return bool(self._data)

    @property
    def rest(self) -> bytes:
        return self._data

    def feed(self, data: bytes) -> None:
        self._data += data

    def next(self, *, head_only: bool = False, ended: bool = False) -> Response | None:
        """The next response if all of it is there. `ended`: no byte will follow."""
        interim: list[tuple[int, list[tuple[str, str]]]] = []
        at = 0
        while True:
            end = self._data.find(b"\r\n\r\n", at)
            if end < 0:
                return None
            version, status, reason, fields = _head(self._data[at:end])
            at = end + 4
            if status >= 200:
                break
            interim.append((status, fields))
        response = Response(status, reason, fields, interim=interim)
        bodiless = head_only or status in (204, 304)
        used = at if bodiless else self._take_body(response, version, at, ended)
        if used is None:
            return None
        self._data = self._data[used:]
        return response

    def _take_body(self, response: Response, version: str, at: int, ended: bool) -> int | None:
        coding, length = response.header("transfer-encoding"), response.header("content-length")
        if coding is not None:
            assert (coding, version, length) == ("chunked", "HTTP/1.1", None)
            return self._take_chunks(response, at)
        if length is not None:
            end = at + int(length)
            if len(self._data) < end:
                return None
            response.body = self._data[at:end]
            return end
        if not ended:
            return None
        response.body = self._data[at:]
        return len(self._data)

    def _take_chunks(self, response: Response, at: int) -> int | None:
        pieces = []
        while (line := self._data.find(b"\r\n", at)) >= 0:
            size = int(self._data[at:line], 16)
            at = line + 2
            if size == 0:
                return self._take_trailers(response, b"".join(pieces), at)
            if len(self._data) < at + size + 2:
                return None
            pieces.append(self._data[at : at + size])
            assert self._data[at + size : at + size + 2] == b"\r\n"
            at += size + 2
        return None

    def _take_trailers(self, response: Response, body: bytes, at: int) -> int | None:
        if self._data[at : at + 2] == b"\r\n":
            response.body = body
            return at + 2
        end = self._data.find(b"\r\n\r\n", at)
        if end < 0:
            return None
        response.body, response.trailers = body, _fields(self._data[at:end])
        return end + 4


def _head(data: bytes) -> tuple[str, int, str, list[tuple[str, str]]]:
    line, _, rest = data.partition(b"\r\n")
    version, status, reason = line.decode("ascii").split(" ", 2)
    assert version in ("HTTP/1.0", "HTTP/1.1"), line
    assert len(status) == 3, line
    return version, int(status), reason, _fields(rest) if rest else []


def _fields(data: bytes) -> list[tuple[str, str]]:
    fields = []
    for line in data.split(b"\r\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        assert colon, line
        assert name == name.strip(), line
        fields.append((name.lower(), value.strip()))
    return fields


class Client:
    """One connection."""

    def __init__(self, address: Address, *, patience: float = PATIENCE, receive_buffer: int = 0) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            family = socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(patience)
        self.parser = Parser()
        try:
            self.socket.connect(address)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    @property
    def name(self) -> str:
        """`host:port` as the server's log shows this client."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def get(self, path: str = "/", *fields: str) -> Response:
        """Asks and reads the whole answer."""
        self.send(request("GET", path, *fields))
        return self.response()

    def response(self, *, head_only: bool = False) -> Response:
        """The next response. Raises `Incomplete` when the connection ends before that."""
        while (found := self.parser.next(head_only=head_only)) is None:
            data = self.socket.recv(1 << 18)
            if not data:
                found = self.parser.next(head_only=head_only, ended=True)
                if found is None:
                    raise Incomplete(f"ended after {self.parser.rest[-400:]!r}")
                return found
            self.parser.feed(data)
        return found

    def read_until(self, mark: bytes) -> bytes:
        """Raw bytes up to and including the mark; they are not parsed."""
        data = b""
        while mark not in data:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise Incomplete(f"ended after {data[-400:]!r}")
            data += piece
        return data

    def read_to_end(self) -> bytes:
        """Everything until the clean end of the connection."""
        pieces = [self.parser.rest]
        while piece := self.socket.recv(1 << 18):
            pieces.append(piece)
        return b"".join(pieces)

    def ended(self) -> bool:
        """Waits for the next byte or the clean end; True for the end."""
        return not self.parser.began and self.socket.recv(1, socket.MSG_PEEK) == b""


def request(method: str, path: str, *fields: str, body: bytes | None = None) -> bytes:
    """The bytes of a request; the length of a body is announced unless a field does."""
    lines = [f"{method} {path} HTTP/1.1", "Host: e2e.test", *fields]
    if body is not None and not any(line.lower().startswith("transfer-encoding") for line in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes) -> bytes:
    """The pieces as a chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def fetch(address: Address, path: str = "/", *fields: str) -> Response:
    """One GET on a connection of its own."""
    with Client(address) as client:
        return client.get(path, *fields)
