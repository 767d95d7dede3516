"""The head of a response: status, header list as it comes out on the wire, defaults, and what must not come out.

`content.py` has bodies and their framing, `errors.py` what `send` refuses.
"""

import re
from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Raised
from asgate.conformance.trial import Trial
from asgate.conformance.values import Wrong
from asgate.conformance.wire import Cut, Malformed, Response

OK = (b"content-length", b"2")
OURS = {"x-a", "x-b", "x-c", "set-cookie"}


def answer(trial: Trial, headers: Any, status: int = 200) -> Response:
    """The response on the wire to a start with these headers and the body `ok`."""
    wire, app = trial.request()
    app.send({"type": "http.response.start", "status": status, "headers": headers})
    app.body(b"ok")
    app.end()
    return wire.response()


def ours(response: Response) -> list[tuple[str, str]]:
    """The fields that are the case's own, names in lower case."""
    return [(name.lower(), value) for name, value in response.headers if name.lower() in OURS]


# Status.


def _status(status: int, title: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        start = {"type": "http.response.start", "status": status, "headers": [OK]}
        raised = app.refused(start)
        if status >= 600 and (raised or _body_refused(app)):
            app.end()
            trial.differs(f"send raises for {status}, which RFC 9110 15 calls invalid")
        trial.expect(raised is None, "send takes it", saw=raised)
        if status < 600:
            app.body(b"ok")
        app.end()
        saw = wire.response().status
        trial.expect(saw == status, f"status {status}", saw=saw)

    check.__name__, check.__doc__ = f"status_{status}", title
    case("ASGI-120", "ASGI-101", rfc="RFC 9110 15")(check)


def _body_refused(app: Conversation) -> bool:
    return app.refused({"type": "http.response.body", "body": b"ok"}) is not None


for _number in (200, 201, 301, 400, 418, 499, 500, 511, 599):
    _status(_number, f"Status {_number} is sent as it is.")
for _number in (600, 999):
    _status(_number, f"Status {_number}, which HTTP leaves undefined, is sent as it is, or raises.")


def _interim(status: int) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        raised = app.refused({"type": "http.response.start", "status": status, "headers": []})
        if raised is None:
            raised = app.refused({"type": "http.response.body", "body": b"ok"})
        app.end()
        try:
            response = wire.response()
        except Cut:
            response = None
        if raised is None and response is not None:
            trial.expect(response.status >= 500, "send raises, or a 5xx", saw=response)
        trial.expect(response is None or response.status != 200, "no 200", saw=response)

    check.__name__ = f"status_{status}"
    check.__doc__ = f"Status {status}, which is no final one, raises, and the client still gets an end."
    case("SERVER-20", rfc="RFC 9110 15.2")(check)


for _number in (100, 103, 199):
    _interim(_number)


# The list of headers.

PAIRS = [(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3"), OK]


def _container(name: str, headers: Any, what: str) -> None:
    def check(trial: Trial) -> None:
        saw = ours(answer(trial, headers))
        expected = sorted([("x-a", "1"), ("x-b", "2"), ("x-a", "3")])
        trial.expect(sorted(saw) == expected, f"{expected}", saw=saw)

    check.__name__, check.__doc__ = f"headers_as_{name}", f"The headers of a response may be {what}."
    case("ASGI-101")(check)


_container("list_of_tuples", PAIRS, "a list of tuples")
_container("list_of_lists", [list(pair) for pair in PAIRS], "a list of lists")
_container("tuple_of_tuples", tuple(PAIRS), "a tuple of tuples")
_container("generator", Wrong("generator", PAIRS), "any iterable of pairs, a generator too")
_container("generator_of_lists", Wrong("generator", [list(pair) for pair in PAIRS]), "a generator of lists")


@case("ASGI-102")
def headers_missing(trial: Trial) -> None:
    """A start without the key headers is a response without headers of the application's own."""
    wire, app = trial.request()
    app.send({"type": "http.response.start", "status": 200})
    app.body(b"ok")
    app.end()
    response = wire.response()
    trial.expect(response.status == 200 and response.body == b"ok", "a 200 with its body", saw=response)


@case("ASGI-101")
def headers_empty(trial: Trial) -> None:
    """A start with an empty list of headers is accepted."""
    response = answer(trial, [])
    trial.expect(response.status == 200 and response.body == b"ok", "a 200 with its body", saw=response)


@case("ASGI-103")
def order_of_headers(trial: Trial) -> None:
    """Headers leave in the order of the list, also when one name stands before and after another."""
    saw = ours(answer(trial, [(b"x-b", b"1"), (b"x-a", b"2"), (b"x-c", b"3"), (b"x-a", b"4"), OK]))
    expected = [("x-b", "1"), ("x-a", "2"), ("x-c", "3"), ("x-a", "4")]
    trial.expect(saw == expected, f"{expected}", saw=saw)


@case("ASGI-103", "ASGI-101")
def doubled_headers(trial: Trial) -> None:
    """Two headers of the same name and value both leave."""
    saw = ours(answer(trial, [(b"x-a", b"1"), (b"x-a", b"1"), OK]))
    trial.expect(saw == [("x-a", "1"), ("x-a", "1")], "x-a: 1 twice", saw=saw)


@case("ASGI-072")
def set_cookie_never_merged(trial: Trial) -> None:
    """Each Set-Cookie of a response is a field of its own, in the order of the list."""
    cookies = [b"a=1; Path=/", b"b=2; Expires=Wed, 21 Oct 2099 07:28:00 GMT", b"a=3"]
    saw = answer(trial, [(b"set-cookie", cookie) for cookie in cookies] + [OK]).values("set-cookie")
    trial.expect(saw == [cookie.decode() for cookie in cookies], "three Set-Cookie fields", saw=saw)


@case("SERVER-24", rfc="RFC 9110 5.1")
def case_of_names(trial: Trial) -> None:
    """Header names leave in lower case, as the application gives them."""
    names = [name for name, _ in answer(trial, [(b"x-a", b"1"), OK]).headers]
    if "x-a" not in names:
        trial.differs(f"names are written in another case, which HTTP allows: {names}")


VALUES = (
    ("high_octets", bytes(range(0x80, 0x100)), "The octets 0x80 to 0xFF of a value leave as they are."),
    ("visible_characters", bytes(range(0x21, 0x7F)), "Every visible character may stand in a value."),
    ("tabs_inside", b"a\tb  c", "Tabs and runs of spaces inside a value leave as they are."),
    ("nothing", b"", "A header may have an empty value."),
    ("many_bytes", b"v" * 8000, "A value of 8000 bytes leaves whole."),
)


def _value(name: str, value: bytes, title: str) -> None:
    def check(trial: Trial) -> None:
        saw = answer(trial, [(b"x-a", value), OK]).values("x-a")
        trial.expect(saw == [value.decode("latin-1")], f"{value!r}", saw=saw)

    check.__name__, check.__doc__ = f"value_of_{name}", title
    case("ASGI-101", "ASGI-103")(check)


for _row in VALUES:
    _value(*_row)


@case("ASGI-101")
def hundred_headers(trial: Trial) -> None:
    """A hundred headers of a response all leave, in their order."""
    pairs = [(b"x-%d" % number, b"%d" % number) for number in range(100)]
    saw = [value for name, value in answer(trial, [*pairs, OK]).headers if name.lower().startswith("x-")]
    trial.expect(saw == [str(number) for number in range(100)], "100 headers in their order", saw=saw)


# Defaults.


def _default(name: str, value: bytes) -> None:
    def check(trial: Trial) -> None:
        saw = answer(trial, [(name.encode(), value), OK]).values(name)
        trial.expect(saw == [value.decode()], f"{name} once, as the application gave it", saw=saw)

    check.__name__ = f"own_{name}"
    check.__doc__ = f"An application that sends {name} itself finds it on the wire once, and unchanged."
    case("ASGI-119")(check)


_default("date", b"Tue, 15 Nov 1994 08:12:31 GMT")
_default("server", b"probe/1.0")


@case("ASGI-117", rfc="RFC 9112 9.6")
def connection_close_of_the_application(trial: Trial) -> None:
    """A response of the application with `connection: close` says so to the client."""
    wire, app = trial.request()
    app.respond(headers=[(b"connection", b"close")])
    response = wire.response()
    trial.expect("close" in response.options, "connection: close", saw=response.headers)
    if response.values("connection") != ["close"]:
        trial.differs("Connection says more than close, once, as a list may (RFC 9110 5.6.1)")


# What would break out of the head.

HOSTILE: tuple[tuple[str, bytes, bytes, str], ...] = (
    ("crlf_in_a_value", b"x-a", b"1\r\nx-split: yes", "CR LF in a header value"),
    ("lf_in_a_value", b"x-a", b"1\nx-split: yes", "LF in a header value"),
    ("cr_in_a_value", b"x-a", b"1\rx-split: yes", "CR in a header value"),
    ("nul_in_a_value", b"x-a", b"1\x002", "NUL in a header value"),
    ("end_of_head_in_a_value", b"x-a", b"1\r\n\r\nx-split", "The end of a head in a header value"),
    ("crlf_in_a_name", b"x-split: yes\r\nx-b", b"1", "CR LF in a header name"),
    ("space_in_a_name", b"x a", b"1", "A space in a header name"),
    ("space_after_a_name", b"x-a ", b"1", "A space at the end of a header name"),
    ("colon_in_a_name", b"x-a: x-split", b"1", "A colon in a header name"),
    ("high_octet_in_a_name", b"x-\xe9", b"1", "An octet above 0x7F in a header name"),
    ("nul_in_a_name", b"x-\x00a", b"1", "NUL in a header name"),
    ("empty_name", b"", b"1", "An empty header name"),
)


def _hostile(name: str, field: bytes, value: bytes, what: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        raised = _sent(app, [(field, value), OK])
        app.end()
        trial.settle()
        if raised and wire.drained():
            return  # refused, and nothing written; what an application that gives up gets is not asked here
        try:
            response = wire.head()
        except Malformed as malformed:
            received = bytes(wire.received)
            trial.expect(not received, "a response that is HTTP, or none", saw=f"{malformed}: {received!r}")
            trial.expect(raised, "send raises", saw="it returned, and no response came")
            return
        received = bytes(wire.received)  # a value may have ended the head before its end
        trial.expect(not response.values("x-split"), "no header made of another", saw=response.headers)
        trial.expect(not _written(received, field, value), "nothing written that is no header", saw=received)
        if not raised:
            trial.differs(f"send takes it, and the server writes something harmless: {received!r}"[:300])

    check.__name__, check.__doc__ = name, f"{what} raises, and is never written to the client."
    case("ASGI-116", rfc="RFC 9110 5.5")(check)


def _written(received: bytes, field: bytes, value: bytes) -> bool:
    """Whether the field is on the wire as it was given: its value, or where that is harmless the whole line."""
    line = re.compile(rb"\r\n%b:[ \t]*%b[ \t]*\r\n" % (re.escape(field), re.escape(value)), re.IGNORECASE)
    return value in received if len(value) > 1 else line.search(received) is not None


def _sent(app: Conversation, headers: Any) -> Raised | None:
    """What send raised for a start with these headers, or for the body that lets it go."""
    raised = app.refused({"type": "http.response.start", "status": 200, "headers": headers})
    return raised or app.refused({"type": "http.response.body", "body": b"ok"})


for _hostile_row in HOSTILE:
    _hostile(*_hostile_row)


@case("ASGI-116", "ASGI-040")
def error_page_after_a_bad_header(trial: Trial) -> None:
    """After a header that raised, an application that gives up has its client get a 500."""
    wire, app = trial.request()
    raised = _sent(app, [(b"x-a", b"1\r\nx-split: yes"), OK])
    if raised is None:
        app.end()
        trial.not_offered("send does not raise for such a header")
    app.fail("again")
    response = wire.response()
    trial.expect(response.status == 500, "status 500", saw=response.status)


@case("ASGI-104")
def pseudo_header(trial: Trial) -> None:
    """A pseudo header such as `:status` raises, and is never written to the client."""
    wire, app = trial.request()
    raised = _sent(app, [(b":status", b"204"), OK])
    app.end()
    trial.settle()
    if raised and wire.drained():
        return
    try:
        status = wire.response().status
    except Malformed:
        trial.expect(b":status" not in wire.received, "no pseudo header", saw=bytes(wire.received))
        return
    trial.expect(b":status" not in wire.received, "no pseudo header on the wire", saw=bytes(wire.received))
    if not raised:
        trial.differs(f"the pseudo header is dropped without an error; status {status}")
