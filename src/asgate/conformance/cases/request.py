"""The request body as events of `receive`: first event, pieces, end, chunked coding, and what follows the body.

`upload.py` has what happens while a body is under way: streaming, 100-continue, limits, bodies cut short or unread.
"""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import CHUNKED, POST, kept
from asgate.conformance.trial import Trial

EVERY = bytes(range(256))


def events_of(trial: Trial, app: Conversation) -> list[Any]:
    """The events up to the one that says that no more is to come. Fails the case when that does not come."""
    events = []
    while True:
        event = app.receive()
        trial.expect(event.get("type") == "http.request", "http.request", saw=event)
        events.append(event)
        if not event.get("more_body", False):
            return events


def body_of(trial: Trial, data: bytes, *, singly: bool = False) -> bytes:
    """The body that the application sees of this request, sent whole or byte by byte."""
    wire = trial.connect()
    for piece in [data[place : place + 1] for place in range(len(data))] if singly else [data]:
        wire.send(piece)
    app = trial.conversation()
    body = b"".join(event.get("body", b"") for event in events_of(trial, app))
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")
    return body


def _body(name: str, data: bytes, body: bytes, title: str, *clauses: str, singly: bool = False) -> None:
    def check(trial: Trial) -> None:
        saw = body_of(trial, data, singly=singly)
        trial.expect(saw == body, f"the body {body[:60]!r} of {len(body)} bytes", saw=saw)

    check.__name__, check.__doc__ = name, title
    case(*clauses, rfc="RFC 9112 6" if data[:30] != CHUNKED[:30] else "RFC 9112 7.1")(check)


# Events.


@case("ASGI-085", "ASGI-086")
def first_event_without_body(trial: Trial) -> None:
    """A request without body gives one http.request event with an empty body and no more to come."""
    wire, app = trial.request("/")
    event = app.receive()
    defaults = {"body": b"", "more_body": False}
    trial.expect_same(defaults | event, {"type": "http.request"} | defaults, "an empty http.request")
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")


@case("ASGI-086")
def all_keys_of_the_event(trial: Trial) -> None:
    """http.request has type, body and more_body, and nothing else."""
    wire, app = trial.request("/", method="POST", body=b"body")
    event = app.receive()
    app.respond()
    wire.response()
    if missing := sorted({"type", "body", "more_body"} - set(event)):
        trial.differs(f"{', '.join(missing)} left out: the text has a default, but applications read it")
    if extra := sorted(set(event) - {"type", "body", "more_body"}):
        trial.differs(f"the event has keys that the text does not have: {', '.join(extra)}")


@case("ASGI-013", "ASGI-012", "ASGI-086")
def types_of_the_event(trial: Trial) -> None:
    """In http.request the body is bytes and more_body a bool, and the event itself a dict."""
    _, app = trial.request(method="POST", body=b"body")
    event = app.receive()
    app.respond()
    trial.expect(type(event) is dict, "a dict", saw=event)
    trial.expect(type(event.get("type")) is str, "a type that is a str", saw=event)
    trial.expect(type(event.get("body", b"")) is bytes, "a body that is bytes", saw=event)
    trial.expect(type(event.get("more_body", False)) is bool, "more_body that is a bool", saw=event)


@case("ASGI-088")
def one_last_event(trial: Trial) -> None:
    """Exactly one event has more_body False; what comes after it is http.disconnect."""
    wire, app = trial.request(method="POST", body=b"body")
    events_of(trial, app)
    after = app.begin_receive()
    trial.settle()
    if after.done():
        trial.expect(after.value()["type"] == "http.disconnect", "http.disconnect", saw=after.value())
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "the response")
    trial.settle()
    if after.done():  # that it should be, is asked in `disconnect.py`
        trial.expect(after.value()["type"] == "http.disconnect", "http.disconnect", saw=after.value())
    app.end()


