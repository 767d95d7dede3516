"""The servers: one entry each, with the command line that is fairest to it on one core.

One worker, one process, one event loop (uvloop where it can), no access log, keep-alive long enough for the
idle scenario, backlog and connection limits out of the way. To add a server, add an entry to `SERVERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nginx import nginx_command

BACKLOG = "4096"
KEEP_ALIVE = "75"
CONNECTIONS = "16384"


@dataclass(frozen=True)
class Launch:
    """What a server needs to know to be started."""

    python: Path
    python_version: tuple[int, int]
    nginx: Path
    target: str
    port: int
    apps: Path
    scratch: Path
    file: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Server:
    """How a server is started; `speaks` names the protocols whose scenarios it takes part in, `scenarios` those
    it can take part in when it cannot in all.
    """

    name: str
    role: Literal["ours", "peer", "yardstick"]
    command: Callable[[Launch], list[str]]
    scenarios: frozenset[str] | None = None
    speaks: frozenset[str] = frozenset({"http", "websocket"})

    def takes_part_in(self, scenario: str, protocol: str) -> bool:
        return protocol in self.speaks and (self.scenarios is None or scenario in self.scenarios)


def asgate(launch: Launch) -> list[str]:
    bind = ["--bind", launch.address, "--no-access-log", "--app-dir", str(launch.apps)]
    return [str(launch.python), "-m", "asgate", "run", launch.target, *bind]


def asgate_asyncio(launch: Launch) -> list[str]:
    return [*asgate(launch), "--loop", "asyncio"]


def uvicorn(launch: Launch, http: str = "httptools") -> list[str]:
    return [
        *(str(launch.python), "-m", "uvicorn", launch.target),
        *("--host", "127.0.0.1", "--port", str(launch.port), "--app-dir", str(launch.apps)),
        *("--loop", "uvloop", "--http", http, "--no-access-log", "--log-level", "warning"),
        *("--backlog", BACKLOG, "--timeout-keep-alive", KEEP_ALIVE),
    ]


def uvicorn_zttp(launch: Launch) -> list[str]:
    """uvicorn's newer parser, not its default; 5 to 9 % ahead of httptools in `hello`."""
    return uvicorn(launch, http="zttp")


def uvicorn_sansio(launch: Launch) -> list[str]:
    """What uvicorn takes by itself where websockets is installed."""
    return [*uvicorn(launch), "--ws", "websockets-sansio"]


def uvicorn_websockets(launch: Launch) -> list[str]:
    return [*uvicorn(launch), "--ws", "websockets"]


def uvicorn_wsproto(launch: Launch) -> list[str]:
    return [*uvicorn(launch), "--ws", "wsproto"]


def granian(launch: Launch) -> list[str]:
    """Chosen by measuring `hello` on one core, requests/s, median of three rounds (Python 3.12 / 3.11):

    st 60 800 / 60 600, mt 61 000 / 58 800, st without WebSocket 61 200 / 60 100, st with asyncio's loop
    52 700 / 53 200, st with the Rust task - / 64 900. Differences of 3 % are noise. The Rust task is called
    experimental by granian and is not available from Python 3.12 on.
    """
    task = ["--task-impl", "rust"] if launch.python_version < (3, 12) else []
    return [
        *(str(launch.python), "-m", "granian", "--interface", "asgi", launch.target),
        *("--host", "127.0.0.1", "--port", str(launch.port), "--no-access-log", "--log-level", "warning"),
        *("--workers", "1", "--runtime-threads", "1", "--runtime-mode", "st", "--loop", "uvloop", *task),
        *("--backlog", BACKLOG, "--backpressure", CONNECTIONS),
    ]


def hypercorn(launch: Launch) -> list[str]:
    return [
        *(str(launch.python), "-m", "hypercorn", launch.target, "--bind", launch.address),
        *("--workers", "1", "--worker-class", "uvloop", "--log-level", "warning"),
        *("--backlog", BACKLOG, "--keep-alive", KEEP_ALIVE),
    ]


def gunicorn(launch: Launch) -> list[str]:
    return [
        *(str(launch.python), "-m", "gunicorn", launch.target, "--bind", launch.address),
        *("--worker-class", "asgi", "--workers", "1", "--asgi-loop", "uvloop", "--http-parser", "fast"),
        *("--log-level", "warning", "--worker-connections", CONNECTIONS),
        *("--backlog", BACKLOG, "--keep-alive", KEEP_ALIVE, "--timeout", "300"),
    ]


def picows(launch: Launch) -> list[str]:
    server = launch.apps / "picows_server.py"
    return [str(launch.python), str(server), str(launch.port), launch.target.partition(":")[2]]


def nginx(launch: Launch) -> list[str]:
    return nginx_command(launch.nginx, launch.scratch, launch.port, launch.file, int(CONNECTIONS))


HTTP, WEBSOCKET = frozenset({"http"}), frozenset({"websocket"})

SERVERS = (
    Server("asgate", "ours", asgate),
    Server("asgate-asyncio", "ours", asgate_asyncio, speaks=HTTP),
    Server("uvicorn", "peer", uvicorn, speaks=HTTP),
    Server("uvicorn-zttp", "peer", uvicorn_zttp, speaks=HTTP),
    Server("uvicorn-sansio", "peer", uvicorn_sansio, speaks=WEBSOCKET),
    Server("uvicorn-websockets", "peer", uvicorn_websockets, speaks=WEBSOCKET),
    Server("uvicorn-wsproto", "peer", uvicorn_wsproto, speaks=WEBSOCKET),
    Server("granian", "peer", granian),
    Server("hypercorn", "peer", hypercorn),
    Server("gunicorn", "peer", gunicorn),
    Server(
        "nginx",
        "yardstick",
        nginx,
        frozenset({"hello", "browser", "file", "upload", "idle", "startup", "latency"}),
        HTTP,
    ),
    Server("picows", "yardstick", picows, speaks=WEBSOCKET),
)

# Whose versions the report's header prints.
DISTRIBUTIONS = [
    *("asgate", "uvicorn", "uvloop", "httptools", "zttp", "granian", "hypercorn", "h11"),
    *("gunicorn", "gunicorn_h1c", "starlette", "fastapi"),
    *("websockets", "wsproto", "picows", "aiofastnet"),
]
