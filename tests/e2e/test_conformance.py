"""asgate before its own judge: what it breaks of level MUST or SHOULD on HTTP/1.1 is a fault of asgate, and what
it does not offer is listed here with the reason.
"""

import sys

import pytest

from asgate.conformance.case import cases
from asgate.conformance.results import Outcome
from asgate.conformance.runner import judge
from asgate.conformance.servers import ADAPTERS
from asgate.spec.clauses import Level

NOT_OFFERED = {
    "ending/rejects_websocket": "WebSocket is not served yet",
    "extensions/unadvertised_pathsend_raises": "it is advertised",
    "extensions/unadvertised_zerocopysend_raises": "it is advertised",
    "extensions/unadvertised_early_hint_raises": "it is advertised",
    "scope/addresses_over_ipv6": "the machine may have no IPv6",
}
PARTS = 4


def test_every_reason_is_about_a_case():
    assert set(NOT_OFFERED) <= {case.name for case in cases()}


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
)
@pytest.mark.parametrize("part", range(PARTS))
def test_asgate_passes_the_kit(part):
    judgement = judge(ADAPTERS["asgate"], cases()[part::PARTS], python=sys.executable)
    assert [f"{result.case}: {result.detail}" for result in judgement.faults] == []
    missing = {result.case for result in judgement.results if result.outcome is Outcome.NOT_OFFERED}
    assert missing <= set(NOT_OFFERED)
    # What differs is allowed by the text, and never about something that must be so.
    assert all(result.detail for result in judgement.results if result.outcome is Outcome.DIFFERS)
    assert not any(
        result.outcome in (Outcome.FAIL, Outcome.CRASHED) and result.level is Level.MAY
        for result in judgement.results
    )
