"""The interpreters of this machine that asgate supports: python3.N on PATH and pyenv's, oldest first, one per
version.
"""

import os
import shutil
import subprocess
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 20)
_PROBE = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.version_info.releaselevel == 'final')"


def find_pythons() -> dict[tuple[int, int], str]:
    """Path by version; only final releases that can make a virtual environment."""
    found: dict[tuple[int, int], str] = {}
    for path in _candidates():
        version = _version(path)
        if version is not None and OLDEST <= version < NEWEST:
            found.setdefault(version, path)
    return dict(sorted(found.items()))


def _candidates() -> list[str]:
    names = [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1])]
    on_path = [path for name in names if (path := shutil.which(name)) is not None]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [*(str(path) for path in sorted(root.glob("versions/3.*/bin/python"))), *on_path]


def _version(path: str) -> tuple[int, int] | None:
    """The version of what really runs: pyenv's shims exist for versions that are not selected."""
    answer = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
    words = answer.stdout.split()
    if answer.returncode != 0 or len(words) != 3 or words[2] != "True":
        return None
    return int(words[0]), int(words[1])


if __name__ == "__main__":
    for (major, minor), path in find_pythons().items():
        print(f"{major}.{minor}\t{path}")
