"""JUnit: what a CI system counts, and that no text breaks the document."""

from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest

from asgate.conformance.report.junit import junit
from asgate.conformance.report.rows import Mark, Row, rows
from asgate.spec.clauses import Level


@pytest.fixture(scope="module")
def root(judgements):
    return fromstring(junit([row for it in judgements for row in rows(it)], "asgate conform"))


def test_every_group_of_a_server_is_a_suite(root):
    assert [suite.get("name") for suite in root][:3] == [
        "plain: request",
        "plain: response",
        "broken: request",
    ]


def test_counts_are_those_of_the_cases(root):
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("18", "3", "3")
    for suite in root:
        assert suite.get("tests") == str(len(suite))
        assert suite.get("failures") == str(len(suite.findall("*/failure")))
        assert suite.get("skipped") == str(len(suite.findall("*/skipped")))


def test_a_fault_fails_with_its_evidence(root):
    failed = root.find(".//testcase[failure]")
    assert failed.get("name") == "request/order_kept"
    assert failed.find("failure").get("type") == "MUST failed"
    assert "ASGI-065, ASGI-066" in failed.find("failure").text
    assert "GET /order_kept" in failed.find("system-out").text


def test_a_fault_of_the_kit_is_an_error(root):
    assert root.get("errors") == "1"
    errors = root.findall(".//testcase[error]")
    assert [it.get("name") for it in errors] == ["response/hints"]
    assert errors[0].find("failure") is errors[0].find("skipped") is None


def test_a_run_that_was_interrupted_is_an_error(judgements):
    document = fromstring(junit(rows(replace(judgements[0], complete=False)), "asgate conform"))
    suite = document.findall("testsuite")[-1]
    assert (suite.get("name"), suite.get("errors")) == ("plain: run", "1")
    assert "only 6 cases were judged" in suite.find(".//error").get("message")


def test_a_crash_fails(root):
    assert root.find(".//failure[@type='SHOULD crashed']") is not None


def test_a_wish_that_is_not_kept_is_skipped(root):
    skipped = root.find("testsuite[@name='broken: response']/testcase[@name='response/hints']/skipped")
    assert skipped.get("message").startswith("MAY, failed: expected: hints")


def test_what_differs_passes_and_says_how(root):
    passed = root.find("testsuite[@name='broken: response']/testcase[@name='response/length']")
    assert [child.tag for child in passed] == ["system-out"]


@pytest.mark.parametrize("code", [0, 1, 0x1B, 0x7F, 0x85, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x202E])
def test_any_character_can_be_in_a_text(code):
    text = f"a{chr(code)}b]]><c&\"'"
    row = Row(text, text, Level.MUST, Mark.FAILED, text, text, (text,), text, (text,), text)
    document = junit([row, replace(row, verdict=Mark.SKIPPED)], text)
    assert chr(code) not in document
    assert fromstring(document.encode()).find(".//failure").get("message").startswith("a\\")
