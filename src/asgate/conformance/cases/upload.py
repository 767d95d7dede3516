"""A request body under way: pieces as they come, 100-continue, limits, and bodies that are cut short.

`http1_input` has bodies that nobody reads.
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone, Raised
from asgate.conformance.corpus.row import SMUGGLED
from asgate.conformance.moves import CHUNKED, POST, called_early
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Wire

EXPECT = POST + b"content-length: 4\r\nexpect: 100-continue\r\n\r\n"


# As it comes.


@case("ASGI-091")
def called_before_the_body(trial: Trial) -> None:
    """The application is called when the head is complete, before the body has come."""
    wire = trial.connect()
    wire.send(POST + b"content-length: 4\r\n\r\n")
    app = trial.conversation()
    wire.send(b"body")
    trial.expect(app.read() == b"body", "the body that came later")
    app.respond()
    wire.response()


@case("SERVER-22", "ASGI-087", "ASGI-091")
def pieces_as_they_come(trial: Trial) -> None:
    """A piece of the body is given when it has come, with more_body True, while the rest is under way."""
    wire = trial.connect()
    wire.send(POST + b"content-length: 11\r\n\r\nfirst")
    _comes_piece_by_piece(trial, wire, b"second")


@case("SERVER-22", "ASGI-087", "ASGI-091", rfc="RFC 9112 7.1")
def chunks_as_they_come(trial: Trial) -> None:
    """A chunk is given when it has come, before the next one."""
    wire = trial.connect()
    wire.send(CHUNKED + b"5\r\nfirst\r\n")
    _comes_piece_by_piece(trial, wire, b"6\r\nsecond\r\n0\r\n\r\n")


def _comes_piece_by_piece(trial: Trial, wire: Wire, second: bytes) -> None:
    """`first` has been sent; the application must have it before `second` is."""
    app = trial.conversation()
    event = app.receive()
    if event.get("body") == b"":
        event = app.receive()
    trial.expect(event.get("body") == b"first", "the first piece", saw=event)
    trial.expect(event.get("more_body") is True, "more_body True", saw=event)
    wire.send(second)
    trial.expect(app.read() == b"second", "the second piece")
    app.respond()
    wire.response()


def _large(name: str, head: bytes, pieces: list[bytes], expected: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        wire = trial.connect()
        wire.send(head)
        body = upload(trial, wire, b"".join(pieces))
        trial.expect(len(body) == len(expected), f"{len(expected)} bytes", saw=len(body))
        trial.expect(body == expected, "the bytes that were sent")

    check.__name__, check.__doc__ = name, title
    case("ASGI-087", seconds=10)(check)


def upload(trial: Trial, wire: Wire, data: bytes) -> bytes:
    """Sends while the application reads: neither side waits for the other, however much the kernel holds."""
    rest = memoryview(data)
    body: bytes = b""
    app: Conversation | None = None
    while rest:
        rest = rest[wire.send_some(bytes(rest[:65536])) :]
        if app is None and not trial.uncalled():
            app = trial.conversation()
        if app is not None and len(body) < len(data) - len(rest) - 32768:
            event = app.receive()
            body += event.get("body", b"")
            if not event.get("more_body", False):
                app.respond()
                return body
    app = app or trial.conversation()
    body += app.read()
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")
    return body


MANY = bytes(range(256)) * 1200
_large(
    "large_sized_body",
    POST + b"content-length: %d\r\n\r\n" % len(MANY),
    [MANY],
    MANY,
    "A body of 300 KiB is given byte for byte.",
)
_large(
    "large_chunked_body",
    CHUNKED,
    [b"2580\r\n" + MANY[place : place + 9600] + b"\r\n" for place in range(0, len(MANY), 9600)]
    + [b"0\r\n\r\n"],
    MANY,
    "A chunked body of 300 KiB is given byte for byte.",
)


@case("ASGI-121", rfc="RFC 9110 9.3")
def early_response(trial: Trial) -> None:
    """A response that is sent while the body is still under way reaches the client at once."""
    wire = trial.connect()
    wire.send(POST + b"content-length: 100000\r\n\r\nfirst")
    app = trial.conversation()
    app.respond(413, b"too large")
    response = wire.response()
    trial.expect(response.status == 413 and response.body == b"too large", "the 413", saw=response)


# Expect: 100-continue.


@case("SERVER-23", "ASGI-092", rfc="RFC 9110 10.1.1")
def continue_withheld(trial: Trial) -> None:
    """100 Continue is not sent before the application asks for the body: it may refuse it unseen."""
    wire = trial.connect()
    wire.send(EXPECT)
    app = called_early(trial)
    trial.settle()
    if not wire.drained():
        trial.differs("100 Continue is sent at once, as the text allows")
    app.respond()


@case("ASGI-092", rfc="RFC 9110 10.1.1")
def no_continue_after_an_answer(trial: Trial) -> None:
    """No 100 Continue follows a final response, whatever the application asks for then."""
    wire = trial.connect()
    wire.send(EXPECT)
    app = called_early(trial)
    app.start(413, headers=[(b"content-length", b"0")])
    app.body()
    response = wire.response()
    trial.expect(response.status == 413, "the 413", saw=response.status)
    app.begin_receive()
    trial.settle()
    app.end()
    trial.settle()
    trial.expect(wire.drained() or not wire.read_exactly(1), "nothing more", saw=bytes(wire.received))


@case("ASGI-098", "ASGI-092", rfc="RFC 9110 10.1.1")
def expected_body_never_read(trial: Trial) -> None:
    """A body that was announced with Expect and not read is never taken for the next request."""
    wire = trial.connect()
    wire.send(POST + b"content-length: %d\r\nexpect: 100-continue\r\n\r\n" % len(SMUGGLED))
    app = called_early(trial)
    app.respond(403, b"no")
    trial.expect(wire.response().status == 403, "the 403")
    with contextlib.suppress(OSError):  # the server has closed: the other right way
        wire.send(SMUGGLED)
    paths = [scope.get("path") for scope in trial.calls()]
    trial.expect(not paths, "no request made of a body", saw=paths)


# Cut short, or too large.


def _cut(name: str, data: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        wire = trial.connect()
        wire.send(data)
        wire.half_close()
        if not trial.calls():
            trial.differs("the application is not called before its whole body is there, and it never is")
        app = trial.conversation()
        _expect_no_end(trial, app)

    check.__name__, check.__doc__ = name, title
    case("ASGI-100", "ASGI-095", rfc="RFC 9112 8")(check)


def _expect_no_end(trial: Trial, app: Conversation) -> None:
    try:
        body = app.read()
    except Gone:
        return  # http.disconnect
    except Raised as raised:
        trial.differs(f"receive raises {raised.type} instead of giving http.disconnect")
    trial.fail("http.disconnect", saw=f"a whole body of {len(body)} bytes")


_cut(
    "short_sized_body",
    POST + b"content-length: 10\r\n\r\nhalf",
    "A body shorter than its Content-Length ends in http.disconnect and never in more_body False.",
)
_cut(
    "short_chunk",
    CHUNKED + b"a\r\nhalf",
    "A chunk cut short ends in http.disconnect.",
)
_cut(
    "no_last_chunk",
    CHUNKED + b"4\r\nbody\r\n",
    "A chunked body without its last chunk ends in http.disconnect.",
)
_cut(
    "no_end_of_trailers",
    CHUNKED + b"4\r\nbody\r\n0\r\nx-t: 1\r\n",
    "A chunked body whose trailers are cut off ends in http.disconnect.",
)


def _limited(name: str, data: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        server = trial.server(body_limit="1000")
        wire = trial.connect(server)
        wire.send(data)
        if trial.calls(server):
            _expect_no_end(trial, trial.conversation(server))
        response = wire.response()
        trial.expect(response.status == 413, "status 413", saw=response.status)

    check.__name__, check.__doc__ = name, title
    case("SERVER-21", rfc="RFC 9110 15.5.14", alone=True)(check)


_limited(
    "sized_body_over_the_limit",
    POST + b"content-length: 2000\r\n\r\n" + b"x" * 2000,
    "A body that is announced as larger than the configured limit is refused with 413.",
)
_limited(
    "chunked_body_over_the_limit",
    POST
    + b"transfer-encoding: chunked\r\n\r\n"
    + b"1f4\r\n"
    + b"x" * 500
    + b"\r\n1f5\r\n"
    + b"x" * 501
    + b"\r\n",
    "A chunked body that grows over the configured limit is refused with 413, and the application told.",
)
