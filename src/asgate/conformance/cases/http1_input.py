"""HTTP/1.1 from the client, beside what the corpus of `smuggling` holds: input in pieces, input without an end, bodies
that nobody reads, and clients that wait for 100 (RFC 9112, RFC 9110).
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.conversation import Gone, Raised
from asgate.conformance.corpus.row import MARKER, SMUGGLED
from asgate.conformance.corpus.verdict import requests, statuses
from asgate.conformance.moves import (
    CHUNKED,
    GET,
    answered,
    called_early,
    in_step,
    kept,
)
from asgate.conformance.trial import Trial
from asgate.spec.clauses import Level

MUST, SHOULD = Level.MUST, Level.SHOULD
ENDLESS = 16 << 20  # bytes after which a server that has not refused will never do so
PIECE = 1 << 16


# Input in pieces.


@case(rfc="RFC 9112 9.3.2", level=MUST)
def pipelined_bodies(trial: Trial) -> None:
    """Pipelined requests keep their bodies, and their answers their order."""
    wire = trial.connect()
    head = b"POST /%d HTTP/1.1\r\nHost: probe\r\n"
    wire.send(
        head % 1
        + b"Content-Length: 3\r\n\r\none"
        + head % 2
        + b"Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        + head % 3
        + b"Content-Length: 5\r\n\r\nthree"
    )
    for body in (b"one", b"two", b"three"):
        app = trial.conversation()
        trial.expect_same(app.read(), body, "the body")
        app.respond(body=body)
        trial.expect(kept(trial, wire.response()).body == body, f"the answer {body!r}")


@case(rfc="RFC 9112 2.2", level=MUST)
def byte_by_byte(trial: Trial) -> None:
    """A request that comes byte by byte is the same request."""
    wire = trial.connect()
    for byte in b"POST /a?b HTTP/1.1\r\nHost: probe\r\nContent-Length: 3\r\n\r\none":
        wire.send(bytes((byte,)))
    app = trial.conversation()
    trial.expect(app.path == "/a", "the path /a", saw=app.path)
    trial.expect_same(app.read(), b"one", "the body")
    app.respond()
    in_step(trial, wire, wire.response())


def in_two_pieces(trial: Trial, head: bytes, pieces: bytes, body: bytes) -> None:
    """One connection for each place where the pieces can be cut; the server reads the first one on its own."""
    expected = [("/a", body, True), ("/marker", b"", True)]
    for place in range(1, len(pieces)):
        with trial.echoing() as reports:
            wire = trial.connect()
            wire.send(head + pieces[:place])
            trial.settle()
            wire.send(pieces[place:] + MARKER)
            ended = wire.ends_within(1)
            trial.settle()
        seen = [(there.path, there.body, there.whole) for there in requests(reports)]
        trial.expect(
            ended and seen == expected[: 1 if wire.response().last else 2],
            f"the request and the next one, cut behind byte {place} of {pieces!r}",
            saw=(seen, statuses(bytes(wire.received))),
        )


@case(rfc="RFC 9112 2.2", level=MUST, seconds=20)
def head_in_two_pieces(trial: Trial) -> None:
    """A head may be cut anywhere between two reads."""
    in_two_pieces(trial, b"", b"GET /a HTTP/1.1\r\nHost:a\r\n\r\n", b"")


@case(rfc="RFC 9112 7.1", level=MUST, seconds=20)
def chunks_in_two_pieces(trial: Trial) -> None:
    """A chunked body may be cut anywhere between two reads."""
    head = b"PUT /a HTTP/1.1\r\nHost:a\r\nTransfer-Encoding:chunked\r\n\r\n"
    in_two_pieces(trial, head, b"2;a\r\nab\r\n1\r\nc\r\n0\r\nT:v\r\n\r\n", b"abc")


@case(rfc="RFC 9112 3", level=SHOULD)
def head_of_7_kilobytes(trial: Trial) -> None:
    """A head of seven kilobytes in many fields is accepted."""
    wire = trial.connect()
    fields = b"".join(b"X-%02d: %b\r\n" % (number, b"v" * 90) for number in range(70))
    response = answered(trial, wire, b"GET / HTTP/1.1\r\nHost: probe\r\n" + fields + b"\r\n")
    trial.expect(response.status == 200, "status 200", saw=response.status)


# Input without an end.


def endless(trial: Trial, start: bytes, piece: bytes) -> None:
    """Sends until the server refuses."""
    with trial.echoing() as reports:
        wire = trial.connect()
        sent = 0
        with contextlib.suppress(OSError):
            wire.send(start)
            while sent < ENDLESS and wire.drained():
                wire.send(piece)
                sent += len(piece)
        ended = wire.ends_within(1)
        wire.close()
        trial.settle()
    told = statuses(bytes(wire.received))
    if told and 400 <= told[0] < 500:
        return
    trial.expect(ended, f"a refusal before {ENDLESS >> 20} MiB", saw=f"{sent} bytes taken, answers {told}")
    whole = [seen for seen in requests(reports) if seen.whole]
    trial.expect(not whole, "a request without an end is not whole", saw=whole)
    trial.differs(f"closed without an error answer after some of {sent} bytes")


HEAD = b"GET / HTTP/1.1\r\nHost: probe\r\n"


@case(rfc="RFC 9112 3", level=SHOULD, seconds=10)
def endless_target(trial: Trial) -> None:
    """A target without an end is refused."""
    endless(trial, b"GET /", b"a" * PIECE)


@case(rfc="RFC 9110 5.4", level=SHOULD, seconds=10)
def endless_value(trial: Trial) -> None:
    """A field value without an end is refused."""
    endless(trial, HEAD + b"X-A: ", b"a" * PIECE)


@case(rfc="RFC 9110 5.4", level=SHOULD, seconds=10)
def endless_fields(trial: Trial) -> None:
    """A head without an end is refused."""
    endless(trial, HEAD, b"X-A: bcdefghijk\r\n" * (PIECE // 17))


@case(rfc="RFC 9112 7.1.1", level=SHOULD, seconds=10)
def endless_extension(trial: Trial) -> None:
    """A chunk extension without an end is refused."""
    endless(trial, CHUNKED + b"5;a=", b"b" * PIECE)


@case(rfc="RFC 9110 5.4", level=SHOULD, seconds=10)
def endless_trailers(trial: Trial) -> None:
    """Trailers without an end are refused."""
    endless(trial, CHUNKED + b"0\r\n", b"X-A: bcdefghijk\r\n" * (PIECE // 17))


# Bodies that nobody reads.


def unread(trial: Trial, request: bytes) -> None:
    """The application answers at once; what is left of the body must not be the next request."""
    wire = trial.connect()
    wire.send(request + MARKER)
    trial.conversation(path="/a").respond()
    response = wire.response()
    trial.expect(response.body == b"ok", "the answer", saw=response)
    calls = [scope.get("path") for scope in trial.calls()]
    if calls == ["/marker"]:
        trial.conversation().respond()
        trial.expect(wire.response().body == b"ok", "the answer to the next request")
    else:
        trial.expect(calls == [] and wire.ended(), "the next request, or a close", saw=calls)


@case(rfc="RFC 9112 9.3", level=MUST)
def unread_length(trial: Trial) -> None:
    """A body of known length that the application leaves unread does not become the next request."""
    head = b"POST /a HTTP/1.1\r\nHost: probe\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED)
    unread(trial, head + SMUGGLED)


@case(rfc="RFC 9112 9.3", level=MUST)
def unread_chunks(trial: Trial) -> None:
    """A chunked body that the application leaves unread does not become the next request."""
    head = b"POST /a HTTP/1.1\r\nHost: probe\r\nTransfer-Encoding: chunked\r\n\r\n"
    unread(trial, head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED))


@case(rfc="RFC 9112 9.3", level=MUST)
def unread_rest(trial: Trial) -> None:
    """The part of a body that comes after the answer does not become the next request."""
    wire = trial.connect()
    wire.send(b"POST /a HTTP/1.1\r\nHost: probe\r\nContent-Length: %d\r\n\r\n" % (3 + len(SMUGGLED)) + b"one")
    app = called_early(trial)
    app.receive()
    app.respond()
    trial.expect(wire.response().body == b"ok", "the answer before the end of the body")
    with contextlib.suppress(OSError):
        wire.send(SMUGGLED + MARKER)
    calls = [scope.get("path") for scope in trial.calls()]
    trial.expect(calls in ([], ["/marker"]), "the next request, or none", saw=calls)
    if not calls:
        trial.expect(wire.ends_within(1), "a close, since the next request was not served")


@case(rfc="RFC 9112 9.6", level=SHOULD, seconds=6)
def early_answer(trial: Trial) -> None:
    """A client that is still sending a large body can read an early answer to its end."""
    size, body = 8 << 20, b"too large" * 1000
    wire = trial.connect()
    wire.send(b"POST /a HTTP/1.1\r\nHost: probe\r\nContent-Length: %d\r\n\r\n" % size)
    app = called_early(trial)
    sent = wire.send_some(b"x" * PIECE)
    with contextlib.suppress(Raised, Gone):
        app.respond(413, body)
    with contextlib.suppress(OSError):
        while sent < size:
            wire.send(b"x" * min(PIECE, size - sent))
            sent += PIECE
    response = wire.response()
    trial.expect(
        (response.status, response.body) == (413, body),
        "the whole answer",
        saw=(response.status, len(response.body)),
    )
    if wire.ends_within(0.2) and wire.ended() == "RST":
        trial.differs("the connection is reset while the client sends: some would lose the answer")


# Expect.


WAITING = b"POST /a HTTP/1.1\r\nHost: probe\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"


@case(rfc="RFC 9110 10.1.1", level=MUST)
def continue_then_body(trial: Trial) -> None:
    """A client that waits for 100 gets it, at the latest when the application wants the body, and then the answer."""
    wire = trial.connect()
    wire.send(WAITING)
    if trial.uncalled():
        trial.expect(not wire.drained(), "100 Continue, or a call of the application", saw="neither")
        interim = wire.head()
        wire.send(b"one")
        app = trial.conversation()
        operation = app.begin_receive()
    else:
        app = trial.conversation()
        operation = app.begin_receive()
        interim = wire.head()
        wire.send(b"one")
    trial.expect(interim.status == 100, "100 Continue", saw=interim.status)
    event = operation.value()
    while event.get("body") == b"" and event.get("more_body"):
        event = app.receive()
    trial.expect(event.get("body") == b"one", "the body", saw=event)
    app.respond()
    response = wire.response()
    trial.expect(not response.informational, "100 once", saw=response.informational)
    in_step(trial, wire, response)


@case(rfc="RFC 9110 10.1.1", level=MUST)
def continue_refused(trial: Trial) -> None:
    """A final answer instead of 100 leaves the connection in order: closed, or ready for the body."""
    wire = trial.connect()
    wire.send(WAITING)
    called_early(trial).respond(417)
    response = wire.response()
    trial.expect(response.status == 417, "status 417", saw=response.status)
    if "close" in response.options:
        trial.expect(wire.ended(), "a close that was announced")
    else:
        trial.settle()  # what the server does with the unread body, it does before this is over
        with contextlib.suppress(OSError):
            wire.send(b"one" + GET)
        if wire.ends_within(0.2):
            trial.differs("closed without having said so")
        app = trial.conversation(path="/")
        trial.expect(app.scope["method"] == "GET", "'GET': nothing of the body", saw=app.scope["method"])
        app.respond()
        trial.expect(wire.response().body == b"ok", "the answer to the next request")
    if response.informational:
        trial.differs("100 was sent before the application decided")


@case(rfc="RFC 9110 15.2", level=MUST)
def no_continue_on_1_0(trial: Trial) -> None:
    """HTTP/1.0 gets no 100."""
    wire = trial.connect()
    wire.send(WAITING.replace(b"HTTP/1.1", b"HTTP/1.0"))
    reading = None if trial.uncalled() else trial.conversation()
    operation = reading.begin_receive() if reading else None
    trial.settle()
    trial.expect(wire.drained(), "nothing before the body", saw="an answer")
    wire.send(b"one")
    app = reading or trial.conversation()
    if operation:
        operation.value()
    app.respond()
    trial.expect(not wire.response().informational, "no interim answer")
