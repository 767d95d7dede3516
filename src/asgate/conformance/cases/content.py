"""The body of a response: its framing on the wire, the types it may have, and the end of it."""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import in_step
from asgate.conformance.trial import Trial
from asgate.conformance.values import Wrong
from asgate.conformance.wire import Malformed, Response, Wire
from asgate.spec.clauses import Level

BODY = "http.response.body"


def length(size: int) -> tuple[bytes, bytes]:
    """A Content-Length header."""
    return b"content-length", str(size).encode()


def old(trial: Trial) -> tuple[Wire, Conversation]:
    """An HTTP/1.0 request."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.0\r\nhost: probe\r\n\r\n")
    return wire, trial.conversation()


def expect_whole(trial: Trial, response: Response, body: bytes) -> None:
    """Fails the case unless this is a complete 200 with this body."""
    trial.expect(response.status == 200, "status 200", saw=response)
    trial.expect(response.body == body, f"{body[:100]!r}", saw=response.body)
    trial.expect(response.complete, "a complete response", saw=response)


# Framing.


@case("ASGI-108", "ASGI-109", rfc="RFC 9112 6.3")
def one_body_without_length(trial: Trial) -> None:
    """A body in one message without Content-Length arrives whole, however it is framed."""
    wire, app = trial.request()
    app.start()
    app.body(b"whole body")
    app.end()
    response = wire.response()
    expect_whole(trial, response, b"whole body")
    in_step(trial, wire, response)


@case("ASGI-108", "ASGI-112", rfc="RFC 9112 6.3")
def streamed_body_without_length(trial: Trial) -> None:
    """A streamed body without Content-Length is chunked to HTTP/1.1, and the connection stays in step."""
    wire, app = trial.request()
    app.start()
    for piece in (b"one, ", b"two, ", b"three"):
        app.body(piece, more=True)
    app.body()
    app.end()
    response = wire.response()
    expect_whole(trial, response, b"one, two, three")
    if response.framing == "close":
        trial.differs("the end of the connection ends the body: allowed, but the connection is lost")
    in_step(trial, wire, response)


@case("ASGI-108", rfc="RFC 9112 6.1")
def never_chunked_to_http_10(trial: Trial) -> None:
    """To an HTTP/1.0 client a body of unknown length ends with the connection, and is never chunked."""
    wire, app = old(trial)
    app.start()
    app.body(b"one, ", more=True)
    app.body(b"two")
    app.end()
    response = wire.response()
    trial.expect(not response.values("transfer-encoding"), "no chunked coding", saw=response.headers)
    expect_whole(trial, response, b"one, two")


@case("ASGI-108", "ASGI-115")
def known_length(trial: Trial) -> None:
    """The Content-Length of the application is the framing: no chunked coding beside it."""
    wire, app = trial.request()
    app.start(headers=[length(8)])
    app.body(b"one, ", more=True)
    app.body(b"two")
    app.end()
    response = wire.response()
    trial.expect(response.values("content-length") == ["8"], "content-length: 8", saw=response.headers)
    trial.expect(not response.values("transfer-encoding"), "no transfer-encoding", saw=response.headers)
    expect_whole(trial, response, b"one, two")
    in_step(trial, wire, response)


@case("ASGI-109", "ASGI-105")
def empty_body(trial: Trial) -> None:
    """A body of no bytes is a whole response."""
    wire, app = trial.request()
    app.start()
    app.body()
    app.end()
    response = wire.response()
    expect_whole(trial, response, b"")
    in_step(trial, wire, response)


def _coding(name: str, headers: list[tuple[bytes, bytes]], title: str, *, http_10: bool = False) -> None:
    def check(trial: Trial) -> None:
        wire, app = old(trial) if http_10 else trial.request()
        app.start(headers=headers)
        app.body(b"one, ", more=True)
        app.body(b"two")
        app.end()
        response = wire.response()
        codings, lengths = response.values("transfer-encoding"), response.values("content-length")
        allowed: list[list[str]] = [[]] if http_10 else [[], ["chunked"]]
        trial.expect(codings in allowed, "at most one coding, of the server's", saw=response.headers)
        trial.expect(not (codings and lengths), "one framing", saw=response.headers)
        expect_whole(trial, response, b"one, two")

    check.__name__, check.__doc__ = f"transfer_encoding_{name}", title
    case("ASGI-107", rfc="RFC 9112 6.1")(check)


CHUNKED = (b"transfer-encoding", b"chunked")
_coding("ignored", [CHUNKED], "Transfer-Encoding of the application is ignored: nothing is chunked twice.")
_coding("gzip_ignored", [(b"transfer-encoding", b"gzip")], "Any Transfer-Encoding is ignored.")
_coding(
    "beside_a_length", [CHUNKED, length(8)], "Transfer-Encoding beside Content-Length leaves one framing."
)
_coding("to_http_10", [CHUNKED], "Transfer-Encoding is not passed to HTTP/1.0.", http_10=True)


@case("ASGI-112", rfc="RFC 9112 7.1")
def empty_piece_in_a_chunked_body(trial: Trial) -> None:
    """An empty body message with more_body True ends nothing: the pieces after it arrive."""
    wire, app = trial.request()
    app.start()
    for piece in (b"", b"one, ", b"", b"two"):
        app.body(piece, more=True)
    app.body()
    app.end()
    expect_whole(trial, wire.response(), b"one, two")


@case("ASGI-112")
def hundred_pieces(trial: Trial) -> None:
    """A hundred body messages arrive as one body in their order."""
    wire, app = trial.request()
    app.start()
    for number in range(100):
        app.body(b"%d;" % number, more=True)
    app.body()
    app.end()
    expect_whole(trial, wire.response(), b"".join(b"%d;" % number for number in range(100)))


@case("ASGI-112", rfc="RFC 9112 7.1")
def chunks_of_many_sizes(trial: Trial) -> None:
    """Pieces of many sizes, from one byte to 100 000, arrive as one body in their order."""
    bodies = [b"%d" % (size % 10) * size for size in (1, 9, 15, 16, 255, 256, 4096, 65_535, 65_536, 100_000)]
    wire, app = trial.request()
    app.start()
    for body in bodies:  # each is read before the next one is sent: no buffer has to hold them
        operation = app.begin_send({"type": BODY, "body": body, "more_body": True})
        while not operation.done():
            if wire.ends_within(0.01):
                break  # then `value` says whether the message was taken, or that it never was
        operation.value()
    app.body()
    app.end()
    response = wire.response()
    expect_whole(trial, response, b"".join(bodies))
    in_step(trial, wire, response)


@case("ASGI-109")
def pieces_leave_at_once(trial: Trial) -> None:
    """A piece reaches the client although the next one has not been sent."""
    wire, app = trial.request()
    app.start(headers=[length(11)])
    app.body(b"first", more=True)
    wire.read_until(b"\r\n\r\nfirst")
    app.body(b"second")
    app.end()
    trial.expect(wire.read_exactly(6) == b"second", "the second piece", saw=bytes(wire.received))


@case("ASGI-106")
def head_with_the_first_body(trial: Trial) -> None:
    """The head waits for the first body message: until then an error page is still possible."""
    wire, app = trial.request()
    app.start(headers=[length(2)])
    trial.settle()
    if not wire.drained():
        trial.differs("the head leaves at once, as the text allows")
    app.body(b"ok")
    app.end()
    expect_whole(trial, wire.response(), b"ok")


# What a body message may look like.


def _piece(name: str, message: dict[str, Any], body: bytes, title: str, clause: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        app.start(headers=[length(len(body))])
        app.send({"type": BODY} | message)
        app.end()
        expect_whole(trial, wire.response(), body)

    check.__name__, check.__doc__ = name, title
    case(clause)(check)


_piece(
    "only_a_type", {}, b"", "A body message with its type only is the empty end of a response.", "ASGI-109"
)
_piece("more_body_missing", {"body": b"ok"}, b"ok", "more_body is False by default.", "ASGI-109")
_piece("body_missing", {"more_body": False}, b"", "body is b'' by default.", "ASGI-109")
_piece("bytearray", {"body": Wrong("bytearray", b"ok")}, b"ok", "A body may be a bytearray.", "ASGI-113")
_piece("memoryview", {"body": Wrong("memoryview", b"ok")}, b"ok", "A body may be a memoryview.", "ASGI-113")
_piece("every_octet", {"body": bytes(range(256))}, bytes(range(256)), "A body is sent as it is.", "ASGI-109")


# No content.


def _bare(
    name: str,
    method: str,
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    title: str,
    rfc: str = "RFC 9112 6.3",
) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request(method=method)
        app.start(status, headers)
        raised = app.refused({"type": BODY, "body": body})
        if raised and body:
            trial.differs(f"send raises for a body that cannot be sent: {raised}")
        trial.expect(raised is None, "send takes an empty body", saw=raised)
        app.end()
        response = wire.head()  # no body follows, and its framing is judged here
        trial.expect(response.status == status, f"status {status}", saw=response)
        if status == 204:
            framing = response.values("content-length") + response.values("transfer-encoding")
            trial.expect(not framing, "no framing fields in a 204", saw=response.headers)
        elif headers:
            lengths = response.values("content-length")
            trial.expect(lengths in ([], [headers[0][1].decode()]), "content-length", saw=response.headers)
        in_step(trial, wire, response)
        if headers and status != 204 and not response.values("content-length"):
            trial.differs("Content-Length is left out, which HTTP allows here")

    check.__name__, check.__doc__ = name, title
    case("ASGI-114", rfc=rfc, level=Level.MUST)(check)


NO_FRAMING = "RFC 9110 8.6, RFC 9112 6.1"

_bare("head_with_body", "HEAD", 200, [length(4)], b"body", "The body of a response to HEAD is not sent.")
_bare("head_without_body", "HEAD", 200, [length(4)], b"", "HEAD keeps Content-Length though no body comes.")
_bare("head_without_length", "HEAD", 200, [], b"body", "HEAD without Content-Length has no chunks either.")
_bare("status_204", "GET", 204, [], b"", "A 204 ends with its head, without framing fields.", NO_FRAMING)
_bare("status_204_with_body", "GET", 204, [], b"body", "The body of a 204 is not sent.")
_bare(
    "status_204_with_length",
    "GET",
    204,
    [length(0)],
    b"",
    "Content-Length is taken out of a 204.",
    NO_FRAMING,
)
_bare("status_304", "GET", 304, [], b"", "A 304 ends with its head.")
_bare("status_304_with_length", "GET", 304, [length(4)], b"", "A 304 keeps Content-Length and sends nothing.")
_bare("status_304_with_body", "GET", 304, [length(4)], b"body", "The body of a 304 is not sent.")


@case("ASGI-114", rfc="RFC 9110 9.3.2", level=Level.MUST)
def head_of_a_streamed_body(trial: Trial) -> None:
    """A streamed answer to HEAD sends nothing after its head, and the connection stays in step."""
    wire, app = trial.request(method="HEAD")
    app.start()
    app.body(b"one", more=True)
    app.body(b"two", more=True)
    app.body()
    app.end()
    response = wire.response(head=True)
    trial.expect(response.status == 200, "status 200", saw=response)
    in_step(trial, wire, response)


# A Content-Length that is not true.


def _too_long(name: str, pieces: list[bytes], title: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        app.start(headers=[length(4)])
        raised = [
            app.refused({"type": BODY, "body": piece, "more_body": place < len(pieces)})
            for place, piece in enumerate(pieces, 1)
        ]
        app.end()
        try:
            response = wire.response()
        except Malformed:
            trial.expect(any(raised), "send raises", saw="it returned, and no response came")
            return
        if response.status == 200:
            lengths = response.values("content-length")
            trial.expect(lengths == ["4"], "the Content-Length of the application", saw=response.headers)
            trial.settle()
            rest = b"" if wire.drained() else wire.read_exactly(1)
            trial.expect(not rest, "nothing after the length that was announced", saw=bytes(wire.received))
        trial.expect(any(raised), "send raises", saw="it returned")

    check.__name__, check.__doc__ = name, title
    case("ASGI-115", rfc="RFC 9112 6.3")(check)


_too_long("too_much_at_once", [b"body, and more"], "A body longer than its Content-Length raises in send.")
_too_long(
    "too_much_in_the_end",
    [b"bo", b"dy", b", and more"],
    "A piece that goes over the Content-Length raises, and the client gets no more than was announced.",
)


@case("ASGI-115", "ASGI-018", rfc="RFC 9112 8")
def too_little(trial: Trial) -> None:
    """A body shorter than its Content-Length ends with the connection: the client sees that it is cut."""
    wire, app = trial.request()
    app.start(headers=[length(10)])
    app.refused({"type": BODY, "body": b"short"})
    app.end()
    trial.expect_cut(wire)


@case("ASGI-115", rfc="RFC 9110 8.6")
def length_that_is_no_number(trial: Trial) -> None:
    """A Content-Length that is no number raises, and is never written to the client."""
    _expect_lengths(trial, [(b"content-length", b"four")], "four")


@case("ASGI-115", rfc="RFC 9110 8.6")
def two_lengths(trial: Trial) -> None:
    """Two different Content-Lengths raise, and never reach the client both."""
    _expect_lengths(trial, [length(4), length(40)], "40")


def _expect_lengths(trial: Trial, headers: list[tuple[bytes, bytes]], bad: str) -> None:
    wire, app = trial.request()
    raised = app.refused({"type": "http.response.start", "status": 200, "headers": headers})
    raised = raised or app.refused({"type": BODY, "body": b"body"})
    app.end()
    trial.settle()
    if raised and wire.drained():
        return
    try:
        lengths = wire.head().values("content-length")
    except Malformed as malformed:
        refused = raised and not wire.received  # closed without a byte: nothing wrong was written
        trial.expect(refused, "send raises, and nothing or a response is written", saw=malformed)
        return
    trial.expect(bad not in lengths, f"no content-length: {bad}", saw=lengths)
    if not raised:
        trial.differs(f"send takes it, and the server writes content-length {lengths}")


# After the end.


def _late(name: str, message: dict[str, Any], title: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        app.start(headers=[length(2)])
        app.body(b"ok")
        raised = app.refused(message)
        app.end()
        response = wire.response()
        expect_whole(trial, response, b"ok")
        in_step(trial, wire, response)
        trial.expect(raised is None, "send ignores it", saw=raised)

    check.__name__, check.__doc__ = name, title
    case("ASGI-111")(check)


_late("late_body", {"type": BODY, "body": b"late"}, "A body after the end of the response is ignored.")
_late("late_empty_body", {"type": BODY}, "An empty body after the end of the response is ignored.")
_late(
    "late_start",
    {"type": "http.response.start", "status": 500, "headers": []},
    "A start after the end of the response is ignored, and begins no other response.",
)
