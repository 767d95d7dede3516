import errno
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from asgate.conformance import process
from asgate.conformance.control import LOST
from asgate.conformance.process import NotStarted, Server, Starter
from asgate.conformance.results import Outcome
from asgate.conformance.runner import STARTS, Interrupted, judge
from asgate.conformance.servers import custom

GET = b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n"


def passes(trial):
    wire, app = trial.request("/")
    app.respond(body=b"hello")
    assert wire.response().body == b"hello"


def fails(trial):
    wire, app = trial.request("/")
    app.respond()
    trial.expect(wire.response().status == 418, "a teapot", saw=wire.received.decode())


def differs(trial):
    trial.differs("that is allowed")


def not_offered(trial):
    trial.offered(trial.request("/")[1], "tls")


def odd_shape(trial):
    _, app = trial.request("/")
    return app.scope["state"]["nothing"]


def odd_extensions(trial):
    _, app = trial.request("/")
    app.mutate("extensions", value=[])
    app.scope = app.look() | {"extensions": 5}
    trial.offered(app, "tls")


def a_fault_of_the_case(trial):
    return trial.case.clauses[1]


def a_fault_of_the_driver(trial):
    wire, _ = trial.request("/")
    wire.close()
    wire.read_exactly(1)


def a_file_that_is_not_there(trial):
    trial.request("/")
    Path("/no/such/file").read_bytes()


def too_many_open_files(trial):
    trial.request("/")
    raise OSError(errno.EMFILE, "Too many open files")


def sends_to_who_has_left(trial):
    wire = trial.connect()
    wire.send(GET % b"/close" + b"x" * 100)
    wire.ended()
    for _ in range(2):  # the first one may be what the other end answers with a reset
        wire.send(b"more")
        wire.drained()
        trial.settle()


def a_name_that_is_not_there(trial):
    trial.request("/")
    trial.no_such_thing_in_a_trial_at_all = undefined  # noqa: F821


def waits_for_nothing(trial):
    trial.connect()
    trial.conversation()


def dies(trial):
    trial.connect().send(GET % b"/die")
    trial.conversation()


def hangs(trial):
    trial.connect().send(GET % b"/hang")
    trial.conversation()


def needs_an_option(trial):
    trial.server(root_path="/mounted")


def leaves_everything(trial):
    for number in range(3):
        trial.request(f"/{number}")
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\n")
    trial.request("/stalled")[1].begin_receive()


OUTCOMES = [
    (passes, Outcome.PASS, ""),
    (fails, Outcome.FAIL, "expected: a teapot; saw: HTTP/1.1 200 OK\\r\\n"),
    (differs, Outcome.DIFFERS, "that is allowed"),
    (not_offered, Outcome.NOT_OFFERED, "tls is not in scope['extensions']"),
    (odd_shape, Outcome.FAIL, "has another shape: KeyError: 'state'"),
    (odd_extensions, Outcome.FAIL, "has another shape: TypeError: "),
    (a_fault_of_the_case, Outcome.ERROR, "the kit itself failed, please report it: IndexError: "),
    (a_fault_of_the_driver, Outcome.ERROR, "the kit itself failed, please report it: ValueError: "),
    (a_file_that_is_not_there, Outcome.ERROR, "the kit itself failed, please report it: FileNotFoundError: "),
    (too_many_open_files, Outcome.ERROR, "the kit itself failed, please report it: OSError: [Errno "),
    (sends_to_who_has_left, Outcome.FAIL, "the connection broke: [Errno "),
    (a_name_that_is_not_there, Outcome.ERROR, "the kit itself failed, please report it: NameError: "),
    (waits_for_nothing, Outcome.FAIL, "in 0.3 s it did not come to this: the application was called"),
    (dies, Outcome.CRASHED, "the server process ended with signal SIGKILL"),
    (hangs, Outcome.CRASHED, "the server no longer answers a plain request"),
    (needs_an_option, Outcome.NOT_OFFERED, "no option for it: root_path"),
    (leaves_everything, Outcome.PASS, ""),
]


@pytest.mark.parametrize(
    ("function", "outcome", "words"), OUTCOMES, ids=lambda it: getattr(it, "__name__", "")
)
def test_outcomes_and_the_case_after_them(running, case, monkeypatch, function, outcome, words):
    """Whatever a case does to the server, the next one finds it well."""
    monkeypatch.setattr(process, "HEALTH_LIMIT", 0.5)
    run = running()
    result = run.result(case(function, seconds=0.3 if function in (waits_for_nothing, hangs) else 3.0))
    assert (result.outcome, words in result.detail) == (outcome, True), result.detail
    assert run.result(case(passes)).outcome is Outcome.PASS


def test_two_servers_that_die_alike_are_both_seen(running, case):
    """The shared one is started anew, though its death reads like that of the case's own."""
    run = running()

    def kills_both(trial):
        own = trial.server()
        for server in (None, own):
            wire = trial.connect(server)
            wire.send(GET % b"/die")
            wire.ended()
        own.exit_code(trial.deadline())

    result = run.result(case(kills_both))
    assert (result.outcome, result.detail) == (
        Outcome.CRASHED,
        "the server process ended with signal SIGKILL",
    )
    assert run.result(case(passes)).outcome is Outcome.PASS


