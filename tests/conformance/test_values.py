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


def doubled(levels):
    value: list = []
    for _ in range(levels):
        value = [value, value]
    return value


def test_a_value_that_holds_itself(probe):
    assert "it holds itself" in repr(decoded(over(probe.encoded(deep()))))
    scope: dict = {"type": "http"}
    scope["first"] = scope["second"] = [scope, scope]
    found = decoded(over(probe.encoded(scope)))
    assert found["type"] == "http"
    assert [item.text for item in found["first"] + found["second"]] == ["it holds itself"] * 4
    assert len(probe.parts(scope)) == 2


def test_a_value_that_is_nested_deep(probe):
    value: list = []
    for _ in range(100):
        value = [value]
    assert "nested too deep" in repr(decoded(over(probe.encoded(value))))


def test_a_list_may_stand_in_several_places(probe):
    one = ["of several"]
    assert decoded(over(probe.encoded([one, one, (one,)]))) == [one, one, (one,)]


def test_few_lists_that_are_endless_when_written_out(probe, monkeypatch):
    monkeypatch.setattr(probe, "LARGEST", 1 << 20)
    written = json.dumps(probe.encoded(doubled(28)))
    assert "too large" in written
    assert len(written) < 1 << 20


@pytest.mark.parametrize(
    "large",
    ["x" * 9000, "\x00" * 900, b"x" * 9000, [None] * 50, {n: n for n in range(50)}, 1 << 50_000],
    ids=type,
)
def test_values_too_large_for_the_driver(probe, monkeypatch, large):
    monkeypatch.setattr(probe, "LARGEST", 8000)
    found = decoded(over(probe.encoded({"type": "http", "large": large})))
    assert found["type"] == "http"
    assert (found["large"].type, found["large"].text) == (type(large).__name__, "too large")


def test_odd_values_are_no_way_around_that(probe, monkeypatch):
    monkeypatch.setattr(probe, "LARGEST", 100_000)
    assert len(json.dumps(probe.encoded([{"\U0001f600" * 200} for _ in range(300)]))) < 100_000


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
