"""`asgate conform` as it is typed."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from asgate.conformance.case import cases
from asgate.conformance.results import loads

CASE = "first_event_without_body"


@pytest.fixture
def typed(tmp_path):
    """What a process of its own says."""

    def run(*arguments, **environ):
        done = subprocess.run(
            [sys.executable, "-m", "asgate", "conform", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | environ,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def command(small_server):
    """The words of `--command` for the small server."""
    return f"{sys.executable} {small_server} {{port}} {{target}} plain"


def test_asgate_has_no_fault_in_a_case_and_another_run_is_the_same(typed, tmp_path):
    code, output, errors = typed("asgate", "--case", CASE, "--format", "json")
    assert (code, errors) == (0, f"asgate {loads(output)[0].version}: 1 pass\n")
    (tmp_path / "before.json").write_text(output)
    code, output, errors = typed("asgate", "--case", CASE, "--compare", "before.json")
    assert code == 0
    assert "asgate: the same table as before" in errors
    assert "request     1" in output
    assert "no faults" in output


def test_another_table_than_before(typed, tmp_path, command):
    code, output, _ = typed("--command", command, "--name", "small", "--case", CASE, "--format", "json")
    assert code == 0
    (tmp_path / "before.json").write_text(output.replace('"pass"', '"fail"'))
    words = ("--command", command, "--name", "small", "--case", CASE, "--compare", "before.json")
    code, _, errors = typed(*words)
    assert code == 11
    assert f"small: request/{CASE}: fail before, now pass" in errors


def test_faults_are_told_with_their_evidence(typed, command):
    """The small server gives no `raw_path`, `client`, `query_string`…"""
    code, output, errors = typed("--command", command, "--case", "ASGI-057", "--evidence")
    assert code == 11
    assert errors.startswith("command: ")
    assert "MUST" in output
    assert "ASGI-057" in output
    assert "| wire 1 > GET " in output
    code, output, _ = typed("--command", command, "--case", "ASGI-057", "--fail-on", "never")
    assert code == 0
    assert "-v shows the evidence" in output


def test_reports(typed, tmp_path, command):
    pytest.importorskip("asgate.conformance.report")
    code, _, errors = typed("--command", command, "--case", CASE, "--report", "out/here")
    assert (code, "written: " in errors) == (0, True)
    (judgement,) = loads((tmp_path / "out" / "here" / "results.json").read_text())
    assert judgement.results[0].case == f"request/{CASE}"


def test_servers_that_are_not_installed(typed, tmp_path):
    """An interpreter without anything: `--all` names each; what was typed is missed, and so is any judgement."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    words = ("--python", bare / "bin" / "python", "--case", CASE)
    environ = {"PYTHONPATH": ""}
    isolated = tmp_path / "isolated"
    isolated.write_text("#!/bin/sh\nexec " + str(bare / "bin" / "python") + ' -E "$@"\n')
    isolated.chmod(0o755)
    words = ("--python", isolated, "--case", CASE)
    code, _, errors = typed("hypercorn", *words, **({} if "PYTHONPATH" in os.environ else environ))
    assert (code, errors) == (12, f"hypercorn: not installed with {isolated}\n")
    code, output, errors = typed("--all", *words, "--format", "json")
    assert (code, json.loads(output)["judgements"]) == (12, [])  # nothing was judged: that is no success
    assert errors.count("not installed with") == 9
    code, output, _ = typed("--list-servers", *words)
    assert (code, output.count("not installed")) == (0, 9)


def test_a_server_that_does_not_start(typed, small_server):
    command = f"{sys.executable} {small_server} {{port}} {{target}} ends"
    code, _, errors = typed("--command", command, "--case", CASE)
    assert code == 12
    assert "command: not judged: it ended with code 1: it does not want to" in errors


def test_lists(typed):
    code, output, _ = typed("--list")
    assert code == 0
    assert output.endswith(f"\n{len(cases())} cases\n")
    assert f"request/{CASE}" in output
    _, output, _ = typed("--list", "--group", "request", "--case", f"*{CASE}")
    assert output.endswith("\n1 cases\n")
    code, output, _ = typed("--list-servers")
    assert (code, "asgate " in output) == (0, True)


WRONG = [
    ([], "there is no server to judge", "--list-servers"),
    (["uvicor"], "no adapter for a server named uvicor", "did you mean 'uvicorn'"),
    (["--al"], "--al is not an option of asgate conform", "did you mean '--all'"),
    (["asgate", "--group", "requests"], "there is no group requests", "did you mean 'request'"),
    (["asgate", "--case", "no-such-*"], "no case is named no-such-*", "--list names them"),
    (["--command", "server"], "--command cannot be used: {port} is not in it", "such as --command"),
    (["--command", "server {port} {x}"], "braces stand for", ""),
    (["--command", "x {port}", "--option", "y=z"], "y is none of root_path", ""),
    (["asgate", "--python", "/no/python"], "/no/python is no Python interpreter", ""),
    (["asgate", "--fail-on", "may"], "'may' is not one of", "asgate conform --help"),
]


@pytest.mark.parametrize(("words", "sentence", "hint"), WRONG)
def test_wrong_words(typed, words, sentence, hint):
    code, output, errors = typed(*words)
    assert (code, output) == (2, "")
    assert sentence in errors
    assert hint in errors
    assert "Traceback" not in errors


def test_a_file_that_cannot_be_compared(typed, tmp_path):
    (tmp_path / "other.json").write_text('{"schema": 99}')
    for name in ("none.json", "other.json"):
        code, _, errors = typed("asgate", "--compare", name)
        assert (code, f"{name} has no judgements to compare with" in errors) == (4, True)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_server_outlives_the_driver(small_server, tmp_path, number):
    """Not even when it is killed: the probe ends its server, once the application has been called. (The group has no
    cases with servers of their own, which might be starting at that moment.)
    """
    started = tmp_path / "started"
    command = f"{sys.executable} {small_server} {{port}} {{target}} plain {started}"
    driver = subprocess.Popen(
        [sys.executable, "-m", "asgate", "conform", "--command", command, "--group", "request"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while not started.exists():
        assert driver.poll() is None
    port = int(started.read_text())
    driver.send_signal(number)
    _, errors = driver.communicate()
    assert driver.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert b"Traceback" not in errors
    while listens(port):  # bounded by the test's own time limit
        pass
