"""Two runs beside each other."""

from dataclasses import replace

import pytest

from asgate.conformance.comparison import compare
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level


def judged(server="one", level=Level.MUST, **outcomes):
    """A judgement; underscores of an outcome are spaces."""
    results = tuple(
        Result(
            f"group/{name}", "A title.", "group", (), "", level, "", "", Outcome(outcome.replace("_", " "))
        )
        for name, outcome in outcomes.items()
    )
    return Judgement(server, "1.0", "", "", "", "", results)


BEFORE = judged(a="pass", b="fail", c="not_offered")


def test_the_same_table():
    comparison = compare([BEFORE], [replace(BEFORE, version="2.0")], ())
    assert comparison.lines == ("one: the same table as before",)
    assert (comparison.changed, comparison.gone, comparison.regressions) == (False, False, ())


def test_what_became_better_is_a_change_and_no_regression():
    comparison = compare([BEFORE], [judged(a="pass", b="pass", c="not_offered")], ())
    assert comparison.lines == ("one: group/b: fail before, now pass",)
    assert (comparison.changed, comparison.regressions) == (True, ())


@pytest.mark.parametrize("outcome", ["fail", "crashed"])
def test_what_became_faulty_is_a_regression(outcome):
    now = judged(a=outcome, b="crashed", c="differs")
    comparison = compare([BEFORE], [now], ())
    assert comparison.lines == (
        f"one: group/a: pass before, now {outcome}",
        "one: group/b: fail before, now crashed",
        "one: group/c: not offered before, now differs",
    )
    assert (comparison.changed, comparison.regressions) == (True, (now.results[0],))


def test_a_case_of_level_may_is_never_a_regression():
    before, now = judged(level=Level.MAY, a="pass"), judged(level=Level.MAY, a="fail")
    assert compare([before], [now], ()).regressions == ()


@pytest.mark.parametrize("outcome", ["fail", "crashed"])
def test_what_was_broken_before_at_a_lower_level_is_no_regression(outcome):
    """The kit has changed, and not the server: the lines say that nothing differs, and so does what counts."""
    before, now = judged(level=Level.MAY, a=outcome), judged(level=Level.MUST, a=outcome)
    comparison = compare([before], [now], ())
    assert comparison.lines == ("one: the same table as before",)
    assert (comparison.changed, comparison.regressions) == (False, ())


def test_what_breaks_now_counts_at_its_level_of_now():
    before, now = judged(level=Level.MAY, a="pass"), judged(level=Level.MUST, a="fail")
    comparison = compare([before], [now], ())
    assert comparison.lines == ("one: group/a: pass before, now fail",)
    assert (comparison.changed, comparison.regressions) == (True, now.results)


def test_a_server_that_is_gone():
    comparison = compare([BEFORE, judged("ghost", a="pass")], [BEFORE], ())
    assert comparison.lines == ("one: the same table as before", "ghost: judged before, not judged now")
    assert (comparison.changed, comparison.gone) == (True, True)


def test_a_server_that_is_new():
    comparison = compare([BEFORE], [BEFORE, judged("new", a="fail")], ())
    assert comparison.lines[1] == "new: the earlier run did not judge it"
    assert (comparison.changed, comparison.regressions) == (False, ())


def test_cases_that_were_not_selected_are_no_difference():
    comparison = compare([BEFORE], [judged(a="pass")], {"group/b", "group/c"})
    assert comparison.lines == ("one: the same table as before",)


def test_cases_of_another_kit_are_told_and_change_nothing():
    comparison = compare([BEFORE], [judged(a="pass", b="fail", d="fail")], ())
    assert comparison.lines == (
        "one: group/c: not offered before, now no such case",
        "one: group/d: no such case before, now fail",
    )
    assert (comparison.changed, comparison.regressions) == (False, ())
