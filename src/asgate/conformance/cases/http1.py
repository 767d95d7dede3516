"""HTTP/1.1 towards the client, as far as no ASGI message speaks of it: connections kept and closed, status lines,
Date (RFC 9112, RFC 9110). `content` has the framing of answers, `http1_input` the other direction.
"""

import re

from asgate.conformance.case import case
from asgate.conformance.moves import GET, answered, expect_uncalled
from asgate.conformance.trial import Trial
from asgate.spec.clauses import Level

MUST, SHOULD = Level.MUST, Level.SHOULD
OLD = b"GET / HTTP/1.0\r\nHost: probe\r\n\r\n"
DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)
STATUS_LINE = re.compile(rb"HTTP/1\.[01] \d\d\d [\t\x20-\x7e\x80-\xff]*\r\n")


# Kept and closed.


@case(rfc="RFC 9112 9.3", level=SHOULD)
def keep_alive_on_1_1(trial: Trial) -> None:
    """A connection of HTTP/1.1 serves one request after the other."""
    wire = trial.connect()
    for _ in range(3):
        response = answered(trial, wire, GET)
        if response.last:
            trial.expect(wire.ended(), "a close that was announced")
            trial.differs("the server closes each connection after its answer, and says so")


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
    trial.expect("close" in response.options, "Connection: close", saw=response.headers)


@case(rfc="RFC 9112 9.6", level=MUST)
def close_of_the_application(trial: Trial) -> None:
    """An answer that says close because its application did is the last on its connection."""
    wire = trial.connect()
    response = answered(trial, wire, GET, headers=[(b"connection", b"close")])
    if "close" not in response.options:
        trial.not_offered("the application's connection field is dropped")
    trial.expect(wire.ended() == "FIN", "an orderly close", saw="RST")


@case(rfc="RFC 9112 9.3", level=MUST)
def old_version_closes(trial: Trial) -> None:
    """A connection of HTTP/1.0 without keep-alive is closed after the answer."""
    wire = trial.connect()
    response = answered(trial, wire, OLD)
    trial.expect(wire.ended() == "FIN", "an orderly close", saw="RST")
    trial.expect("keep-alive" not in response.options, "no Connection: keep-alive", saw=response.headers)


@case(rfc="RFC 9112 9.3", level=SHOULD)
def keep_alive_on_1_0(trial: Trial) -> None:
    """HTTP/1.0 with keep-alive is answered with keep-alive and a kept connection, or with neither."""
    wire = trial.connect()
    request = b"GET / HTTP/1.0\r\nHost: probe\r\nConnection: keep-alive\r\n\r\n"
    response = answered(trial, wire, request)
    if "keep-alive" not in response.options:
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
    expect_uncalled(trial)


@case(rfc="RFC 9112 8", level=MUST)
def reset_in_the_head(trial: Trial) -> None:
    """A client that resets its connection within a head calls nothing."""
    wire = trial.connect()
    wire.send(GET[:-4])
    trial.settle()
    wire.reset()
    expect_uncalled(trial)


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
