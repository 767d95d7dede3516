"""The Autobahn|Testsuite itself: it runs on Python 2.7 alone, in a directory of its own, installed when it is first
asked for.

`find` gives the suite or says why there is none; `Suite.run` lets its fuzzing client loose on a server. What the
results mean is `expected.py`'s matter.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "autobahntestsuite==25.10.1"
VARIABLE = "AUTOBAHN_PYTHON"
SILENCE = (
    900.0  # seconds for the installation; the compressed cases alone have time limits of up to 480 s each
)

# As a site directory: some of the packages share the name `zope`, which a .pth file of theirs takes care of.
START = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"

Results = Mapping[str, tuple[str, str]]
"""Of each case, how the server behaved and how it closed, in the suite's words: `OK`, `NON-STRICT`, …"""


class NoSuite(Exception):
    """There is no suite on this machine; the text says why."""


@dataclass(frozen=True)
class Suite:
    """An interpreter, and the directory in which it finds the suite."""

    python: str
    directory: Path

    def run(self, url: str, cases: Sequence[str], reports: Path) -> Results:
        """Runs the cases (`*`, `12.*`, `1.1.1`) against a server and leaves the suite's pages in `reports`."""
        reports.mkdir(parents=True, exist_ok=True)
        specification = reports / "specification.json"
        wanted = {
            "outdir": str(reports),
            "servers": [{"agent": "server", "url": url}],
            "cases": list(cases),
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        specification.write_text(json.dumps(wanted), encoding="utf-8")
        command = [self.python, "-c", START, str(self.directory), "--mode", "fuzzingclient", "--spec"]
        command.append(str(specification))
        with (reports / "client.log").open("wb") as log:
            subprocess.run(command, env=_alone(), stdout=log, stderr=log, check=True)
        index = json.loads((reports / "index.json").read_text(encoding="utf-8"))
        return {case: (it["behavior"], it["behaviorClose"]) for case, it in index["server"].items()}


def find(directory: Path) -> Suite:
    """The suite, installed into `directory` unless it is there. Raises `NoSuite`."""
    python = _python()
    suite = Suite(python, directory / PACKAGE)
    if not suite.directory.exists():
        _install(suite)
    return suite


def _python() -> str:
    """`$AUTOBAHN_PYTHON`, `python2.7` of the path, or one of pyenv."""
    named = os.environ.get(VARIABLE)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [named] if named else ["python2.7", *map(str, sorted(pyenv.glob("2.7.*/bin/python2.7")))]
    for candidate in candidates:
        if (path := shutil.which(candidate)) is not None and _is_2_7(path):
            return path
    looked = f"${VARIABLE} ({named}) is none" if named else f"set ${VARIABLE} or install one with pyenv"
    raise NoSuite(f"the suite needs a Python 2.7 interpreter: {looked}")


def _is_2_7(python: str) -> bool:
    """pyenv has a `python2.7` on the path that starts nothing unless that version is chosen."""
    try:
        asked = subprocess.run(
            [python, "-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"],
            check=False,
            capture_output=True,
        )
    except OSError:
        return False
    return asked.returncode == 0


def _install(suite: Suite) -> None:
    """Into a directory next to it first: what stands under its name is whole."""
    unfinished = suite.directory.with_name(suite.directory.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    print(f"installing {PACKAGE} for {suite.python}: a minute", flush=True)
    command = [suite.python, "-m", "pip", "install", "--quiet", "--target", str(unfinished), PACKAGE]
    try:
        done = subprocess.run(
            command, env=_alone(), capture_output=True, text=True, timeout=SILENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoSuite(f"{PACKAGE} was not installed within {SILENCE:g} s") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise NoSuite(f"{PACKAGE} cannot be installed: {last[0]}")
    unfinished.rename(suite.directory)


def _alone() -> dict[str, str]:
    """Our environment without what would lead Python 2.7 to packages of Python 3."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    return kept | {"PYTHONNOUSERSITE": "1"}
