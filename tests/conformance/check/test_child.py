"""What an application may do to its process, and what is told of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

APP = """
import asyncio, faulthandler, os, re, signal, subprocess, sys, time

def http(function):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise ValueError("HTTP only")
        await function(scope, receive, send)
    return app

async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

@http
async def sound(scope, receive, send):
    await answer(send)

@http
async def prints(scope, receive, send):
    print("printed")
    sys.__stdout__.write("written")
    os.write(1, b"to the descriptor")
    if scope["method"] == "HEAD":
        subprocess.run(["echo", "echoed"], check=True)
    await answer(send)

@http
async def blocks(scope, receive, send):
    held_up(scope)
    await answer(send)

def held_up(scope):
    if "client" not in scope:
        time.sleep(1e4)

@http
async def computes(scope, receive, send):
    re.match(r"(a+)+$", "a" * 60 + "b")  # holds the interpreter's lock

@http
async def ends(scope, receive, send):
    if "client" not in scope:
        os._exit(7)
    await answer(send)

@http
async def ends_well(scope, receive, send):
    os._exit(0)

@http
async def kills(scope, receive, send):
    os.kill(os.getpid(), signal.SIGKILL)

@http
async def leaves_a_process(scope, receive, send):
    if os.fork() == 0:  # has the pipe of the report, too
        nowhere = os.open("/dev/null", os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        time.sleep(60)
        os._exit(0)
    os._exit(9)

@http
async def dies_in_real_time(scope, receive, send):
    os.kill(os.getpid(), signal.SIGRTMIN + 1)

@http
async def stops_the_loop(scope, receive, send):
    if "client" not in scope:
        asyncio.get_running_loop().stop()
    await answer(send)

@http
async def closes_descriptors(scope, receive, send):
    if "client" not in scope:
        os.closerange(3, 200)
    await answer(send)

FIRST = os.getpid()

@http
async def forks_and_goes_on(scope, receive, send):
    if os.getpid() != FIRST:
        print("called in the other process")
    os.fork()
    await answer(send)

@http
async def forks_and_ends(scope, receive, send):
    if (other := os.fork()) == 0:
        os._exit(0)
    os.waitpid(other, 0)
    await answer(send)

@http
async def disarms(scope, receive, send):
    faulthandler.cancel_dump_traceback_later()
    held_up(scope)
    await answer(send)

@http
async def takes_no_question(scope, receive, send):
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    held_up(scope)
    await answer(send)

KEPT = []

async def endless():
    try:
        while True:
            yield 1
    finally:
        await asyncio.sleep(1e4)

@http
async def keeps_a_generator(scope, receive, send):
    KEPT.append(endless())
    await anext(KEPT[-1])
    await answer(send)

@http
async def waits(scope, receive, send):
    if "client" in scope:
        return await answer(send)
    print("here", file=sys.stderr, flush=True)
    await asyncio.sleep(1e4)

@http
async def takes_no_signal(scope, receive, send):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("here", file=sys.stderr, flush=True)
    while True:
        time.sleep(1)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "odd.py").write_text(APP)
    (tmp_path / "gone.py").write_text("import os\nos._exit(3)\n")
    (tmp_path / "hangs.py").write_text(
        "import sys, time\nprint('here', file=sys.stderr, flush=True)\ntime.sleep(1e4)\n"
    )
    (tmp_path / "listens.py").write_text("print('imported')\nfrom odd import prints as app\n")
    return tmp_path


@pytest.fixture
def odd(typed, folder):
    def run(name, *options):
        return typed(
            f"odd:{name}", "--no-openapi", "--lifespan=off", "--timeout=0.5", *options, folder=folder
        )

    return run


@pytest.mark.parametrize("form", ["json", "junit", "sarif", "text"])
def test_what_it_prints_is_no_report(odd, form):
    code, out, err = odd("prints", f"--format={form}")
    assert code == 0, err
    for word in ("printed", "written", "to the descriptor", "echoed"):
        assert word not in out
        assert word in err
    if form == "junit":
        ElementTree.fromstring(out)
    elif form != "text":
        json.loads(out)


