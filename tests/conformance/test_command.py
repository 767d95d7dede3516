"""`asgate conform` as it is typed."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from asgate.conformance.case import cases
from asgate.conformance.command import conform
from asgate.conformance.results import loads
from asgate.conformance.servers import ADAPTERS, custom

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


def test_only_what_has_become_faulty_counts_as_a_regression(typed, tmp_path, command):
    """A maintainer with known faults: green while there are no others."""
    words = ("--command", command, "--name", "small")
    code, output, _ = typed(*words, "--case", "ASGI-057", "--format", "json")
    assert (code, '"fail"' in output) == (11, True)
    (tmp_path / "known.json").write_text(output)
    compared = (*words, "--compare", "known.json")
    assert typed(*compared, "--case", "ASGI-057")[0] == 11
    code, _, errors = typed(*compared, "--case", "ASGI-057", "--regressions")
    assert (code, "small: the same table as before" in errors) == (0, True)
    code, _, errors = typed(*compared, "--case", CASE, "--regressions")  # one that the file does not have
    assert (code, f"request/{CASE}: no such case before, now pass" in errors) == (0, True)
    assert "not selected" not in errors and "ASGI-057" not in errors
    (tmp_path / "known.json").write_text(output.replace('"fail"', '"pass"'))
    code, _, errors = typed(*compared, "--case", "ASGI-057", "--regressions")
    assert (code, "pass before, now fail" in errors) == (11, True)


def test_a_server_that_is_gone_fails_the_comparison(typed, tmp_path, command):
    words = ("--command", command, "--case", CASE, "--compare", "before.json")
    code, output, _ = typed(*words[:4], "--name", "ghost", "--format", "json")
    (tmp_path / "before.json").write_text(output)
    for more in ((), ("--regressions",)):
        code, _, errors = typed(*words, "--name", "small", *more)
        assert code == 11
        assert "ghost: judged before, not judged now" in errors
        assert "small: the earlier run did not judge it" in errors


def test_a_fault_of_the_kit_has_a_code_of_its_own(tmp_path, command):
    """A case that breaks: put into the kit by the process that runs it."""
    code = (
        "import sys\n"
        "from asgate import cli\n"
        "from asgate.conformance.case import case\n"
        "@case('ASGI-001')\n"
        "def broken(trial):\n"
        "    'A title.'\n"
        "    return trial.case.clauses[1]\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    words = ["conform", "--command", command, "--case", "broken"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "error  MUST  __main__/broken" in done.stdout
    assert "the kit itself failed, please report it: IndexError" in done.stdout
    assert "no faults" not in done.stdout


def test_why_cases_are_not_offered_is_told_once_for_each_reason(typed, command):
    _, output, _ = typed("--command", command, "--group", "lifespan")
    line = "not offered: the application is not called with a scope of type lifespan\n    lifespan/"
    assert output.count("the application is not called with a scope of type lifespan") == 1
    assert line in output
    assert " more\n" in output[output.index(line) :]


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
    assert errors.count("not installed with") == len(ADAPTERS)
    code, output, _ = typed("--list-servers", *words)
    assert (code, output.count("not installed")) == (0, len(ADAPTERS))


def test_a_server_that_does_not_start(typed, small_server):
    command = f"{sys.executable} {small_server} {{port}} {{target}} ends"
    code, _, errors = typed("--command", command, "--case", CASE)
    assert code == 12
    assert "command: not judged: it ended with code 1: it does not want to" in errors
    assert "hint: the server runs in an empty folder of its own" in errors


def test_a_server_that_was_never_told_of_the_probe(typed):
    """It is known as soon as something else answers."""
    code, _, errors = typed("--command", "{python} -m http.server {port} --bind 127.0.0.1", "--case", CASE)
    assert code == 12
    assert "command: not judged: it answered, but the probe was never called" in errors
    assert errors.endswith("hint: is {target} in the command?\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("where", "expected"), [(">/dev/full", 4), (">&-", 4), ("2>/dev/full", 0), ("2>&-", 0)]
)
def test_streams_that_take_nothing_cost_no_report(tmp_path, command, where, expected):
    words = shlex.join(["conform", "--command", command, "--case", CASE, "--report", "out"])
    line = f"exec {sys.executable} -m asgate {words} {where}"
    done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stderr
    (judgement,) = loads((tmp_path / "out" / "results.json").read_text())
    assert [result.outcome for result in judgement.results] == ["pass"]
    assert "Traceback" not in done.stderr
    if expected:
        assert "\nasgate: the report cannot be written to stdout: " in done.stderr
    else:
        assert "request     1" in done.stdout


def test_a_start_that_fails_in_the_kit_keeps_what_was_judged_before(
    small_server, tmp_path, monkeypatch, capsys
):
    """The first server removes the place of temporary folders, from which the second would start."""
    place = tmp_path / "temporary"
    place.mkdir()
    path = tmp_path / "removes.py"
    path.write_text(
        f"import runpy, shutil, sys\nshutil.rmtree({str(place)!r})\nrunpy.run_path(sys.argv.pop(1))"
    )
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    words = f"{sys.executable} {path} {small_server} {{port}} {{target}} plain"
    monkeypatch.setitem(ADAPTERS, "asgate", custom(words, "first"))
    typed = ["asgate", "--command", "second {port}", "--name", "second", "--case", CASE]
    assert conform([*typed, "--report", str(tmp_path / "out")], standalone_mode=False) == 12
    errors = capsys.readouterr().err
    assert "second: not judged: the kit itself failed, please report it: FileNotFoundError: " in errors
    assert errors.startswith("first: 1 pass\n")
    (judgement,) = loads((tmp_path / "out" / "results.json").read_text())
    assert (judgement.server, len(judgement.results)) == ("first", 1)
    root = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    (suite,) = (suite for suite in root if suite.get("errors") == "1")
    assert suite.get("name") == "second: run"
    assert "the kit itself failed" in suite.find(".//error").get("message")


def test_an_interrupt_before_the_first_case_is_in_every_report(typed, tmp_path):
    path = tmp_path / "interrupts.py"
    path.write_text("import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)")
    words = ("--command", f"{sys.executable} {path} {{port}}", "--name", "mine", "--case", CASE)
    code, output, errors = typed(*words, "--report", "out")
    assert (code, "Traceback" in errors) == (130, False)
    assert "interrupted: only these 0 cases were judged" in output
    (judgement,) = loads((tmp_path / "out" / "results.json").read_text())
    assert (judgement.server, judgement.complete, judgement.results) == ("mine", False, ())
    document = ElementTree.parse(tmp_path / "out" / "junit.xml")
    assert "only 0 cases were judged" in document.find(".//error").get("message")


def test_the_version_of_an_own_server(typed, command):
    code, output, _ = typed("--command", command, "--name", "mine", "--server-version", "7.1", "--case", CASE)
    assert (code, output.startswith("\nmine 7.1\n")) == (0, True)


def test_lists(typed):
    code, output, _ = typed("--list")
    assert code == 0
    assert output.endswith(f"\n{len(cases())} cases\n")
    assert f"request/{CASE}" in output
    _, output, _ = typed("--list", "--group", "request", "--case", f"*{CASE}")
    assert output.endswith("\ngroups: request 1\n1 cases\n")
    code, output, _ = typed("--list-servers")
    assert (code, "asgate " in output) == (0, True)


WRONG = [
    ([], "there is no server to judge", "--list-servers"),
    (["uvicor"], "no adapter for a server named uvicor", "did you mean 'uvicorn'"),
    (["--al"], "--al is not an option of asgate conform", "did you mean '--all'"),
    (
        ["asgate", "--group", "requests"],
        "there is no group requests",
        "did you mean 'request'? The groups are ",
    ),
    (["asgate", "--group", "nothing"], "there is no group nothing", "The groups are asgi2, backpressure"),
    (
        ["asgate", "--group", "core", "--case", CASE],
        f"no case of core is named {CASE}",
        "of request there is",
    ),
    (["--command", "x {port}", "--command", "y {port}"], "--command is given twice", ""),
    (["asgate", "--regressions"], "--regressions needs an earlier run", "--compare"),
    (["asgate", "--case", "no-such-*"], "no case is named no-such-*", "--list names them"),
    (
        ["asgate", "--command", "x {port}", "--name", "asgate"],
        "two servers are named asgate",
        "--name gives that of --command another one",
    ),
    (["--all", "--command", "x {port}", "--name", "daphne"], "two servers are named daphne", "--name"),
    (["--command", "server"], "--command cannot be used: {port} is not in it", "such as --command"),
    (["--command", "server {port} {x}"], "braces stand for", ""),
    (["--command", "x {targt} {port}"], "{targt} stands for nothing", "did you mean 'target'?"),
    (["--command", "x {port} }"], "a brace stands alone in }; two of a kind stand for one", ""),
    (["--command", "x {port}", "--option", "y=z"], "y is none of root_path", ""),
    (
        ["--command", "x {port}", "--option", "root_path"],
        "--option root_path is not NAME=WORDS",
        "such as --command",
    ),
    (
        ["--command", "x {port}", "--option", "grace="],
        "the option grace has no {value} in its words",
        "such as",
    ),
    (["--command", "x {port}", "--option", "grace=-g 5"], "the option grace has no {value} in its words", ""),
    (
        ["--command", "x {port}", "--option", "grace=-g {value}", "--option", "grace=-h {value}"],
        "--option grace is given twice",
        "",
    ),
    (["asgate", "--name", "mine"], "--name is for --command, which is not there", "--command"),
    (["asgate", "--server-version", "1"], "--server-version is for --command", ""),
    (["asgate", "--option", "grace=-g {value}"], "--option is for --command", ""),
    (["asgate", "--report", ""], "Invalid value for '--report': it has no name", "asgate conform --help"),
    (["asgate", "--case"], "Option '--case' requires an argument", "see asgate conform --help"),
    (
        ["asgate", "--python", "/no/python"],
        "/no/python is no Python interpreter: No such file or directory",
        "",
    ),
    (["asgate", "--python", "/bin/ls"], "/bin/ls is no Python interpreter: it ended with code ", ""),
    (["asgate", "--python", "/bin/echo"], "/bin/echo is no Python interpreter: it said no version", ""),
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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ('"complete": false', "the run of small was interrupted after 1 cases"),
        ('"complete": true', "small was judged twice"),
    ],
)
def test_a_run_that_says_too_little_to_compare_with(typed, tmp_path, command, change, sentence):
    """What an interrupted run has never judged would pass without a word."""
    words = ("--command", command, "--name", "small", "--case", CASE)
    file = json.loads(typed(*words, "--format", "json")[1])
    file["judgements"] *= 2 if "true" in change else 1
    (tmp_path / "before.json").write_text(json.dumps(file).replace('"complete": true', change))
    for more in ((), ("--regressions",)):
        code, output, errors = typed(*words, "--compare", "before.json", *more)
        assert (code, output) == (4, "")
        assert f"before.json has no judgements to compare with: {sentence}" in errors


def test_a_report_that_cannot_be_written_is_found_before_the_first_server(typed, tmp_path, small_server):
    (tmp_path / "file").write_text("")
    started = tmp_path / "started"
    command = f"{sys.executable} {small_server} {{port}} {{target}} plain {started}"
    code, output, errors = typed("--command", command, "--case", CASE, "--report", "file/report")
    assert (code, output) == (4, "")
    assert "the report cannot be written to file/report: " in errors
    (tmp_path / "report" / "index.html").mkdir(parents=True)
    code, _, errors = typed("--command", command, "--case", CASE, "--report", "report")
    assert (code, errors.strip().count("\n")) == (4, 0)
    assert "the report cannot be written to report/index.html: it is a directory" in errors
    assert not started.exists()


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
        [
            sys.executable,
            "-m",
            "asgate",
            "conform",
            "--command",
            command,
            "--group",
            "request",
            "--report",
            "out",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not started.exists():
        assert driver.poll() is None
    port = int(started.read_text())
    driver.send_signal(number)
    output, errors = driver.communicate()
    assert driver.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    assert b"Traceback" not in errors
    if number != signal.SIGKILL:  # what was judged until then is told
        (judgement,) = loads((tmp_path / "out" / "results.json").read_text())
        assert not judgement.complete
        assert f"interrupted: only these {len(judgement.results)} cases were judged" in output.decode()
    while listens(port):  # bounded by the test's own time limit
        pass
