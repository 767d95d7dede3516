"""docs/conformance.md is made of docs/conformance.json, and that of a run."""

import json

import pytest

import conformance_page
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level


@pytest.fixture
def found():
    def result(case, outcome, detail=""):
        return Result(
            f"request/{case}",
            f"It does {case}.",
            "request",
            ("ASGI-085",),
            "",
            Level.MUST,
            "",
            "",
            outcome,
            detail,
            ("e",),
        )

    def judged(server, *results):
        return Judgement(
            server, "1.0", f"/somewhere/bin/python -m {server}", "3.12", "0.3", "2026-11-22T12:00:00", results
        )

    ours = judged("asgate", result("one", Outcome.PASS), result("two", Outcome.NOT_OFFERED, "no such option"))
    other = judged(
        "other", result("one", Outcome.FAIL, "saw: '/tmp/x/y.sock'"), result("two", Outcome.DIFFERS, "why")
    )
    return [ours, other]


def test_what_is_kept_is_read_back_without_evidence(found):
    text = conformance_page.kept(found)
    ours, other = conformance_page.judgements_of(text)
    assert ours.table() == found[0].table()
    assert other.table() == found[1].table()
    assert ours.command == "python -m asgate"
    assert [result.evidence for result in (*ours.results, *other.results)] == [()] * 4
    assert conformance_page.kept([ours, other]) == text


def test_no_place_of_a_machine_is_kept(found):
    text = conformance_page.kept(found)
    assert "saw: '\\u2026'" in text
    assert "/tmp" not in text and "/somewhere" not in text


def test_each_case_has_its_line(found):
    text = conformance_page.kept(found)
    assert [json.loads(line.rstrip(","))["case"] for line in text.splitlines() if '"case"' in line] == [
        "request/one",
        "request/two",
    ]


def test_the_text_around_the_tables_stays(found):
    begin, end = conformance_page.BEGIN, conformance_page.END
    text = conformance_page.page(f"# Top\n{begin}\nold\n{end}\nbottom\n", conformance_page.kept(found))
    assert text.startswith(f"# Top\n{begin}\n") and text.endswith(f"{end}\nbottom\n")
    assert "old" not in text
    assert "## other 1.0" in text
    assert "no such option" in text and "Not offered: 1" in text  # of ours; of others the faults only
    assert "Differs, but allowed" not in text


def test_the_page_is_current():
    assert conformance_page.main(["--check"]) == 0
