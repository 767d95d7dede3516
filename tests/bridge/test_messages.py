"""Misuse of `send`: wrong types for every key, unknown messages, values out of range. Each is refused with a sentence
that names what was expected and the clause, and changes nothing: a correct response still goes out (ASGI section 2).
"""

import io

import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
TRAILING = START | {"trailers": True}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
HEADERS = "an iterable of (name, value) pairs of bytes"


def one(raised):
    assert len(raised) == 1
    assert raised[0] is not None, "nothing was raised"
    return raised[0]


@clause("ASGI-041", "ASGI-010")
@pytest.mark.parametrize(
    "message", [None, b"x", "http.response.start", 5, [("type", "x")], object(), START.items()]
)
async def test_what_is_no_dict(refusals, message):
    error = one((await refusals([message]))[0])
    assert isinstance(error, TypeError)
    assert "dict" in str(error)


@clause("ASGI-030", "ASGI-031", "ASGI-032", "ASGI-041", "ASGI-010")
@pytest.mark.parametrize("kind", [None, 5, b"http.response.start", ["http.response.start"], {}, object()])
async def test_a_type_that_is_no_str(refusals, kind):
    error = one((await refusals([START | {"type": kind}]))[0])
    assert isinstance(error, TypeError)
    assert "'type' must be str" in str(error)


@clause("ASGI-031", "ASGI-041")
async def test_no_type_at_all(refusals):
    for message in ({}, {"status": 200}):
        error = one((await refusals([message]))[0])
        assert isinstance(error, RuntimeError)
        assert "'type'" in str(error)


@clause("ASGI-030", "ASGI-038", "ASGI-039", "ASGI-223")  # section 23: unknown event
@pytest.mark.parametrize(
    "kind",
    [
        *(
            "",
            "http.response",
            "http.response.Start",
            "http.response.body ",
            "http.request",
            "http.disconnect",
        ),
        *("websocket.send", "websocket.accept", "websocket.close", "lifespan.startup.complete"),
        *("http.response.push", "http.response.debug", "websocket.http.response.start"),
        "http.\udcff",
    ],
)
async def test_unknown_messages_and_those_of_other_protocols(refusals, kind):
    error = one((await refusals([{"type": kind, "status": 200, "text": "x", "path": "/"}]))[0])
    assert isinstance(error, RuntimeError)
    assert not isinstance(error, OSError)
    assert repr(kind).replace("'", '"').replace("\\udcff", "\ufffd" * 3) in str(error)
    assert "http.response.start" in str(error)
    assert "ASGI-030" in str(error)


@clause("ASGI-223", "ASGI-039", "ASGI-272")
async def test_an_early_hint_where_it_is_not_advertised(refusals):
    hint = {"type": "http.response.early_hint", "links": [b"</a>"]}
    raised, found = await refusals([hint], request=b"GET / HTTP/1.0\r\n\r\n")
    assert "ASGI-223" in str(one(raised))
    assert found.interim == []


MISSING = {
    "status": {"type": "http.response.start"},
    "links": {"type": "http.response.early_hint"},
}
MISSING_LATER = {
    "path": {"type": "http.response.pathsend"},
    "file": {"type": "http.response.zerocopysend"},
}


@clause("ASGI-031")
@pytest.mark.parametrize("key", [*MISSING, *MISSING_LATER])
async def test_mandatory_keys(refusals, key):
    before = () if key in MISSING else (START,)
    error = one((await refusals([(MISSING | MISSING_LATER)[key]], *before))[0])
    assert isinstance(error, RuntimeError)
    assert f"'{key}'" in str(error)
    assert "ASGI-031" in str(error)


class StrangeIterable:
    def __iter__(self):
        raise ZeroDivisionError


def strange_generator():
    yield from ()
    raise ZeroDivisionError


