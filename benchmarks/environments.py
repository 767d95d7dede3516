"""Virtual environments: one per interpreter, holding the pinned peers and asgate, kept between runs.

Also builds the Rust load program and looks for the Debian tools. Everything is made inside the repository, in
directories that git ignores.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from errors import BenchmarkError

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
REQUIREMENTS = HERE / "requirements.txt"

# What the interpreter says about itself, for the header and for the choice of options.
SELF_DESCRIPTION = """
import json, platform, sys, sysconfig
args = sysconfig.get_config_var("CONFIG_ARGS") or ""
print(json.dumps({
    "version": platform.python_version(),
    "tag": "%d.%d" % sys.version_info[:2] + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
    "compiler": platform.python_compiler(),
    "pgo": "--enable-optimizations" in args,
    "lto": "--with-lto" in args,
    "shared": "--enable-shared" in args,
    "debug": hasattr(sys, "gettotalrefcount"),
}))
"""

VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try: found[name] = version(name)
    except PackageNotFoundError: pass
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with everything installed, and what its interpreter is."""

    python: Path
    interpreter: dict[str, str | bool]

    @property
    def tag(self) -> str:
        """`3.12`, or `3.13t` when free-threaded."""
        return str(self.interpreter["tag"])

    @property
    def version(self) -> tuple[int, int]:
        major, minor = self.tag.rstrip("t").split(".")
        return int(major), int(minor)

    def versions(self, distributions: list[str]) -> dict[str, str]:
        """The installed versions of those distributions that are installed."""
        found: dict[str, str] = json.loads(output(self.python, "-c", VERSIONS, *distributions))
        return found

    def describe(self) -> str:
        build = [
            "PGO" if self.interpreter["pgo"] else "no PGO",
            "LTO" if self.interpreter["lto"] else "no LTO",
            "shared libpython" if self.interpreter["shared"] else "static libpython",
        ]
        if self.interpreter["debug"]:
            build.append("DEBUG BUILD")
        return f"{self.interpreter['version']}, {self.interpreter['compiler']}, {', '.join(build)}"


def prepare_environment(interpreter: Path, with_asgate: bool, install: bool) -> Environment:
    """Makes or refreshes `.venvs/bench-X.Y`: the peers when their pins have changed, asgate every time."""
    description = json.loads(output(interpreter, "-c", SELF_DESCRIPTION))
    directory = REPOSITORY / ".venvs" / f"bench-{description['tag']}"
    environment = Environment(directory / "bin" / "python", description)
    if not install:
        if not environment.python.exists():
            raise BenchmarkError(f"{directory} does not exist yet: run once without --no-install")
        return environment
    if not environment.python.exists():
        step(f"making {directory.relative_to(REPOSITORY)}", interpreter, "-m", "venv", directory)
    install_peers(environment, directory / ".installed")
    if with_asgate:
        step("building and installing asgate", environment.python, "-m", "pip", "install", "-q", REPOSITORY)
    return environment


def install_peers(environment: Environment, stamp: Path) -> None:
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == pins:
        return
    step("installing the peers", environment.python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS)
    stamp.write_text(pins)


def build_load() -> Path:
    """The Rust load program, built if its sources have changed."""
    package = HERE / "load"
    step(
        "building the load program",
        "cargo",
        "build",
        "--release",
        "--quiet",
        "--manifest-path",
        package / "Cargo.toml",
    )
    return package / "target" / "release" / "load"


def require_tool(name: str, package: str) -> Path:
    """The path of a program that comes from the distribution."""
    found = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    found = found or shutil.which(name)
    if found is None:
        raise BenchmarkError(
            f"{name} is missing: install the Debian package `{package}` (apt-get install {package})"
        )
    return Path(found)


def step(purpose: str, *command: str | Path) -> None:
    """Runs one step of the preparation; its output is shown only when it fails."""
    print(f"{purpose} …", flush=True)
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        raise BenchmarkError(f"{purpose} failed: {command[0]} does not run: {error}") from error
    if done.returncode != 0:
        raise BenchmarkError(f"{purpose} failed:\n{done.stdout.strip()}")


def output(*command: str | Path) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BenchmarkError(f"{command[0]} does not run: {error}") from error