def test_nor_what_is_printed_while_it_is_imported(typed, folder):
    code, out, err = typed("listens:app", "--format=json", folder=folder)
    assert (code, json.loads(out)["complete"]) == (0, True)
    assert "imported" in err


def test_who_blocks_the_loop_for_good_is_named_and_the_rest_is_told(odd):
    code, out, _ = odd("blocks", "--format=json", "--fail-on=never")
    report = json.loads(out)
    (found,) = (finding for finding in report["findings"] if "for good" in finding["sentence"])
    assert code == 11
    assert found["clause"] == "ASGI-003"
    assert "at odd.py:" in found["sentence"]
    assert found["sentence"].endswith("in held_up")
    lines = [line.split()[-1] for line in found["trace"]]
    assert lines == ["app", "blocks", "held_up"]  # of the application alone
    assert found["scenario"] == "without client"
    assert {seen["scenario"] for seen in report["seen"]} >= {"plain", "body whole"}
    assert not report["complete"]


def test_also_when_no_other_thread_can_run(odd):
    code, out, _ = odd("computes")
    assert code == 11
    assert "blocks the event loop for good, at odd.py:" in out
    assert "in computes" in out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ends", "with code 7 during GET / (without client)"),
        ("ends_well", "with code 0 during GET / (plain)"),
        ("kills", "by signal SIGKILL during GET / (plain)"),
        ("leaves_a_process", "with code 9 during GET / (plain)"),
    ],
)
def test_an_end_of_the_process_is_told(odd, name, told):
    code, out, _ = odd(name)
    assert code == 11
    assert f"the application ended the process {told}" in out


@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="no real-time signals here")
def test_a_signal_without_a_name_is_told_by_its_number(odd):
    code, out, _ = odd("dies_in_real_time")
    assert code == 11
    assert f"the application ended the process by signal {signal.SIGRTMIN + 1} during GET / (plain)" in out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("stops_the_loop", "the application ended the event loop"),
        ("closes_descriptors", "the application closed file descriptors that are not its own"),
    ],
)
def test_what_the_check_stands_on_is_not_the_application_s(odd, name, sentence):
    code, out, err = odd(name, "--format=json")
    report = json.loads(out)
    (found,) = (finding for finding in report["findings"] if finding["level"] != "MAY")
    assert (code, found["clause"], found["sentence"]) == (11, "ASGI-025", sentence)
    assert (found["where"], found["scenario"]) == (["GET /"], "without client")
    (unjudged,) = report["not_judged"]
    assert unjudged["sentence"].startswith(f"{sentence} during GET / (without client)")
    assert not report["complete"]
    assert "Traceback" not in err


def test_an_application_that_forks_and_goes_on_does_not_multiply(odd):
    code, _, err = odd("forks_and_goes_on")  # returns when all that has its stderr is gone
    assert code == 0
    assert "called in the other process" not in err


def test_an_application_may_fork(odd):
    assert odd("forks_and_ends")[0] == 0


@pytest.mark.parametrize(("name", "place"), [("disarms", ", at odd.py:"), ("takes_no_question", "")])
def test_an_application_cannot_put_off_its_end(odd, name, place):
    code, out, _ = odd(name, "--format=json")
    (found,) = (finding for finding in json.loads(out)["findings"] if "for good" in finding["sentence"])
    assert code == 11
    assert found["sentence"].startswith(f"the application blocks the event loop for good{place}")
    assert (", at " in found["sentence"]) == bool(place)


IMPORTS = """
import time
from asgate.conformance.check.child import Telling, fork
from asgate.conformance.check.findings import Report

process = fork("it", 1)
if isinstance(process, Telling):
    time.sleep(1e4)
process.follow(Report("it"))
"""