START_KEYS = [
    ("status", "200"),
    ("status", None),
    ("status", 200.0),
    ("status", True),
    ("status", b"200"),
    ("headers", "a: b"),
    ("headers", b"a: b"),
    ("headers", {b"a": b"b"}),
    ("headers", None),
    ("headers", 5),
    ("headers", ["ab"]),
    ("headers", [b"ab"]),
    ("headers", [5]),
    ("headers", [(b"a", "b")]),
    ("headers", [("a", b"b")]),
    ("headers", [(b"a", 5)]),
    ("headers", [(b"a", None)]),
    ("headers", [(b"a", bytearray(b"b"))]),
    ("trailers", 1),
    ("trailers", None),
    ("trailers", "yes"),
]


@clause("ASGI-032", "ASGI-040", "ASGI-101")
@pytest.mark.parametrize(("key", "value"), START_KEYS)
async def test_wrong_types_in_start(refusals, key, value):
    error = one((await refusals([START | {key: value}]))[0])
    assert isinstance(error, TypeError)
    assert "http.response.start" in str(error)
    assert "ASGI-032" in str(error)


@clause("ASGI-032", "ASGI-101")
@pytest.mark.parametrize("item", [(b"a",), (b"a", b"b", b"c"), (), [b"a"]])
async def test_header_items_have_two_parts(refusals, item):
    error = one((await refusals([START | {"headers": [(b"x", b"y"), item]}]))[0])
    assert isinstance(error, (TypeError, RuntimeError))
    assert "ASGI-101" in str(error)


@clause("ASGI-040")
@pytest.mark.parametrize("make", [StrangeIterable, strange_generator])
async def test_what_an_iterable_raises_comes_out_unchanged(refusals, make):
    for message in (START | {"headers": make()}, {"type": "http.response.early_hint", "links": make()}):
        raised, _ = await refusals([message])
        assert type(one(raised)) is ZeroDivisionError


BODY_KEYS = [
    *(("body", value) for value in ("text", None, 5, [1], [b"a"], {}, object(), io.BytesIO(b"x"))),
    *(("more_body", value) for value in (1, 0, None, "", "no", b"")),
]


@clause("ASGI-012", "ASGI-013", "ASGI-032", "ASGI-113", "ASGI-040")  # section 23: body type
@pytest.mark.parametrize("before", [(START,), (START, PART)], ids=["held", "begun"])
@pytest.mark.parametrize(("key", "value"), BODY_KEYS)
async def test_wrong_types_in_body(refusals, key, value, before):
    message = {"type": "http.response.body", "body": b"WRONG", key: value}
    raised, found = await refusals([message], *before)
    error = one(raised)
    assert isinstance(error, TypeError)
    assert f"'{key}'" in str(error)
    assert "ASGI-032" in str(error)
    assert found.body == (b"partfine" if PART in before else b"fine")


EXTENSION_KEYS = [
    ({"type": "http.response.early_hint", "links": b"</a>"}, ()),
    ({"type": "http.response.early_hint", "links": "</a>"}, ()),
    ({"type": "http.response.early_hint", "links": None}, ()),
    ({"type": "http.response.early_hint", "links": ["</a>"]}, ()),
    ({"type": "http.response.early_hint", "links": [b"</a>", 5]}, ()),
    ({"type": "http.response.pathsend", "path": b"/etc/hostname"}, (START,)),
    ({"type": "http.response.pathsend", "path": None}, (START,)),
    ({"type": "http.response.pathsend", "path": 5}, (START,)),
    ({"type": "http.response.zerocopysend", "file": None}, (START,)),
    ({"type": "http.response.zerocopysend", "file": 0}, (START,)),
    ({"type": "http.response.zerocopysend", "file": "/etc/hostname"}, (START,)),
    ({"type": "http.response.zerocopysend", "file": object()}, (START,)),
    *(
        ({"type": "http.response.zerocopysend", "file": "this file", key: value}, (START,))
        for key, value in [
            ("offset", "0"),
            ("offset", 0.0),
            ("offset", True),
            ("count", b"1"),
            ("count", 1.5),
        ]
    ),
    *(
        ({"type": "http.response.zerocopysend", "file": "this file", "more_body": value}, (START,))
        for value in (1, None)
    ),
]


