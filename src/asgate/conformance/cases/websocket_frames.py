"""Frames of RFC 6455: what a server must read, and what it must not let pass.

What a client may not send fails the connection: a close frame with the code that the RFC names, then the end. The
application hears of the end, too, and never of what was wrong.
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone, Operation
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.websocket import (
    NO_CLOSE,
    NO_CODE,
    Opcode,
    Socket,
    closing,
    fragments,
    frame,
    text,
)
from asgate.conformance.websocket_moves import (
    content,
    disconnected,
    opened,
    received,
    still_open,
    until_seen,
)
from asgate.spec.clauses import Level

PROTOCOL_ERROR, NOT_UTF8, TOO_BIG = 1002, 1007, 1009
TEXT, BINARY, CLOSE, PING, PONG = Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE, Opcode.PING, Opcode.PONG


def expect_failed(trial: Trial, socket: Socket, app: Conversation, *codes: int) -> None:
    """Fails the case unless the server fails the connection with one of these codes (RFC 6455 7.1.7), if not before
    then when the application returns. It differs where the connection ends without a close frame, or without a code in
    it, which the RFC only recommends.
    """
    with contextlib.suppress(Gone):
        app.end()
    code, _ = socket.end()
    named = " or ".join(map(str, codes))
    trial.expect(code in (*codes, NO_CODE, NO_CLOSE), f"a close frame with {named}", saw=code)
    ended = socket.wire.ended()
    trial.expect(ended, "the end of the connection")
    if code not in codes:
        lacks = "a close frame" if code == NO_CLOSE else "a code in its close frame"
        trial.differs(f"the connection ends without {lacks}, {ended}; RFC 6455 7.1.7: SHOULD")


def expect_too_big(
    trial: Trial, socket: Socket, app: Conversation, pending: Operation, server: Server | None = None
) -> None:
    """Fails the case unless the server refuses the message with 1009: by failing the connection, or by a closing
    handshake, upon which the client leaves, as it may be in the midst of a frame. RFC 6455 7.4.1 names the code and
    leaves the way open.
    """
    until_seen(trial, socket, pending, server)
    if not pending.done():
        code, _ = socket.end()
        trial.expect(code == TOO_BIG, f"a close frame with {TOO_BIG}", saw=code)
        socket.wire.close()
        disconnected(trial, pending.value())
        return
    disconnected(trial, pending.value())
    expect_failed(trial, socket, app, TOO_BIG)


def _fails(
    name: str, title: str, rfc: str, *frames: bytes, codes: tuple[int, ...] = (PROTOCOL_ERROR,)
) -> None:
    """A case: these frames fail the connection, and the application sees its end and nothing before."""

    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        pending = app.begin_receive()
        socket.send(*frames)
        event = pending.value()
        trial.expect(
            event.get("type") == "websocket.disconnect", "websocket.disconnect and no message", saw=event
        )
        expect_failed(trial, socket, app, *codes)

    check.__name__, check.__doc__ = name, title
    clause = "ASGI-161" if NOT_UTF8 in codes else "SERVER-41"
    case(clause, rfc=f"RFC 6455 {rfc}")(check)


# Bits and opcodes.

_fails("unmasked", "A frame without a mask fails the connection.", "5.1", frame(TEXT, b"bare", masked=False))
_fails("unmasked_ping", "A ping without a mask, too.", "5.1", frame(PING, b"bare", masked=False))
for _bit, _name in ((4, "first"), (2, "second"), (1, "third")):
    _fails(
        f"{_name}_reserved_bit",
        f"A {_name} reserved bit that no extension has given a meaning fails the connection.",
        "5.2",
        frame(TEXT, b"bits", reserved=_bit),
    )
_fails("reserved_bit_of_a_ping", "So does one on a control frame.", "5.2", frame(PING, reserved=4))
for _opcode in (3, 7, 11, 15):
    _fails(
        f"opcode_{_opcode}",
        f"The reserved opcode {_opcode} fails the connection.",
        "5.2",
        frame(_opcode, b"what?"),
    )


@case("SERVER-41", rfc="RFC 6455 7.1.7", level=Level.SHOULD)
def fails_while_the_application_goes_on(trial: Trial) -> None:
    """The server fails the connection without waiting for the application to return."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    socket.send(frame(3))
    pending.value()
    trial.settle()
    trial.expect(not socket.wire.drained(), "a close frame, or the end of the connection", saw="nothing")


