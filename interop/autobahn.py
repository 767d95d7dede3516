"""Autobahn|Testsuite against asgate, all cases: `python interop/autobahn.py`, or `make autobahn`.

Exits with 0 when every case is as `autobahn-expected.json` says, with 1 otherwise. Where the machine has no
Python 2.7 for the suite, or no way to install it, that is said and the exit code is 0, with --required 1.

Another server: `python interop/autobahn.py -- python -m uvicorn echo:app --app-dir interop --port {port}`.
"""

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import expected
from suite import NoSuite, Results, Suite, find

ROOT = Path(__file__).parents[1]
ASGATE = [sys.executable, "-m", "asgate", "run", "echo:app", "--app-dir", str(ROOT / "interop")]
ASGATE += ["--bind", "127.0.0.1:{port}", "--no-access-log"]
# The compressed cases take as long as all others together. Parts run beside each other.
PARTS = ("1 2 3 4 5 6 7 9 10", "12", "13")
PATIENCE = 30.0  # seconds for a server to listen


@dataclass(frozen=True)
class Run:
    """A server with its options, and the parts of the suite that it is asked."""

    name: str
    options: tuple[str, ...] = ()
    parts: tuple[str, ...] = PARTS

    @property
    def groups(self) -> list[str]:
        return " ".join(self.parts).split()

    def has(self, cases: Sequence[str]) -> bool:
        """Whether some of the cases, if any are named, belong to it."""
        return not cases or any(expected.group(case) in self.groups for case in cases)


RUNS = (Run("asgate"), Run("asgate with context takeover", ("--ws-deflate-takeover",), PARTS[1:]))


def main() -> int:
    asked = _arguments().parse_args()
    try:
        suite = find(ROOT / ".venvs" / "autobahn")
    except NoSuite as missing:
        print(f"SKIPPED: Autobahn|Testsuite: {missing}")
        return int(asked.required)
    runs = [Run("server")] if asked.command else RUNS
    return max((_judged(run, asked, suite) for run in runs if run.has(asked.cases)), default=0)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Autobahn|Testsuite against asgate.")
    parser.add_argument("--cases", action="append", default=[], help="only these, such as 12.* or 1.1.1")
    parser.add_argument("--reports", type=Path, default=ROOT / "build" / "autobahn", help="for its pages")
    parser.add_argument("--required", action="store_true", help="no suite is a failure")
    parser.add_argument("command", nargs="*", help="another server; {port} is where it shall listen")
    return parser


def _judged(run: Run, asked: argparse.Namespace, suite: Suite) -> int:
    """Runs, prints the table and what is not as expected."""
    reports = asked.reports / run.name.replace(" ", "-")
    print(f"{run.name}, pages in {reports}", flush=True)
    with _served(asked.command or [*ASGATE, *run.options], reports) as port:
        url = f"ws://127.0.0.1:{port}"
        if asked.cases:
            results = suite.run(url, asked.cases, reports / "cases")
        else:
            results = _all_parts(run, url, reports, suite)
    print(expected.table(results), flush=True)
    groups = [] if asked.cases else run.groups
    found = expected.deviations(results, expected.read(), groups)
    print("\n".join(found) or f"{len(results)} cases, all as expected", flush=True)
    return int(bool(found))


def _all_parts(run: Run, url: str, reports: Path, suite: Suite) -> Results:
    def one(part: str) -> Results:
        groups = part.split()
        return suite.run(url, [f"{group}.*" for group in groups], reports / f"group-{groups[0]}")

    with ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 2) - 1)) as pool:
        return {case: result for results in pool.map(one, run.parts) for case, result in results.items()}


@contextlib.contextmanager
def _served(command: Sequence[str], reports: Path) -> Iterator[int]:
    """The server on a free port, until the block is left; what it says is in `server.log`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reports.mkdir(parents=True, exist_ok=True)
    words = [word.replace("{port}", str(port)) for word in command]
    with (reports / "server.log").open("wb") as log:
        server = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
        try:
            _listens(server, port, reports)
            yield port
        finally:
            server.terminate()
            server.wait()


def _listens(server: "subprocess.Popen[bytes]", port: int, reports: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"the server does not listen, see {reports / 'server.log'}")


if __name__ == "__main__":
    sys.exit(main())
