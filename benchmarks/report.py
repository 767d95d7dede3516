"""From outcomes to tables: medians, spreads and ratios, as Markdown for people and JSON for programs.

The same table goes to the terminal and into the report. Ratios compare the scenario's first metric; what a
ratio of 2.0 means (twice as fast, or twice as heavy) follows from the metric and is said above the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from campaign import Outcome
from measuring import Metric, Scenario
from servers import SERVERS

ROLES = {server.name: server.role for server in SERVERS}

Rows = list[list[str]]


def scenario_section(scenario: Scenario, outcomes: dict[str, Outcome]) -> str:
    """Heading, table and failures of one scenario."""
    main = scenario.metrics[0]
    better = "higher is better" if main.higher_is_better else "lower is better"
    heading = f"## {scenario.name}: {scenario.purpose}\n\n{main.title}, {better}.\n"
    return "\n".join([heading, *markdown_table(scenario_rows(scenario, outcomes)), ""])


def scenario_rows(scenario: Scenario, outcomes: dict[str, Outcome]) -> Rows:
    main, *others = scenario.metrics
    middles = {name: middle(main, outcome) for name, outcome in outcomes.items() if complete(outcome)}
    peer = best(main, [value for name, value in middles.items() if ROLES[name] == "peer"])
    yardstick = next((name for name in outcomes if ROLES[name] == "yardstick"), "yardstick")
    header = [
        "server",
        main.title,
        "min to max",
        "/ best peer",
        f"/ {yardstick}",
        *(other.title for other in others),
    ]
    rows = [header]
    for name in sorted(outcomes, key=lambda name: rank(main, middles.get(name))):
        outcome = outcomes[name]
        if not complete(outcome):
            rows.append([name, failure_text(outcome), *[""] * (len(header) - 2)])
            continue
        ratios = [ratio(middles[name], peer), ratio(middles[name], middles.get(yardstick))]
        extras = [number(other, middle(other, outcome)) for other in others]
        rows.append([name, number(main, middles[name]), spread(main, outcome), *ratios, *extras])
    return rows


def complete(outcome: Outcome) -> bool:
    return bool(outcome.measurements) and not outcome.failures


def failure_text(outcome: Outcome) -> str:
    rounds = len(outcome.failures) + len(outcome.measurements)
    reason = " ".join(outcome.failures[0].split()).replace("|", "\\|")
    return f"failed: {reason}" + (f" ({len(outcome.failures)} of {rounds} rounds)" if rounds > 1 else "")


def middle(metric: Metric, outcome: Outcome) -> float:
    return median(values(metric, outcome))


def spread(metric: Metric, outcome: Outcome) -> str:
    found = values(metric, outcome)
    return f"{number(metric, min(found))} to {number(metric, max(found))}"


def values(metric: Metric, outcome: Outcome) -> list[float]:
    return [measurement[metric.key] for measurement in outcome.measurements]


def best(metric: Metric, candidates: list[float]) -> float | None:
    if not candidates:
        return None
    return max(candidates) if metric.higher_is_better else min(candidates)


def rank(metric: Metric, value: float | None) -> tuple[bool, float]:
    """Best first, failures last."""
    if value is None:
        return True, 0.0
    return False, -value if metric.higher_is_better else value


def ratio(value: float, reference: float | None) -> str:
    return f"{value / reference:.2f}" if reference else "-"


def number(metric: Metric, value: float) -> str:
    return f"{value:,.{metric.decimals}f}".replace(",", " ")


def markdown_table(rows: Rows) -> list[str]:
    """Aligned for the eye as well: names left, numbers right. A long failure widens no column."""
    header, *body = rows
    numeric = [row for row in rows if not row[1].startswith("failed")]
    widths = [max(len(row[column]) for row in numeric) for column in range(len(header))]
    widths[0] = max(len(row[0]) for row in rows)

    def line(row: list[str]) -> str:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        return f"| {' | '.join(cells)} |"

    rule = [f"{'-' * widths[0]}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return [line(header), f"| {' | '.join(rule)} |", *(line(row) for row in body)]


def header_section(facts: dict[str, str]) -> str:
    """What the numbers were measured on and how."""
    return "\n".join(["# Benchmark report", "", *(f"* {name}: {fact}" for name, fact in facts.items()), ""])


def write_reports(
    directory: Path, stem: str, facts: dict[str, str], results: Iterable[tuple[Scenario, dict[str, Outcome]]]
) -> tuple[Path, Path]:
    """Writes `stem.md` and `stem.json`; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    results = list(results)
    sections = [scenario_section(scenario, outcomes) for scenario, outcomes in results]
    text = directory / f"{stem}.md"
    text.write_text("\n".join([header_section(facts), *sections]))
    raw = {
        scenario.name: {name: asdict(each) for name, each in outcomes.items()}
        for scenario, outcomes in results
    }
    data = directory / f"{stem}.json"
    data.write_text(json.dumps({"facts": facts, "results": raw}, indent=1) + "\n")
    return text, data
