"""The other reader, for the faults `everything_served` and `rest_as_body`: it makes a request of whatever comes. Any
line end ends a line, what is missing is guessed, what is odd is passed over, and a body is what has come of it.

Same verbs as `grammar`, in whose place it stands with these faults.
"""

import re
import sys

from .grammar import HEAD_LIMIT, Fields, Head
from .plants import planted

LINE_END = rb"(?>\r\n|[\r\n])"
HEAD_END = re.compile(LINE_END + rb"{2}")
ORIGIN = re.compile(rb"\w+://[^/?]*")


class Sized:
    """A body of at most so many bytes."""

    def __init__(self, size: int) -> None:
        self.finished = False
        self._size = size

    def take(self, buffer: bytearray, _: int) -> bytes:
        """What has come of it, which is taken for all of it."""
        self.finished = True
        data = bytes(buffer[: self._size])
        del buffer[: self._size]
        return data


class Chunks(Sized):
    """A chunked body. What is no chunk ends it."""

    def take(self, buffer: bytearray, _: int) -> bytes:
        """What has come of it, which is taken for all of it."""
        self.finished = True
        data, size = b"", 1
        while buffer and size:
            line, _, rest = bytes(buffer).partition(b"\n")
            digits = re.search(rb"[0-9A-Fa-f]+", line)
            size = int(digits[0], 16) if digits else 0
            data += rest[:size]
            buffer[:] = re.sub(rb"\A\r?\n", b"", rest[size:])
        return data


def take_head(buffer: bytearray) -> Head | None:
    """Takes the next head out of the buffer; None while it has no empty line and is not long."""
    del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
    match = HEAD_END.search(buffer)
    if not match and len(buffer) <= HEAD_LIMIT:
        return None
    end, start = match.span() if match else (HEAD_LIMIT, HEAD_LIMIT)
    line, *lines = re.split(LINE_END, bytes(buffer[:end]))
    del buffer[:start]
    method, target, *_ = *line.split(), b"/", b"/"
    path, _, query = ORIGIN.sub(b"", target).partition(b"?")
    version = "1.0" if line.endswith(b"/1.0") else "1.1"
    return Head(method.decode("latin-1"), path or b"/", query, version, fields_of(lines))


def fields_of(lines: list[bytes]) -> Fields:
    """What stands before and behind the first colon of a line."""
    pairs = [line.partition(b":") for line in lines]
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]


def body_of(head: Head) -> Sized:
    """How the body ends: a coding wins, of several lengths the first; with `rest_as_body`, not before all that came."""
    if planted("rest_as_body"):
        return Sized(sys.maxsize)
    if b"chunked" in b"".join(head.values(b"transfer-encoding")).lower():
        return Chunks(0)
    digits = re.search(rb"\d{1,18}", b" ".join(head.values(b"content-length")))
    return Sized(int(digits[0]) if digits else 0)
