"""`asgate.run` and the exit codes around it, in processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("asgate._core")
clause = pytest.mark.clause

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutting down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/exit":
        raise SystemExit(7)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""


class Running:
    """A server process; `url` is read from its start line."""

    def __init__(self, directory, *arguments, program=("-m", "asgate", "run")):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ASGATE_")}
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=directory,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.messages = ""

    def __enter__(self):
        for line in self.process.stderr:
            self.messages += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found[0]
                return self
        raise AssertionError(self.messages)

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def fetch(self, path):
        with urllib.request.urlopen(self.url + path) as reply:
            return reply.read()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.ended()

    def ended(self):
        out, err = self.process.communicate()
        self.messages += err
        return self.process.returncode, out


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_it_in_order(project, tmp_path, loop, number):
    project("site7.py", APP)
    with Running(tmp_path, "site7:app", "--port", "0", "--loop", loop) as server:
        assert server.fetch("/x") == b"ok"
        code, out = server.stop(number)
    assert code == 0
    assert re.search(
        r"serves site7:app \(ASGI 3\) on http://127.0.0.1:\d+ \(Press CTRL\+C to stop\)", server.messages
    )
    assert f"stopping ({number.name})" in server.messages
    assert server.messages.rstrip().endswith("stopped")
    assert re.search(r'127\.0\.0\.1:\d+ "GET /x HTTP/1\.1" 200 2 B', out)
    assert "shutting down" in out


def test_run_from_python(project, tmp_path):
    project(
        "site8.py",
        APP
        + "\nimport asgate\nif __name__ == '__main__':\n    asgate.run(app, port=0)\n    print('after')\n",
    )
    with Running(tmp_path, program=("site8.py",)) as server:
        assert server.fetch("/") == b"ok"
        code, out = server.stop()
    assert code == 0
    assert out.rstrip().endswith("after"), "the program goes on after a stop"


def test_run_from_python_with_a_wrong_option_exits(project, tmp_path):
    project("site9.py", "import asgate\nasgate.run('nothing:app', prot=0)\n")
    done = subprocess.run(
        [sys.executable, "site9.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "asgate: prot from the argument prot is not an option\n  hint: did you mean"
    )


@clause("ASGI-025")
def test_the_applications_exit_code_is_the_processs(project, tmp_path):
    project("site10.py", APP)
    with Running(tmp_path, "site10:app", "--port", "0") as server:
        with pytest.raises(OSError):
            server.fetch("/exit")
        code, out = server.ended()
    assert code == 7
    assert "shutting down" in out


FAILING = [
    (
        "await send({'type': 'lifespan.startup.failed', 'message': 'no database'})",
        [],
        3,
        "failed to start: no database",
    ),
    ("raise ValueError('broken')", ["--lifespan", "on"], 3, "ValueError: broken"),
    (
        "import asyncio; await asyncio.sleep(60)",
        ["--timeout-lifespan", "0.1"],
        3,
        "did not start within 0.1 s",
    ),
]


@clause("ASGI-195", "ASGI-204")
@pytest.mark.parametrize(("line", "arguments", "exit_code", "words"), FAILING)
def test_a_failed_start(project, tmp_path, line, arguments, exit_code, words):
    project("site11.py", f"async def app(scope, receive, send):\n    await receive()\n    {line}\n")
    done = subprocess.run(
        [sys.executable, "-m", "asgate", "site11:app", "--port", "0", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code
    assert words in done.stderr
    assert "asgate/server" not in done.stderr, "none of our frames"


@clause("ASGI-201")
def test_a_failed_shutdown(project, tmp_path):
    project("site12.py", APP.replace("shutdown.complete", "shutdown.failed"))
    with Running(tmp_path, "site12:app", "--port", "0") as server:
        code, _ = server.stop()
    assert code == 9
    assert "the application failed to shut down" in server.messages


def test_json_everywhere(project, tmp_path):
    project("site13.py", APP)
    with Running(tmp_path, "site13:app", "--port", "0", "--log-format", "json") as server:
        server.fetch("/x")
        code, out = server.stop()
    assert code == 0
    assert all(json.loads(line)["logger"] == "asgate" for line in server.messages.splitlines())
    access = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert access[0]["path"] == "/x"


def test_failures_as_json_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "asgate", "nothing_here:app", "--log-format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert json.loads(done.stderr)["message"].startswith("no module named nothing_here")


STUCK = APP.replace("import os", "import threading\nthreading.Thread(target=threading.Event().wait).start()")


def test_a_thread_of_the_application_does_not_hold_up_the_end(project, tmp_path):
    project("site14.py", STUCK)
    with Running(tmp_path, "site14:app", "--port", "0") as server:
        code, _ = server.stop()
    assert code == 0
    assert "left behind: 1 thread(s)" in server.messages


def test_ctrl_c_while_the_application_is_imported(project, tmp_path):
    project("site15.py", "import sys, threading\nprint('importing', flush=True)\nthreading.Event().wait()\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "asgate", "site15:app"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err.strip()) == (130, "")


def test_a_signal_while_the_application_starts(project, tmp_path):
    project(
        "site16.py",
        "import asyncio\nasync def app(scope, receive, send):\n    print('starting', flush=True)\n"
        "    try:\n        await asyncio.Event().wait()\n    finally:\n        print('cleaned', flush=True)\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "asgate", "site16:app", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "starting\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "cleaned\n")
    assert "stopping (SIGTERM)" in err
