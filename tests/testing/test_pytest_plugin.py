"""The plugin in runs of its own, as people have it."""

import os
import subprocess
import sys

import pytest

GOOD = """
from asgate.testing import SyncClient

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": BODY})

def test_app(validated):
    with SyncClient(validated(app)) as client:
        try:
            client.get("/")
        except TypeError:
            pass
"""


@pytest.fixture
def pytest_of(tmp_path):
    def run(text, *options):
        (tmp_path / "test_it.py").write_text(text)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "asgate.testing.pytest_plugin",
            "-p",
            "no:cacheprovider",
        ]
        return subprocess.run(
            [*command, *options], cwd=tmp_path, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_a_sound_application_passes(pytest_of):
    done = pytest_of(GOOD.replace("BODY", "b'fine'"), "-W", "error")
    assert done.returncode == 0, done.stdout


def test_a_finding_fails_the_test_with_clause_and_advice(pytest_of):
    done = pytest_of(GOOD.replace("BODY", "'text'"))
    assert done.returncode == 1
    assert "1 finding of the ASGI validator" in done.stdout
    assert "ASGI-" in done.stdout


LATE = """
from asgate.testing import SyncClient

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})
    await send({"type": "http.response.body", "body": b"late"})

def test_app(validated):
    app_ = validated(app)
    with SyncClient(app_) as client:
        client.get("/")
    assert [finding.level for finding in app_.findings] == ["MAY"]
"""


def test_what_is_allowed_and_hardly_meant_leaves_the_test_green(pytest_of):
    done = pytest_of(LATE)
    assert done.returncode == 0, done.stdout


def test_who_does_not_use_it_pays_nothing(pytest_of):
    text = """
import sys

def test_nothing():
    loaded = {name for name in sys.modules if name.startswith("asgate")}
    assert loaded <= {"asgate", "asgate.errors", "asgate.testing", "asgate.testing.pytest_plugin"}
"""
    done = pytest_of(text, "-W", "error")
    assert done.returncode == 0, done.stdout
