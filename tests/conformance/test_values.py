import json
import sys

import pytest

from asgate.conformance.process import PROBE
from asgate.conformance.values import Fill, Misshapen, Odd, Wrong, decoded, encoded, reading, same


@pytest.fixture
def probe(monkeypatch):
    """The probe's end of the channel, as the server imports it."""
    monkeypatch.syspath_prepend(str(PROBE))
    import asgi_probe_values

    yield asgi_probe_values
    del sys.modules["asgi_probe_values"]


def over(value):
    return json.loads(json.dumps(value))


PLAIN = [
    None,
    True,
    0,
    -(1 << 63),
    1.5,
    float("inf"),
    "text \udce9 \x00",
    b"\x00\xff",
    [1, [2, (3,)], {"a": (b"b", None)}],
    {"type": "http", "headers": [(b"host", b"a")], "client": ("127.0.0.1", 1)},
    {1: "keys may be", b"anything": "wrong"},
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_keep_their_types_both_ways(probe, value):
    assert same(decoded(over(probe.encoded(value))), value)
    assert same(probe.decoded(over(encoded(value)), {}), value)


class Stubborn:
    def __repr__(self):
        raise ValueError


def deep():
    value: list = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "value", [memoryview(b"x"), bytearray(b"x"), {1}, type("Text", (str,), {})("x"), Stubborn()]
)
def test_odd_values_are_seen_and_equal_nothing(probe, value):
    found = decoded(over(probe.encoded({"body": value})))["body"]
    assert isinstance(found, Odd)
    assert found.type == type(value).__name__
    assert found != b"x"


def test_a_value_that_holds_itself(probe):
    assert "nested too deep" in repr(decoded(over(probe.encoded(deep()))))


WRONG = [
    (Fill(3), b"xxx", bytes),
    (Wrong("memoryview", b"x"), b"x", memoryview),
    (Wrong("strided", b"abcd"), b"ac", memoryview),
    (Wrong("bytearray", b"x"), b"x", bytearray),
    (Wrong("str subclass", "x"), "x", str),
    (Wrong("bytes subclass", b"x"), b"x", bytes),
    (Wrong("status", 404), 404, int),
]


@pytest.mark.parametrize(("value", "equal", "kind"), WRONG, ids=repr)
def test_values_that_json_cannot_say(probe, value, equal, kind):
    found = probe.decoded(over(encoded({"it": value})), {})["it"]
    assert isinstance(found, kind)
    assert found == equal


def test_iterables_and_objects(probe):
    generator = probe.decoded(over(encoded(Wrong("generator", [(b"a", b"b")]))), {})
    assert iter(generator) is generator
    assert list(generator) == [(b"a", b"b")]
    assert type(probe.decoded(over(encoded(Wrong("object"))), {})) is object


def test_a_file_is_one_object_for_each_path(probe, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    files: dict = {}
    value = over(encoded(Wrong("file", {"path": str(path), "position": 3})))
    file = probe.decoded(value, files)
    assert file.read() == b"tent"
    assert probe.decoded(value, files) is file
    assert file.tell() == 3
    file.close()


def test_what_cannot_go_over():
    with pytest.raises(TypeError, match="cannot go over"):
        encoded({1, 2})


def test_same_is_exact():
    assert same({"a": [1, (b"x",)]}, {"a": [1, (b"x",)]})
    for left, right in [
        (0, False),
        (1, 1.0),
        ([1], (1,)),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {}),
        ([1], [1, 2]),
    ]:
        assert not same(left, right)


@pytest.mark.parametrize("given", [None, {}, {"asgi": []}, {"asgi": {"version": b"3"}}])
def test_what_has_another_shape_is_said_so(given):
    with pytest.raises(Misshapen, match=r"^(Key|Type|Value)Error: "), reading():
        int(given["asgi"]["version"] + "0")


def test_other_errors_are_not_those_of_the_server():
    with pytest.raises(ZeroDivisionError), reading():
        1 / 0  # noqa: B018
