"""Judgements turned round: order, gaps, names of servers."""

from dataclasses import replace

from asgate.conformance.report.matrix import SIGNS, distinct, lines, signed, tally
from asgate.conformance.results import Outcome
from asgate.spec.clauses import Level


def test_each_case_stands_once_with_the_result_of_each_server(judgements):
    groups = lines(judgements)
    assert {group: len(cases) for group, cases in groups.items()} == {"request": 3, "response": 3}
    order = groups["request"][1]
    assert [result.outcome for result in order.results] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]


def test_a_case_that_a_server_did_not_run_is_a_gap(judgements):
    short = replace(judgements[1], results=judgements[1].results[2:])
    groups = lines([short, judgements[0]])
    assert [len(cases) for cases in groups.values()] == [3, 3]
    assert {line.first.case: line.results[0] is None for line in groups["request"]} == {
        "request/cancelled_receive": False,
        "request/first_event": True,
        "request/order_kept": True,
    }


def test_a_line_knows_how_binding_its_case_is(judgements):
    groups = lines(judgements)
    assert [line.kind for cases in groups.values() for line in cases] == [
        "text",
        "text",
        "practice",
        "implied",
        "RFC",
        "RFC",
    ]


def test_two_runs_of_one_server_are_told_apart(judgements):
    assert [it.server for it in distinct([judgements[0]] * 2)] == ["plain", "plain (2)"]


def test_counts_are_told_by_signs(judgements):
    assert signed(tally(judgements[1].results)) == "✓ 1 ✗ 3 ☠\ufe0e 1 ≈ 1"
    assert signed(tally(judgements[1].results, Level.MAY)) == "✗ 1"


def test_every_outcome_has_a_sign_of_its_own():
    assert set(SIGNS) == set(Outcome)
    assert len(set(SIGNS.values())) == len(Outcome)
