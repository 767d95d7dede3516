"""Streams that take nothing: one sentence, the documented code, and no word of the interpreter's own."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
PRINTING = [
    "--help",
    "--version",
    "run --print-config",
    "conform --help",
    "conform --list",
    "check --help",
]


def typed(words, folder):
    """What a shell gets."""
    command = f"exec {sys.executable} -m asgate {words}"
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", PRINTING)
def test_what_stdout_does_not_take_is_told(words, tmp_path):
    code, errors = typed(f"{words} >/dev/full", tmp_path)
    assert (code, errors.count("\n")) == (4, 1)
    assert errors.endswith(" cannot be written to stdout: No space left on device\n")


def test_a_stdout_that_is_closed(tmp_path):
    assert typed("--version >&-", tmp_path) == (
        4,
        "asgate: the version cannot be written to stdout: it is closed\n",
    )


def test_a_reader_that_has_left(tmp_path):
    code = (
        "import os, sys; read, write = os.pipe(); os.close(read); os.dup2(write, 1);"
        "os.execv(sys.executable, sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, sys.executable, "-m", "asgate", "conform", "--list"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        4,
        "asgate: the list cannot be written to stdout: Broken pipe\n",
    )


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("words", "code"), [("missing:app", 5), ("check missing:app", 5), ("conform nothing", 2)]
)
def test_a_stderr_that_takes_nothing_changes_no_code(words, code, where, tmp_path):
    assert typed(f"{words} {where}", tmp_path)[0] == code
