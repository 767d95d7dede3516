"""Messages both ways: whole, in order, of the right types, and one event each."""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.trial import Trial
from asgate.conformance.values import Fill, Wrong
from asgate.conformance.websocket import Opcode, binary, closing, fragments, frame, text
from asgate.conformance.websocket_moves import (
    content,
    disconnected,
    opened,
    received,
    sending,
    sent,
    still_open,
    until_seen,
)
from asgate.spec.clauses import Level

MEBIBYTE = 1 << 20
WIDE = "a\u00e9\u20ac\U0001f600\x00\x7f"  # a character of one, two, three and four bytes, and two controls


def _echo(name: str, title: str, value: str | bytes, *clauses: str) -> None:
    """A case: the value comes in, and goes out, as it is."""

    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        socket.send(text(value) if isinstance(value, str) else binary(value))
        saw = received(trial, app)
        trial.expect(saw == value and type(saw) is type(value), f"{value[:20]!r} received", saw=saw)
        sent(app, value)
        saw = socket.message()
        trial.expect(saw == value and type(saw) is type(value), f"{value[:20]!r} sent", saw=saw)
        still_open(trial, socket, app)

    check.__name__, check.__doc__ = name, title
    case(*clauses)(check)


_echo("text", "A text is a str, both ways.", "hello", "ASGI-161", "ASGI-160", "ASGI-165")
_echo("binary", "A binary message is bytes, both ways.", b"\x00\xff\xfe", "ASGI-161", "ASGI-160", "ASGI-165")
_echo("characters_of_every_length", "Every character of a text comes through.", WIDE, "ASGI-161")
_echo("empty_text", "An empty text is a message, both ways.", "", "ASGI-166")
_echo("empty_binary", "An empty binary message is a message, both ways.", b"", "ASGI-166")
for _size in (125, 126, 65535, 65536):
    _echo(
        f"of_{_size}_bytes",
        f"{_size} bytes come through: its length has a form of its own.",
        b"x" * _size,
        "ASGI-161",
    )
