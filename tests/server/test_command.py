"""`asgate.run` and the exit codes around it, in processes of their own."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from asgate.server.descriptors import ROOM
from asgate.version import UNKNOWN

pytest.importorskip("asgate._core")
pytestmark = pytest.mark.usefixtures("hangups")
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


def ended(directory, *arguments):
    """A Python process that ends by itself, with its output."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=directory, capture_output=True, text=True, check=False
    )


def begun(directory, *arguments):
    """A Python process that runs until it is told to end; its output is read by the test."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Running:
    """A server process; `url` is read from its start line."""

    def __init__(self, directory, *arguments, program=("-m", "asgate", "run"), **more):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("ASGATE_")}
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=directory,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
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
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
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
    done = ended(tmp_path, "site9.py")
    assert done.returncode == 2
    assert done.stderr.startswith("asgate: prot from the keywords is not an option\n  hint: did you mean")


@clause("ASGI-025")
def test_the_applications_exit_code_is_the_processs(project, tmp_path):
    project("site10.py", APP)
    with Running(tmp_path, "site10:app", "--port", "0") as server:
        with pytest.raises(OSError):
            server.fetch("/exit")
        code, out = server.ended()
    assert code == 7
    assert "shutting down" in out
    line = APP[: APP.index("raise SystemExit")].count("\n") + 1
    assert f"stopping (SystemExit(7) raised at site10.py:{line})\n" in server.messages


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
    done = ended(tmp_path, "-m", "asgate", "site11:app", "--port", "0", *arguments)
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
    done = ended(tmp_path, "-m", "asgate", "nothing_here:app", "--log-format", "json")
    assert done.returncode == 5
    assert json.loads(done.stderr)["message"].startswith("no module named nothing_here")


def test_under_nohup_a_closed_terminal_is_no_reason_to_stop(project, tmp_path):
    project("site17.py", APP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a child inherits that, as it does from `nohup`
    with Running(tmp_path, "site17:app", "--port", "0") as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.fetch("/") == b"ok"
        code, _ = server.stop()
    assert code == 0
    assert "SIGHUP" not in server.messages


# The command with less patience.
IMPATIENT = """
from asgate.cli import main
from asgate.server import command
command.THREADS_LIMIT = 0.2
main()
"""
EXECUTOR = """
import atexit, concurrent.futures, threading
pool = concurrent.futures.ThreadPoolExecutor(2)
pool.submit({work}).done()
atexit.register(print, "atexit ran")
"""


def test_idle_executors_end_at_once_and_atexit_runs(project, tmp_path):
    project("site14.py", EXECUTOR.format(work="int") + APP)
    with Running(tmp_path, "site14:app", "--port", "0") as server:
        code, out = server.stop()
    assert code == 0
    assert server.messages.rstrip().endswith("stopped")
    assert out.splitlines()[-1] == "atexit ran"


STUCK = [
    "import threading\nthreading.Thread(target=threading.Event().wait).start()\n",
    EXECUTOR.format(work="threading.Event().wait"),
]


@pytest.mark.parametrize("code", STUCK, ids=["thread", "executor"])
def test_a_stuck_thread_of_the_application_does_not_hold_up_the_end(project, tmp_path, code):
    project("site18.py", code + APP)
    program = ("-c", IMPATIENT, "run")
    with Running(tmp_path, "site18:app", "--port", "0", program=program) as server:
        code, out = server.stop()
    assert code == 0
    assert "left behind: 1 thread(s)" in server.messages
    assert "atexit ran" not in out


def test_nor_does_one_that_can_say_nothing_any_more(project, tmp_path, monkeypatch):
    monkeypatch.delenv(
        "PYTHONUNBUFFERED", raising=False
    )  # what it prints fails when it is flushed at the end
    project("site19.py", STUCK[0] + APP.replace(", flush=True", ""))
    program = ("-c", IMPATIENT, "run")
    with Running(tmp_path, "site19:app", "--port", "0", program=program) as server:
        server.process.stdout.close()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait() == 0


def test_a_function_of_atexit_may_take_its_time(project, tmp_path):
    project("site20.py", "import atexit, sys\natexit.register(sys.stdin.read)\n" + APP)
    code = IMPATIENT.replace(
        "main()",
        "watch = command._watch\ncommand._watch = lambda code: (watch(code), print('watched'))\nmain()",
    )
    with Running(
        tmp_path, "site20:app", "--port", "0", program=("-uc", code, "run"), stdin=subprocess.PIPE
    ) as server:
        server.process.send_signal(signal.SIGTERM)
        said = iter(server.process.stdout.readline, "")
        assert "watched\n" in said
        assert server.process.poll() is None
        code, _ = server.ended()  # which closes its stdin
    assert code == 0


def test_the_code_is_the_same_when_threads_end_by_themselves(project, tmp_path):
    project("site21.py", EXECUTOR.format(work="int") + APP.replace("shutdown.complete", "shutdown.failed"))
    with Running(tmp_path, "site21:app", "--port", "0") as server:
        code, out = server.stop()
    assert code == 9
    assert "atexit ran" in out


# Answers what the descriptor in the path is.
DESCRIPTORS = """
import os, stat
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    try:
        mode = os.fstat(int(scope["path"][1:])).st_mode
        body = b"socket" if stat.S_ISSOCK(mode) else b"device" if stat.S_ISCHR(mode) else b"other"
    except OSError:
        body = b"closed"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})
