"""The first WebSocket exchange with a server: messages of both types must come back as they went.

As much of a client as that takes: everything under load is checked by the load program itself.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import BinaryIO

from answers import PATIENCE, WrongAnswerError

# The example of RFC 6455 section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
MASK = b"\x37\xfa\x21\x3d"
FIN, MASKED = 0x80, 0x80
CONTINUATION, TEXT, BINARY, PING = 0, 1, 2, 9
# One for each form of the length of a frame (section 5.2).
MESSAGES = (
    (TEXT, "Grüße".encode()),
    (BINARY, bytes(range(256)) * 4),
    (TEXT, b"x" * 70_000),
    (BINARY, b"\xff"),
)


@dataclass(frozen=True)
class EchoExchange:
    """A connection on which every message comes back."""

    path: str = "/"

    def ask(self, port: int) -> None:
        """Raises `WrongAnswerError`, or `OSError` where the server does not answer at all."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            stream = connection.makefile("rb")
            connection.sendall(self.handshake(port))
            check_handshake(stream)
            for kind, payload in MESSAGES:
                connection.sendall(client_frame(kind, payload))
                if (answer := read_message(stream)) != (kind, payload):
                    raise WrongAnswerError(
                        f"opcode {answer[0]}, {len(answer[1])} bytes instead of {kind}, {len(payload)}"
                    )

    def handshake(self, port: int) -> bytes:
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode()


def check_handshake(stream: BinaryIO) -> None:
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").strip())
    if not lines:
        raise ConnectionError("closed before the handshake was complete")
    if lines[0].split(" ")[1:2] != ["101"]:
        raise WrongAnswerError(f"no handshake: {lines[0]}")
    fields = dict(line.lower().partition(":")[::2] for line in lines[1:])
    if fields.get("sec-websocket-accept", "").strip() != ACCEPT.lower():
        raise WrongAnswerError("a handshake with a wrong Sec-WebSocket-Accept")


def client_frame(kind: int, payload: bytes) -> bytes:
    """A whole message in one masked frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", FIN | kind, MASKED | size)
    elif size < 65536:
        head = struct.pack("!BBH", FIN | kind, MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", FIN | kind, MASKED | 127, size)
    return head + MASK + bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))


def read_message(stream: BinaryIO) -> tuple[int, bytes]:
    """Opcode and payload of the next message; pings are passed over."""
    kind, parts, last = CONTINUATION, [], False
    while not last:
        flags, size = exactly(stream, 2)
        if size >= 126:
            size = int.from_bytes(exactly(stream, 2 if size == 126 else 8))
        payload = exactly(stream, size)
        opcode = flags & 0x0F
        if opcode == PING:
            continue
        kind = kind or opcode
        parts.append(payload)
        last = bool(flags & FIN)
    return kind, b"".join(parts)


def exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) < size:
        raise WrongAnswerError("the connection ended within a frame")
    return found
