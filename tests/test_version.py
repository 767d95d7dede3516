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
