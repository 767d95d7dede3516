"""What a scenario is made of, and the measuring that scenarios of both protocols have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loaders import IdleConnections, Loader
from machine import own_seconds
from process import Exchange, RunningServer

MIB = 1 << 20
IDLE_CONNECTIONS = 10_000


@dataclass(frozen=True)
class Metric:
    """A number of a measurement and how it is shown."""

    key: str
    title: str
    decimals: int = 0
    higher_is_better: bool = True


@dataclass(frozen=True)
class Trial:
    """One server under one scenario: what a measurement works with."""

    server: RunningServer
    loader: Loader
    scenario: Scenario
    seconds: float
    warm_up: float


Measurement = dict[str, float]


@dataclass(frozen=True)
class Scenario:
    """An application under one load; `seconds`, `warm_up` and `rounds` are used unless the command line
    says otherwise."""

    name: str
    purpose: str
    target: str
    exchange: Exchange
    measure: Callable[[Trial], Measurement]
    metrics: tuple[Metric, ...]
    request: str = "plain"
    speaks: str = "http"
    seconds: float = 5.0
    warm_up: float = 1.0
    rounds: int = 5


def saturation(
    trial: Trial, load: Callable[[float], dict[str, float]], counted: str = "requests"
) -> Measurement:
    """As fast as it goes, after a warm-up by the same load; `counted` is what the load counts."""
    load(trial.warm_up)
    with observed(trial) as measurement:
        result = load(trial.seconds)
    measurement |= {"rate": result[counted] / result["seconds"]}
    measurement |= {"cost": measurement["server"] / result[counted] * 1e6}
    measurement |= {key: result[key] for key in ("p50", "p99", "payload") if key in result}
    return measurement


@contextmanager
def observed(trial: Trial) -> Iterator[Measurement]:
    """Adds the server's share of its core, which tells whether the load was the limit, and the share of both
    cores that processes without a part in the measurement took, which tells whether to believe it.
    """
    measurement: Measurement = {}
    start, cores = time.perf_counter(), trial.server.cores
    server, parties = trial.server.cpu_seconds(), own_seconds()
    everybody = cores.seconds()
    yield measurement
    elapsed = time.perf_counter() - start
    server = trial.server.cpu_seconds() - server
    others = cores.seconds() - everybody - server - (own_seconds() - parties)
    measurement |= {
        "server": server,
        "cpu": 100 * server / elapsed,
        "others": max(0.0, 100 * others / elapsed),
    }


def weigh_idle(trial: Trial, held: IdleConnections) -> Measurement:
    """Resident memory per open connection that has done its exchange and is silent now."""
    before = trial.server.resident_bytes()
    with held:
        # What the server does after the last answer (timers, allocator) belongs to the weight.
        time.sleep(0.5)
        growth = trial.server.resident_bytes() - before
    return {"each": growth / held.wanted / 1024, "total": growth / MIB}


OBSERVED = (Metric("cpu", "server CPU %"), Metric("others", "others' CPU %", higher_is_better=False))
WEIGHT = (
    Metric("each", "KiB per connection", 2, higher_is_better=False),
    Metric("total", "RSS growth MiB", 1, higher_is_better=False),
)