@case("ASGI-090")
def not_called_for_half_a_head(trial: Trial) -> None:
    """Half a request head does not call the application; the rest of it does."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\nhost: probe\r\nx-a: 1\r\n")
    trial.expect(trial.uncalled(), "no call before the empty line")
    wire.send(b"\r\n")
    app = trial.conversation()
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")


@case("ASGI-090", "ASGI-002")
def head_byte_by_byte(trial: Trial) -> None:
    """A head that comes byte by byte calls the application once, with the whole of it."""
    wire = trial.connect()
    for octet in b"GET /a%20b?c HTTP/1.1\r\nHost: probe\r\nX-A: one two\r\n\r\n":
        wire.send(bytes([octet]))
    app = trial.conversation()
    app.respond()
    pairs = [tuple(pair) for pair in app.scope["headers"]]
    trial.expect(app.path == "/a b", "the path", saw=app.path)
    trial.expect((b"x-a", b"one two") in pairs, "the header", saw=pairs)
    trial.expect(wire.response().status == 200, "status 200")
    trial.expect(trial.uncalled(), "one call")


# Bodies of known length.


def _sized(body: bytes, extra: bytes = b"") -> bytes:
    return POST + extra + b"content-length: %d\r\n\r\n" % len(body) + body


_body("sized_body", _sized(EVERY), EVERY, "A body of known length is given byte for byte.", "ASGI-087")
_body(
    "sized_body_byte_by_byte",
    _sized(b"body of few bytes"),
    b"body of few bytes",
    "A body of known length may come byte by byte.",
    "ASGI-087",
    singly=True,
)
_body("length_of_zero", _sized(b""), b"", "A Content-Length of 0 is a body that is empty.", "ASGI-087")
_body(
    "body_of_line_ends",
    _sized(b"\r\n\r\n0\r\n\r\n\0"),
    b"\r\n\r\n0\r\n\r\n\0",
    "Line ends and NUL in a body of known length mean nothing.",
    "ASGI-087",
)
_body(
    "body_of_a_get",
    b"GET / HTTP/1.1\r\nhost: probe\r\ncontent-length: 4\r\n\r\nbody",
    b"body",
    "The body of a GET is given like any other.",
    "ASGI-087",
)
_body(
    "body_of_http_10",
    b"POST / HTTP/1.0\r\nhost: probe\r\ncontent-length: 4\r\n\r\nbody",
    b"body",
    "The body of an HTTP/1.0 request is given.",
    "ASGI-087",
)
_body(
    "body_of_a_method_of_ones_own",
    b"PATCH / HTTP/1.1\r\nhost: probe\r\ncontent-length: 4\r\n\r\nbody",
    b"body",
    "The body of a PATCH is given.",
    "ASGI-087",
)


# Chunked bodies.

_body(
    "chunked_body",
    CHUNKED + b"100\r\n" + EVERY + b"\r\n0\r\n\r\n",
    EVERY,
    "A chunked body is decoded.",
    *("ASGI-089", "ASGI-087"),
)
_body(
    "chunks_joined",
    CHUNKED + b"1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n",
    b"abcdef",
    "The data of the chunks follow one another.",
    "ASGI-089",
)
_body(
    "chunked_body_byte_by_byte",
    CHUNKED + b"5;a=b\r\nfirst\r\n06\r\nsecond\r\n0\r\nx-t: 1\r\n\r\n",
    b"firstsecond",
    "A chunked body may come byte by byte, with extensions and trailers.",
    "ASGI-089",
    singly=True,
)
_body("empty_chunked_body", CHUNKED + b"0\r\n\r\n", b"", "A last chunk alone is an empty body.", "ASGI-089")
_body(
    "chunk_extensions",
    CHUNKED + b'4;a\r\nbody\r\n5;b=c;d="e f"\r\n, two\r\n0;g\r\n\r\n',
    b"body, two",
    "Chunk extensions are no part of the body.",
    "ASGI-089",
)
_body(
    "chunk_trailers",
    CHUNKED + b"4\r\nbody\r\n0\r\nx-trailer: one\r\nx-other: two\r\n\r\n",
    b"body",
    "Trailers are no part of the body.",
    "ASGI-089",
)
_body(
    "chunk_sizes_in_hex",
    CHUNKED + b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
    b"0123456789" * 2,
    "Chunk sizes are hexadecimal, in either case.",
    "ASGI-089",
)
_body(
    "chunk_sizes_with_zeros",
    CHUNKED + b"0004\r\nbody\r\n0\r\n\r\n",
    b"body",
    "Chunk sizes may begin with zeros.",
    "ASGI-089",
)
_body(
    "hundred_chunks",
    CHUNKED + b"1\r\nx\r\n" * 100 + b"0\r\n\r\n",
    b"x" * 100,
    "A hundred chunks of one byte are a body of a hundred bytes.",
    "ASGI-089",
)
_body(
    "chunked_data_like_framing",
    CHUNKED + b"9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
    b"\r\n0\r\n\r\n\r\n",
    "Data that look like a last chunk do not end the body.",
    "ASGI-089",
)


@case("ASGI-089", rfc="RFC 9112 7.1.2")
def trailers_are_no_headers(trial: Trial) -> None:
    """Trailers do not appear in the header list of the scope."""
    wire = trial.connect()
    wire.send(CHUNKED + b"4\r\nbody\r\n0\r\nx-trailer: one\r\n\r\n")
    app = trial.conversation()
    events_of(trial, app)
    names = [name for name, _ in app.look()["headers"]]
    app.respond()
    trial.expect(b"x-trailer" not in names, "no x-trailer", saw=names)
    trial.expect(wire.response().status == 200, "status 200")


# What follows the body on the connection.


def _followed(name: str, data: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        wire = trial.connect()
        wire.send(data + b"GET /next HTTP/1.1\r\nhost: probe\r\n\r\n")
        app = trial.conversation()
        body = b"".join(event.get("body", b"") for event in events_of(trial, app))
        trial.expect(body == b"body", "b'body'", saw=body)
        app.respond()
        kept(trial, wire.response())
        later = trial.conversation()
        trial.expect(later.path == "/next", "the next request", saw=later.path)
        later.respond(body=b"next")
        trial.expect(wire.response().body == b"next", "the answer to the next request")

    check.__name__, check.__doc__ = name, title
    case("ASGI-088", "ASGI-073", rfc="RFC 9112 9.3.2")(check)


_followed(
    "next_after_a_sized_body",
    _sized(b"body"),
    "A request that comes right after a body of known length is the next request, and no part of the body.",
)
_followed(
    "next_after_a_chunked_body",
    CHUNKED + b"4\r\nbody\r\n0\r\n\r\n",
    "A request that comes right after the last chunk is the next request.",
)
_followed(
    "next_after_trailers",
    CHUNKED + b"4\r\nbody\r\n0\r\nx-t: 1\r\n\r\n",
    "A request that comes right after trailers is the next request.",
)
