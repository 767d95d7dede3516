"""A WebSocket client for cases: frames out as a case wrote them, right or wrong, and frames in as the server sent them
(RFC 6455, and RFC 7692 for compression).

No WebSocket library: it would refuse to send what a case is about, and repair or hide what comes. `frame` makes one
frame; `Socket` is a connection whose handshake is over, and judges what every frame of a server must keep to: no
mask, the shortest length, whole control frames, closes with a code that may be sent. The handshake itself is made in
`websocket_moves`.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from asgate.conformance.evidence import brief
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Wire

MASK = b"\x37\xfa\x21\x3d"  # that of the examples in RFC 6455 5.7: a client's should be random, a case's is known
FIN, COMPRESSED = 0x80, 4  # bits: of the first byte, and of the three that are reserved
CONTROL_LIMIT = 125  # bytes of a control frame
NORMAL, NO_CODE, NO_CLOSE = 1000, 1005, 1006  # RFC 6455 7.4.1; the last two stand in no frame
TAIL = b"\x00\x00\xff\xff"  # what a compressed message is sent without (RFC 7692 7.2.1)


class Opcode(IntEnum):
    """What a frame is (RFC 6455 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, without its mask."""

    opcode: int
    payload: bytes = b""
    final: bool = True
    reserved: int = 0  # RSV1 is 4, RSV2 is 2, RSV3 is 1


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    announced: int | None = None,
    width: int = 0,
) -> bytes:
    """The bytes of a frame of a client. `announced`: a length that need not be that of the payload. `width`: the bytes
    in which the length stands, 2 or 8, where fewer would do.
    """
    size = len(payload) if announced is None else announced
    first = (FIN if final else 0) | reserved << 4 | opcode
    bit = 0x80 if masked else 0
    if width == 8 or size > 0xFFFF:
        head = struct.pack("!BBQ", first, bit | 127, size)
    elif width == 2 or size > 125:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BB", first, bit | size)
    return head + MASK + xored(payload) if masked else head + payload


def text(content: str = "") -> bytes:
    """A whole text message."""
    return frame(Opcode.TEXT, content.encode())


def binary(content: bytes = b"") -> bytes:
    """A whole binary message."""
    return frame(Opcode.BINARY, content)


def fragments(opcode: int, parts: Iterable[bytes]) -> list[bytes]:
    """A message in as many frames as it has parts."""
    *first, last = parts
    pieces = [frame(opcode if place == 0 else 0, part, final=False) for place, part in enumerate(first)]
    return [*pieces, frame(Opcode.CONTINUATION if first else opcode, last)]


def closing(code: int = NORMAL, reason: str | bytes = "") -> bytes:
    """A close frame with a code and a reason."""
    reason = reason.encode() if isinstance(reason, str) else reason
    return frame(Opcode.CLOSE, struct.pack("!H", code) + reason)


def xored(payload: bytes) -> bytes:
    """Masks, and unmasks (RFC 6455 5.3)."""
    mask = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big")


def may_be_sent(code: int) -> bool:
    """Whether a close frame may have this code (RFC 6455 7.4, and its registry)."""
    return (1000 <= code <= 1014 and code not in (1004, NO_CODE, NO_CLOSE)) or 3000 <= code <= 4999


class Socket:
    """A connection on which the handshake is over. `compressed`: RSV1 of a data frame has a meaning there."""

    def __init__(self, trial: Trial, wire: Wire, *, compressed: bool = False) -> None:
        self._trial, self.wire, self._compressed = trial, wire, compressed

    def send(self, *frames: bytes) -> None:
        """Sends frames in one piece. Raises `Overdue`, `Departed`."""
        self.wire.send(b"".join(frames))

    def maybe_frame(self) -> Frame | None:
        """The next frame of the server; None when the connection has ended before it began. Fails the case for a
        frame that no server may send.
        """
        head = self.wire.read_exactly(2)
        if not head:
            return None
        first, second = (*head, 0)[:2]
        size = second & 0x7F
        self._must(not second & 0x80, "a frame without a mask (RFC 6455 5.1)", head)
        if size > 125:
            wide = self.wire.read_exactly(2 if size == 126 else 8)
            self._must(size == 126 or wide[0] < 0x80, "a length of 63 bits (RFC 6455 5.2)", wide)
            shortest, size = (126 if size == 126 else 0x10000), int.from_bytes(wide, "big")
            self._must(size >= shortest, "a length in as few bytes as will do (RFC 6455 5.2)", wide)
        payload = self.wire.read_exactly(size)
        self._must(
            len(head) == 2 and len(payload) == size, "a whole frame", f"{len(payload)} of {size} bytes"
        )
        found = Frame(first & 0x0F, payload, bool(first & FIN), first >> 4 & 7)
        self._judge(found)
        return found

    def _judge(self, found: Frame) -> None:
        control = found.opcode >= Opcode.CLOSE
        self._must(found.opcode in list(Opcode), "an opcode of RFC 6455", found.opcode)
        allowed = COMPRESSED if self._compressed and found.opcode in (Opcode.TEXT, Opcode.BINARY) else 0
        self._must(
            not found.reserved & ~allowed, "no reserved bits without a meaning", f"{found.reserved:03b}"
        )
        if control:
            self._must(found.final, "control frames in one piece (RFC 6455 5.5)", found)
            self._must(
                len(found.payload) <= CONTROL_LIMIT, f"{CONTROL_LIMIT} bytes at most", len(found.payload)
            )

    def frame(self) -> Frame:
        """The next frame that is no ping of the server. Fails the case when there is none."""
        while True:
            found = self.maybe_frame()
            if found is None:
                self._trial.fail("a frame", saw=f"the end of the connection, {self.wire.ended()}")
            if found.opcode != Opcode.PING:
                return found
            self.send(frame(Opcode.PONG, found.payload))

    def message(self) -> str | bytes:
        """The next message, its fragments joined. Fails the case for anything else."""
        first = self.frame()
        self._must(first.opcode in (Opcode.TEXT, Opcode.BINARY), "a message", told(first))
        parts, last = [first.payload], first
        while not last.final:
            last = self.frame()
            self._must(last.opcode == Opcode.CONTINUATION, "the rest of a message", told(last))
            parts.append(last.payload)
        payload = b"".join(parts)
        if first.reserved & COMPRESSED:
            payload = self.inflated(payload)
        return self._decoded(payload) if first.opcode == Opcode.TEXT else payload

    def inflated(self, payload: bytes) -> bytes:
        """A compressed message that leans on no message before it (`server_no_context_takeover`)."""
        try:
            return zlib.decompressobj(-15).decompress(payload + TAIL)
        except zlib.error as error:
            self._trial.fail("a message compressed as RFC 7692 has it", saw=error)

    def end(self) -> tuple[int, str]:
        """Code and reason of the close frame, which must come next: 1005 when it has no code, 1006 when the connection
        ends without one. Pings are passed over.
        """
        found = self.maybe_frame()
        while found is not None and found.opcode == Opcode.PING:
            found = self.maybe_frame()
        if found is None:
            return NO_CLOSE, ""
        self._must(found.opcode == Opcode.CLOSE, "a close frame", told(found))
        if not found.payload:
            return NO_CODE, ""
        self._must(len(found.payload) > 1, "a code of two bytes in a close frame", found.payload)
        (code,) = struct.unpack("!H", found.payload[:2])
        self._must(may_be_sent(code), "a code that may stand in a close frame", code)
        return code, self._decoded(found.payload[2:])

    def _decoded(self, payload: bytes) -> str:
        try:
            return payload.decode()
        except UnicodeDecodeError as error:
            self._trial.fail("text in UTF-8", saw=error)

    def _must(self, truth: object, expected: str, saw: object) -> None:
        self._trial.expect(truth, f"a server sends {expected}", saw=saw)


def told(found: Frame) -> str:
    """A frame in a sentence."""
    name = Opcode(found.opcode).name.lower()
    return f"{name} {brief(found.payload)}{'' if found.final else ', to be continued'}"


class Deflater:
    """The client's compressor: one window over all messages unless `takeover` is False (RFC 7692 7.1.1.2)."""

    def __init__(self, *, takeover: bool = True, bits: int = 15) -> None:
        self._takeover, self._bits = takeover, bits
        self._object = self._fresh()

    def frames(self, opcode: int, content: bytes, *, parts: int = 1) -> list[bytes]:
        """A compressed message, in so many fragments. RSV1 stands on the first only."""
        payload = self._object.compress(content) + self._object.flush(zlib.Z_SYNC_FLUSH)
        if not self._takeover:
            self._object = self._fresh()
        payload = payload.removesuffix(TAIL)
        step = -(-len(payload) // parts)
        pieces = [payload[start : start + step] for start in range(0, len(payload), step)]
        made = fragments(opcode, pieces)
        return [bytes([made[0][0] | COMPRESSED << 4]) + made[0][1:], *made[1:]]

    def _fresh(self) -> "zlib._Compress":
        return zlib.compressobj(9, zlib.DEFLATED, -self._bits)
