"""`python benchmarks/run.py`: asgate beside its peers and nginx, one command, one table per scenario.

This file is the command line: it prepares environments and tools, carries out one campaign per interpreter
and writes the reports. What is measured stands in scenarios.py, who takes part in servers.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from campaign import Campaign, Outcome, Plan
from environments import HERE, REPOSITORY, Environment, build_load, output, prepare_environment, require_tool
from errors import BenchmarkError
from loaders import Tools
from machine import Cores, describe_machine, first_line, raise_file_limit
from measuring import IDLE_CONNECTIONS, Scenario
from report import header_section, scenario_section, write_reports
from scenarios import FILE, SCENARIOS
from servers import DISTRIBUTIONS, SERVERS, Launch, Server

Named = TypeVar("Named", Server, Scenario)


def main() -> int:
    options = parse_options()
    try:
        campaign_per_interpreter(options)
    except BenchmarkError as failure:
        print(f"benchmarks: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures asgate beside its peers and nginx.")
    add = parser.add_argument
    add("--scenario", default="all", help=f"comma-separated, patterns allowed: {listed(SCENARIOS)}")
    add("--servers", default="all", help=f"comma-separated, patterns allowed: {listed(SERVERS)}")
    add("--rounds", type=int, help="rounds per scenario (default 5, WebSocket 3)")
    add("--duration", type=float, help="seconds of load per measurement (default 5, WebSocket 1)")
    add("--warm-up", type=float, help="seconds of load before each measurement (default 1, WebSocket 0.25)")
    add("--python", action="append", metavar="PATH", help="interpreter, repeatable (default: this one)")
    add("--no-install", action="store_true", help="use the environments as they are")
    add("--server-core", type=int, default=0)
    add("--load-core", type=int, default=1)
    add("--output", type=Path, default=HERE / "results", help="directory of the reports")
    return parser.parse_args()


def campaign_per_interpreter(options: argparse.Namespace) -> None:
    cores = Cores(options.server_core, options.load_core)
    scenarios = chosen(SCENARIOS, options.scenario)
    servers = present(chosen(SERVERS, options.servers), explicit=options.servers != "all")
    check_file_limit(scenarios)
    nginx = require_tool("nginx", "nginx")
    tools = Tools(require_tool("wrk", "wrk"), HERE / "wrk.lua", build_load())
    with_asgate = any(server.role == "ours" for server in servers)
    interpreters = [Path(path).expanduser() for path in options.python or [sys.executable]]
    environments = [prepare_environment(path, with_asgate, not options.no_install) for path in interpreters]
    cores.enter_load()
    plan = Plan(servers, scenarios, options.rounds, options.duration, options.warm_up)
    for environment in environments:
        facts = describe(environment, plan, cores, tools, nginx)
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            file = Path(scratch) / "file"
            file.write_bytes(FILE)
            launch = launch_for(environment, nginx, file)
            results = print_while_measuring(Campaign(plan, launch, cores, tools), facts)
        stem = f"{time.strftime('%Y%m%d-%H%M%S')}-py{environment.tag}"
        text, data = write_reports(options.output, stem, facts, results)
        print(f"written: {text}\n         {data}")


def chosen(entries: tuple[Named, ...], names: str) -> list[Named]:
    """The entries that a comma-separated option names, in the table's order; `ws-*` names a family."""
    if names == "all":
        return list(entries)
    wanted = [name.strip() for name in names.split(",")]
    if unknown := [name for name in wanted if not any(fnmatchcase(entry.name, name) for entry in entries)]:
        raise BenchmarkError(f"unknown: {', '.join(unknown)}; there are {listed(entries)}")
    return [entry for entry in entries if any(fnmatchcase(entry.name, name) for name in wanted)]


def listed(entries: tuple[Named, ...]) -> str:
    return ", ".join(entry.name for entry in entries)


def present(servers: list[Server], explicit: bool) -> list[Server]:
    """Leaves asgate out, aloud, while the repository cannot be installed yet."""
    if explicit or (REPOSITORY / "pyproject.toml").exists():
        return servers
    print("asgate is left out: the repository has no pyproject.toml yet")
    return [server for server in servers if server.role != "ours"]


def check_file_limit(scenarios: list[Scenario]) -> None:
    limit = raise_file_limit()
    if limit < IDLE_CONNECTIONS + 100 and any("idle" in scenario.name for scenario in scenarios):
        raise BenchmarkError(
            f"idle needs {IDLE_CONNECTIONS} open files, the hard limit is {limit}: raise `ulimit -Hn`"
        )


def launch_for(environment: Environment, nginx: Path, file: Path) -> Launch:
    """What all starts have in common; target, port and scratch directory are filled in for each."""
    return Launch(
        python=environment.python,
        python_version=environment.version,
        nginx=nginx,
        target="",
        port=0,
        apps=HERE / "apps",
        scratch=file.parent,
        file=file,
    )


def describe(environment: Environment, plan: Plan, cores: Cores, tools: Tools, nginx: Path) -> dict[str, str]:
    versions = environment.versions(DISTRIBUTIONS)
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        **describe_machine(cores),
        "Python": environment.describe(),
        "servers": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "nginx": first_line(str(nginx), "-v").removeprefix("nginx version: "),
        "wrk": first_line(str(tools.wrk), "-v").partition(" Copyright")[0],
        "revision": revision(),
        "measured": f"{extents(plan)}; servers interleaved, each started afresh; medians; one process and one "
        "event loop per server",
    }


def extents(plan: Plan) -> str:
    found = sorted({plan.extent(scenario) for scenario in plan.scenarios}, reverse=True)
    return ", ".join(
        f"{rounds} rounds of {seconds:g} s after {warm_up:g} s warm-up" for rounds, seconds, warm_up in found
    )


def revision() -> str:
    """The commit that is measured, `-dirty` when files differ from it."""
    try:
        return output("git", "-C", REPOSITORY, "describe", "--always", "--dirty").strip()
    except BenchmarkError:
        return "not committed yet"


def print_while_measuring(
    campaign: Campaign, facts: dict[str, str]
) -> list[tuple[Scenario, dict[str, Outcome]]]:
    print(header_section(facts), flush=True)
    results = []
    for scenario, outcomes in campaign.carry_out():
        print(scenario_section(scenario, outcomes), flush=True)
        results.append((scenario, outcomes))
    return results


if __name__ == "__main__":
    sys.exit(main())
