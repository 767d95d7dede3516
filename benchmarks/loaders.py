"""The programs that make load: wrk as fast as it goes, `benchmarks/load` for what wrk cannot do.

Each call is bounded in time, checks that every answer was right, and returns plain numbers.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from errors import BenchmarkError

CONNECTIONS = 64
BULK_LIMIT = 180
IDLE_LIMIT = 60
SLACK = 30


@dataclass(frozen=True)
class Tools:
    """Where the load programs are."""

    wrk: Path
    script: Path
    load: Path


@dataclass(frozen=True)
class Loader:
    """The load programs, aimed at one server."""

    tools: Tools
    port: int

    def hammer(self, path: str, request: str, seconds: float) -> dict[str, float]:
        """wrk: one thread, 64 kept-alive connections, one request outstanding on each."""
        wrk = [
            str(self.tools.wrk),
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{max(1, round(seconds))}s",
            "--timeout",
            "10s",
        ]
        url = f"http://127.0.0.1:{self.port}{path}"
        result = run([*wrk, "-s", str(self.tools.script), url, "--", request], seconds + SLACK)
        wrong = {name: result[name] for name in ("bad_status", "broken", "timeouts") if result[name]}
        if wrong or not result["requests"]:
            raise BenchmarkError(f"wrk saw {result['requests']} answers and {wrong}")
        return result

    def pace(self, path: str, rate: float, seconds: float) -> dict[str, float]:
        """Constant-rate GETs over 64 connections; latencies in µs, each from the moment it was due."""
        options = ["--connections", str(CONNECTIONS), "--rate", f"{rate:.1f}", "--seconds", str(seconds)]
        result = self.load("paced", path, options, seconds + SLACK)
        if result["unanswered"]:
            raise BenchmarkError(f"{result['unanswered']} paced requests were never answered")
        return result

    def saturate(self, path: str, seconds: float) -> dict[str, float]:
        """Like `hammer`, for large answers: wrk reads 8 KiB at a time and would be the limit itself."""
        options = ["--connections", str(CONNECTIONS), "--seconds", str(seconds)]
        return self.load("saturate", path, options, seconds + SLACK)

    def upload(self, path: str, size: int) -> dict[str, float]:
        return self.bulk("upload", path, size)

    def download(self, path: str, size: int) -> dict[str, float]:
        return self.bulk("download", path, size)

    def bulk(self, direction: str, path: str, size: int) -> dict[str, float]:
        options = ["--bytes", str(size), "--seconds", str(BULK_LIMIT)]
        result = self.load(direction, path, options, BULK_LIMIT + SLACK)
        # nginx throws an upload away without counting it.
        if result["status"] != 200 or result.get("counted") not in (None, size):
            raise BenchmarkError(f"{direction} answered {result}")
        return result

    def load(self, subcommand: str, path: str, options: list[str], limit: float) -> dict[str, float]:
        return run(self.load_command(subcommand, path, options), limit)

    def load_command(self, subcommand: str, path: str, options: list[str]) -> list[str]:
        return [
            str(self.tools.load),
            subcommand,
            "--address",
            f"127.0.0.1:{self.port}",
            "--path",
            path,
            *options,
        ]

    def echo_messages(
        self, path: str, size: int, connections: int, offer: str, seconds: float
    ) -> dict[str, float]:
        """WebSocket: one message outstanding on each connection; `offer` is what is said about compression
        (load/src/websocket/handshake.rs).
        """
        options = [*websocket_options(size, connections, offer), "--seconds", str(seconds)]
        return self.load("ws-echo", path, options, seconds + SLACK)

    def broadcast(self, path: str, size: int, connections: int, seconds: float) -> dict[str, float]:
        """WebSocket: one message at a time from one connection to all."""
        options = [*websocket_options(size, connections, "none"), "--seconds", str(seconds)]
        return self.load("ws-broadcast", path, options, seconds + SLACK)

    def hold_idle_websockets(self, path: str, size: int, connections: int, offer: str) -> IdleConnections:
        options = [*websocket_options(size, connections, offer), "--seconds", str(IDLE_LIMIT)]
        return IdleConnections(self.load_command("ws-idle", path, options), connections)

    def hold_idle(self, path: str, connections: int) -> IdleConnections:
        options = ["--connections", str(connections), "--seconds", str(IDLE_LIMIT)]
        return IdleConnections(self.load_command("idle", path, options), connections)


class IdleConnections:
    """Connections that have made one exchange each and stay open while this is entered."""

    def __init__(self, command: list[str], wanted: int) -> None:
        self.command = command
        self.wanted = wanted

    def __enter__(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            _, complaint = self.process.communicate()
            raise BenchmarkError(complaint.strip())

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        try:
            rest, _ = self.process.communicate(timeout=SLACK)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        alive = json.loads(rest or '{"alive": 0}')["alive"]
        if kind is None and alive != self.wanted:
            raise BenchmarkError(f"only {alive} of {self.wanted} idle connections were still open")


def websocket_options(size: int, connections: int, offer: str) -> list[str]:
    return ["--size", str(size), "--connections", str(connections), "--deflate", offer]


def run(command: list[str], limit: float) -> dict[str, float]:
    """Runs a load program; its last line of output is its result."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{Path(command[0]).name} did not end within {limit:.0f} s") from error
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise BenchmarkError(
            (done.stderr.strip() or f"{Path(command[0]).name} exited with {done.returncode}")[-300:]
        )
    result: Any = json.loads(lines[-1])
    return cast("dict[str, float]", result)