"""


def test_an_inherited_socket_is_the_commands_alone(project, tmp_path):
    project("site22.py", DESCRIPTORS)
    with socket.create_server(("127.0.0.1", 0)) as given:
        number = fcntl.fcntl(given, fcntl.F_DUPFD, 200)  # far from what a process opens by itself
        running = Running(tmp_path, "site22:app", "--fd", str(number), pass_fds=[number])
        os.close(number)
    with running as server:
        assert server.fetch(f"/{number}") == b"closed"
        assert server.stop()[0] == 0


def test_an_inherited_standard_input_becomes_empty(project, tmp_path):
    project("site23.py", DESCRIPTORS)
    with socket.create_server(("127.0.0.1", 0)) as given:
        running = Running(tmp_path, "site23:app", "--fd", "0", stdin=given)
    with running as server:
        assert server.fetch("/0") == b"device"
        assert server.stop()[0] == 0


def test_from_python_the_socket_stays_with_the_program(project, tmp_path):
    project(
        "site24.py",
        APP
        + "\nimport asgate, socket\nif __name__ == '__main__':\n"
        + "    given = socket.create_server(('127.0.0.1', 0))\n"
        + "    asgate.run(app, fd=given.fileno())\n    print(given.getsockname()[1])\n",
    )
    with Running(tmp_path, program=("site24.py",)) as server:
        assert server.fetch("/") == b"ok"
        code, out = server.stop()
    assert code == 0
    assert server.url.endswith(":" + out.splitlines()[-1])


def test_ctrl_c_while_the_application_is_imported(project, tmp_path):
    project("site15.py", "import sys, threading\nprint('importing', flush=True)\nthreading.Event().wait()\n")
    process = begun(tmp_path, "-m", "asgate", "site15:app")
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "asgate: interrupted while site15:app was imported\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "wait", ["threading.Event().wait()", "\ntry: threading.Event().wait()\nexcept: pass"]
)
def test_other_signals_while_the_application_is_imported(project, tmp_path, number, wait):
    """Also where something takes the interruption for an error of its own."""
    project(
        "site39.py", f"import threading\nprint('importing', flush=True); {wait}\nasync def app(*_): ...\n"
    )
    process = begun(tmp_path, "-m", "asgate", "site39:app", "--port", "0")
    assert process.stdout.readline() == "importing\n"
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 0
    said = [text.partition("INFO     ")[2] for text in err.splitlines()]
    assert said == [f"stopping ({number.name})", "stopped before it served"]


INTERRUPTS = """
import os, runpy, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.argv[1:] = ["missing:app"]
runpy.run_module("asgate", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("name", ["click", "asgate.config.load", "asgate.server.signals"])
def test_ctrl_c_while_our_own_modules_are_imported(tmp_path, name):
    done = ended(tmp_path, "-c", INTERRUPTS.format(name=name))
    assert (done.returncode, done.stderr) == (130, "asgate: interrupted\n")


@clause("ASGI-025")
def test_a_keyboard_interrupt_of_the_application_ends_it_with_a_line(project, tmp_path):
    project("site38.py", APP.replace("raise SystemExit(7)", "raise KeyboardInterrupt"))
    with Running(tmp_path, "site38:app", "--port", "0") as server:
        with pytest.raises(OSError):
            server.fetch("/exit")
        code, out = server.ended()
    assert code == 130
    assert "shutting down" in out
    assert "Traceback" not in server.messages
    assert server.messages.endswith("\nasgate: interrupted\n")
    assert "\n\n" not in server.messages


def test_a_signal_while_the_application_starts(project, tmp_path):
    project(
        "site16.py",
        "import asyncio\nasync def app(scope, receive, send):\n    print('starting', flush=True)\n"
        "    try:\n        await asyncio.Event().wait()\n    finally:\n        print('cleaned', flush=True)\n",
    )
    process = begun(tmp_path, "-m", "asgate", "site16:app", "--port", "0")
    assert process.stdout.readline() == "starting\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, out) == (0, "cleaned\n")
    assert "stopping (SIGTERM)" in err


# The command, or something else, with limits of open descriptors that the test sets: soft, hard (0: as it is).
LIMITED = """
import resource, sys
soft, hard = int(sys.argv.pop(1)), int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard or resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
"""
COMMAND = LIMITED + "from asgate.cli import main\nmain()\n"
HOW_MANY = APP.replace('b"2")', 'b"%d" % len(limit()))').replace('b"ok"', "limit()") + (
    "\nimport resource\ndef limit(): return b'%d' % resource.getrlimit(resource.RLIMIT_NOFILE)[0]\n"
)


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "then", "warned"),
    [
        (100, 0, 300, 300 + ROOM, False),  # as much as is needed
        (100, 200, 300, 200, True),  # as much as there is
        (100, 400, 300, 400, False),  # without all of the room
        (300 + ROOM + 1, 0, 300, 300 + ROOM + 1, False),  # never less
    ],
)
def test_descriptors_for_all_connections(project, tmp_path, soft, hard, connections, then, warned):
    project("site25.py", HOW_MANY)
    arguments = ("site25:app", "--port", "0", "--limit-connections", str(connections))
    with Running(tmp_path, *arguments, program=("-c", COMMAND, str(soft), str(hard), "run")) as server:
        assert server.fetch("/") == b"%d" % then
        assert server.stop()[0] == 0
    lines = [line for line in server.messages.splitlines() if "descriptors" in line]
    assert len(lines) == warned
    for line in lines:
        assert "WARNING  only 200 descriptors may be open, too few for 300 connections" in line
        assert "(`ulimit -n`, systemd `LimitNOFILE=`)" in line


