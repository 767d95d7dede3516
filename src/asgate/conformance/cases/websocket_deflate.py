"""permessage-deflate (RFC 7692): what is agreed, that it is kept to, and that it has bounds."""

import contextlib
import re
import zlib

from asgate.conformance.case import case
from asgate.conformance.cases.websocket_frames import (
    NOT_UTF8,
    PROTOCOL_ERROR,
    expect_failed,
    expect_too_big,
)
from asgate.conformance.conversation import Conversation
from asgate.conformance.trial import Trial
from asgate.conformance.websocket import COMPRESSED, Deflater, Opcode, Socket, fragments, frame, text
from asgate.conformance.websocket_moves import ACCEPT, connected, received, sent, switched
from asgate.conformance.wire import Departed

EXTENSION = "permessage-deflate"
BROWSER = f"{EXTENSION}; client_max_window_bits"
ALONE = f"{EXTENSION}; server_no_context_takeover; client_no_context_takeover"
LONG = "the same words again, " * 200
BOMB = 256 << 20  # bytes that come of a quarter of a megabyte
Terms = dict[str, str]


def agreed(trial: Trial, offer: str, *, sure: bool = False) -> tuple[Socket, Conversation, Terms]:
    """An open connection with the terms that the server has agreed to. Where it agrees to none the case ends; it fails
    if the server is `sure` to agree.
    """
    wire, app = connected(trial, headers=f"sec-websocket-extensions: {offer}\r\n")
    app.send(ACCEPT)
    values = switched(trial, wire).values("sec-websocket-extensions")
    trial.expect(values or not sure, f"an agreement to {offer}", saw=values)
    if not values:
        trial.not_offered(f"the server does not agree to {offer}")
    trial.expect(len(values) == 1 and "," not in values[0], "one extension", saw=values)
    name, *terms = (part.strip() for part in values[0].split(";"))
    trial.expect(name == EXTENSION, EXTENSION, saw=values)
    pairs = [term.partition("=") for term in terms]
    found = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
    trial.expect(len(found) == len(terms), "no term twice", saw=values)
    return Socket(trial, wire, compressed=True), app, found


def deflater(terms: Terms) -> Deflater:
    """The compressor of a client that keeps to these terms."""
    bits = int(terms.get("client_max_window_bits") or 15)
    return Deflater(takeover="client_no_context_takeover" not in terms, bits=max(9, bits))


class Inflater:
    """The decompressor of a client that remembers what came before, unless the terms say that nothing does."""

    def __init__(self, terms: Terms) -> None:
        self._bits = int(terms.get("server_max_window_bits") or 15)
        self._takeover = "server_no_context_takeover" not in terms
        self._object = zlib.decompressobj(-self._bits)

    def message(self, trial: Trial, socket: Socket) -> bytes:
        """The next message of the server, compressed or not."""
        parts = [socket.frame()]
        while not parts[-1].final:
            parts.append(socket.frame())
        payload = b"".join(part.payload for part in parts)
        if not parts[0].reserved & COMPRESSED:
            return payload
        try:
            content = self._object.decompress(payload + b"\x00\x00\xff\xff")
        except zlib.error as error:
            trial.fail("what was compressed as agreed", saw=error)
        if not self._takeover:
            self._object = zlib.decompressobj(-self._bits)
        return content


@case("SERVER-44", "ASGI-169", rfc="RFC 7692 7.1")
def terms_are_those_of_the_offer(trial: Trial) -> None:
    """The answer has only terms that RFC 7692 knows, with values that may stand there."""
    _, _, terms = agreed(trial, BROWSER)
    for name, value in terms.items():
        bits = name in ("server_max_window_bits", "client_max_window_bits")
        right = re.fullmatch("8|9|1[0-5]", value) if bits else not value
        known = bits or name in ("server_no_context_takeover", "client_no_context_takeover")
        trial.expect(known and right, "a term of RFC 7692", saw=f"{name}={value}")


@case("SERVER-44", rfc="RFC 7692 7.1.2.2")
def window_of_a_client_that_has_no_say(trial: Trial) -> None:
    """client_max_window_bits is not in the answer to a client that did not offer it."""
    _, _, terms = agreed(trial, EXTENSION)
    trial.expect("client_max_window_bits" not in terms, "no client_max_window_bits", saw=terms)


