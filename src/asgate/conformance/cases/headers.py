"""The header list of the scope: which fields, in which order, with which exact bytes."""

import contextlib
from typing import Any

from asgate.conformance.case import case
from asgate.conformance.moves import expect_uncalled
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Cut

Pairs = list[tuple[bytes, bytes]]


def pairs_of(trial: Trial, fields: bytes) -> Pairs:
    """The headers that the application sees of a request with these field lines, those of host left out."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\nhost: probe\r\n" + fields + b"\r\n")
    app = trial.conversation()
    app.respond()
    wire.response()
    return [(name, value) for name, value in app.scope["headers"] if name != b"host"]


def _kept(name: str, fields: bytes, expected: Pairs, title: str, *clauses: str) -> None:
    def check(trial: Trial) -> None:
        _expect_pairs(trial, pairs_of(trial, fields), expected)

    check.__name__, check.__doc__ = name, title
    case(*clauses, rfc="RFC 9112 5")(check)


def _expect_pairs(trial: Trial, pairs: Pairs, expected: Pairs) -> None:
    """ASGI-065: the order of the values of one name is kept, that of names is not important."""
    by_name = sorted(pairs, key=lambda pair: pair[0])
    trial.expect(by_name == sorted(expected, key=lambda pair: pair[0]), f"{expected}", saw=pairs)
    if pairs != expected:
        trial.differs(f"the order of names is another, which the text allows: {pairs}"[:200])


@case("ASGI-059", "ASGI-013")
def types_of_headers(trial: Trial) -> None:
    """headers is a list or tuple of pairs, and every name and value is bytes."""
    _, app = trial.request(headers="x-a: 1\r\nx-b:\r\n")
    app.respond()
    headers: Any = app.scope["headers"]
    trial.expect(isinstance(headers, list | tuple), "a list", saw=headers)
    for pair in headers:
        trial.expect(isinstance(pair, list | tuple) and len(pair) == 2, "pairs", saw=pair)
        trial.expect(all(type(part) is bytes for part in pair), "bytes and bytes", saw=pair)


@case("ASGI-059", "ASGI-070")
def host_is_a_header(trial: Trial) -> None:
    """The Host field is in headers, once, with the value sent."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\nHost: Example.COM:8080\r\n\r\n")
    app = trial.conversation()
    app.respond()
    hosts = [value for name, value in app.scope["headers"] if name == b"host"]
    trial.expect(hosts == [b"Example.COM:8080"], "[b'Example.COM:8080']", saw=hosts)


@case("ASGI-059")
def nothing_added(trial: Trial) -> None:
    """headers has the fields that were sent and no others."""
    _, app = trial.request(headers="x-a: 1\r\naccept: */*\r\n")
    app.respond()
    names = sorted(name for name, _ in app.scope["headers"])
    trial.expect(names == [b"accept", b"host", b"x-a"], "accept, host and x-a", saw=names)


