import pytest

from asgate.testing.headers import Headers, wire_pairs


def test_repeated_fields_are_kept_apart():
    headers = Headers([(b"X-A", b"1"), (b"y", b"2"), (b"x-a", b"3")])
    assert headers.every("x-A") == ["1", "3"]
    assert headers["X-a"] == "1, 3"
    assert list(headers) == ["x-a", "y"]
    assert "z" not in headers
    with pytest.raises(KeyError):
        headers["z"]


@pytest.mark.parametrize(
    "given", [{"X-A": "1"}, [("X-A", "1")], [(b"X-A", b"1")], {b"X-A": b"1"}, iter([("x-a", b"1")])]
)
def test_what_a_test_writes_becomes_bytes(given):
    assert wire_pairs(given) == [(b"x-a", b"1")]
