"""The probe runs inside other people's servers: on old interpreters, without asgate, in children of a fork."""

import ast
import os
import subprocess
from pathlib import Path

import pytest

from asgate.conformance.control import Control
from asgate.conformance.process import PROBE

SOURCES = sorted(PROBE.glob("*.py"))
OLD = [
    path
    for pattern in ("3.8.*", "3.9.*")
    for path in sorted(
        (Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions").glob(pattern)
    )
]
DRIVE = """
import asyncio, sys
import asgi_probe

async def receive():
    return {"type": "http.request", "body": b"old", "more_body": False}

async def send(message):
    print(message["type"])

scope = {"type": "http", "asgi": {"version": "3.0"}, "path": "/", "headers": []}
asyncio.run(asgi_probe.app(scope, receive, send))
"""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_its_syntax_is_that_of_3_8(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_it_imports_the_standard_library_only():
    import sys

    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("asgate."):
                names = [node.module or ""]
            assert {name.partition(".")[0] for name in names} <= {
                *sys.stdlib_module_names,
                *(path.stem for path in SOURCES),
            }


@pytest.mark.skipif(not OLD, reason="no Python 3.8 or 3.9 under ~/.pyenv/versions")
@pytest.mark.parametrize("python", OLD, ids=lambda path: path.name)
def test_it_works_on_old_interpreters(python):
    control = Control({"http": "echo"})
    environ = {"PYTHONPATH": str(PROBE), "ASGI_PROBE": control.address, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [python / "bin" / "python", "-W", "error", "-c", DRIVE],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None:
        control.poll(0.05)
    control.poll(0)
    output, errors = process.communicate()
    assert (output, errors) == ("http.response.start\nhttp.response.body\n", "")
    ((_, report),) = control.echoes.items()
    assert (report["body"], report["ended"]) == (b"old", "complete")
    ((_, opened),) = control.opened
    assert opened["facts"]["task"] == "Task"
    assert opened["facts"]["main_thread"] is True
    control.close()
