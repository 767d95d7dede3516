"""Findings are plain data with a form for people."""

import pickle

from asgate.spec.clauses import Level
from asgate.spec.findings import Finding, Side, Violation

FINDING = Finding(
    "ASGI-101", Level.MUST, Side.APPLICATION, "status is 7", "give an int", "http GET /", ("a", "b")
)


def test_the_form_for_people():
    assert str(FINDING) == "ASGI-101 (MUST), application, http GET /: status is 7\n  give an int\n  a\n  b"


def test_a_violation_carries_its_finding():
    violation = Violation(FINDING)
    assert (violation.finding, str(violation)) == (FINDING, str(FINDING))
    assert isinstance(violation, AssertionError)


def test_a_violation_crosses_processes():
    assert pickle.loads(pickle.dumps(Violation(FINDING))).finding == FINDING
