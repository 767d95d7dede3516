"""Several servers at once: when they come, and that nothing else of a run changes with them."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from asgate.conformance import lanes, process, runner
from asgate.conformance.process import NotStarted, Server
from asgate.conformance.results import Outcome
from asgate.conformance.runner import Interrupted
from asgate.conformance.servers import custom

GET = b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.fixture
def soon(monkeypatch):
    """Lanes come with the first waits in vain."""
    monkeypatch.setattr(lanes, "PATIENCE", 0.0)
    monkeypatch.setattr(lanes, "WAITED", 0.2)
    monkeypatch.setattr(lanes, "VAIN", 0.1)


def passes(trial):
    wire, app = trial.request("/")
    app.respond(body=b"hello")
    assert wire.response().body == b"hello"


def waits(trial):
    """In vain; its detail is the lane in which it is judged."""
    trial.connect()
    time.sleep(0.25)
    trial.fail(str(os.getpid()))


def dies(trial):
    trial.connect().send(GET % b"/die")
    trial.conversation()


def lane_dies(trial):
    passes(trial)
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted(trial):
    passes(trial)
    signal.raise_signal(signal.SIGINT)


def interrupts_the_run(trial):
    passes(trial)
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)


def lanes_of(judgement):
    return {result.detail for result in judgement.results if result.outcome is Outcome.FAIL}


def test_lanes_come_with_waiting_up_to_the_jobs(small, case, soon):
    many = [case(waits) for _ in range(24)]
    assert len(lanes_of(lanes.judge(small(), many, jobs=3))) == 3
    assert lanes_of(lanes.judge(small(), many[:3], jobs=1)) == {f"expected: {os.getpid()}"}
    assert len(lanes_of(lanes.judge(small(), [*[case(passes)] * 20, case(waits)], jobs=3))) == 1


def test_one_lane_is_enough_while_patience_lasts(small, case, soon, monkeypatch):
    monkeypatch.setattr(lanes, "PATIENCE", 60.0)
    assert len(lanes_of(lanes.judge(small(), [case(waits) for _ in range(8)]))) == 1


def test_results_stand_in_the_order_of_the_cases_and_progress_in_that_of_time(small, case, soon):
    shown = []
    chosen = [case(function, name=str(place)) for place, function in enumerate([waits, passes, dies] * 5)]
    several = lanes.judge(
        small(), chosen, jobs=3, progress=lambda place, count, result: shown.append((place, count, result))
    )
    assert [result.case for result in several.results] == [each.name for each in chosen]
    assert several.table() == runner.judge(small(), chosen).table()
    assert (several.complete, several.command.endswith("asgi_probe:app plain")) == (True, True)
    assert [(place, count) for place, count, _ in shown] == [(place, 15) for place in range(1, 16)]
    assert {result for _, _, result in shown} == set(several.results)


def test_no_cases(small):
    assert lanes.judge(small(), []).results == ()


@pytest.mark.parametrize("before", [[], [waits] * 4], ids=["the only lane", "one of several"])
def test_a_lane_that_dies_costs_its_case(small, case, soon, before):
    chosen = [*map(case, before), case(lane_dies), case(waits), case(passes)]
    judgement = lanes.judge(small(), chosen, jobs=2)
    outcomes = [result.outcome for result in judgement.results]
    assert outcomes == [Outcome.FAIL] * len(before) + [Outcome.ERROR, Outcome.FAIL, Outcome.PASS]
    detail = judgement.results[len(before)].detail
    assert detail.endswith("report it: ChildProcessError: a process of the kit ended with signal SIGKILL")
    assert judgement.complete


def test_a_server_that_does_not_start(small):
    with pytest.raises(NotStarted, match=r"^it ended with code 1: it does not want to \(started as: "):
        lanes.judge(small("ends"), [])


def test_a_lane_that_dies_before_it_has_a_server(small, case, monkeypatch):
    monkeypatch.setattr(process.Starter, "start", lambda _: os._exit(3))
    with pytest.raises(ChildProcessError, match=r"^a process of the kit ended with code 3$"):
        lanes.judge(small(), [case(passes)])


@pytest.mark.parametrize("way", ["it refuses", "it takes its lane with it"])
def test_a_second_server_that_does_not_start_costs_nothing(small, case, soon, monkeypatch, tmp_path, way):
    start, first = process.Starter.start, tmp_path / "first"

    def once(self, **options):
        try:
            first.touch(exist_ok=False)
        except FileExistsError:
            if way == "it refuses":
                raise NotStarted("not today") from None
            os._exit(3)
        return start(self, **options)

    monkeypatch.setattr(process.Starter, "start", once)
    judgement = lanes.judge(small(), [case(waits) for _ in range(8)], jobs=4)
    assert [result.outcome for result in judgement.results] == [Outcome.FAIL] * 8
    assert len(lanes_of(judgement)) == 1


@pytest.fixture
def one_start(monkeypatch, tmp_path):
    """Only the first server starts; `one_start(error)` says what becomes of the others, in so many seconds."""
    start, first = process.Starter.start, tmp_path / "first"

    def says(error, seconds=0.0):
        def once(self, **options):
            if first.exists():
                time.sleep(seconds)
                raise error
            first.touch()
            return start(self, **options)

        monkeypatch.setattr(process.Starter, "start", once)

    return says


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        (NotStarted("not today"), Outcome.CRASHED, "the server did not start again: not today"),
        (PermissionError("not yours"), Outcome.ERROR, "please report it: PermissionError: not yours"),
    ],
)
def test_a_run_whose_only_lane_cannot_be_replaced_keeps_what_it_has(
    small, case, one_start, error, outcome, words
):
    one_start(error)
    judgement = lanes.judge(small(), [case(passes), case(lane_dies), case(passes), case(passes)])
    assert [it.outcome for it in judgement.results] == [Outcome.PASS, Outcome.ERROR, outcome, outcome]
    assert judgement.results[-1].detail.endswith(words)
    assert judgement.complete


def test_a_server_that_is_late_is_not_waited_for_and_costs_nothing(small, case, soon, one_start):
    """The run comes to its end while its second lane starts."""
    one_start(NotStarted("not today"), seconds=30)
    began = time.monotonic()
    judgement = lanes.judge(small(), [case(waits) for _ in range(4)])
    assert [result.outcome for result in judgement.results] == [Outcome.FAIL] * 4
    assert judgement.complete
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("place", ["os.fork", "lanes.FORK.Pipe"])
def test_a_lane_that_cannot_be_made_costs_nothing(small, case, soon, monkeypatch, place):
    made, real = [], os.fork if place == "os.fork" else lanes.FORK.Pipe

    def once():
        if made:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        made.append(True)
        return real()

    if place == "os.fork":
        monkeypatch.setattr(os, "fork", once)
    else:
        monkeypatch.setattr(lanes.FORK, "Pipe", once)
    judgement = lanes.judge(small(), [case(waits) for _ in range(4)])
    assert [result.outcome for result in judgement.results] == [Outcome.FAIL] * 4
    with pytest.raises(BlockingIOError):
        lanes.judge(small(), [case(passes)])


def test_what_the_kit_raises_in_a_lane_costs_its_case(small, case, monkeypatch):
    result = runner.Run.result

    def fails(self, chosen):
        if chosen.name == "test/lane_dies":
            raise PermissionError("not yours")
        return result(self, chosen)

    monkeypatch.setattr(runner.Run, "result", fails)
    first, second, third = lanes.judge(small(), [case(passes), case(lane_dies), case(passes)]).results
    assert (first.outcome, third.outcome) == (Outcome.PASS, Outcome.PASS)
    assert second.detail == "the kit itself failed, please report it: PermissionError: not yours"


def test_an_end_that_fails_in_the_kit_is_told_with_the_last_case_of_its_lane(small, case, monkeypatch):
    end = Server.stop

    def ends_in_error(*arguments, **options):
        end(*arguments, **options)
        raise PermissionError("not yours")

    with monkeypatch.context() as context:
        context.setattr(Server, "stop", ends_in_error)
        first, last = lanes.judge(small(), [case(passes), case(passes)]).results
        with pytest.raises(PermissionError, match="not yours"):
            lanes.judge(small(), [])
    assert (first.outcome, last.outcome) == (Outcome.PASS, Outcome.ERROR)
    assert last.detail == "the kit itself failed, please report it: PermissionError: not yours"


def test_an_end_that_fails_after_an_interrupt_is_told_with_the_case_before(small, case, monkeypatch):
    """Not with that under way, of which nothing is known."""
    end = Server.stop

    def ends_in_error(*arguments, **options):
        end(*arguments, **options)
        raise PermissionError("not yours")

    monkeypatch.setattr(Server, "stop", ends_in_error)
    with pytest.raises(Interrupted) as caught:
        lanes.judge(small(), [case(passes, name="one"), case(passes, name="two"), case(interrupted)])
    assert caught.value.judgement.table() == [("test/one", "pass"), ("test/two", "error")]


@pytest.mark.parametrize("interrupt", [interrupted, interrupts_the_run])
def test_an_interrupt_ends_all_lanes_and_keeps_what_was_judged(small, case, soon, interrupt):
    with pytest.raises(Interrupted) as caught:
        lanes.judge(small(), [case(passes), *[case(waits)] * 6, case(interrupt), *[case(waits)] * 50], jobs=3)
    judgement = caught.value.judgement
    assert judgement.table()[0] == ("test/passes", "pass")
    assert not judgement.complete
    assert len(judgement.results) < 20


ENDS_ITS_DRIVER = """
import os, runpy, signal, sys
signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGINT))
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def test_an_interrupt_of_a_lane_while_its_server_is_ended(small_server, case, tmp_path):
    """The server answers SIGTERM with a SIGINT for the driver, and stays."""
    path = tmp_path / "server.py"
    path.write_text(ENDS_ITS_DRIVER)
    adapter = custom(f"{sys.executable} {path} {small_server} {{port}} {{target}} plain")
    with pytest.raises(Interrupted) as caught:
        lanes.judge(adapter, [case(passes), case(passes, name="second")])
    assert caught.value.judgement.table() == [("test/passes", "pass"), ("test/second", "pass")]


