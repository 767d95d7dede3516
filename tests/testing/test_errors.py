import pytest

from asgate.testing.errors import ClientGone, Closed, ConversationError, TimedOut, caused_by_leaving


def test_an_error_tells_the_conversation():
    error = ConversationError("it was late", ("http GET /", "app: nothing"))
    assert str(error) == "it was late\nthe conversation so far:\n  http GET /\n  app: nothing"


def test_a_time_limit_is_a_failed_assertion_and_a_timeout():
    assert issubclass(TimedOut, AssertionError)
    assert issubclass(TimedOut, TimeoutError)


def test_a_close_says_its_code_and_reason():
    assert "code 4000 (bye)" in str(Closed(4000, "bye"))


def wrapped(error, way):
    try:
        raise error
    except Exception as cause:
        try:
            if way == "from":
                raise RuntimeError from cause
            raise RuntimeError
        except RuntimeError as outer:
            return outer


@pytest.mark.parametrize("way", ["from", "during"])
def test_what_becomes_of_leaving_is_known(way):
    assert caused_by_leaving(wrapped(ClientGone(), way))
    assert caused_by_leaving(ExceptionGroup("", [ClientGone(), wrapped(ClientGone(), way)]))
    assert not caused_by_leaving(wrapped(ValueError(), way))
    assert not caused_by_leaving(ExceptionGroup("", [ClientGone(), ValueError()]))


def test_a_circle_of_causes_ends():
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first
    assert not caused_by_leaving(first)


def test_a_group_that_is_the_context_of_what_it_holds_ends():
    inner = ValueError()
    inner.__context__ = ExceptionGroup("", [inner])
    assert not caused_by_leaving(inner.__context__)
