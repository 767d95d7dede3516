"""SARIF 2.1.0: the required shape (OASIS, sections 3.13 to 3.49), rules that are clauses, levels."""

import json
import re
from dataclasses import replace

import pytest

from asgate.conformance.report.rows import Mark, Row, rows
from asgate.conformance.report.sarif import sarif
from asgate.spec.clauses import Level


@pytest.fixture(scope="module")
def log(judgements):
    written = sarif({it.server: rows(it) for it in judgements}, "asgate conform", "0.3.0")
    return json.loads(json.dumps(written))


def test_the_shape_is_the_one_that_the_schema_requires(log):
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        assert (driver["name"], driver["version"]) == ("asgate conform", "0.3.0")
        for rule in driver["rules"]:
            assert rule["id"] and rule["shortDescription"]["text"]
        assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
        for result in run["results"]:
            assert result["message"]["text"]
            assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("error", "warning", "note")
            assert all(re.search(r"/v\d+$", name) for name in result["partialFingerprints"])
            assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]


def test_each_server_is_a_run_that_can_be_told_apart(log):
    assert [run["automationDetails"]["id"] for run in log["runs"]] == [
        "asgate conform/plain/",
        "asgate conform/broken/",
        "asgate conform/odd/",
    ]


def test_only_what_failed_is_a_result(log):
    plain, broken, odd = log["runs"]
    assert plain["results"] == odd["results"] == []
    assert [(it["ruleId"], it["level"]) for it in broken["results"]] == [
        ("ASGI-065", "error"),
        ("ASGI-022", "warning"),
        ("ASGI-017", "warning"),
        ("RFC 8297 2", "note"),
    ]


def test_a_rule_says_what_its_clause_says_and_how_binding_it_is(log):
    rule = next(it for it in log["runs"][1]["tool"]["driver"]["rules"] if it["id"] == "ASGI-022")
    assert rule["shortDescription"]["text"] == "A cancelled receive loses no event."
    assert rule["properties"]["kind"] == "practice"
    assert rule["defaultConfiguration"] == {"level": "warning"}


def test_nothing_unseen_is_in_a_text(log):
    text = json.dumps(log, ensure_ascii=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", text)
    assert "\\\\u202egnp.exe" in text


def test_every_result_has_a_place_that_code_scanning_takes(judgements):
    """A server has no source file here: the place is the file with the evidence."""
    runs = {it.server: rows(it) for it in judgements}
    for run in sarif(runs, "asgate conform", "", "results.json")["runs"]:
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            assert place == {"artifactLocation": {"uri": "results.json"}, "region": {"startLine": 1}}


def test_a_fault_of_the_kit_and_an_interruption_are_notifications(judgements, log):
    assert "invocations" not in log["runs"][0]
    (invocation,) = log["runs"][2]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"].startswith(
        "response/hints: expected"
    )
    cut = sarif({"plain": rows(replace(judgements[0], complete=False))}, "asgate conform", "")
    (notification,) = cut["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"] == "interrupted: the run was interrupted: only 6 cases were judged"


@pytest.mark.parametrize(
    ("file", "uri"), [("main.py", "main.py"), ("my caf\u00e9/b\udcff.py", "my%20caf%C3%A9/b%FF.py")]
)
def test_a_row_can_name_a_file(file, uri):
    row = Row("http GET /", "t", Level.MUST, Mark.FAILED, "m", "main:app", (), "s", ("ASGI-085",), file=file)
    (result,) = sarif({"main:app": [row]}, "asgate check", "")["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}
