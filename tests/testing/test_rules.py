import pytest

from asgate.testing.errors import MessageRefused
from asgate.testing.rules import Rules, kind_of, refused


def test_scopes_of_your_own_have_no_rules():
    message = {"type": "anything.goes"}
    assert list(Rules({"type": "own"}).accept(message)) == [message]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (None, TypeError),
        ([], TypeError),
        ({}, MessageRefused),
        ({"type": 1}, TypeError),
        ({"type": b"a"}, TypeError),
    ],
)
def test_what_is_no_message(message, error):
    with pytest.raises(error):
        kind_of(message)


def test_a_refusal_says_why():
    assert "cannot follow" in str(refused("a.b", {"a.b"}, "it is over"))
    assert "unknown" in str(refused("a.c", {"a.b"}, "it is over"))
