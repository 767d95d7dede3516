"""The version, with package metadata and without."""

import importlib.metadata
import subprocess
import sys

import asgate
from asgate.version import UNKNOWN, version


def test_the_installed_version():
    assert version() == asgate.__version__ == importlib.metadata.version("asgate")


def test_without_metadata_there_is_a_text(bare):
    for code in (
        "from asgate.cli import main; main(['--version'])",
        "import asgate; print(asgate.__version__)",
    ):
        done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        assert done.stdout.removeprefix("asgate ") == UNKNOWN + "\n"


def test_completion_knows_what_is_loaded_when_asked_for():
    code = "import asgate, sys; print(*dir(asgate)); sys.exit('asgate.server.server' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert set(asgate.__all__) | {"__doc__"} <= set(done.stdout.split())
