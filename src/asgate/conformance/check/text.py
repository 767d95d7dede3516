"""What a person reads after `asgate check`: what every request was answered, then each finding with its clause, what
was expected and came, what to change, and the messages that led to it.
"""

from collections.abc import Iterator
from itertools import groupby

import click

from asgate.conformance.check.findings import Found, Seen, Verdict
from asgate.spec.clauses import Level

COLOURS = {Level.MUST: "red", Level.SHOULD: "yellow", Level.MAY: "cyan"}
MOST_STEPS = 12  # of a trace, the last ones
MOST_PLACES = 3
NOTHING = "no answer"  # to a client that has left


def text(verdict: Verdict, *, advice: bool = True) -> str:
    """The whole text, with colours. `advice`: also what is allowed and yet hardly meant."""
    lines = [click.style(verdict.target, bold=True), "", *_answers(verdict), ""]
    shown = [*verdict.faults, *(verdict.advice if advice else [])]
    for found in shown:
        lines += [*_finding(found), ""]
    lines += [f"note: {note}" for note in verdict.notes]
    return "\n".join([*lines, _ending(verdict, advice)]) + "\n"


def _answers(verdict: Verdict) -> Iterator[str]:
    """A line for each request: the plain answer, and how many scenarios were answered otherwise."""
    seen = sorted(verdict.seen, key=lambda entry: _first(verdict, entry))
    width = min(40, max((len(entry.where) for entry in seen), default=0))
    for where, entries in groupby(seen, key=lambda entry: entry.where):
        several = list(entries)
        others = {entry.answer: entry.scenario for entry in reversed(several[1:])}
        others = {
            answer: name for answer, name in others.items() if answer not in (several[0].answer, NOTHING)
        }
        count = f"{len(several)} scenario{'s' * (len(several) > 1)}"
        told = "".join(f"; {answer} ({scenario})" for answer, scenario in list(others.items())[:4])
        yield f"  {where.ljust(width)}  {several[0].answer}  {click.style(count + told, dim=True)}"


def _first(verdict: Verdict, entry: Seen) -> int:
    return next(at for at, other in enumerate(verdict.seen) if other.where == entry.where)


def _finding(found: Found) -> Iterator[str]:
    finding = found.finding
    level = click.style(str(finding.level), fg=COLOURS[finding.level], bold=True)
    times = f", {found.count} times" if found.count > 1 else ""
    yield f"{level}  {finding.clause}  {_places(found)}  ({found.scenario}{times})"
    yield f"    {finding.sentence}"
    yield f"    {click.style('change:', bold=True)} {finding.advice}"
    steps = finding.trace[-MOST_STEPS:]
    if len(steps) < len(finding.trace):
        yield click.style(f"      … {len(finding.trace) - len(steps)} more", dim=True)
    for step in steps:
        yield click.style(f"      | {step}", dim=True)


def _places(found: Found) -> str:
    places = [place for place in found.places if place]
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return ", ".join(places[:MOST_PLACES]) + more


def _ending(verdict: Verdict, advice: bool) -> str:
    counts = {level: len(verdict.of(level)) for level in Level}
    asked = len({entry.where for entry in verdict.seen})
    total = f"{len(verdict.seen)} scenarios on {asked} subjects: "
    if not verdict.faults:
        told = click.style("nothing found", fg="green", bold=True)
    else:
        told = ", ".join(f"{counts[level]} {level}" for level in (Level.MUST, Level.SHOULD) if counts[level])
        told = click.style(told, bold=True)
    if counts[Level.MAY]:
        told += f", {counts[Level.MAY]} of advice" + ("" if advice else " (--advice shows it)")
    return total + told