# Lengths.

_fails("length_of_64_bits", "A length with its highest bit set fails the connection.", "5.2",
       frame(BINARY, announced=1 << 63), codes=(PROTOCOL_ERROR, TOO_BIG))  # fmt: skip


def _widely(name: str, title: str, made: bytes) -> None:
    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        socket.send(made)
        event = app.receive()
        if event.get("type") == "websocket.receive":
            trial.differs("it is read: what the RFC says of the length binds the client alone")
        expect_failed(trial, socket, app, PROTOCOL_ERROR)

    check.__name__, check.__doc__ = name, title
    case("SERVER-41", rfc="RFC 6455 5.2", level=Level.MAY)(check)


_widely("length_of_2_bytes_too_many", "5 bytes whose length takes two more bytes fail the connection.",
        frame(TEXT, b"bytes", width=2))  # fmt: skip
_widely("length_of_8_bytes_too_many", "200 bytes whose length takes eight bytes fail the connection.",
        frame(TEXT, b"b" * 200, width=8))  # fmt: skip


# Fragments.

_fails("continuation_of_nothing", "A continuation without a beginning fails the connection.", "5.4",
       frame(0, b"on"))  # fmt: skip
_fails("continuation_after_the_end", "A continuation of a message that is whole fails the connection.", "5.4",
       frame(0, b"on", final=False))  # fmt: skip
_fails(
    "message_within_a_message",
    "A message that begins within another fails the connection.",
    "5.4",
    frame(TEXT, b"first", final=False),
    frame(TEXT, b"second"),
)
_fails(
    "message_of_another_kind_within",
    "A binary message within a text does, too.",
    "5.4",
    frame(TEXT, b"first", final=False),
    frame(BINARY, b"second"),
)


@case("ASGI-162", rfc="RFC 6455 5.4")
def pings_between_fragments(trial: Trial) -> None:
    """A ping between fragments is answered at once, and does not break the message."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    first, last = fragments(TEXT, [b"one ", b"message"])
    socket.send(first, frame(PING, b"between"))
    pong = socket.frame()
    trial.expect(
        (pong.opcode, pong.payload) == (PONG, b"between"), "the pong before the last fragment", saw=pong
    )
    socket.send(last)
    value = content(trial, pending.value())
    trial.expect(value == "one message", "the whole message", saw=value)


@case("ASGI-162", rfc="RFC 6455 5.4")
def many_small_fragments(trial: Trial) -> None:
    """A message in 2000 frames is one event."""
    socket, app = opened(trial)
    socket.send(*fragments(BINARY, [b"x"] * 2000))
    value = received(trial, app)
    trial.expect(value == b"x" * 2000, "2000 bytes", saw=f"{len(value)} bytes")


# Text.


for _name, _bytes, _title in (
    ("text_not_utf8", b"caf\xe9", "A text that is no UTF-8"),
    ("text_overlong", b"\xc0\xaf", "An overlong character"),
    ("text_surrogate", b"\xed\xa0\x80", "A surrogate"),
    ("text_too_high", b"\xf4\x90\x80\x80", "A character above U+10FFFF"),
    ("text_cut", b"caf\xc3", "A text that ends within a character"),
):
    _fails(_name, f"{_title} fails the connection with 1007.", "8.1", frame(TEXT, _bytes), codes=(NOT_UTF8,))
_fails(
    "text_not_utf8_in_fragments",
    "A text that is no UTF-8 in its second fragment fails the connection with 1007.",
    "8.1",
    frame(TEXT, b"caf", final=False),
    frame(0, b"\xe9!"),
    codes=(NOT_UTF8,),
)


@case("SERVER-41", rfc="RFC 6455 8.1", level=Level.MAY)
def text_not_utf8_fails_at_once(trial: Trial) -> None:
    """A text fails at the fragment that is no UTF-8: the server does not wait for its end."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    socket.send(frame(TEXT, b"\xff\xff", final=False))
    trial.settle()
    if socket.wire.drained():
        trial.differs("it waits for the last fragment")
    pending.value()
    expect_failed(trial, socket, app, NOT_UTF8)


