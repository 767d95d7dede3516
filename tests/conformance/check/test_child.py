"""What an application may do to its process, and what is told of it."""

import json
import os
import signal
import subprocess
import sys
from xml.etree import ElementTree

import pytest

APP = """
import asyncio, os, re, signal, subprocess, sys, time

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
        ("kills", "by SIGKILL during GET / (plain)"),
        ("leaves_a_process", "with code 9 during GET / (plain)"),
    ],
)
def test_an_end_of_the_process_is_told(odd, name, told):
    code, out, _ = odd(name)
    assert code == 11
    assert f"the application ended the process {told}" in out


def test_a_generator_that_does_not_end_is_left(odd):
    assert odd("keeps_a_generator")[0] == 0


def test_an_end_while_it_is_imported(typed, folder):
    code, out, err = typed("gone:app", folder=folder)
    assert (code, out) == (6, "")
    assert "ended the process with code 3 while it was imported" in err


@pytest.mark.parametrize("send", [os.kill, os.killpg])  # by hand, and CTRL+C
@pytest.mark.parametrize("name", ["waits", "takes_no_signal"])
def test_an_interrupted_check_tells_what_it_has(folder, name, send):
    command = [
        sys.executable, "-m", "asgate", "check", f"odd:{name}", "--format=json", "--timeout=60", "--no-openapi",
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert "here" in iter(process.stderr.readline, "").__next__()
        send(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    report = json.loads(out)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not report["complete"]
    assert report["not_judged"][0]["sentence"].startswith("interrupted during GET /")
