"""What tests of several folders need."""

import signal
from pathlib import Path

import click
import pytest

import asgate

# What a shell starts in the background ignores SIGINT, and so would every process that is interrupted here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def bare(tmp_path_factory, monkeypatch):
    """Processes with `-S` find asgate and click, and nothing that tells what is installed."""
    directory = tmp_path_factory.mktemp("bare")
    for package in (asgate, click):
        source = Path(package.__file__).parent
        (directory / source.name).symlink_to(source)
    monkeypatch.setenv("PYTHONPATH", str(directory))
