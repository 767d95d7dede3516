"""What a person reads on the terminal after a run: a table of groups and outcomes, then every fault with its clause
and what was expected. Reports in files are the matter of `report/`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from asgate.conformance.case import Case
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level

COLOURS = {Outcome.FAIL: "red", Outcome.CRASHED: "magenta", Outcome.PASS: "green", Outcome.DIFFERS: "yellow"}
SHOWN = (Outcome.CRASHED, Outcome.FAIL, Outcome.DIFFERS, Outcome.NOT_OFFERED)


def summary(judgement: Judgement, *, evidence: bool = False) -> str:
    """The whole text about one server. `evidence`: also what was on the wire and seen by the application, and the
    cases that differ or are not offered.
    """
    head = f"{judgement.server} {judgement.version}".strip() + f" on Python {judgement.python}"
    lines = [click.style(head, bold=True), "", *_table(judgement), "", *_findings(judgement, evidence)]
    if judgement.faults and not evidence:
        lines.append("-v shows the evidence: the bytes on the wire and what the application saw")
    return "\n".join(lines) + "\n"


def headline(judgement: Judgement) -> str:
    """One line: how many cases ended how."""
    counts = judgement.counts()
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    return f"{judgement.server} {judgement.version}".strip() + f": {told or 'no cases'}"


def _table(judgement: Judgement) -> Iterator[str]:
    groups: dict[str, Counter[Outcome]] = {}
    for result in judgement.results:
        groups.setdefault(result.group, Counter())[result.outcome] += 1
    width = max(map(len, [*groups, "group"]))
    yield "  ".join(["group".ljust(width), *map(str, Outcome)])
    for group, counts in [*groups.items(), ("all", judgement.counts())]:
        yield "  ".join([group.ljust(width), *(_cell(counts[outcome], outcome) for outcome in Outcome)])


def _cell(count: int, outcome: Outcome) -> str:
    text = str(count or "·").rjust(len(outcome))
    return click.style(text, fg=COLOURS.get(outcome)) if count else text


def _findings(judgement: Judgement, evidence: bool) -> Iterator[str]:
    if not judgement.faults:
        yield "no faults\n"
    for outcome in SHOWN:
        for result in judgement.results:
            if result.outcome is outcome and (evidence or result.faulty):
                yield from _finding(result, evidence)
                yield ""
    below = [
        result for result in judgement.results if result.level is Level.MAY and result.outcome is Outcome.FAIL
    ]
    if below and not evidence:
        yield f"{len(below)} more of level MAY: -v shows them\n"


def _finding(result: Result, evidence: bool) -> Iterator[str]:
    outcome = click.style(str(result.outcome), fg=COLOURS.get(result.outcome), bold=True)
    yield f"{outcome}  {result.level}  {result.case}  ({sources(result)})"
    yield f"    {result.title}"
    if result.detail:
        yield f"    {result.detail}"
    if evidence:
        yield from (f"      | {line}" for line in result.evidence)


def sources(about: Result | Case) -> str:
    """Clauses and RFC sections: "ASGI-085, RFC 9112 6.3"."""
    return ", ".join([*about.clauses, *([about.rfc] if about.rfc else [])])


def listing(cases: Sequence[Case]) -> str:
    """The cases, a line each."""
    width = max((len(case.name) for case in cases), default=0)
    lines = [
        f"{case.name.ljust(width)}  {case.level.ljust(6)}  {sources(case)}: {case.title}" for case in cases
    ]
    return "\n".join([*lines, f"{len(cases)} cases"])


def differences(before: Judgement, now: Judgement) -> list[str]:
    """A line for each case whose outcome changed or that only one of the runs has; none for the same table."""
    old, new = dict(before.table()), dict(now.table())
    names = [*old, *(name for name in new if name not in old)]
    return [
        f"{now.server}: {name}: {old.get(name, 'no such case')} before, now {new.get(name, 'no such case')}"
        for name in names
        if old.get(name) != new.get(name)
    ]