_kept(
    "names_in_lower_case",
    b"X-Upper-CASE: Value\r\n",
    [(b"x-upper-case", b"Value")],
    "Names are given in lower case, and values are left as they are.",
    *("ASGI-067", "ASGI-070"),
)
_kept(
    "names_of_every_token_character",
    b"!#$%&'*+-.^`|~09az: 1\r\n",
    [(b"!#$%&'*+-.^`|~09az", b"1")],
    "A name may have every character of a token.",
    "ASGI-070",
)
_kept(
    "values_of_high_octets",
    b"x-octets: " + bytes(range(0x80, 0x100)) + b"\r\n",
    [(b"x-octets", bytes(range(0x80, 0x100)))],
    "The octets 0x80 to 0xFF of a value are given as they were sent.",
    "ASGI-070",
)
_kept(
    "values_of_visible_characters",
    b"x-ascii: " + bytes(range(0x21, 0x7F)) + b"\r\n",
    [(b"x-ascii", bytes(range(0x21, 0x7F)))],
    "Every visible character of ASCII may stand in a value, colons and quotes too.",
    "ASGI-070",
)
_kept(
    "values_with_tabs_inside",
    b"x-tab: a\tb  c \t d\r\n",
    [(b"x-tab", b"a\tb  c \t d")],
    "Tabs and runs of spaces inside a value stay.",
    "ASGI-070",
)
_kept(
    "space_around_values",
    b"x-a: \t one \t \r\nx-b:two\r\nx-c:   three\r\n",
    [(b"x-a", b"one"), (b"x-b", b"two"), (b"x-c", b"three")],
    "Spaces and tabs around a value are no part of it, and none are needed.",
    "ASGI-070",
)
_kept(
    "empty_values",
    b"x-a:\r\nx-b: \r\nx-c: \t \r\n",
    [(b"x-a", b""), (b"x-b", b""), (b"x-c", b"")],
    "A field without a value is given with b''.",
    "ASGI-070",
)
_kept(
    "order_of_fields",
    b"x-b: 1\r\nx-a: 2\r\nx-b: 3\r\nx-a: 4\r\n",
    [(b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3"), (b"x-a", b"4")],
    "Fields come in the order in which they were sent; at least those of one name do.",
    *("ASGI-065", "ASGI-066"),
)
_kept(
    "repeated_fields",
    b"accept: a\r\naccept: b\r\nAccept: a\r\n",
    [(b"accept", b"a"), (b"accept", b"b"), (b"accept", b"a")],
    "Fields of one name are separate items in their order, and none is dropped as a double.",
    *("ASGI-066", "ASGI-065"),
)
_kept(
    "lists_in_values",
    b"accept: a, b,c;q=0.5 , d\r\n",
    [(b"accept", b"a, b,c;q=0.5 , d")],
    "A list in one value stays one value.",
    "ASGI-070",
)
_kept(
    "repeated_cookies",
    b"cookie: a=1\r\ncookie: b=2; c=3\r\n",
    [(b"cookie", b"a=1"), (b"cookie", b"b=2; c=3")],
    "Several Cookie fields are delivered as they were sent, neither joined nor cut.",
    *("ASGI-071", "ASGI-066"),
)


@case("ASGI-071", "ASGI-070")
def many_cookies(trial: Trial) -> None:
    """A Cookie field of a hundred cookies is one value, byte for byte."""
    cookies = b"; ".join(b"name%d=%s" % (number, b"v" * 20) for number in range(100))
    pairs = pairs_of(trial, b"cookie: " + cookies + b"\r\n")
    trial.expect(pairs == [(b"cookie", cookies)], "one cookie field of 100 cookies", saw=pairs)


@case("ASGI-066", "ASGI-065")
def fifty_fields(trial: Trial) -> None:
    """Fifty fields of one request are all given, in their order."""
    sent = [(b"x-%d" % number, b"%d" % number) for number in range(50)]
    pairs = pairs_of(trial, b"".join(name + b": " + value + b"\r\n" for name, value in sent))
    _expect_pairs(trial, pairs, sent)


@case("ASGI-070")
def long_value(trial: Trial) -> None:
    """A value of 4000 bytes is given whole."""
    pairs = pairs_of(trial, b"x-long: " + b"v" * 4000 + b"\r\n")
    trial.expect(pairs == [(b"x-long", b"v" * 4000)], "4000 bytes", saw=pairs)


@case("ASGI-059")
def names_with_underscore(trial: Trial) -> None:
    """A name with an underscore, which is a token like any other, is given as it is."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\nhost: probe\r\nx_under: 1\r\n\r\n")
    if not trial.calls():
        trial.differs(f"the server refuses it with {wire.response().status}, against spoofing")
    app = trial.conversation()
    app.respond()
    pairs = [tuple(pair) for pair in app.scope["headers"]]
    if (b"x_under", b"1") not in pairs:
        trial.differs("the server drops such names, against spoofing of WSGI variables")


@case("ASGI-059", rfc="RFC 9110 7.6.1")
def framing_fields_are_given(trial: Trial) -> None:
    """Content-Length and Content-Type are in headers like every other field."""
    wire, app = trial.request(method="POST", headers="content-type: text/plain\r\n", body=b"12345")
    app.read()
    app.respond()
    wire.response()
    pairs = {tuple(pair) for pair in app.scope["headers"]}
    for pair in ((b"content-length", b"5"), (b"content-type", b"text/plain")):
        trial.expect(pair in pairs, f"{pair}", saw=sorted(pairs))


@case("ASGI-068")
def no_pseudo_headers(trial: Trial) -> None:
    """A field whose name begins with a colon is refused or left out, and is never given as a pseudo header."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\nhost: probe\r\n:path: /other\r\n\r\n")
    if not trial.calls():
        with contextlib.suppress(Cut):  # closed, which is a refusal as well
            status = wire.response().status
            trial.expect(400 <= status < 500, "a 4xx", saw=status)
        expect_uncalled(trial)
        return
    app = trial.conversation()
    app.respond()
    names = [name for name, _ in app.scope["headers"]]
    trial.expect(not [name for name in names if name.startswith(b":")], "no pseudo header", saw=names)
