"""HTTP/1.1 towards the client, as far as no ASGI message speaks of it: connections kept and closed, status lines,
Date, the framing of answers (RFC 9112, RFC 9110). `http1_input` has the other direction.
"""

import re

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Response, Wire
from asgate.spec.clauses import Level

MUST, SHOULD = Level.MUST, Level.SHOULD
GET = b"GET / HTTP/1.1\r\nHost: probe\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: probe\r\n\r\n"
DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)
STATUS_LINE = re.compile(rb"HTTP/1\.[01] \d\d\d [\t\x20-\x7e\x80-\xff]*\r\n")


def answered(trial: Trial, wire: Wire, request: bytes, **respond: object) -> Response:
    """Sends a request that the application answers with "ok"."""
    wire.send(request)
    trial.conversation().respond(**respond)  # type: ignore[arg-type]
    return wire.response()


def options(response: Response) -> set[str]:
    """What its Connection fields say."""
    return {word.strip().lower() for value in response.values("connection") for word in value.split(",")}


def served_again(trial: Trial, wire: Wire, response: Response) -> None:
    """The connection serves another request, or was closed in good order."""
    if "close" in options(response):
        trial.expect(wire.ended(), "a close that was announced")
        trial.differs("the server closes the connection after the answer, and says so")
    trial.expect(answered(trial, wire, GET).body == b"ok", "the next answer on the same connection")


# Kept and closed.


@case(rfc="RFC 9112 9.3", level=SHOULD)
def keep_alive_on_1_1(trial: Trial) -> None:
    """A connection of HTTP/1.1 serves one request after the other."""
    wire = trial.connect()
    for _ in range(3):
        served_again(trial, wire, answered(trial, wire, GET))