@clause("ASGI-032", "ASGI-040")
@pytest.mark.parametrize(("message", "before"), EXTENSION_KEYS)
async def test_wrong_types_in_extension_messages(refusals, message, before):
    error = one((await refusals([message], *before))[0])
    assert isinstance(error, TypeError)
    assert message["type"] in str(error)
    assert "ASGI-032" in str(error)


TRAILER_KEYS = [("headers", value) for value in ("a", b"a", None, 5, [(b"a", "b")], [("a", b"b")])]
TRAILER_KEYS += [("more_trailers", value) for value in (1, None, "no")]


@clause("ASGI-032", "ASGI-281")
@pytest.mark.parametrize(("key", "value"), TRAILER_KEYS)
async def test_wrong_types_in_trailers(serve, key, value):
    raised = []

    async def app(scope, receive, send):
        await send(TRAILING)
        await send({"type": "http.response.body"})
        try:
            await send({"type": "http.response.trailers", key: value})
        except TypeError as error:
            raised.append(error)
        await send({"type": "http.response.trailers", "headers": [(b"x", b"y")]})

    async with serve(app) as site:
        found = await site.get(b"/", b"te: trailers")
    assert "ASGI-032" in str(one(raised))
    assert found.trailers == [(b"x", b"y")]


@clause("ASGI-033")
async def test_extra_keys_do_no_harm(serve):
    async def app(scope, receive, send):
        await send(START | {"extra": object(), 5: 5, "reason": "no"})
        await send(
            {"type": "http.response.body", "body": b"fine", "extra": object(), "status": "x", None: None}
        )

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"fine"


@clause("ASGI-040", "ASGI-104", "ASGI-116")  # section 23: CRLF header
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((b"x", value) for value in (b"a\r\nb: c", b"a\nb", b"a\rb", b"a\0b", b"\x7f", b"\x01")),
        *((name, b"y") for name in (b"", b"a b", b"a:", b":status", b":path", b"a\r\nb", b"a\xff", b"(a)")),
    ],
)
async def test_header_injection_is_refused(refusals, name, value):
    raised, found = await refusals([START | {"headers": [(b"x-first", b"1"), (name, value)]}])
    assert "ASGI-116" in str(one(raised))
    assert found[b"x-first"] == []


@clause("ASGI-116", "ASGI-017")  # section 23: CRLF header
async def test_header_injection_that_nobody_catches_is_a_500(serve, caplog):
    async def app(scope, receive, send):
        await send(START | {"headers": [(b"x", b"a\r\nevil: 1")]})

    async with serve(app) as site:
        found = await site.ask(GET)
    assert found.status == 500
    assert found[b"evil"] == []
    assert "ASGI-116" in caplog.text


@clause("ASGI-040")
async def test_an_error_page_can_follow_every_refusal(serve, answer):
    async def app(scope, receive, send):
        try:
            await send(START | {"headers": [(b"content-length", b"2"), (b"x", b"\n")]})
        except RuntimeError:
            await answer(send, 503, b"sorry")

    async with serve(app) as site:
        found = await site.ask(GET)
    assert (found.status, found.body, found[b"content-length"]) == (503, b"sorry", [b"5"])


@clause("SERVER-20")
@pytest.mark.parametrize("status", [-1, 0, 99, 100, 101, 103, 199, 1000, 65536 + 200, 10**30])
async def test_statuses_out_of_range(refusals, status):
    raised, _ = await refusals([START | {"status": status}])
    assert "SERVER-20" in str(one(raised))


class Message(dict):
    pass


@clause("ASGI-010")
async def test_messages_may_be_subclasses_of_dict_and_str(serve):
    class Text(str):
        __slots__ = ()

    async def app(scope, receive, send):
        await send(Message(START) | {"type": Text("http.response.start")})
        await send(Message(type="http.response." + "body", body=b"fine"))

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"fine"