def test_embedding_leaves_the_descriptors_alone(tmp_path):
    code = (
        LIMITED + "import asgate, asyncio\nasync def app(s, r, send): ...\nasync def main():\n"
        "    async with asgate.Server(app, port=0, limit_connections=300): pass\nasyncio.run(main())\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    done = ended(tmp_path, "-c", code, "100", "0")
    assert (done.stdout, done.stderr) == ("100\n", "")


def test_it_serves_without_package_metadata(project, tmp_path, bare):
    project("site26.py", APP)
    program = ("-S", "-m", "asgate", "run")
    with Running(tmp_path, "site26:app", "--port", "0", program=program) as server:
        assert server.fetch("/") == b"ok"
        assert server.stop()[0] == 0
    assert f"asgate {UNKNOWN} serves site26:app" in server.messages


@clause("ASGI-199")
def test_an_exit_from_a_task_runs_lifespan_shutdown(project, tmp_path):
    exits = "import asyncio; asyncio.get_running_loop().call_soon(os.sys.exit, 7)"
    project("site27.py", APP.replace("raise SystemExit(7)", exits))
    with Running(tmp_path, "site27:app", "--port", "0") as server:
        assert server.fetch("/exit") == b"ok"
        code, out = server.ended()
    assert code == 7
    assert "shutting down" in out
    assert "Traceback" not in server.messages


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[task.cancel() for task in asyncio.all_tasks()]", "cancelled the server's task"),
        ("asyncio.get_running_loop().stop()", "stopped the event loop"),
    ],
)
def test_an_application_that_breaks_its_loop(project, tmp_path, line, words):
    project("site28.py", APP.replace("raise SystemExit(7)", f"import asyncio; {line}"))
    with Running(tmp_path, "site28:app", "--port", "0") as server:
        with contextlib.suppress(OSError):
            server.fetch("/exit")
        code, _ = server.ended()
    assert code == 6
    assert f"asgate: the application {words}\n  hint: " in server.messages


