import asyncio
import os
import signal
import sys

import pytest
import uvloop


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on a new event loop, once for each kind of loop."""

    def runner(coroutine):
        with asyncio.Runner(loop_factory=request.param) as loop_runner:
            return loop_runner.run(coroutine)

    return runner


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty directory as current directory; modules imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    before, path = set(sys.modules), list(sys.path)

    def write(name, text=""):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    yield write
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    os.chdir("/")


@pytest.fixture
def hangups():
    """SIGHUP does what it does by default, also for processes started here, even if the tests run under `nohup`."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, previous)
