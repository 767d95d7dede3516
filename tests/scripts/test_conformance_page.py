"""docs/conformance.md is made of docs/conformance.json, and that of a run."""

import json
from dataclasses import replace

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


def test_a_case_that_one_server_has_not_run_is_a_gap(found):
    ours, other = found
    text = conformance_page.kept([ours, replace(other, results=other.results[:1], complete=False)])
    read = conformance_page.judgements_of(text)[1]
    assert read.table() == [("request/one", "fail")]
    assert not read.complete
    page = conformance_page.page(f"{conformance_page.BEGIN}{conformance_page.END}", text)
    assert "1 of 2 cases were not run." in page[page.index("## other 1.0") :]


def test_cases_must_be_those_of_the_kit(found):
    text = conformance_page.kept(found)
    assert conformance_page.strangers(text, {"request/one", "request/two"}) == []
    complaints = conformance_page.strangers(text, {"request/one", "request/three"})
    assert [it.partition(":")[2] for it in complaints] == [
        " 1 cases are in the kit and were not run, such as request/three: judge the servers again",
        " 1 cases were run and are not in the kit, such as request/two: judge the servers again",
    ]


def test_the_page_is_current():
    assert conformance_page.main(["--check"]) == 0
