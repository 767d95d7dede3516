"""Runs the Python tests on the newest interpreter of the machine besides this one, in its own environment
`.venvs/`.
"""

import subprocess
import sys
from pathlib import Path

from find_pythons import find_pythons
from requirements import requirements

ROOT = Path(__file__).parents[1]


def main() -> int:
    others = {version: path for version, path in find_pythons().items() if version != sys.version_info[:2]}
    if not others:
        print("SKIPPED: no other Python from 3.11 on was found, tested on this one only")
        return 0
    version, path = max(others.items())
    name = ".".join(map(str, version))
    print(f"testing on Python {name}")
    python = _environment(ROOT / ".venvs" / f"test-{name}", path)
    return subprocess.run([python, "-m", "pytest", "-n", "2"], cwd=ROOT, check=False).returncode


def _environment(directory: Path, python: str) -> str:
    """An environment with asgate and the tools; pip and cargo skip what is there already."""
    own = str(directory / "bin" / "python")
    if not Path(own).exists():
        subprocess.run([python, "-m", "venv", str(directory)], check=True)
    install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--editable", str(ROOT)], check=True)
    subprocess.run([*install, *requirements("dev")], check=True)
    return own


if __name__ == "__main__":
    sys.exit(main())
