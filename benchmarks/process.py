"""A server while it runs: started on its core, asked until it answers, weighed, stopped.

Each lives in a session of its own, so that its workers can be found and ended with it, and nobody else's.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from answers import WrongAnswerError
from errors import BenchmarkError
from machine import Cores, cpu_seconds, reset_peak, resident_bytes, session_members
from servers import Launch, Server

REPOSITORY = Path(__file__).resolve().parent.parent
START_LIMIT = 20.0
STOP_LIMIT = 8.0


class Exchange(Protocol):
    """What a server is asked first, and how it must answer (answers.py, websocket_answers.py)."""

    @property
    def path(self) -> str: ...

    def ask(self, port: int) -> None: ...


class RunningServer:
    """A context manager: inside it the server runs and has given one right answer.

    `start_seconds` is the time from exec to that answer.
    """

    def __init__(self, server: Server, launch: Launch, cores: Cores, exchange: Exchange) -> None:
        self.scratch = tempfile.TemporaryDirectory(prefix="bench-")
        self.launch = replace(launch, port=free_port(), scratch=Path(self.scratch.name))
        self.command = server.command(self.launch)
        self.cores = cores
        self.exchange = exchange
        self.log = Path(self.scratch.name) / "log"
        self.start_seconds = 0.0

    def __enter__(self) -> Self:
        surroundings = os.environ | {"PYTHONPATH": str(self.launch.apps), "BENCH_FILE": str(self.launch.file)}
        started = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.launch.apps,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self.cores.server_placement(),  # noqa: PLW1509 - this process has no threads
            )
        try:
            self.await_answer(started + START_LIMIT)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def await_answer(self, deadline: float) -> None:
        """Asks every millisecond until the server answers; a wrong answer is a failure at once."""
        while True:
            try:
                return self.exchange.ask(self.launch.port)
            except WrongAnswerError as error:
                raise BenchmarkError(f"wrong answer: {error}{self.last_words()}") from error
            except OSError as error:
                if self.process.poll() is not None:
                    raise BenchmarkError(
                        f"exited with {self.process.returncode}{self.last_words()}"
                    ) from error
                if time.perf_counter() > deadline:
                    raise BenchmarkError(
                        f"no answer within {START_LIMIT:.0f} s{self.last_words()}"
                    ) from error
                time.sleep(0.001)

    def stop(self) -> None:
        """SIGTERM to the leader; after the limit SIGKILL to what is left of the session."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_LIMIT)
        for pid in session_members(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.scratch.cleanup()

    def pids(self) -> list[int]:
        return session_members(self.process.pid)

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pids())

    def resident_bytes(self) -> int:
        return resident_bytes(self.pids())

    def reset_peak(self) -> None:
        reset_peak(self.pids())

    def peak_bytes(self) -> int:
        return resident_bytes(self.pids(), "VmHWM")

    def last_words(self) -> str:
        """The last line of the server's log, to explain a failure."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f" ({lines[-1].replace(f'{REPOSITORY}/', '')[:200]})" if lines else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
