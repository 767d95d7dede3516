"""Frames of a WebSocket (RFC 6455 5, RFC 7692): what a client sends, to the letter, and what is sent to it.

`Reader` takes messages and control frames out of a buffer, as much as has come; whatever is wrong is `Failed`, with the
code of the close frame that tells the client.
"""

import codecs
import struct
import zlib
from dataclasses import dataclass

from .plants import planted

MESSAGE_LIMIT = 16 << 20  # bytes
CONTROL_LIMIT = 125  # bytes
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_CODE = 1005
TAIL = b"\x00\x00\xff\xff"
PROTOCOL_ERROR, NOT_UTF8, TOO_BIG = 1002, 1007, 1009


class Failed(Exception):
    """The client has broken the rules."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = 1001 if planted("ws_wrong_failure_code") else code


@dataclass
class Terms:
    """What was agreed of compression."""

    bits: int = 15  # the server's window
    server_takeover: bool = True
    client_takeover: bool = True


@dataclass
class Incoming:
    """A message, text or bytes, or a control frame that is whole."""

    opcode: int
    content: bytes | str


def frame(opcode: int, payload: bytes = b"", reserved: int = 0) -> bytes:
    """A frame of the server."""
    size = len(payload)
    first = 0x80 | reserved << 4 | opcode
    if size > 0xFFFF:
        return struct.pack("!BBQ", first, 127, size) + payload
    if size > CONTROL_LIMIT:
        return struct.pack("!BBH", first, 126, size) + payload
    return bytes((first, size)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; without a code for 1005."""
    return frame(CLOSE, b"" if code == NO_CODE else struct.pack("!H", code) + reason.encode())


def may_be_sent(code: int) -> bool:
    """Whether a close frame may have this code (RFC 6455 7.4)."""
    return code in {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}


class Reader:
    """The client's side of one connection. `terms`: None without compression."""

    def __init__(self, terms: Terms | None, limit: int) -> None:
        self._terms, self._limit = terms, limit
        self._inflater = zlib.decompressobj(-15)
        self._opcode = 0  # of the message under way
        self._message = bytearray()
        self._compressed = False
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._head: tuple[int, bool, bytes] | None = None  # of the frame under way: opcode, final, mask
        self._left = self._done = 0  # bytes of its payload to come, and so far
        self._control = b""

    def next(self, buffer: bytearray) -> Incoming | None:
        """Takes what is there up to the next message or control frame; None when more must come. Raises `Failed`."""
        while self._head or self._begin(buffer):
            whole = not planted("ws_frame_in_one_read") or len(buffer) >= self._left
            try:
                payload = self._payload(buffer)
                if self._left and whole:
                    return None
                opcode, final, _ = self._head  # type: ignore[misc]
                self._head = None
                if (found := self._took(opcode, final, payload)) is not None:
                    return found
            except Failed:
                if not planted("ws_frames_not_checked"):
                    raise
                return Incoming(BINARY, b"?")
        return None

    def _begin(self, buffer: bytearray) -> bool:
        """Takes the head of a frame."""
        if len(buffer) < 2:
            return False
        first, second = buffer[:2]
        wide = {126: 2, 127: 8}.get(second & 127, 0)
        masked = 4 if second & 128 else 0
        if len(buffer) < 2 + wide + masked:
            return False
        size = int.from_bytes(buffer[2 : 2 + wide], "big") if wide else second & 127
        mask = bytes(buffer[2 + wide : 2 + wide + masked]) or bytes(4)
        del buffer[: 2 + wide + masked]
        opcode, final = first & 15, bool(first & 128)
        self._head, self._left, self._done, self._control = (opcode, final, mask), size, 0, b""
        try:
            self._check(opcode, first, masked, size)
            self._shortest(wide, size)
        except Failed:
            if not planted("ws_frames_not_checked"):
                raise
            self._head, self._left = (BINARY, True, mask), min(size, len(buffer))
            self._opcode, self._message = 0, bytearray()
            return True
        return True

    def _check(self, opcode: int, first: int, masked: int, size: int) -> None:
        control, reserved = opcode >= CLOSE, first >> 4 & 7
        must(masked and opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
        if control:
            must(first & 128 and size <= CONTROL_LIMIT and not reserved)
            return
        must(not reserved or (reserved == 4 and self._terms and opcode != CONTINUATION))
        must(bool(self._opcode) == (opcode == CONTINUATION))
        must(size < 1 << 63)
        must(len(self._message) + size <= self._limit, TOO_BIG)
        if opcode:
            self._opcode, self._compressed = opcode, bool(reserved)
            self._utf8.reset()
            if planted("ws_bit_ignored"):
                self._compressed = self._terms is not None

    def _shortest(self, wide: int, size: int) -> None:
        must(not wide or size > (125 if wide == 2 else 0xFFFF))

    def _payload(self, buffer: bytearray) -> bytes:
        opcode, _, mask = self._head  # type: ignore[misc]
        masked = bytes(buffer[: self._left])
        del buffer[: len(masked)]
        self._left -= len(masked)
        turn = self._done % 4
        self._done += len(masked)
        payload = xored(masked, mask[turn:] + mask[:turn])
        if opcode >= CLOSE:
            self._control += payload
            return self._control
        self._add(payload)
        return payload

    def _add(self, payload: bytes) -> None:
        """More of a message: it is inflated, and its text checked, as it comes."""
        if self._compressed:
            payload = self._inflated(payload)
        self._message += payload
        must(len(self._message) <= self._limit, TOO_BIG)
        if self._opcode == TEXT:
            try:
                self._utf8.decode(payload, final=planted("ws_utf8_per_fragment"))
            except UnicodeDecodeError:
                raise Failed(NOT_UTF8) from None

    def _inflated(self, data: bytes) -> bytes:
        room = self._limit - len(self._message) + 1
        try:
            return self._inflater.decompress(self._inflater.unconsumed_tail + data, room)
        except zlib.error:
            raise Failed(PROTOCOL_ERROR) from None

    def _took(self, opcode: int, final: bool, payload: bytes) -> Incoming | None:
        if opcode >= CLOSE:
            if planted("ws_ping_breaks_message") and self._opcode:
                self._message += payload
            return Incoming(opcode, payload)
        if planted("ws_fragments_given") and not final:
            return Incoming(self._opcode, self._content(b""))
        if planted("ws_fragment_limit") and not final:
            self._limit -= 1 << 14
        if not final:
            return None
        if self._compressed:
            self._add(TAIL)
            if self._terms and not self._terms.client_takeover:
                self._inflater = zlib.decompressobj(-15)
        if self._opcode == TEXT:
            try:
                self._utf8.decode(b"", final=True)
            except UnicodeDecodeError:
                raise Failed(NOT_UTF8) from None
        opcode, content = self._opcode, bytes(self._message)
        self._opcode, self._message = 0, bytearray()
        return Incoming(opcode, self._content(content, opcode))

    def _content(self, content: bytes, opcode: int = BINARY) -> bytes | str:
        if planted("ws_last_byte_lost"):
            content = content[:-1]
        return content.decode(errors="replace") if opcode == TEXT else content


def must(truth: object, code: int = PROTOCOL_ERROR) -> None:
    """Raises `Failed` unless it is true."""
    if not truth:
        raise Failed(code)


def xored(payload: bytes, mask: bytes) -> bytes:
    """Without its mask (RFC 6455 5.3)."""
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")
