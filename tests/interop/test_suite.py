"""How the suite is found, and what is said where it is not."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "interop"))

import suite

ROOT = Path(__file__).parents[2]


def test_an_interpreter_that_is_none_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(suite.VARIABLE, str(tmp_path / "python2.7"))
    with pytest.raises(
        suite.NoSuite, match=r"needs a Python 2\.7 interpreter: \$AUTOBAHN_PYTHON \(.*\) is none"
    ):
        suite.find(tmp_path)


def test_another_version_is_not_taken(monkeypatch, tmp_path):
    monkeypatch.setenv(suite.VARIABLE, sys.executable)
    with pytest.raises(suite.NoSuite, match="is none"):
        suite.find(tmp_path)


def test_a_machine_without_one_is_told_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.delenv(suite.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(suite.NoSuite, match=r"set \$AUTOBAHN_PYTHON or install one with pyenv"):
        suite.find(tmp_path)


@pytest.fixture
def old_python(tmp_path, monkeypatch):
    """Something that says it is Python 2.7, and cannot install anything."""
    program = tmp_path / "python2.7"
    program.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "no network" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv(suite.VARIABLE, str(program))
    return program


def test_an_installation_that_fails_is_said_and_leaves_nothing_that_looks_whole(old_python, tmp_path):
    with pytest.raises(suite.NoSuite, match=r"autobahntestsuite==\S+ cannot be installed: no network"):
        suite.find(tmp_path / "suites")
    assert not (tmp_path / "suites" / suite.PACKAGE).exists()


@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--required"], 1)])
def test_the_command_says_that_it_was_skipped(monkeypatch, tmp_path, flags, code):
    monkeypatch.setenv(suite.VARIABLE, str(tmp_path / "none"))
    command = [sys.executable, str(ROOT / "interop" / "autobahn.py"), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith("SKIPPED: Autobahn|Testsuite: the suite needs a Python 2.7 interpreter")
