"""The order of measuring: round by round, every server once in turn, one server alive at a time.

Each measurement starts its server afresh. A server kept running between its turns would keep its heap,
timers and loop beside the one under measurement; a fresh one makes every round an independent sample (memory
layout and hash seed included), and the machine's drift meets all servers alike. Rounds begin with a different
server each, so that no server is always the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from errors import BenchmarkError
from loaders import Loader, Tools
from machine import Cores
from measuring import Measurement, Scenario, Trial
from process import RunningServer
from servers import Launch, Server


@dataclass(frozen=True)
class Plan:
    """What to measure, how often and how long; where it does not say, the scenario does."""

    servers: list[Server]
    scenarios: list[Scenario]
    rounds: int | None
    seconds: float | None
    warm_up: float | None

    def extent(self, scenario: Scenario) -> tuple[int, float, float]:
        """Rounds, seconds of load, seconds of warm-up."""
        return (
            scenario.rounds if self.rounds is None else self.rounds,
            scenario.seconds if self.seconds is None else self.seconds,
            scenario.warm_up if self.warm_up is None else self.warm_up,
        )


@dataclass
class Outcome:
    """What one server did in one scenario, over all rounds."""

    measurements: list[Measurement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Campaign:
    """A plan, and everything that is the same for each of its measurements."""

    plan: Plan
    launch: Launch
    cores: Cores
    tools: Tools

    def carry_out(self) -> Iterator[tuple[Scenario, dict[str, Outcome]]]:
        """Measures scenario after scenario; yields each when its rounds are complete."""
        for scenario in self.plan.scenarios:
            servers = [
                server for server in self.plan.servers if server.takes_part_in(scenario.name, scenario.speaks)
            ]
            outcomes = {server.name: Outcome() for server in servers}
            rounds, *_ = self.plan.extent(scenario)
            for number in range(rounds):
                first = number % max(1, len(servers))
                for server in servers[first:] + servers[:first]:
                    self.measure(server, scenario, outcomes[server.name])
            yield scenario, outcomes

    def measure(self, server: Server, scenario: Scenario, outcome: Outcome) -> None:
        launch = replace(self.launch, target=scenario.target)
        _, seconds, warm_up = self.plan.extent(scenario)
        try:
            with RunningServer(server, launch, self.cores, scenario.exchange) as running:
                loader = Loader(self.tools, running.launch.port)
                trial = Trial(running, loader, scenario, seconds, warm_up)
                outcome.measurements.append(scenario.measure(trial))
        except BenchmarkError as failure:
            outcome.failures.append(str(failure))