LATE = """
import atexit, os, signal
def again(kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
    kill(pid, number)
class Last:
    def __del__(self, again=again):
        again()
"""


@pytest.mark.parametrize("when", ["atexit.register(again)", "last = Last()"])
def test_a_second_signal_at_the_very_end_changes_nothing(project, tmp_path, when):
    project("site29.py", LATE + when + APP)
    with Running(tmp_path, "site29:app", "--port", "0") as server:
        code, _ = server.stop()
    assert code == 0


def test_what_the_application_says_cannot_paint_the_terminal(project, tmp_path):
    evil = "{'type': 'lifespan.startup.failed', 'message': 'no\\x1b[2J\\nforged'}"
    project(
        "site30.py", f"async def app(scope, receive, send):\n    await receive()\n    await send({evil})\n"
    )
    done = ended(tmp_path, "-m", "asgate", "site30:app", "--port", "0")
    assert done.returncode == 3
    assert done.stderr == "asgate: the application failed to start: no\\x1b[2J\n    forged\n"


# What Starlette and FastAPI do with a startup that fails, or is cancelled.
FRAMEWORK = """
import asyncio, traceback
async def app(scope, receive, send):
    await receive()
    try:
        {line}
    except BaseException:
        await send({{"type": "lifespan.startup.failed", "message": traceback.format_exc()}})
        raise
"""


@clause("ASGI-195")
def test_a_traceback_that_a_framework_tells_is_readable(project, tmp_path):
    project("site31.py", FRAMEWORK.format(line="raise RuntimeError('db not there')"))
    done = ended(tmp_path, "-m", "asgate", "site31:app", "--port", "0")
    assert done.returncode == 3
    first, second, *_, last = done.stderr.splitlines()
    assert first == "asgate: the application failed to start: RuntimeError: db not there"
    assert second == "    Traceback (most recent call last):"
    assert last == "    RuntimeError: db not there"


def test_and_is_a_traceback_in_json_too(project, tmp_path):
    project("site32.py", FRAMEWORK.format(line="raise RuntimeError('db not there')"))
    done = ended(tmp_path, "-m", "asgate", "site32:app", "--port", "0", "--log-format", "json")
    entry = json.loads(done.stderr)
    assert entry["message"] == "the application failed to start: RuntimeError: db not there"
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert entry["traceback"].rstrip().endswith("RuntimeError: db not there")


def test_a_start_that_takes_too_long_is_all_that_is_told(project, tmp_path):
    project("site33.py", FRAMEWORK.format(line="await asyncio.Event().wait()"))
    done = ended(tmp_path, "-m", "asgate", "site33:app", "--port", "0", "--timeout-lifespan", "0.1")
    assert done.returncode == 3
    assert done.stderr == (
        "asgate: the application did not start within 0.1 s\n  hint: raise --timeout-lifespan\n"
    )


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_start_that_was_interrupted(project, tmp_path, number, exit_code):
    line = "print('starting', flush=True); await asyncio.Event().wait()"
    project("site34.py", FRAMEWORK.format(line=line))
    process = begun(tmp_path, "-m", "asgate", "site34:app", "--port", "0")
    assert process.stdout.readline() == "starting\n"
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == exit_code
    said = [text.partition("INFO     ")[2] for text in err.splitlines()]
    assert said == [f"stopping ({number.name})", "stopped before it served"]


