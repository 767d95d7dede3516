import pytest

from asgate.testing import fields
from asgate.testing.errors import MessageRefused


def start(**keys):
    return {"type": "http.response.start", **keys}


def test_a_missing_key_is_named():
    with pytest.raises(MessageRefused, match="'status'"):
        fields.mandatory(start(), "status", int)


@pytest.mark.parametrize("status", ["200", 200.0, True, None])
def test_nothing_is_coerced(status):
    with pytest.raises(TypeError, match="'status'"):
        fields.mandatory(start(status=status), "status", int)


def test_what_may_be_left_out():
    assert fields.optional(start(), "trailers", bool, False) is False
    assert fields.nullable(start(reason=None), "reason", str) is None
    with pytest.raises(TypeError):
        fields.optional(start(trailers=None), "trailers", bool, False)


def test_bodies_are_copied():
    buffer = bytearray(b"abc")
    body = fields.content({"type": "http.response.body", "body": memoryview(buffer)})
    buffer[:] = b"xyz"
    assert body == b"abc"
    with pytest.raises(TypeError, match="bytes"):
        fields.content({"type": "http.response.body", "body": "abc"})


@pytest.mark.parametrize("headers", [[(b"a", b"b")], [[b"a", b"b"]], iter([(b"a", b"b")]), ((b"a", b"b"),)])
def test_headers_are_any_iterable_of_pairs(headers):
    assert fields.header_pairs(start(headers=headers)) == [(b"a", b"b")]


@pytest.mark.parametrize("headers", [{b"a": b"b"}, b"ab", 1, [b"ab"], [("a", b"b")], [(b"a", "b")]])
def test_headers_of_a_wrong_type(headers):
    with pytest.raises(TypeError):
        fields.header_pairs(start(headers=headers))


@pytest.mark.parametrize(
    "pair",
    [
        (b":status", b"1"),
        (b"a b", b"1"),
        (b"", b"1"),
        (b"a", b"1\r\nx: y"),
        (b"a", b"\0"),
        (b"a", b"b", b"c"),
    ],
)
def test_headers_that_http_forbids(pair):
    with pytest.raises(MessageRefused):
        fields.header_pairs(start(headers=[pair]))


def test_links():
    hint = {"type": "http.response.early_hint"}
    assert fields.links({**hint, "links": (b"</a>",)}) == [b"</a>"]
    for wrong, error in (
        ({}, MessageRefused),
        ({"links": ["a"]}, TypeError),
        ({"links": [b"\r\n"]}, MessageRefused),
    ):
        with pytest.raises(error):
            fields.links({**hint, **wrong})
