import traceback

import pytest

import asgate.config.kinds
from asgate.observe.tracebacks import outside, place, summary


def caught(action):
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError


def test_frames_before_ours_and_after_are_kept_apart():
    error = caught(lambda: asgate.config.kinds.Count().parse("x"))
    first = outside(error.__traceback__)
    assert first.tb_frame.f_code.co_name == "caught", "leading frames of others are kept"
    ours = first.tb_next.tb_next
    assert ours.tb_frame.f_code.co_name == "parse"
    assert outside(ours) is None


def test_the_place_is_the_innermost_line_that_is_not_ours():
    error = caught(lambda: asgate.config.kinds.Count().parse("x"))
    line = test_the_place_is_the_innermost_line_that_is_not_ours.__code__.co_firstlineno + 1
    assert place(error.__traceback__) == f"test_tracebacks.py:{line}"
    assert place(error.__traceback__.tb_next.tb_next) == ""


def formatted(action):
    return "".join(traceback.format_exception(caught(action)))


def raising(error, cause=None):
    raise error from cause


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (ValueError("no pool"), None, "ValueError: no pool"),
        (ValueError("no\n  pool\nat all"), None, "ValueError: no"),
        (RuntimeError("no start"), KeyError("pool"), "RuntimeError: no start"),
        (ExceptionGroup("of tasks", [ValueError("one")]), None, "ExceptionGroup: of tasks (1 sub-exception)"),
        (ExceptionGroup("of tasks", [caught(lambda: {}["no"])]), None, "KeyError: 'no'"),
        (ValueError(), None, "ValueError"),
    ],
)
def test_what_a_traceback_ends_with(error, cause, words):
    assert summary(formatted(lambda: raising(error, cause))) == words


@pytest.mark.parametrize("text", ["", "no database", "no\ndatabase", "Traceback (most recent call last):"])
def test_what_is_no_traceback_has_no_summary(text):
    assert summary(text) == ""


def test_nothing_stays_nothing():
    assert outside(None) is None
    assert place(None) == ""
