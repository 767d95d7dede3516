"""What tests of several folders need."""

from pathlib import Path

import click
import pytest

import asgate


@pytest.fixture
def bare(tmp_path_factory, monkeypatch):
    """Processes with `-S` find asgate and click, and nothing that tells what is installed."""
    directory = tmp_path_factory.mktemp("bare")
    for package in (asgate, click):
        source = Path(package.__file__).parent
        (directory / source.name).symlink_to(source)
    monkeypatch.setenv("PYTHONPATH", str(directory))
