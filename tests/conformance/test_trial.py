"""What a case is given: when its waits end, what it leaves behind, what its sentences say."""

import sys

import pytest

from asgate.conformance.case import cases
from asgate.conformance.process import Starter
from asgate.conformance.results import Outcome
from asgate.conformance.runner import Run
from asgate.conformance.servers import custom

GET = b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture(scope="module")
def altered(small_server, tmp_path_factory):
    """Starts runs of the small server with other text in it: pairs of old and new."""
    runs = []

    def start(*changes):
        text = small_server.read_text()
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        path = tmp_path_factory.mktemp("altered") / "server.py"
        path.write_text(text)
        adapter = custom(f"{sys.executable} {path} {{port}} {{target}} plain")
        runs.append(Run(Starter(adapter, sys.executable)))
        return runs[-1]

    yield start
    for run in runs:
        run.stop()


def passes(trial):
    wire, app = trial.request("/")
    app.respond(body=b"hello")
    assert wire.response().body == b"hello"


def closed_before_the_call(trial):
    trial.connect().send(GET % b"/close")
    trial.conversation()


def ended_before_the_call(trial):
    server = trial.server()
    trial.connect(server).send(GET % b"/exit")
    trial.conversation(server)


def closed_by_a_server_that_hangs(trial):
    server = trial.server()
    wire, other = trial.connect(server), trial.connect(server)
    wire.send(GET % b"/close")
    wire.ended()
    other.send(GET % b"/hang")
    other.close()
    trial.conversation(server)


WITHOUT_HOPE = [
    (closed_before_the_call, Outcome.FAIL, "the server had closed the connection"),
    (closed_by_a_server_that_hangs, Outcome.FAIL, "the server had closed the connection"),
    (ended_before_the_call, Outcome.FAIL, "the server process had ended"),
]


@pytest.mark.parametrize(("function", "outcome", "why"), WITHOUT_HOPE, ids=["connection", "hang", "process"])
def test_a_wait_without_hope_ends_at_once(running, case, function, outcome, why):
    """The case has an hour, the test a minute."""
    result = running().result(case(function, seconds=3600))
    assert (result.outcome, result.detail) == (
        outcome,
        f"it did not come to this: the application was called with a scope of type http: {why}",
    )


def test_what_came_before_a_connection_was_closed_is_evidence(running, case):
    evidence = running().result(case(closed_before_the_call)).evidence
    assert "wire 1 < HTTP/1.1 418 No\\r\\n\\r\\n" in evidence


def test_the_end_of_a_connection_is_no_end_for_lifespan(running, case):
    """The small server knows no lifespan: the case waits for it as long as it may."""

    def waits_for_lifespan(trial):
        trial.connect().send(GET % b"/close")
        trial.conversation(kind="lifespan")

    result = running().result(case(waits_for_lifespan, seconds=0.5))
    assert result.detail.startswith("in 0.5 s it did not come to this: ")


def closes_first(trial):
    trial.connect().send(GET % b"/close-and-call")
    trial.conversation()


def test_a_call_that_comes_after_the_connection_was_closed_is_taken(running, case):
    result = running().result(case(closes_first))
    assert (result.outcome, result.detail) == (Outcome.PASS, "")


def test_a_call_that_comes_while_the_server_settles_is_taken(altered, case):
    """The server calls when it has closed the connection and the driver's next request has come."""
    run = altered(
        ("import asyncio,", "import asyncio; NEXT = asyncio.Event()\nimport"),
        ("for _ in range(3):\n            await asyncio.sleep(0)", "NEXT.clear()\n        await NEXT.wait()"),
        ("path = head.split()[1].decode()", "path = head.split()[1].decode()\n    NEXT.set()"),
    )
    result = run.result(case(closes_first))
    assert (result.outcome, result.detail) == (Outcome.PASS, "")


def test_a_mode_that_a_case_leaves_on_ends_with_it(running, case):
    """Whatever happens inside, also while the mode is switched."""
    run = running()
    pid = run.server.pid

    def breaks_off(trial):
        with trial.echoing():
            trial.differs("that is enough")

    def is_late(trial):
        trial._deadline = 0
        with trial.echoing():
            pass

    assert run.result(case(breaks_off)).detail == "that is enough"
    assert run.result(case(passes)).outcome is Outcome.PASS
    result = run.result(case(is_late))
    assert (result.outcome, "the probe took the mode" in result.detail) == (Outcome.FAIL, True)
    assert run.result(case(passes)).outcome is Outcome.PASS
    assert run.server.pid == pid


def test_none_that_was_seen_is_told(running, case):
    def sees_none(trial):
        _, app = trial.request("/")
        trial.expect(app.scope.get("root_path") == "/mounted", "'/mounted'", saw=app.scope.get("root_path"))

    assert running().result(case(sees_none)).detail == "expected: '/mounted'; saw: None"


NOT_CALLED = (
    "core/not_called_for_a_connection",
    "disconnect/left_in_the_head",
    "headers/no_pseudo_headers",
    "http1/empty_connection",
    "http1/reset_in_the_head",
)


@pytest.fixture(scope="module")
def closing(altered):
    """A run of a server that refuses everything but the driver's own requests."""
    return altered(('if path == "/close":', 'if not path.startswith("/~aside/"):'))


@pytest.mark.parametrize("name", NOT_CALLED)
def test_that_nothing_is_called_takes_a_server_that_calls(closing, name):
    """A case that asks for no call is passed by no server that makes none at all."""
    (one,) = [case for case in cases() if case.name == name]
    result = closing.result(one)
    assert result.outcome is Outcome.FAIL
    assert "the application was called with a scope of type http" in result.detail