def test_an_import_that_does_not_end_is_ended(tmp_path):
    (tmp_path / "imports.py").write_text(IMPORTS)
    done = subprocess.run(
        [sys.executable, "imports.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=55
    )
    assert "the import of the application did not end in time, at imports.py:8 in <module>" in done.stderr


AT_ONCE = """
import os, signal, sys, time
from asgate.conformance.check.child import Telling, fork, told
from asgate.conformance.check.findings import Report
from asgate.conformance.signals import interruptible

whom = sys.argv[1]
process = fork("it", 20)
if isinstance(process, Telling):
    if whom == "child":
        os.kill(os.getpid(), signal.SIGINT)
    with told(process):
        time.sleep(60)
if whom == "parent":
    os.kill(os.getpid(), signal.SIGHUP)
report = Report("it")
with interruptible():
    process.follow(report)
print([unjudged.sentence for unjudged in report.unjudged])
"""


@pytest.mark.parametrize("whom", ["parent", "child"])
def test_an_interrupt_before_both_are_ready_for_it_is_told(tmp_path, whom):
    (tmp_path / "at_once.py").write_text(AT_ONCE)
    done = subprocess.run(
        [sys.executable, "at_once.py", whom],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
    assert done.stdout == "['interrupted']\n", done


def test_a_generator_that_does_not_end_is_left(odd):
    assert odd("keeps_a_generator")[0] == 0


def test_an_end_while_it_is_imported(typed, folder):
    code, out, err = typed("gone:app", folder=folder)
    assert (code, out) == (6, "")
    assert "ended the process with code 3 while it was imported" in err


@contextlib.contextmanager
def begun(folder, target):
    """A check whose application has said that it is there."""
    command = [
        sys.executable, "-m", "asgate", "check", target, "--format=json", "--timeout=60", "--no-openapi",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert "here" in iter(process.stderr.readline, "").__next__()
        yield process


def one_after_the_other(pid, number):
    """A group is not told in one step: the process of the application may have ended before its parent hears of it."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), number)
    while Path(f"/proc/{child}").exists():
        os.sched_yield()
    os.kill(pid, number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("send", [os.kill, os.killpg])  # by hand, and CTRL+C
@pytest.mark.parametrize("target", ["odd:waits", "odd:takes_no_signal", "hangs:app"])
def test_an_interrupted_check_tells_what_it_has(folder, target, send, number):
    with begun(folder, target) as process:
        send(process.pid, number)
        out, err = process.communicate(timeout=20)  # both have ended: both have its stderr
    report = json.loads(out)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not report["complete"]
    during = "" if target == "hangs:app" else " during GET /"
    assert report["not_judged"][0]["sentence"].startswith(f"interrupted{during}")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_group_that_is_interrupted_one_by_one(folder):
    with begun(folder, "hangs:app") as process:
        one_after_the_other(process.pid, signal.SIGHUP)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["not_judged"][0]["sentence"] == "interrupted"


@pytest.mark.parametrize("target", ["odd:waits", "odd:takes_no_signal", "hangs:app"])
def test_nothing_is_left_when_the_check_is_killed(folder, target):
    with begun(folder, target) as process:
        process.kill()
        process.communicate(timeout=20)  # the end of stderr: the process of the application has gone, too


STREAMS = {
    "closed stdout": (">&-", 4),
    "full stdout": (">/dev/full", 4),
    "closed stderr": ("2>&-", 0),
    "full stderr": ("2>/dev/full", 0),
    "closed stdout, written": ("--output report.txt >&-", 0),
    "full stdout, written": ("--output report.txt >/dev/full", 0),
    "full stderr, written": ("--output report.txt 2>/dev/full", 0),
    "all closed, written": ("--output report.txt <&- >&- 2>&-", 0),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("name", STREAMS)
def test_streams_that_take_nothing(folder, name):
    words, expected = STREAMS[name]
    command = f"exec {sys.executable} -m asgate check odd:sound --no-openapi --lifespan=off {words}"
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=55)
    assert done.returncode == expected, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if expected:
        assert done.stderr.count("\n") == 1 or "--output" in done.stderr
        assert "the report cannot be written to stdout" in done.stderr
    if "--output" in words:
        assert "nothing found" in (folder / "report.txt").read_text()


def test_nothing_is_left_open(folder):
    command = [
        sys.executable, "-X", "dev", "-m", "asgate", "check", "odd:sound", "--no-openapi", "--lifespan=off",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=55)
    assert done.returncode == 0
    assert "ResourceWarning" not in done.stderr