@case("SERVER-44", rfc="RFC 7692 7.1.1.1")
def server_without_takeover(trial: Trial) -> None:
    """server_no_context_takeover of the offer is in the answer, or the extension is declined."""
    socket, app, terms = agreed(trial, f"{EXTENSION}; server_no_context_takeover")
    trial.expect("server_no_context_takeover" in terms, "server_no_context_takeover", saw=terms)
    for _ in range(3):
        sent(app, LONG)
        value = socket.message()  # each message is inflated alone
        trial.expect(value == LONG, "the message", saw=value)


@case("SERVER-44", rfc="RFC 7692 7.1.2.1")
def window_of_the_server(trial: Trial) -> None:
    """server_max_window_bits of the offer is kept to, or the extension is declined."""
    socket, app, terms = agreed(trial, f"{EXTENSION}; server_max_window_bits=9")
    trial.expect(terms.get("server_max_window_bits") == "9", "server_max_window_bits=9", saw=terms)
    inflater = Inflater(terms)
    pattern = bytes(range(256)) * 8  # repeats within 512 bytes, and again beyond
    for _ in range(2):
        sent(app, pattern)
        value = inflater.message(trial, socket)
        trial.expect(value == pattern, "the message, inflated with a window of 512 bytes", saw=value)


def _declined(name: str, offer: str, title: str) -> None:
    """A case: an offer that is no valid one is declined, which is no reason to refuse the handshake."""

    def check(trial: Trial) -> None:
        agreed(trial, BROWSER)
        wire, app = connected(trial, headers=f"sec-websocket-extensions: {offer}\r\n")
        app.send(ACCEPT)
        values = switched(trial, wire).values("sec-websocket-extensions")
        trial.expect(not values, "no extension", saw=values)

    check.__name__, check.__doc__ = name, title
    case("SERVER-44", rfc="RFC 7692 7.1")(check)


_declined("unknown_term", f"{EXTENSION}; of_another_world", "An offer with an unknown term is declined.")
_declined("term_twice", f"{EXTENSION}; server_no_context_takeover; server_no_context_takeover",
          "An offer with a term twice is declined.")  # fmt: skip
_declined("window_too_large", f"{EXTENSION}; server_max_window_bits=16", "A window of 16 bits is declined.")
_declined("window_without_value", f"{EXTENSION}; server_max_window_bits",
          "A server_max_window_bits without a value is declined.")  # fmt: skip


@case("SERVER-44", rfc="RFC 7692 5.1")
def second_offer_is_taken(trial: Trial) -> None:
    """Of two offers the second is taken when the first is none that the server knows."""
    agreed(trial, BROWSER)
    socket, app, terms = agreed(trial, f"{EXTENSION}; of_another_world, {BROWSER}", sure=True)
    socket.send(*deflater(terms).frames(Opcode.TEXT, b"second"))
    trial.expect(received(trial, app) == "second", "the message")


@case("ASGI-169", "SERVER-44", rfc="RFC 7692 7.2")
def both_ways(trial: Trial) -> None:
    """Compressed messages come through both ways, text and binary, one after the other."""
    socket, app, terms = agreed(trial, BROWSER)
    out, back = deflater(terms), Inflater(terms)
    for value in (LONG, LONG.encode(), "short", ""):
        content = value.encode() if isinstance(value, str) else value
        socket.send(*out.frames(Opcode.TEXT if isinstance(value, str) else Opcode.BINARY, content or b""))
        saw = received(trial, app)
        trial.expect(saw == value, f"{value[:30]!r}", saw=saw)
        sent(app, value)
        answer = back.message(trial, socket)
        trial.expect(answer == content, f"{content[:30]!r}", saw=answer)


@case("SERVER-44", rfc="RFC 7692 6")
def uncompressed_beside(trial: Trial) -> None:
    """A message without the bit is no compressed one, also where compression was agreed."""
    socket, app, terms = agreed(trial, BROWSER)
    out = deflater(terms)
    socket.send(*out.frames(Opcode.TEXT, b"packed"), text("plain"), *out.frames(Opcode.TEXT, b"packed"))
    values = [received(trial, app) for _ in range(3)]
    trial.expect(values == ["packed", "plain", "packed"], "all three", saw=values)


