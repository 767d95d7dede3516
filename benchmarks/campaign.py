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
from process import RunningServer
from scenarios import Measurement, Scenario, Trial
from servers import Launch, Server


@dataclass(frozen=True)
class Plan:
    """What to measure, and how long."""

    servers: list[Server]
    scenarios: list[Scenario]
    rounds: int
    seconds: float
    warm_up: float


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
            servers = [server for server in self.plan.servers if server.takes_part_in(scenario.name)]
            outcomes = {server.name: Outcome() for server in servers}
            for number in range(self.plan.rounds):
                first = number % max(1, len(servers))
                for server in servers[first:] + servers[:first]:
                    self.measure(server, scenario, outcomes[server.name])
            yield scenario, outcomes

    def measure(self, server: Server, scenario: Scenario, outcome: Outcome) -> None:
        launch = replace(self.launch, target=scenario.target)
        try:
            with RunningServer(server, launch, self.cores, scenario.exchange) as running:
                loader = Loader(self.tools, running.launch.port)
                trial = Trial(running, loader, scenario, self.plan.seconds, self.plan.warm_up)
                outcome.measurements.append(scenario.measure(trial))
        except BenchmarkError as failure:
            outcome.failures.append(str(failure))