def test_a_dead_worker_of_a_server_of_its_own_is_seen_with_what_it_printed(running, case):
    def kills_the_worker(trial):
        server = trial.server()
        _, app = trial.request("/", server=server)
        trial.connect(server).send(GET % b"/last-words")
        trial.expect(app.ended() == "returned", "the application returns", saw=app.ended())

    result = running("parent").result(case(kills_the_worker))
    assert result.outcome is Outcome.CRASHED
    assert result.detail.endswith("saw: lost with its process; then a process of the server died")
    assert "server these are my last words" in result.evidence


def test_an_application_that_does_not_end_is_told_and_costs_the_server(running, case):
    run = running()
    pid = run.server.pid

    def blocks(trial):
        trial.request("/")
        wire = trial.connect()
        wire.send(GET % b"/nap")
        assert wire.read_exactly(4) == b"zzzz"
        trial.fail("nothing")

    result = run.result(case(blocks))
    assert any("did not end when they were cancelled" in line for line in result.evidence)
    assert run.server is None or run.server.pid != pid


def test_a_sound_server_is_not_started_again(running, case):
    run = running()
    pid = run.server.pid
    for function in (passes, fails, leaves_everything, odd_shape):
        run.result(case(function))
    assert run.server.pid == pid


def test_a_dead_worker_behind_a_living_parent(running, case):
    run = running("parent")

    def kills_the_worker(trial):
        wire, app = trial.request("/")
        trial.connect().send(GET % b"/die")
        assert app.ended() == LOST
        assert wire.ended()

    result = run.result(case(kills_the_worker))
    assert (result.outcome, result.detail) == (Outcome.CRASHED, "a process of the server died")
    assert run.result(case(passes)).outcome is Outcome.PASS


def test_a_server_that_forks_after_the_probe_was_there(running, case):
    assert running("fork").result(case(passes)).outcome is Outcome.PASS


def test_a_server_that_prints_a_lot(running, case):
    run = running()

    def prints(trial):
        _, app = trial.request("/print")
        app.respond()
        trial.fail("silence", saw=len(trial.printed()))

    result = run.result(case(prints))
    assert result.outcome is Outcome.FAIL
    assert result.evidence[-1].startswith("server ")
    assert "printed printed" in result.evidence[-1]
    assert sum(map(len, result.evidence)) < 10_000
    assert run.server.printed < process.OUTPUT_LIMIT


def test_evidence_is_bounded(running, case):
    def reads_and_reads(trial):
        for _ in range(200):
            trial.request("/")[1].respond()
        trial.fail("less")

    evidence = running().result(case(reads_and_reads, seconds=20)).evidence
    assert len(evidence) < 200
    assert any("lines left out" in line for line in evidence)
    assert evidence[0].startswith("wire 1 > GET / HTTP/1.1")


def test_a_report_of_megabytes_does_not_stall_the_wire(running, case):
    """The probe writes it while the driver waits for the answer on the wire."""

    def reports(trial):
        wire, app = trial.request("/")
        app.mutate("large", value=b"x" * 8_000_000)
        operation = app._begin("scope", "the scope was reported")
        app.begin_send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        assert wire.response().status == 200
        assert len(operation.value()["large"]) == 8_000_000

    result = running().result(case(reports, seconds=20))
    assert (result.outcome, result.detail) == (Outcome.PASS, "")


def test_a_server_that_starts_late(running, case):
    assert running("late").result(case(passes)).outcome is Outcome.PASS


def test_a_server_that_ends_at_once(small):
    with pytest.raises(
        NotStarted, match=r"^it ended with code 1: it does not want to \(started as: .*small_server"
    ):
        judge(small("ends"), [])
    with pytest.raises(NotStarted, match=r"^it ended with code 0 and printed nothing \(started as: "):
        judge(small("silent"), [])


def test_a_server_that_never_listens(small, monkeypatch):
    monkeypatch.setattr(process, "START_LIMIT", 0.3)
    with pytest.raises(
        NotStarted, match=r"^in 0.3 s it accepted no connections on 127.0.0.1 port \d+ and printed "
    ):
        judge(small("deaf"), [])


def test_a_program_that_is_not_there():
    with pytest.raises(NotStarted, match="cannot be run"):
        Starter(custom("/no/such/program {port}"), sys.executable).start()


def test_a_server_that_does_not_come_back(running, case, monkeypatch):
    """The run goes on; the cases that are left are crashed, and soon no more starts are tried."""
    run = running()
    starts = []

    def start(**_):
        starts.append(time.monotonic())
        raise NotStarted("not today")

    monkeypatch.setattr(run._starter, "start", start)
    outcomes = [run.result(case(dies)) for _ in range(6)]
    assert {result.outcome for result in outcomes} == {Outcome.CRASHED}
    assert "did not start again: it failed 3 times" in outcomes[-1].detail
    assert len(starts) == 3