# Control frames.


@case("ASGI-163", "SERVER-42", rfc="RFC 6455 5.5.2")
def ping_is_answered(trial: Trial) -> None:
    """A ping is answered with a pong that has its content."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    for payload in (b"are you there?", b"", b"\x00" * 125):
        socket.send(frame(PING, payload))
        pong = socket.frame()
        trial.expect((pong.opcode, pong.payload) == (PONG, payload), f"a pong with {payload!r}", saw=pong)
    socket.send(text("after"))
    trial.expect(content(trial, pending.value()) == "after", "the message after it")


@case("SERVER-42", rfc="RFC 6455 5.5.3")
def unasked_pong_is_ignored(trial: Trial) -> None:
    """A pong that nobody has asked for is ignored."""
    socket, app = opened(trial)
    socket.send(frame(PONG, b"here I am"), frame(PONG))
    still_open(trial, socket, app)


@case("SERVER-42", rfc="RFC 6455 5.5.2", level=Level.SHOULD)
def ping_while_nobody_receives(trial: Trial) -> None:
    """A ping is answered also while the application does not receive."""
    socket, _ = opened(trial)
    socket.send(text("unread"), frame(PING, b"alive?"))
    pong = socket.frame()
    trial.expect((pong.opcode, pong.payload) == (PONG, b"alive?"), "its pong", saw=pong)


_fails("ping_in_fragments", "A control frame in fragments fails the connection.", "5.5",
       frame(PING, b"half", final=False))  # fmt: skip
_fails("ping_too_long", "A control frame of more than 125 bytes fails the connection.", "5.5",
       frame(PING, b"x" * 126))  # fmt: skip
_fails("close_in_fragments", "A close in fragments fails the connection.", "5.5",
       frame(CLOSE, b"\x03\xe8", final=False))  # fmt: skip
_fails("close_too_long", "A close frame of more than 125 bytes fails the connection.", "5.5",
       closing(1000, "r" * 124))  # fmt: skip


# Close frames.

_fails("close_of_one_byte", "A close frame of one byte has half a code: it fails the connection.", "5.5.1",
       frame(CLOSE, b"\x03"))  # fmt: skip
for _code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000):
    _fails(f"close_code_{_code}", f"A close frame must not have the code {_code}.", "7.4", closing(_code))
_fails("reason_not_utf8", "A reason that is no UTF-8 fails the connection.", "5.5.1",
       closing(1000, b"caf\xe9"), codes=(NOT_UTF8, PROTOCOL_ERROR))  # fmt: skip


@case("SERVER-43", rfc="RFC 6455 1.4")
def nothing_counts_after_a_close(trial: Trial) -> None:
    """What comes after the client's close frame is no message and no ping."""
    socket, app = opened(trial)
    socket.send(closing(4001), text("late"), frame(PING, b"late"))
    events = [app.receive()]
    trial.expect(events[0].get("type") == "websocket.disconnect", "websocket.disconnect", saw=events[0])
    with contextlib.suppress(Gone):
        app.end()
    socket.end()
    rest = socket.maybe_frame()
    trial.expect(rest is None, "nothing after the server's close frame", saw=rest)


@case("SERVER-41", "ASGI-184", rfc="RFC 6455 7.1.7")
def message_before_the_fault(trial: Trial) -> None:
    """A message that came before the faulty frame is given, or dropped; the end is told in each case."""
    socket, app = opened(trial)
    socket.send(text("sound"), frame(3))
    kinds: list[object] = []
    while not kinds or kinds[-1] == "websocket.receive":
        kinds.append(app.receive().get("type"))
    trial.expect(kinds[-1] == "websocket.disconnect", "websocket.disconnect", saw=kinds)
    if len(kinds) == 1:
        trial.differs("the message is dropped")


@case("SERVER-41", "SERVER-45")
def others_go_on(trial: Trial) -> None:
    """A faulty frame on one connection costs that one alone."""
    beside, other = opened(trial, "/beside")
    socket, app = opened(trial, "/faulty")
    pending = app.begin_receive()
    socket.send(frame(3))
    pending.value()
    still_open(trial, beside, other)
