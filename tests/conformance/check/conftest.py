"""`asgate check` in a process of its own, as it is typed: frameworks keep settings for all of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def typed(tmp_path):
    """Runs the command in the directory of the sound applications; gives exit code, stdout and stderr."""

    def run(*arguments, folder=HERE / "apps"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "asgate", "check", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=55,
        )
        return done.returncode, done.stdout, done.stderr

    return run
