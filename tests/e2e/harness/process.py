"""One `python -m asgate run …` process, followed line by line.

Nothing here sleeps: readers wait on a condition that every line of output wakes, and a deadline only guards
against hangs.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PATIENCE = 30.0  # seconds before something that should have happened is called a hang
APPS = Path(__file__).parents[1] / "apps"
START_LINE = r"asgate \S+ serves (?P<what>.+) on (?P<urls>.+?)(?: \(Press CTRL\+C to stop\))?$"
BLEMISHES = ("bug of asgate", "panicked at", "please report this", "Exception ignored in")


class Lines:
    """The lines of one output stream, read by a thread until the stream ends."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._news = threading.Condition()
        self._lines: list[str] = []
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._stream:
            for raw in self._stream:
                self._add(raw.decode("utf-8", "backslashreplace").rstrip("\n"))
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _add(self, line: str) -> None:
        with self._news:
            self._lines.append(line)
            self._news.notify_all()

    @property
    def text(self) -> str:
        with self._news:
            return "\n".join(self._lines)

    def count(self, pattern: str) -> int:
        """How many lines match so far."""
        with self._news:
            return sum(1 for line in self._lines if re.search(pattern, line))

    def expect(self, pattern: str, times: int = 1, patience: float = PATIENCE) -> re.Match[str]:
        """The match of the `times`-th line that matches, as soon as it is there."""
        deadline = time.monotonic() + patience
        with self._news:
            while True:
                found = [match for line in self._lines if (match := re.search(pattern, line))]
                if len(found) >= times:
                    return found[times - 1]
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "the stream ended" if self._ended else f"{patience:g} s passed"
                    shown = "\n".join(self._lines[-60:])
                    raise AssertionError(f"{why} without {times} line(s) like {pattern!r}:\n{shown}")
                self._news.wait(left)

    def join(self) -> None:
        self._reader.join(PATIENCE)


class Process:
    """A started command with its output; `wait` for its end, `expect` a line of its log (stderr)."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.directory = directory
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "asgate", *arguments],
            cwd=directory,
            env=clean_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=tuple(descriptors),
            start_new_session=True,  # so that what an application forks can be ended with it
        )
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        self.output = Lines(self.popen.stdout)
        self.log = Lines(self.popen.stderr)

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def expect(self, pattern: str, times: int = 1) -> re.Match[str]:
        return self.log.expect(pattern, times)

    def send_signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.popen.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code; all output has been read when it returns."""
        try:
            code = self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {patience:g} s:\n{self.log.text}") from None
        self.output.join()
        self.log.join()
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to stop and gives the exit code."""
        if self.alive:
            self.send_signal(number)
        return self.wait()

    def end(self) -> None:
        """The end of a test: nothing may be left running, and nothing may have gone wrong inside."""
        try:
            if self.alive:
                self.send_signal(signal.SIGTERM)
                self.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.popen.wait()
            self.output.join()
            self.log.join()
        found = [line for line in self.log.text.splitlines() if any(word in line for word in BLEMISHES)]
        assert not found, found


class Serving(Process):
    """A process that has said its start line."""

    def __init__(self, target: str, options: Sequence[str], **around: object) -> None:
        where = [] if any(option.startswith("--bind") for option in options) else ["--bind", "127.0.0.1:0"]
        super().__init__(["run", target, "--app-dir", str(APPS), *where, *options], **around)  # type: ignore[arg-type]
        try:
            started = self.expect(START_LINE)
        except AssertionError:
            self.popen.kill()
            self.wait()
            raise
        self.what = started["what"]
        self.urls = started["urls"].split(", ")

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def address(self) -> tuple[str, int]:
        return tcp_address(self.url)

    @property
    def port(self) -> int:
        return self.address[1]


def tcp_address(url: str) -> tuple[str, int]:
    """`(host, port)` of `http://host:port`, an IPv6 host without its brackets."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


def clean_environment() -> dict[str, str]:
    """Ours without what would configure the server or Python, so that every machine runs the same test."""
    dropped = ("ASGATE_", "PYTHON", "PYTEST_", "COV_", "DJANGO_", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PYTHONUNBUFFERED": "1"}


Serve = Callable[..., Serving]
Command = Callable[..., Process]