_echo(
    "of_a_mebibyte", "A message of 1 MiB comes through.", b"0123456789abcdef" * (MEBIBYTE // 16), "ASGI-161"
)


@case("ASGI-160")
def keys_of_an_event(trial: Trial) -> None:
    """websocket.receive has type, bytes and text, and nothing else; one of these two may be missing or None."""
    socket, app = opened(trial)
    for message in (text("t"), binary(b"b")):
        socket.send(message)
        event = app.receive()
        content(trial, event)
        trial.expect(event.keys() <= {"type", "bytes", "text"}, "no other keys", saw=event)


@case("ASGI-162", rfc="RFC 6455 5.4")
def fragments_are_joined(trial: Trial) -> None:
    """A message in several frames is one event."""
    socket, app = opened(trial)
    socket.send(*fragments(Opcode.TEXT, [b"one ", b"", b"message"]))
    value = received(trial, app)
    trial.expect(value == "one message", "the whole message", saw=value)
    still_open(trial, socket, app)


@case("ASGI-162", rfc="RFC 6455 5.4")
def half_a_message_waits(trial: Trial) -> None:
    """The application sees nothing of a message before its last fragment."""
    socket, app = opened(trial)
    first, last = fragments(Opcode.BINARY, [b"first ", b"last"])
    pending = app.begin_receive()
    socket.send(first)
    trial.settle()
    trial.expect(not pending.done(), "no event for half a message", saw=pending.done() and pending.value())
    socket.send(last)
    value = content(trial, pending.value())
    trial.expect(value == b"first last", "the whole message", saw=value)


@case("ASGI-162", "ASGI-161", rfc="RFC 6455 5.6")
def character_across_fragments(trial: Trial) -> None:
    """A character may be cut between two fragments: the whole message is what must be UTF-8."""
    socket, app = opened(trial)
    encoded = WIDE.encode()
    socket.send(*fragments(Opcode.TEXT, [encoded[place : place + 1] for place in range(len(encoded))]))
    value = received(trial, app)
    trial.expect(value == WIDE, f"{WIDE!r}", saw=value)


@case("ASGI-162")
def byte_by_byte(trial: Trial) -> None:
    """Frames that arrive byte by byte are the same messages."""
    socket, app = opened(trial)
    for byte in text("slow") + binary(b"b" * 126):
        socket.send(bytes([byte]))
        app.turn(2)  # so that the server reads it alone
    values = [received(trial, app), received(trial, app)]
    trial.expect(values == ["slow", b"b" * 126], "both messages", saw=values)


@case("ASGI-167")
def order_of_received(trial: Trial) -> None:
    """Messages that arrive in one piece are given one by one, in their order."""
    socket, app = opened(trial)
    socket.send(*(text(str(number)) if number % 2 else binary(b"%d" % number) for number in range(40)))
    values = [received(trial, app) for _ in range(40)]
    expected = [str(number) if number % 2 else b"%d" % number for number in range(40)]
    trial.expect(values == expected, "40 messages in order", saw=values)


@case("ASGI-167")
def order_of_sent(trial: Trial) -> None:
    """Messages that the application sends one after the other arrive one by one, in their order."""
    socket, app = opened(trial)
    for number in range(40):
        sent(app, str(number) if number % 2 else b"%d" % number)
    values = [socket.message() for _ in range(40)]
    expected = [str(number) if number % 2 else b"%d" % number for number in range(40)]
    trial.expect(values == expected, "40 messages in order", saw=values)


@case("ASGI-167")
def message_before_the_close(trial: Trial) -> None:
    """Messages that came before the close are given before websocket.disconnect."""
    socket, app = opened(trial)
    socket.send(text("last"), binary(b"words"), closing(1000))
    values = [received(trial, app), received(trial, app)]
    trial.expect(values == ["last", b"words"], "both messages", saw=values)
    disconnected(trial, app.receive())


@case("ASGI-022")
def cancelled_receive_loses_nothing(trial: Trial) -> None:
    """A receive that is cancelled takes no message with it."""
    socket, app = opened(trial)
    app.cancel(app.begin_receive())
    socket.send(text("kept"))
    value = received(trial, app)
    trial.expect(value == "kept", "the message that came after the cancelling", saw=value)


@case("ASGI-021")
def two_receives(trial: Trial) -> None:
    """Two tasks that receive at the same time get a message each."""
    socket, app = opened(trial)
    pending = [app.begin_receive(), app.begin_receive()]
    app.turn()
    socket.send(text("1"), text("2"))
    try:
        values = {content(trial, operation.value()) for operation in pending}
    except Exception as error:
        if type(error).__name__ != "Raised":
            raise
        trial.differs(f"the second receive raises: {error}")
    trial.expect(values == {"1", "2"}, "both messages, one each", saw=values)


@case("ASGI-021", "ASGI-165")
def sends_of_several_tasks(trial: Trial) -> None:
    """What several tasks send at the same time arrives as whole messages."""
    socket, app = opened(trial)
    contents = [bytes([65 + number]) * 100_000 for number in range(8)]
    operations = [app.begin_send(sending(content)) for content in contents]
    values = [socket.message() for _ in contents]
    for operation in operations:
        operation.value()
    trial.expect(sorted(map(bytes, values)) == contents, "each message whole, once")  # type: ignore[arg-type]


@case("ASGI-165")
def other_key_may_be_none(trial: Trial) -> None:
    """In websocket.send the key that is not meant may be None."""
    socket, app = opened(trial)
    app.send({"type": "websocket.send", "bytes": None, "text": "t"})
    app.send({"type": "websocket.send", "bytes": b"b", "text": None})
    values = [socket.message(), socket.message()]
    trial.expect(values == ["t", b"b"], "both messages", saw=values)


@case("ASGI-033")
def more_keys_in_a_send(trial: Trial) -> None:
    """Keys that the text does not know are no reason to raise."""
    socket, app = opened(trial)
    app.send(sending("t") | {"x-of-another-world": 1})
    trial.expect(socket.message() == "t", "the message")


def _refused(name: str, title: str, *clauses: str, **keys: Any) -> None:
    """A case: websocket.send with these keys raises, nothing is sent, and the connection goes on. SHOULD is what the
    text says of errors.
    """

    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        trial.expect_raised(app.refused({"type": "websocket.send"} | keys), f"websocket.send with {keys}")
        still_open(trial, socket, app)

    check.__name__, check.__doc__ = name, title
    case(*clauses, "ASGI-040", level=Level.SHOULD)(check)


_refused("neither_key", "websocket.send with neither bytes nor text raises.", "ASGI-165")
_refused("both_none", "websocket.send with None for both raises.", "ASGI-165", bytes=None, text=None)
_refused("both_keys", "websocket.send with both bytes and text raises.", "ASGI-165", bytes=b"b", text="t")
_refused("text_of_bytes", "websocket.send with bytes as text raises.", "ASGI-032", text=b"text")
_refused("bytes_of_text", "websocket.send with a str as bytes raises.", "ASGI-032", bytes="bytes")
_refused("bytes_of_an_object", "websocket.send of something else raises.", "ASGI-032", bytes=Wrong("object"))


@case("ASGI-163", rfc="RFC 6455 5.5.2")
def pings_are_not_seen(trial: Trial) -> None:
    """Pings and pongs of the client are no events: the next one is the message after them."""
    socket, app = opened(trial)
    socket.send(frame(Opcode.PING, b"1"), frame(Opcode.PONG, b"2"), text("after"))
    value = received(trial, app)
    trial.expect(value == "after", "the message", saw=value)


@case("ASGI-165")
def large_send(trial: Trial) -> None:
    """A message of 4 MiB that the application sends arrives whole."""
    socket, app = opened(trial)
    operation = app.begin_send(sending(Fill(4 * MEBIBYTE)))
    until_seen(trial, socket, operation)
    if operation.done() and socket.wire.drained() and (raised := operation.raised()) is not None:
        trial.differs(f"send raises, since there is a limit for it: {raised}")
    value = socket.message()
    operation.value()
    trial.expect(value == b"x" * (4 * MEBIBYTE), "4 MiB", saw=f"{len(value)} bytes")
