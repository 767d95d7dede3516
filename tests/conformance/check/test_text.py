"""What a person reads."""

import click

from asgate.conformance.check.findings import Report, against
from asgate.conformance.check.text import text

TICK = "app: http.response.body body=b'tick' more_body=True"


def told(*steps):
    report = Report("main:app")
    report.add(against("ASGI-095", "it goes on", "stop", "http GET /", steps), "plain")
    return click.unstyle(text(report)).splitlines()


def test_what_comes_again_and_again_is_counted():
    steps = [line for line in told("app: begun", *[TICK] * 40, "app: returned") if line.startswith("      ")]
    assert steps == ["      | app: begun", f"      | {TICK}  (40 times)", "      | app: returned"]


def test_a_long_story_is_cut_at_its_beginning():
    steps = [line for line in told(*map(str, range(20))) if line.startswith("      ")]
    assert steps == ["      … 8 more", *(f"      | {step}" for step in range(8, 20))]


def test_what_was_not_judged_is_no_good_end():
    report = Report("main:app")
    report.leave_out("GET /", "raised ValueError('always')", ("app: raised ValueError('always')",))
    lines = click.unstyle(text(report)).splitlines()
    assert lines[-5:-1] == [
        "NOT JUDGED  GET /",
        "    raised ValueError('always')",
        "      | app: raised ValueError('always')",
        "",
    ]
    assert lines[-1] == "0 scenarios on 0 subjects: 1 not judged"