@case(rfc="RFC 9112 9.6", level=MUST)
def close_closes(trial: Trial) -> None:
    """After the answer to a request with `Connection: close` the connection is closed."""
    wire = trial.connect()
    answered(trial, wire, b"GET / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
    trial.expect(wire.ended() == "FIN", "an orderly close", saw="RST")


@case(rfc="RFC 9112 9.6", level=SHOULD)
def close_is_said(trial: Trial) -> None:
    """The answer to a request with `Connection: close` says close itself."""
    wire = trial.connect()
    response = answered(trial, wire, b"GET / HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
    trial.expect("close" in options(response), "Connection: close", saw=response.headers)


@case(rfc="RFC 9112 9.6", level=MUST)
def close_of_the_application(trial: Trial) -> None:
    """A response in which the application says `connection: close` is the last on its connection."""
    wire = trial.connect()
    response = answered(trial, wire, GET, headers=[(b"connection", b"close")])
    if "close" not in options(response):
        served_again(trial, wire, response)
        trial.differs("the application's connection field is dropped, and the connection kept")
    trial.expect(wire.ended() == "FIN", "an orderly close", saw="RST")


@case(rfc="RFC 9112 9.3", level=MUST)
def old_version_closes(trial: Trial) -> None:
    """A connection of HTTP/1.0 without keep-alive is closed after the answer."""
    wire = trial.connect()
    response = answered(trial, wire, OLD)
    trial.expect(wire.ended() == "FIN", "an orderly close", saw="RST")
    trial.expect("keep-alive" not in options(response), "no Connection: keep-alive", saw=response.headers)


@case(rfc="RFC 9112 9.3", level=SHOULD)
def keep_alive_on_1_0(trial: Trial) -> None:
    """HTTP/1.0 with keep-alive is answered with keep-alive and a kept connection, or with neither."""
    wire = trial.connect()
    request = b"GET / HTTP/1.0\r\nHost: probe\r\nConnection: keep-alive\r\n\r\n"
    response = answered(trial, wire, request)
    if "keep-alive" not in options(response):
        trial.expect(wire.ended(), "a close, since keep-alive was not said")
        trial.differs("the server closes connections of HTTP/1.0")
    trial.expect(answered(trial, wire, request).body == b"ok", "the next answer on the same connection")


@case(rfc="RFC 9112 9.5", level=SHOULD)
def empty_connection(trial: Trial) -> None:
    """A connection that ends before a request is closed without a call of the application."""
    wire = trial.connect()
    wire.half_close()
    if not wire.ends_within(1):
        trial.differs("the server holds the connection until a time limit")
    trial.expect(trial.uncalled(), "no call")


@case(rfc="RFC 9112 8", level=MUST)
def reset_in_the_head(trial: Trial) -> None:
    """A client that resets its connection within a head calls nothing."""
    wire = trial.connect()
    wire.send(GET[:-4])
    trial.settle()
    wire.reset()
    trial.expect(trial.uncalled(), "no call")


# What an answer looks like.


@case(rfc="RFC 9112 2.3", level=SHOULD)
def version_of_the_answer(trial: Trial) -> None:
    """A request of HTTP/1.1 is answered with HTTP/1.1."""
    response = answered(trial, trial.connect(), GET)
    trial.expect(response.version == "HTTP/1.1", "HTTP/1.1", saw=response.version)


@case(rfc="RFC 9112 4", level=MUST)
def status_line(trial: Trial) -> None:
    """The status line has a space behind the status even where no phrase belongs to it."""
    for status in (200, 299, 404, 599):
        wire = trial.connect()
        answered(trial, wire, GET, status=status)
        line = bytes(wire.received).partition(b"\n")[0] + b"\n"
        trial.expect(STATUS_LINE.fullmatch(line), "HTTP/1.1 SP status SP phrase CRLF", saw=line)


@case(rfc="RFC 9110 6.6.1", level=MUST)
def date(trial: Trial) -> None:
    """Every answer has one Date, in the fixed format."""
    values = answered(trial, trial.connect(), GET).values("date")
    trial.expect(len(values) == 1 and DATE.fullmatch(values[0]), "one Date", saw=values)


@case(rfc="RFC 9110 5.3", level=MUST)
def date_of_the_application(trial: Trial) -> None:
    """A Date of the application does not become the second one."""
    own = b"Sun, 06 Nov 1994 08:49:37 GMT"
    values = answered(trial, trial.connect(), GET, headers=[(b"date", own)]).values("date")
    trial.expect(len(values) == 1, "one Date", saw=values)


@case(rfc="RFC 9112 6.2", level=MUST)
def one_framing(trial: Trial) -> None:
    """An answer of known length has its Content-Length once, and no Transfer-Encoding."""
    response = answered(trial, trial.connect(), GET)
    trial.expect(
        response.values("content-length") == ["2"] and not response.values("transfer-encoding"),
        "Content-Length: 2 and no Transfer-Encoding",
        saw=response.headers,
    )


def stream(app: Conversation, *bodies: bytes) -> None:
    """Answers without a length, one message for each."""
    app.start()
    for body in bodies:
        app.body(body, more=True)
    app.body()
    app.end()


@case(rfc="RFC 9112 6.1", level=MUST)
def no_chunks_on_1_0(trial: Trial) -> None:
    """An answer of unknown length to HTTP/1.0 is not chunked: its end is the end of the connection."""
    wire = trial.connect()
    wire.send(OLD)
    stream(trial.conversation(), b"one", b"two")
    response = wire.response()
    trial.expect(not response.values("transfer-encoding"), "no Transfer-Encoding", saw=response.headers)
    trial.expect(response.body == b"onetwo", "the body as it was sent", saw=response.body)


@case(rfc="RFC 9112 6.3", level=MUST)
def unknown_length(trial: Trial) -> None:
    """An answer of unknown length to HTTP/1.1 has a visible end, and the next one follows it."""
    wire = trial.connect()
    wire.send(GET)
    stream(trial.conversation(), b"one", b"two")
    response = wire.response()
    trial.expect(response.body == b"onetwo" and response.complete, "the whole body", saw=response)
    if response.framing == "close":
        trial.differs("the end of the connection is the end of the answer")
    served_again(trial, wire, response)


@case(rfc="RFC 9112 7.1", level=MUST)
def empty_messages(trial: Trial) -> None:
    """Empty body messages do not end an answer."""
    wire = trial.connect()
    wire.send(GET)
    stream(trial.conversation(), b"", b"one", b"", b"two", b"")
    response = wire.response()
    trial.expect(response.body == b"onetwo" and response.complete, "the whole body", saw=response)
    served_again(trial, wire, response)


@case(rfc="RFC 9112 7.1", level=MUST)
def large_chunks(trial: Trial) -> None:
    """Chunks of many sizes are framed rightly."""
    bodies = [b"%d" % (size % 10) * size for size in (1, 9, 15, 16, 255, 256, 4096, 65_535, 65_536, 100_000)]
    wire = trial.connect()
    wire.send(GET)
    app = trial.conversation()
    app.start()
    for body in bodies:  # each is read before the next one is sent: no buffer has to hold them
        operation = app.begin_send({"type": "http.response.body", "body": body, "more_body": True})
        while not operation.done():
            if wire.ends_within(0.01):
                break  # then `value` says whether the message was taken, or that it never was
        operation.value()
    app.body()
    response = wire.response()
    trial.expect(response.body == b"".join(bodies), "the whole body", saw=len(response.body))
    served_again(trial, wire, response)


@case(rfc="RFC 9112 6.3", level=MUST)
def empty_answer(trial: Trial) -> None:
    """An empty answer without a length has a visible end."""
    wire = trial.connect()
    wire.send(GET)
    stream(trial.conversation())
    response = wire.response()
    trial.expect(response.body == b"" and response.complete, "an empty body", saw=response)
    served_again(trial, wire, response)


@case(rfc="RFC 9110 9.3.2", level=MUST)
def nothing_after_head(trial: Trial) -> None:
    """The answer to HEAD has no body, whatever the application sends, and the next answer follows its head."""
    wire = trial.connect()
    wire.send(GET.replace(b"GET", b"HEAD"))
    trial.conversation().respond()
    response = wire.response(head=True)
    trial.expect(
        response.values("content-length") in ([], ["2"]), "the length of a GET", saw=response.headers
    )
    served_again(trial, wire, response)


@case(rfc="RFC 9110 9.3.2", level=MUST)
def nothing_after_streamed_head(trial: Trial) -> None:
    """The answer to HEAD has no chunk, either."""
    wire = trial.connect()
    wire.send(GET.replace(b"GET", b"HEAD"))
    stream(trial.conversation(), b"one", b"two")
    served_again(trial, wire, wire.response(head=True))


@case(rfc="RFC 9112 6.3", level=MUST)
def nothing_after_204(trial: Trial) -> None:
    """An answer with status 204 has no body, no Content-Length and no Transfer-Encoding."""
    wire = trial.connect()
    wire.send(GET)
    app = trial.conversation()
    app.start(204)
    app.body()
    app.end()
    response = wire.response()
    framing = response.values("content-length") + response.values("transfer-encoding")
    trial.expect(not framing, "no framing fields", saw=response.headers)
    served_again(trial, wire, response)


@case(rfc="RFC 9112 6.3", level=MUST)
def nothing_after_304(trial: Trial) -> None:
    """An answer with status 304 ends with its head."""
    wire = trial.connect()
    wire.send(GET)
    app = trial.conversation()
    app.start(304)
    app.body()
    app.end()
    served_again(trial, wire, wire.response())