FILTER = "import logging\nclass Quiet(logging.Filter):\n    def filter(self, record): return False\n"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"quiet": {"()": "helpers35.Quiet"}},
    "handlers": {
        "out": {"class": "logging.StreamHandler"},
        "none": {"class": "logging.StreamHandler", "filters": ["quiet"]},
    },
    "loggers": {
        "asgate": {"level": "INFO", "handlers": ["out"]},
        "asgate.access": {"level": "INFO", "handlers": ["none"], "propagate": False},
    },
}
SCRIPT = "import sys; sys.path = [path for path in sys.path if path]; from asgate.cli import main; main()"


@pytest.mark.parametrize("folder", ["", "code"])
def test_logging_and_loop_are_imported_from_where_the_target_is(project, tmp_path, folder):
    project(f"{folder}/site35.py".strip("/"), APP)
    project(f"{folder}/helpers35.py".strip("/"), FILTER + "import asyncio\nmake = asyncio.new_event_loop\n")
    project("log.json", json.dumps(LOGGING))
    arguments = ["site35:app", "--port", "0", "--log-config", "log.json", "--loop", "helpers35:make"]
    where = ["--app-dir", folder] if folder else []
    # as the installed `asgate`: the current directory is not on the path by itself
    with Running(tmp_path, *arguments, *where, program=("-c", SCRIPT, "run")) as server:
        assert server.fetch("/") == b"ok"
        assert server.stop()[0] == 0
    assert "GET /" not in server.messages


UVICORN = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"h": {"class": "logging.StreamHandler"}},
    "loggers": {"uvicorn": {"level": "INFO", "handlers": ["h"]}},
}


@pytest.mark.parametrize("disable", [False, True])
def test_a_failure_is_told_even_if_the_logging_configuration_is_silent(project, tmp_path, disable):
    project("log.json", json.dumps(UVICORN | {"disable_existing_loggers": disable}))
    done = ended(tmp_path, "-m", "asgate", "nothing_here:app", "--log-config", "log.json")
    assert done.returncode == 5
    assert "asgate: no module named nothing_here for the target nothing_here:app\n  hint: " in done.stderr


@pytest.mark.parametrize(("code", "shown"), [("7", "7"), ("'bye'", "'bye'"), ("", "None")])
def test_an_application_that_exits_while_it_is_imported(project, tmp_path, code, shown):
    project("site36.py", f"import sys\nsys.exit({code})\n")
    done = ended(tmp_path, "-m", "asgate", "site36:app", "--port", "0")
    assert done.returncode == 6
    assert f"asgate: importing site36:app ended with SystemExit({shown})\n  hint: " in done.stderr
    assert "site36.py" in done.stderr
    assert "asgate/server" not in done.stderr


def test_the_loop_is_named_for_those_who_look_closely(project, tmp_path):
    project("site37.py", APP)
    for loop, name in (("uvloop", "uvloop.Loop"), ("asyncio", "asyncio.unix_events._UnixSelectorEventLoop")):
        arguments = ("site37:app", "--port", "0", "--loop", loop, "--log-level", "debug")
        with Running(tmp_path, *arguments) as server:
            assert server.stop()[0] == 0
        assert f"DEBUG    the event loop is {name}, Python {sys.version.split()[0]}" in server.messages


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_wrong_option_is_json_too(tmp_path, monkeypatch, how):
    monkeypatch.delenv("ASGATE_LOG_FORMAT", raising=False)
    project = "import asgate; asgate.run('nothing:app', prot=1{})"
    if how == "variable":
        monkeypatch.setenv("ASGATE_LOG_FORMAT", "json")
    done = ended(tmp_path, "-c", project.format("" if how == "variable" else ", log_format='json'"))
    assert done.returncode == 2
    assert json.loads(done.stderr)["message"].startswith("prot from the keywords is not an option (")