def test_a_start_that_fails_in_the_kit_is_an_error_and_the_run_goes_on(running, case, monkeypatch, tmp_path):
    """More often than a server may fail: the fault is not the server's."""
    run = running()
    with monkeypatch.context() as nowhere:
        nowhere.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
        results = [run.result(case(function)) for function in (dies, *[passes] * (STARTS + 1))]
    assert [result.outcome for result in results] == [Outcome.CRASHED, *[Outcome.ERROR] * (STARTS + 1)]
    assert "the kit itself failed, please report it: FileNotFoundError: " in results[-1].detail
    assert results[-1].evidence[0].startswith("driver ")
    assert run.result(case(passes)).outcome is Outcome.PASS


@pytest.fixture
def hard_to_end(monkeypatch):
    """Servers whose end raises when it is done."""
    end = Server.stop

    def ends_in_error(*arguments, **options):
        end(*arguments, **options)
        raise PermissionError("not yours")

    with monkeypatch.context() as context:
        context.setattr(Server, "stop", ends_in_error)
        yield


def test_an_end_that_fails_in_the_kit_is_an_error_and_the_run_goes_on(small, case, hard_to_end):
    judgement = judge(small(), [case(dies), case(fails), case(passes)])
    died, _, passed = judgement.results
    assert [it.outcome for it in judgement.results] == [Outcome.ERROR, Outcome.FAIL, Outcome.ERROR]
    assert "signal SIGKILL; then the kit itself failed, please report it: PermissionError: not" in died.detail
    assert passed.detail.startswith("the kit itself failed, please report it: PermissionError: not yours")
    assert passed.evidence[-1].startswith("driver ends_in_error, line ")


def test_the_time_of_a_start_does_not_count(running, case):
    run = running("late")

    def starts_its_own(trial):
        wire, app = trial.request("/", server=trial.server())
        app.respond()
        assert wire.response().status == 200

    result = run.result(case(starts_its_own, seconds=0.25))
    assert (result.outcome, result.detail) == (Outcome.PASS, "")


def test_a_server_of_its_own_that_crashes(running, case):
    def kills_its_own(trial):
        server = trial.server()
        trial.connect(server).send(GET % b"/die")
        server.exit_code(trial.deadline())

    result = running().result(case(kills_its_own))
    assert (result.outcome, result.detail) == (
        Outcome.CRASHED,
        "the server process ended with signal SIGKILL",
    )


def test_two_runs_give_the_same_table(small, case):
    chosen = [case(function) for function, _, _ in OUTCOMES[:5]]
    first, second = judge(small(), chosen), judge(small(), chosen)
    assert first.table() == second.table()
    assert first.complete
    assert first.command.endswith("asgi_probe:app plain")


def test_an_interrupt_keeps_what_was_judged_before(small, case):
    def interrupts(trial):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        judge(small(), [case(passes), case(interrupts), case(fails)])
    judgement = caught.value.judgement
    assert judgement.table() == [("test/passes", "pass")]
    assert not judgement.complete


INTERRUPTS_WHO_ENDS_IT = """
import os, runpy, signal, sys
signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getppid(), signal.SIGINT))
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


@pytest.mark.parametrize("before", [False, True], ids=["once", "and before"])
def test_an_interrupt_while_the_server_is_ended_keeps_what_was_judged(small_server, case, tmp_path, before):
    """The server answers SIGTERM with a SIGINT for the driver, and stays."""
    path = tmp_path / "server.py"
    path.write_text(INTERRUPTS_WHO_ENDS_IT)
    adapter = custom(f"{sys.executable} {path} {small_server} {{port}} {{target}} plain")

    def interrupts(trial):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        judge(adapter, [case(passes), case(fails), *([case(interrupts)] if before else [])])
    assert caught.value.judgement.table() == [("test/passes", "pass"), ("test/fails", "fail")]
    assert not caught.value.judgement.complete


def test_the_python_of_a_foreign_command_is_not_claimed(small, case):
    foreign = judge(small(), [])
    own = judge(replace(small(), command=("{python}", *small().command[1:]), told="7.1"), [])
    assert (foreign.python, foreign.version) == ("", "")
    assert (own.python, own.version) == (platform.python_version(), "7.1")


def test_relative_places_on_the_import_path_are_those_of_the_user(small_server, case, tmp_path, monkeypatch):
    """The server runs in another folder."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.py").write_text(small_server.read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "here")
    judgement = judge(custom("{python} -m mine {port} {target} plain"), [case(passes)])
    assert judgement.table() == [("test/passes", "pass")]


def test_an_interrupt_while_a_server_starts_leaves_none_behind(small, monkeypatch):
    """It comes when the process has just been made, and before anybody knows of it."""
    made = []

    def begun(*arguments, **options):
        process = Popen(*arguments, **options)
        made.append(process)
        signal.raise_signal(signal.SIGINT)
        return process

    Popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", begun)
    with pytest.raises(KeyboardInterrupt):
        Starter(small("deaf"), sys.executable).start()
    assert made[0].poll() is not None
