"""What a person reads on the terminal after a run: a table of groups and outcomes, then every fault with its clause
and what was expected. Reports in files are the matter of `report/`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import click

from asgate.conformance.case import Case
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level

COLOURS = {
    Outcome.FAIL: "red",
    Outcome.CRASHED: "magenta",
    Outcome.ERROR: "magenta",
    Outcome.PASS: "green",
    Outcome.DIFFERS: "yellow",
}
SHOWN = (Outcome.ERROR, Outcome.CRASHED, Outcome.FAIL, Outcome.DIFFERS, Outcome.NOT_OFFERED)
EXAMPLES = 3  # cases that are named for a reason that many share


def summary(judgement: Judgement, *, evidence: bool = False) -> str:
    """The whole text about one server. `evidence`: also what was on the wire and seen by the application, and each of
    the cases that differ or are not offered; else these are told by their reasons.
    """
    head = f"{judgement.server} {judgement.version}".strip()
    head += f" on Python {judgement.python}" if judgement.python else ""
    lines = [click.style(head, bold=True), "", *_table(judgement), ""]
    if not judgement.complete:
        lines += [f"interrupted: only these {len(judgement.results)} cases were judged", ""]
    lines += _findings(judgement, evidence)
    if not evidence:
        lines += _reasons(judgement)
    if judgement.faults and not evidence:
        lines.append("-v shows the evidence: the bytes on the wire and what the application saw")
    return "\n".join(lines) + "\n"


def headline(judgement: Judgement) -> str:
    """One line: how many cases ended how."""
    counts = judgement.counts()
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    interrupted = "" if judgement.complete else ", then interrupted"
    return f"{judgement.server} {judgement.version}".strip() + f": {told or 'no cases'}{interrupted}"


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
    if not (judgement.faults or judgement.errors):
        yield "no faults\n"
    for outcome in SHOWN:
        for result in judgement.results:
            if result.outcome is outcome and (evidence or result.faulty or outcome is Outcome.ERROR):
                yield from _finding(result, evidence)
                yield ""
    below = [
        result for result in judgement.results if result.level is Level.MAY and result.outcome is Outcome.FAIL
    ]
    if below and not evidence:
        yield f"{len(below)} more of level MAY: -v shows them\n"


def _reasons(judgement: Judgement) -> Iterator[str]:
    """A line for each reason for which cases differ or are not offered."""
    for outcome in (Outcome.DIFFERS, Outcome.NOT_OFFERED):
        cases: dict[str, list[str]] = defaultdict(list)
        for result in judgement.results:
            if result.outcome is outcome:
                cases[result.detail].append(result.case)
        for reason, names in cases.items():
            more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
            yield f"{click.style(str(outcome), fg=COLOURS.get(outcome))}: {reason}"
            yield f"    {', '.join(names[:EXAMPLES])}{more}"
        if cases:
            yield ""


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
    groups = Counter(case.group for case in cases)
    told = ", ".join(f"{group} {count}" for group, count in groups.items())
    return "\n".join([*lines, "", f"groups: {told}", f"{len(cases)} cases"])
