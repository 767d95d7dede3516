"""Kinds of values: what the scripts of whole conversations cannot reach."""

import enum
import types
from http import HTTPStatus

import pytest

from asgate.spec import values


class Text(str): ...


class Data(bytes): ...


class Method(enum.StrEnum):
    GET = "GET"


class Code(enum.IntEnum):
    NORMAL = 1000
    LOST = 1006


RIGHT = [
    (values.TEXT, Text("a")),
    (values.BYTES, Data(b"a")),
    (values.STATUS, HTTPStatus.OK),
    (values.METHOD, Method.GET),
    (values.INTEGER, 2**63 - 1),
    (values.INTEGER, Code.LOST),
    (values.CLOSE_CODE, Code.NORMAL),
    (values.FLAG, True),
    (values.RECEIVED_PAIRS, [(Data(b"a"), Data(b"b"))]),
    (values.SENT_PAIRS, [(Data(b"a"), b"b")]),
    (values.FILE, 5),
    (values.CIPHER, 0xFFFF),
    (values.UNICODE_OR_NONE, Text("ä\U0001f600")),
    (values.CLOSE_REASON, "ä" * 61),
]
WRONG = [
    (values.INTEGER, 2**63),
    (values.INTEGER, True),
    (values.INTEGER, 1.0),
    (values.CLOSE_CODE, Code.LOST),
    (values.FLAG, 1),
    (values.CIPHER, True),
    (values.CIPHER, -1),
    (values.UNICODE_OR_NONE, "caf\udce9"),
    (values.UNICODE_OR_NONE, b"a"),
    (values.CLOSE_REASON, "\ud800"),
    (values.CLOSE_REASON, "ä" * 62),
    (values.TEXT, b"a"),
    (values.ASGI, types.MappingProxyType({"version": "3.0"})),
    (values.SENT_PAIRS, [(memoryview(b"a"), b"b")]),
    (values.RECEIVED_PAIRS, [(b"a", memoryview(b"b"))]),
    (values.RECEIVED_PAIRS, [{b"a": b"b"}]),
]


@pytest.mark.parametrize(("kind", "value"), RIGHT)
def test_right_values(kind, value):
    assert type(value) in kind.types or kind.check(value) is None


@pytest.mark.parametrize(("kind", "value"), WRONG)
def test_wrong_values(kind, value):
    assert type(value) not in kind.types
    assert kind.check(value).sentence


def test_the_quick_way_and_the_long_one_agree():
    """What a kind lets pass by its type alone, its check lets pass, too."""
    samples = [
        "",
        "a",
        b"",
        b"a",
        bytearray(b"a"),
        memoryview(b"a"),
        True,
        False,
        0,
        1,
        1.5,
        None,
        [],
        (),
        {},
    ]
    kinds = [it for it in vars(values).values() if isinstance(it, values.Kind)]
    assert len(kinds) > 20
    for kind in kinds:
        assert [it for it in samples if type(it) in kind.types and kind.check(it) is not None] == []


def test_names_that_were_sound_stay_so_and_others_do_not_become_so():
    for _ in range(3):
        assert values.SENT_PAIRS.check([(b"x-new", b"a")]) is None
        assert values.SENT_PAIRS.check([(b"x-new", b"a\r\n")]).aspect == "injection"
        assert values.SENT_PAIRS.check([(b"X-New", b"a")]).aspect == "capitals"
        assert values.SENT_PAIRS.check([(b"X-New", b"a"), (b":a", b"b")]).aspect == "pseudo"
        assert values.RECEIVED_PAIRS.check([(b"X-New", b"a\n")]) is None
        assert values.RECEIVED_PAIRS.check([(b":path", b"/")]).aspect == "pseudo"


def test_long_values_are_shown_short():
    assert len(values.shown("x" * 1000)) < 80
