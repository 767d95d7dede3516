"""What a person reads after `asgate check`: what every request was answered, then each finding with its clause, what
was expected and came, what to change, and the messages that led to it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from asgate.conformance.check.findings import Found, Report, Seen, Unjudged
from asgate.spec.clauses import Level

COLOURS = {Level.MUST: "red", Level.SHOULD: "yellow", Level.MAY: "cyan"}
MOST_STEPS = 12  # of a trace, the last ones
MOST_PLACES = 3
NOTHING = "no answer"  # to a client that has left


def text(report: Report, *, advice: bool = True) -> str:
    """The whole text, with colours. `advice`: also what is allowed and yet hardly meant."""
    lines = [click.style(report.target, bold=True), "", *_answers(report), ""]
    shown = [*report.faults, *(report.advice if advice else [])]
    for found in shown:
        lines += [*_finding(found), ""]
    for unjudged in report.unjudged:
        lines += [*_unjudged(unjudged), ""]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join([*lines, _ending(report, advice)]) + "\n"


def _answers(report: Report) -> Iterator[str]:
    """A line for each request: the plain answer, and how many scenarios were answered otherwise."""
    seen = sorted(report.seen, key=lambda entry: _first(report, entry))
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


def _first(report: Report, entry: Seen) -> int:
    return next(at for at, other in enumerate(report.seen) if other.where == entry.where)


def _finding(found: Found) -> Iterator[str]:
    finding = found.finding
    level = click.style(str(finding.level), fg=COLOURS[finding.level], bold=True)
    times = f"{found.count} times, first: " if found.count > 1 else ""
    yield f"{level}  {finding.clause}  {_places(found)}  ({times}{found.scenario})"
    yield f"    {finding.sentence}"
    yield f"    {click.style('change:', bold=True)} {finding.advice}"
    yield from _steps(finding.trace)


def _unjudged(unjudged: Unjudged) -> Iterator[str]:
    yield f"{click.style('NOT JUDGED', fg='red', bold=True)}  {unjudged.where}"
    yield f"    {unjudged.sentence}"
    yield from _steps(unjudged.trace)


def _steps(trace: Sequence[str]) -> Iterator[str]:
    """The last ones; what comes again and again is counted."""
    told = [(step, len(list(same))) for step, same in groupby(trace)]
    if len(told) > MOST_STEPS:
        yield click.style(f"      … {sum(count for _, count in told[:-MOST_STEPS])} more", dim=True)
    for step, count in told[-MOST_STEPS:]:
        yield click.style(f"      | {step}" + (f"  ({count} times)" if count > 1 else ""), dim=True)


def _places(found: Found) -> str:
    places = [place for place in found.places if place]
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return ", ".join(places[:MOST_PLACES]) + more


def _ending(report: Report, advice: bool) -> str:
    counts = {level: len(report.of(level)) for level in Level}
    asked = len({entry.where for entry in report.seen})
    total = f"{len(report.seen)} scenarios on {asked} subjects: "
    told = ", ".join(f"{counts[level]} {level}" for level in (Level.MUST, Level.SHOULD) if counts[level])
    if report.unjudged:
        told = ", ".join(filter(None, (told, f"{len(report.unjudged)} not judged")))
    told = click.style(told, bold=True) if told else click.style("nothing found", fg="green", bold=True)
    if counts[Level.MAY]:
        told += f", {counts[Level.MAY]} of advice" + ("" if advice else " (--advice shows it)")
    return total + told
