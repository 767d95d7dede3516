"""What HTTP allows is no fault: the sound reference server with other habits (`habits.py`) passes the kit, or the kit
says that it does not offer what the case is about.
"""

import os
import sys
from pathlib import Path

import pytest

from asgate.conformance.case import cases
from asgate.conformance.process import PROBE, Starter
from asgate.conformance.results import Outcome
from asgate.conformance.runner import Run
from asgate.conformance.servers import Adapter

HERE = Path(__file__).parent
KIT = {case.name: case for case in cases()}
# Hardly about a second request, and long.
SLOW = {"asgi2", "backpressure", "drain", "lifespan", "websocket_flow", "websocket_stop"}
GROUPS = sorted({case.group for case in KIT.values()} - SLOW)
CLOSES = "the server closes each connection after its answer"


def adapter(habit):
    """How the reference server with this habit is started."""
    return Adapter(
        "reference",
        "",
        ("{python}", "-S", "-m", "habits", habit, "{target}"),
        ("--port", "{port}"),
        environment={"PYTHONPATH": os.pathsep.join((str(PROBE), str(HERE)))},
    )


@pytest.fixture
def outcomes():
    """Runs cases against the reference with a habit: the results by name."""

    def results(habit, names):
        run = Run(Starter(adapter(habit), sys.executable))
        try:
            return {name: run.result(case) for name, case in KIT.items() if name in names}
        finally:
            run.stop()

    return results


@pytest.mark.parametrize("group", GROUPS)
def test_a_server_may_close_each_connection(outcomes, group):
    results = outcomes("closing", {name for name, case in KIT.items() if case.group == group})
    assert {name: result.detail for name, result in results.items() if result.faulty} == {}
    assert Outcome.PASS in {result.outcome for result in results.values()}


def test_what_needs_a_kept_connection_is_not_offered_by_a_server_that_closes(outcomes):
    names = {
        "core/called_once_per_request",
        "concurrency/two_pipelined_requests",
        "drain/idle_connections_are_closed",
    }
    results = outcomes("closing", names)
    assert {(result.outcome, result.detail) for result in results.values()} == {(Outcome.NOT_OFFERED, CLOSES)}
    assert set(results) == names


def test_an_error_page_is_no_header_of_the_application(outcomes):
    results = outcomes(
        "wordy", {"response/empty_name", "response/space_in_a_name", "response/colon_in_a_name"}
    )
    assert {name: result.detail for name, result in results.items()} == dict.fromkeys(results, "")
    assert len(results) == 3


def test_a_server_may_wait_for_the_answer_to_its_close(outcomes):
    results = outcomes("patient", {name for name in KIT if name.startswith("websocket_close/")})
    assert {name: result.detail for name, result in results.items() if result.faulty} == {}
    assert {result.outcome for result in results.values()} == {Outcome.PASS}