KILLED = """
import os, signal, sys, time
from asgate.conformance import lanes
from asgate.conformance.case import Case
from asgate.conformance.servers import custom
from asgate.spec.clauses import Level

def waits(trial):
    with open(sys.argv[2], "a") as file:
        file.write(f"{trial.shared.port}\\n")
    time.sleep(0.25)
    trial.fail("nothing")

case = Case("test/waits", "test", "A title.", ("ASGI-001",), "", Level.MUST, "", "", 3.0, False, waits)
lanes.PATIENCE, lanes.WAITED, lanes.VAIN = 0.0, 0.2, 0.1
lanes.judge(custom(sys.argv[1]), [case] * 1000, jobs=3)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_server_of_any_lane_outlives_the_run(small_server, tmp_path, number):
    ports = tmp_path / "ports"
    ports.touch()
    words = f"{sys.executable} {small_server} {{port}} {{target}} plain"
    run = subprocess.Popen([sys.executable, "-c", KILLED, words, ports], stderr=subprocess.PIPE)
    while len(used := set(ports.read_text().split())) < 3:
        assert run.poll() is None
    run.send_signal(number)
    run.communicate()
    assert run.returncode in {-number, 1}
    for port in used:
        while listens(int(port)):  # bounded by the test's own time limit
            pass


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
