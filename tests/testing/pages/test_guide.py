"""The guide quotes examples, and the examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("anyio")
ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("testing_*.py"))


def test_the_examples_pass():
    plugins = ["anyio.pytest_plugin", "asgate.testing.pytest_plugin", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"-p{plugin}" for plugin in plugins), "-opythonpath=.",
         "--rootdir", ROOT, "-c", os.devnull, *EXAMPLES],
        cwd=ROOT, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_the_guide_quotes_them():
    examples = [path.read_text(encoding="utf-8") for path in EXAMPLES]
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(quoted) == 6
    assert [snippet for snippet in quoted if not any(snippet in example for example in examples)] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_to_run_it(path):
    text = path.read_text(encoding="utf-8")
    assert f"pytest examples/{path.name}" in text
    assert len(text.splitlines()) < 60
