"""The kit's WebSocket client against bytes that a server might send: what is right is read, and everything that no
server may send fails the case, with what was seen.
"""

import struct
import zlib

import pytest

from asgate.conformance.trial import Failed, Trial
from asgate.conformance.websocket import (
    NO_CLOSE,
    NO_CODE,
    Deflater,
    Frame,
    Opcode,
    Socket,
    binary,
    closing,
    fragments,
    frame,
    may_be_sent,
    text,
    xored,
)
from asgate.conformance.wire import Incoming


class Sent(Incoming):
    """What a server has sent before it left, and what it was sent."""

    def __init__(self, received: bytes) -> None:
        super().__init__(received)
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data


def bare(opcode: int, payload: bytes = b"", **more) -> bytes:
    """A frame as servers send it."""
    return frame(opcode, payload, masked=False, **more)


@pytest.fixture
def client(case, running):
    """Makes clients of a server that has sent these bytes."""
    run = running()

    def make(received: bytes, *, compressed: bool = False) -> Socket:
        trial = Trial(case(lambda trial: None), run.server, run._starter)
        return Socket(trial, Sent(received), compressed=compressed)

    return make


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (text("Hello"), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),  # RFC 6455 5.7
        (frame(Opcode.TEXT, b"Hello", masked=False), b"\x81\x05Hello"),
        (frame(Opcode.PING, reserved=4), b"\xc9\x80\x37\xfa\x21\x3d"),
        (frame(0, b"x", final=False, masked=False), b"\x00\x01x"),
        (frame(Opcode.TEXT, b"x", masked=False, width=2), b"\x81\x7e\x00\x01x"),
        (frame(Opcode.TEXT, b"x", masked=False, width=8), b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01x"),
        (frame(Opcode.BINARY, announced=1 << 40, masked=False), b"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00"),
    ],
)
def test_frames_of_a_client(made, expected):
    assert made == expected


def test_a_close_frame():
    assert closing(4001, "bye") == frame(Opcode.CLOSE, b"\x0f\xa1bye")


def test_a_message_of_one_part_is_one_frame():
    assert fragments(Opcode.TEXT, [b"whole"]) == [text("whole")]


def test_a_message_of_several_parts_begins_once_and_ends_once():
    assert fragments(Opcode.BINARY, [b"a", b"b", b"c"]) == [
        frame(Opcode.BINARY, b"a", final=False),
        frame(0, b"b", final=False),
        frame(0, b"c"),
    ]


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1000])
def test_masking_twice_is_nothing(size):
    assert xored(xored(b"z" * size)) == b"z" * size


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_messages_of_every_length(client, size):
    assert client(bare(Opcode.BINARY, b"x" * size)).message() == b"x" * size


def test_fragments_are_joined(client):
    socket = client(bare(Opcode.TEXT, b"caf\xc3", final=False) + bare(Opcode.PING, b"?") + bare(0, b"\xa9"))
    assert socket.message() == "caf\u00e9"
    assert socket.wire.sent == frame(Opcode.PONG, b"?")


def test_the_end_before_a_frame_is_no_frame(client):
    assert client(b"").maybe_frame() is None


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (bare(Opcode.CLOSE, b"\x0f\xa1bye"), (4001, "bye")),
        (bare(Opcode.CLOSE), (NO_CODE, "")),
        (b"", (NO_CLOSE, "")),
        (bare(Opcode.PING) + bare(Opcode.CLOSE, b"\x03\xe8"), (1000, "")),
    ],
)
def test_how_it_ends(client, received, expected):
    assert client(received).end() == expected


@pytest.mark.parametrize(
    ("received", "told"),
    [
        (text("masked"), "without a mask"),
        (bare(Opcode.TEXT, b"x", width=2), "as few bytes as will do"),
        (bare(Opcode.TEXT, b"x", width=8), "as few bytes as will do"),
        (b"\x82\x7f" + b"\xff" * 8, "63 bits"),
        (bare(3), "an opcode of RFC 6455"),
        (bare(Opcode.TEXT, reserved=4), "reserved bits"),
        (bare(Opcode.PING, final=False), "in one piece"),
        (bare(Opcode.PONG, b"x" * 126), "125 bytes at most"),
        (bare(Opcode.TEXT, b"\xff"), "UTF-8"),
        (bare(Opcode.TEXT, b"cut")[:-1], "a whole frame"),
        (b"\x81", "a whole frame"),
        (bare(0, b"on"), "a message"),
        (bare(Opcode.TEXT, final=False) + bare(Opcode.TEXT), "the rest of a message"),
        (bare(Opcode.CLOSE, b"\x03\xe8"), "a message"),
        (b"", "a frame"),
    ],
)
def test_what_no_server_may_send_instead_of_a_message(client, received, told):
    with pytest.raises(Failed, match=told):
        client(received).message()


@pytest.mark.parametrize(
    ("received", "told"),
    [
        (bare(Opcode.TEXT, b"late"), "a close frame"),
        (bare(Opcode.CLOSE, b"\x03"), "two bytes"),
        (bare(Opcode.CLOSE, struct.pack("!H", 1005)), "a code that may stand"),
        (bare(Opcode.CLOSE, struct.pack("!H", 1000) + b"\xff"), "UTF-8"),
    ],
)
def test_what_no_server_may_close_with(client, received, told):
    with pytest.raises(Failed, match=told):
        client(received).end()


def test_codes_that_may_be_sent():
    sent = [code for code in range(6000) if may_be_sent(code)]
    assert sent == [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]


def test_a_compressed_message_is_inflated(client):
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = packed.compress(b"words " * 50) + packed.flush(zlib.Z_SYNC_FLUSH)
    received = bare(Opcode.TEXT, payload.removesuffix(b"\x00\x00\xff\xff"), reserved=4)
    assert client(received, compressed=True).message() == "words " * 50
    with pytest.raises(Failed, match="reserved bits"):
        client(received).message()


def test_what_is_not_compressed_fails(client):
    with pytest.raises(Failed, match="RFC 7692"):
        client(bare(Opcode.TEXT, b"\xff" * 20, reserved=4), compressed=True).message()


@pytest.mark.parametrize("takeover", [True, False])
def test_the_compressor_forgets_unless_it_may_remember(takeover):
    deflater = Deflater(takeover=takeover)
    (first,), (second,) = (deflater.frames(Opcode.BINARY, b"the same words") for _ in range(2))
    assert (len(second) < len(first)) is takeover
    assert first[0] == 0xC2


def test_only_the_first_fragment_of_a_compressed_message_has_the_bit():
    pieces = Deflater().frames(Opcode.BINARY, bytes(range(256)), parts=3)
    assert [piece[0] for piece in pieces] == [0x42, 0x00, 0x80]


def test_a_whole_message_of_a_client():
    assert binary(b"b")[0] == 0x82
    assert Frame(Opcode.TEXT).final
