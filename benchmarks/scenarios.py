"""What is measured: one entry per scenario with its application, its right answer, its load and its metrics.

The first metric of a scenario is the one that is compared; the others explain it. Here are those of HTTP;
websocket_scenarios.py has the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from answers import Exchange
from measuring import (
    IDLE_CONNECTIONS,
    MIB,
    OBSERVED,
    WEIGHT,
    Measurement,
    Metric,
    Scenario,
    Trial,
    observed,
    saturation,
    weigh_idle,
)
from websocket_scenarios import WEBSOCKET

BULK = 1 << 30
FILE = bytes(range(256)) * (MIB // 256)
SAMPLE = 300_001
POST = os.urandom(16384)


def measure_rate(trial: Trial) -> Measurement:
    """Requests per second at saturation, by wrk."""
    scenario = trial.scenario
    return saturation(
        trial, lambda seconds: trial.loader.hammer(scenario.exchange.path, scenario.request, seconds)
    )


def measure_file(trial: Trial) -> Measurement:
    """Requests per second at saturation, by the load that reads in large blocks."""
    return saturation(trial, lambda seconds: trial.loader.saturate(trial.scenario.exchange.path, seconds))


def measure_latency(trial: Trial) -> Measurement:
    """The tail at half of the rate that this server reaches, found in the same start."""
    path = trial.scenario.exchange.path
    trial.loader.hammer(path, "plain", trial.warm_up)
    peak = trial.loader.hammer(path, "plain", max(2.0, trial.seconds / 2))
    rate = peak["requests"] / peak["seconds"] / 2
    with observed(trial) as measurement:
        paced = trial.loader.pace(path, rate, trial.seconds)
    quantiles = {name: paced[name] for name in ("p99", "window_p99", "p50", "p999")}
    return measurement | quantiles | {"rate": rate}


def measure_upload(trial: Trial) -> Measurement:
    return measure_bulk(trial, trial.loader.upload, "/")


def measure_download(trial: Trial) -> Measurement:
    return measure_bulk(trial, trial.loader.download, f"/{BULK}")


def measure_bulk(trial: Trial, load: Callable[[str, int], dict[str, float]], path: str) -> Measurement:
    """Throughput of one large body, and how far resident memory rises above where it was before."""
    before = trial.server.resident_bytes()
    trial.server.reset_peak()
    with observed(trial) as measurement:
        seconds = load(path, BULK)["seconds"]
    growth = trial.server.peak_bytes() - before
    return measurement | {"throughput": BULK / MIB / seconds, "growth": growth / MIB}


def measure_idle(trial: Trial) -> Measurement:
    return weigh_idle(trial, trial.loader.hold_idle(trial.scenario.exchange.path, IDLE_CONNECTIONS))


def measure_startup(trial: Trial) -> Measurement:
    """From exec to the first right answer, and what the server weighs then."""
    return {"seconds": trial.server.start_seconds, "resident": trial.server.resident_bytes() / MIB}


RATE = (
    Metric("rate", "requests/s"),
    Metric("p50", "p50 µs", higher_is_better=False),
    Metric("p99", "p99 µs", higher_is_better=False),
    *OBSERVED,
)
FILE_RATE = (Metric("rate", "requests/s"), *OBSERVED)
THROUGHPUT = (
    Metric("throughput", "MiB/s"),
    Metric("growth", "RSS growth MiB", 1, higher_is_better=False),
    *OBSERVED,
)
LATENCY = (
    Metric("window_p99", "p99 µs of the median 100 ms", higher_is_better=False),
    Metric("p99", "p99 µs of all", higher_is_better=False),
    Metric("p50", "p50 µs", higher_is_better=False),
    Metric("p999", "p99.9 µs", higher_is_better=False),
    Metric("rate", "at requests/s"),
    *OBSERVED,
)
START = (
    Metric("seconds", "seconds", 3, higher_is_better=False),
    Metric("resident", "RSS MiB", 1, higher_is_better=False),
)

HELLO = Exchange("/", b"Hello, World!")
ECHO = Exchange("/", POST, "POST", {"Content-Type": "application/octet-stream"}, POST)
ITEM = Exchange("/items/42", b'{"item_id":42,"name":"item 42"}')
STREAM = Exchange("/", b"x" * 20480)
WHOLE_FILE = Exchange("/file", FILE)
DOWNLOAD = Exchange(f"/{SAMPLE}", b"x" * SAMPLE)
# nginx answers an upload, too, with its constant.
UPLOAD = Exchange("/", str(SAMPLE).encode(), "POST", {}, b"x" * SAMPLE, also_right=b"Hello, World!")

HTTP = (
    Scenario("hello", "plain app, 64 connections", "bench_app:hello", HELLO, measure_rate, RATE),
    Scenario("browser", "a browser's headers", "bench_app:hello", HELLO, measure_rate, RATE, "browser"),
    Scenario("echo", "16 KiB POST sent back", "bench_app:echo", ECHO, measure_rate, RATE, "echo"),
    Scenario("fastapi", "JSON route with path parameter", "fastapi_app:app", ITEM, measure_rate, RATE),
    Scenario("stream", "20 chunks of 1 KiB", "bench_app:stream", STREAM, measure_rate, RATE),
    Scenario("file", "Starlette file, 1 MiB", "starlette_app:app", WHOLE_FILE, measure_file, FILE_RATE),
    Scenario("upload", "1 GiB upload discarded", "bench_app:upload", UPLOAD, measure_upload, THROUGHPUT),
    Scenario("download", "1 GiB streamed", "bench_app:download", DOWNLOAD, measure_download, THROUGHPUT),
    Scenario("idle", "10 000 idle connections", "bench_app:hello", HELLO, measure_idle, WEIGHT),
    Scenario("startup", "exec to first answer", "bench_app:hello", HELLO, measure_startup, START),
    Scenario(
        "latency", "tail at half of its own maximum", "bench_app:hello", HELLO, measure_latency, LATENCY
    ),
)

SCENARIOS = (*HTTP, *WEBSOCKET)
