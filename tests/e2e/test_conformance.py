"""asgate before its own judge: what it breaks of level MUST or SHOULD on HTTP/1.1, plain or as WebSocket, is a fault
of asgate; where it differs and what it does not offer is listed here with the reason.
"""

import sys

import pytest

from asgate.conformance.case import cases
from asgate.conformance.results import Outcome
from asgate.conformance.runner import judge
from asgate.conformance.servers import ADAPTERS
from asgate.spec.clauses import Level

NOT_OFFERED = {
    "extensions/unadvertised_pathsend_raises": "it is advertised",
    "extensions/unadvertised_zerocopysend_raises": "it is advertised",
    "extensions/unadvertised_early_hint_raises": "it is advertised",
    "websocket_denial/unadvertised": "it is advertised",
    "scope/addresses_over_ipv6": "the machine may have no IPv6",
}
DIFFERENT = {
    "pathsend/missing_file_then_404": "the first head stands, as the text has it",
    "smuggling/coding_and_empty_field": "empty elements are refused",
    "smuggling/coding_with_comma_before": "empty elements are refused",
    "smuggling/coding_with_comma_behind": "empty elements are refused",
    "smuggling/expect_and_other_in_second_field": "unknown expectations are answered with 417",
    "smuggling/expect_empty": "unknown expectations are answered with 417",
    "smuggling/expect_of_other_status": "unknown expectations are answered with 417",
    "smuggling/expect_unknown": "unknown expectations are answered with 417",
    "smuggling/expect_with_other": "unknown expectations are answered with 417",
    "smuggling/expect_with_parameter": "unknown expectations are answered with 417",
    "smuggling/expect_with_word_before": "unknown expectations are answered with 417",
    "smuggling/expect_with_word_behind": "unknown expectations are answered with 417",
    "smuggling/extension_of_3000_chunks": "it is not too much",
    "smuggling/method_of_10000_letters": "long methods are taken",
    "smuggling/target_absolute_of_https": "the client may be a trusted gateway",
    "smuggling/target_with_backslash": "clients send this character",
    "smuggling/target_with_bad_percent": "clients send this",
    "smuggling/target_with_excluded_characters": "clients send these characters",
    "smuggling/thousand_empty_lines_before": "a thousand empty lines are too many",
}
"""What it does in another way than the kit prefers, which the text allows."""

PARTS = 4


def test_every_reason_is_about_a_case():
    assert set(NOT_OFFERED) | set(DIFFERENT) <= {case.name for case in cases()}


def test_the_clauses_cited_here_are_those_of_the_cases():
    """`scripts/clauses.py` reads the mark as it is written; a case that is gone must show there."""
    (mark,) = [it for it in test_asgate_passes_the_kit.pytestmark if it.name == "clause"]
    judged = {clause for case in cases() for clause in case.clauses if clause.startswith("SERVER-")}
    assert sorted(mark.args) == sorted(judged)


@pytest.mark.timeout(300)
@pytest.mark.clause(
    "SERVER-01",
    "SERVER-02",
    "SERVER-03",
    "SERVER-04",
    "SERVER-05",
    "SERVER-06",
    "SERVER-07",
    "SERVER-20",
    "SERVER-21",
    "SERVER-22",
    "SERVER-23",
    "SERVER-24",
    "SERVER-25",
    "SERVER-26",
    "SERVER-27",
    "SERVER-28",
    "SERVER-29",
    "SERVER-30",
    "SERVER-31",
    "SERVER-40",
    "SERVER-41",
    "SERVER-42",
    "SERVER-43",
    "SERVER-44",
    "SERVER-45",
)
@pytest.mark.parametrize("part", range(PARTS))
def test_asgate_passes_the_kit(part):
    judgement = judge(ADAPTERS["asgate"], cases()[part::PARTS], python=sys.executable)
    assert [f"{result.case}: {result.detail}" for result in judgement.faults] == []
    missing = {result.case for result in judgement.results if result.outcome is Outcome.NOT_OFFERED}
    assert missing <= set(NOT_OFFERED)
    differing = [result for result in judgement.results if result.outcome is Outcome.DIFFERS]
    assert [f"{it.case}: {it.detail}" for it in differing if it.case not in DIFFERENT] == []
    assert all(result.detail for result in differing)
    assert not any(
        result.outcome in (Outcome.FAIL, Outcome.CRASHED) and result.level is Level.MAY
        for result in judgement.results
    )