@case("SERVER-44", rfc="RFC 7692 7.2.2")
def compressed_in_fragments(trial: Trial) -> None:
    """A compressed message may come in fragments; the bit stands on the first."""
    socket, app, terms = agreed(trial, BROWSER)
    content = bytes(range(256)) * 20
    socket.send(*deflater(terms).frames(Opcode.BINARY, content, parts=5))
    value = received(trial, app)
    trial.expect(value == content, f"{len(content)} bytes", saw=f"{len(value)} bytes")


@case("SERVER-44", rfc="RFC 7692 7.1.1.2")
def client_without_takeover(trial: Trial) -> None:
    """Messages of a client that starts each with an empty window are read."""
    socket, app, terms = agreed(trial, ALONE)
    out = Deflater(takeover=False, bits=max(9, int(terms.get("client_max_window_bits") or 15)))
    for _ in range(3):
        socket.send(*out.frames(Opcode.TEXT, LONG.encode()))
        value = received(trial, app)
        trial.expect(value == LONG, "the message", saw=value)


def _fails(
    name: str, title: str, rfc: str, *frames: bytes, codes: tuple[int, ...] = (PROTOCOL_ERROR,)
) -> None:
    """A case: these frames fail a connection on which compression was agreed."""

    def check(trial: Trial) -> None:
        socket, app, _ = agreed(trial, BROWSER)
        pending = app.begin_receive()
        socket.send(*frames)
        event = pending.value()
        trial.expect(
            event.get("type") == "websocket.disconnect", "websocket.disconnect, no message", saw=event
        )
        expect_failed(trial, socket, app, *codes)

    check.__name__, check.__doc__ = name, title
    case("SERVER-44", rfc=f"RFC 7692 {rfc}")(check)


NO_DEFLATE = frame(Opcode.BINARY, b"\xff" * 64, reserved=COMPRESSED)
_fails(
    "bit_on_a_continuation",
    "The bit on a continuation fails the connection.",
    "6.1",
    frame(Opcode.TEXT, b"a", final=False),
    frame(0, b"b", reserved=COMPRESSED),
)
_fails(
    "bit_on_a_control_frame",
    "The bit on a ping fails the connection.",
    "6.1",
    frame(Opcode.PING, b"", reserved=COMPRESSED),
)
_fails(
    "other_bits",
    "The other reserved bits have no meaning here, either.",
    "6",
    frame(Opcode.TEXT, b"bits", reserved=2),
)
_fails(
    "not_deflated",
    "What is no DEFLATE fails the connection.",
    "7.2.2",
    NO_DEFLATE,
    codes=(PROTOCOL_ERROR, 1003, NOT_UTF8, 1011),
)
_fails(
    "text_not_utf8",
    "A compressed text that is no UTF-8 fails the connection with 1007.",
    "7.2.2",
    b"".join(Deflater().frames(Opcode.TEXT, b"caf\xe9")),
    codes=(NOT_UTF8,),
)


@case("ASGI-169", "ASGI-168", rfc="RFC 7692 8", seconds=8.0)
def bomb(trial: Trial) -> None:
    """A small message that inflates to 256 MiB is stopped at the limit for messages, with 1009."""
    socket, app, terms = agreed(trial, BROWSER)
    out = zlib.compressobj(9, zlib.DEFLATED, -max(9, int(terms.get("client_max_window_bits") or 15)))
    piece = bytes(1 << 20)
    packed = b"".join(out.compress(piece) for _ in range(BOMB >> 20)) + out.flush(zlib.Z_SYNC_FLUSH)
    payload = packed.removesuffix(b"\x00\x00\xff\xff")
    pending = app.begin_receive()
    first, *rest = fragments(
        Opcode.BINARY, [payload[start : start + 60000] for start in range(0, len(payload), 60000)]
    )
    with contextlib.suppress(Departed):
        socket.send(bytes([first[0] | COMPRESSED << 4]) + first[1:], *rest)
    expect_too_big(trial, socket, app, pending)
