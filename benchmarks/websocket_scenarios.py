"""What is measured of WebSocket: echoes by size, connections and compression, one message to all, idle weight.

All servers run the same application, ws_app.py, but picows, which has none: it is the yardstick, as nginx is for
HTTP. A server that does not agree to what a scenario offers stands in its table as failed, with that reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from measuring import (
    IDLE_CONNECTIONS,
    MIB,
    OBSERVED,
    WEIGHT,
    Measurement,
    Metric,
    Scenario,
    Trial,
    saturation,
    weigh_idle,
)
from websocket_answers import EchoExchange

# Short and few, because there are many combinations.
SECONDS = 1.0
WARM_UP = 0.25
ROUNDS = 3
SIZES = {"32": 32, "1k": 1024, "64k": 65536, "1m": MIB}
CONNECTIONS = (1, 64, 1000)
# A thousand messages of a mebibyte, each in the buffers of the kernel, of the server and of the application,
# would measure the machine's memory.
FEWER_CONNECTIONS = {"1m": (1, 64, 128)}
LISTENERS = 1000
BROADCAST_SIZE = 200
IDLE_SIZE = 1024


def measure_echo(trial: Trial, size: int, connections: int, offer: str) -> Measurement:
    """Messages per second at saturation, one outstanding on each connection."""
    path = trial.scenario.exchange.path

    def load(seconds: float) -> dict[str, float]:
        return trial.loader.echo_messages(path, size, connections, offer, seconds)

    return saturation(trial, load, "messages")


def measure_broadcast(trial: Trial) -> Measurement:
    """Deliveries per second; the next message goes out when all listeners have received the one before."""
    path = trial.scenario.exchange.path

    def load(seconds: float) -> dict[str, float]:
        return trial.loader.broadcast(path, BROADCAST_SIZE, LISTENERS, seconds)

    return saturation(trial, load, "messages")


def measure_idle(trial: Trial, offer: str) -> Measurement:
    path = trial.scenario.exchange.path
    return weigh_idle(trial, trial.loader.hold_idle_websockets(path, IDLE_SIZE, IDLE_CONNECTIONS, offer))


# What the server's core worked for one message: neighbours on the machine disturb it less than they do the rate.
# Opening the connections is in it.
COST = Metric("cost", "CPU µs/message", 1, higher_is_better=False)
MESSAGES = (
    Metric("rate", "messages/s"),
    COST,
    Metric("p50", "p50 µs", higher_is_better=False),
    Metric("p99", "p99 µs", higher_is_better=False),
    # Tells what the server compressed, and how well.
    Metric("payload", "bytes/message", higher_is_better=False),
    *OBSERVED,
)
DELIVERIES = (
    Metric("rate", "deliveries/s"),
    COST,
    Metric("p50", "p50 µs to all", higher_is_better=False),
    Metric("p99", "p99 µs to all", higher_is_better=False),
    *OBSERVED,
)


def scenario(
    name: str,
    purpose: str,
    measure: Callable[[Trial], Measurement],
    metrics: tuple[Metric, ...],
    app: str = "echo",
) -> Scenario:
    return Scenario(
        name,
        purpose,
        f"ws_app:{app}",
        EchoExchange(),
        measure,
        metrics,
        speaks="websocket",
        seconds=SECONDS,
        warm_up=WARM_UP,
        rounds=ROUNDS,
    )


def echo_scenarios() -> list[Scenario]:
    """`ws-echo-SIZE-CONNECTIONS`, with `-deflate` where it is negotiated, each message on its own."""
    return [
        scenario(
            f"ws-echo-{label}-{connections}{suffix}",
            f"{label.upper()} bytes echoed, {connections} connections{', compressed' if suffix else ''}",
            partial(measure_echo, size=size, connections=connections, offer=offer),
            MESSAGES,
        )
        for suffix, offer in (("", "none"), ("-deflate", "fresh"))
        for label, size in SIZES.items()
        for connections in FEWER_CONNECTIONS.get(label, CONNECTIONS)
    ]


WEBSOCKET = (
    *echo_scenarios(),
    scenario("ws-broadcast", f"one message to {LISTENERS}", measure_broadcast, DELIVERIES, app="broadcast"),
    scenario("ws-idle", "10 000 idle WebSockets", partial(measure_idle, offer="none"), WEIGHT),
    scenario(
        "ws-idle-deflate",
        "10 000 idle WebSockets, compression as browsers offer it",
        partial(measure_idle, offer="browser"),
        WEIGHT,
    ),
)
