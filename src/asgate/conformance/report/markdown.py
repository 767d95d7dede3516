"""Judgements as Markdown: a table of groups and servers with counts, then for each server its faults, and what it does
not offer or does differently. Everything that came from outside is escaped.
"""

from collections.abc import Container, Iterator, Mapping, Sequence

from asgate.conformance.report.matrix import MEANINGS, SIGNS, command, distinct, lines, signed, tally
from asgate.conformance.report.visible import prose
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level, clauses


def markdown(judgements: Sequence[Judgement], missing: Mapping[str, str] | None = None) -> str:
    """The whole page. `missing`: servers without a judgement, and why."""
    kit = " ".join({judgement.kit: None for judgement in judgements if judgement.kit})
    dates = sorted({judgement.date[:10] for judgement in judgements if judgement.date})
    said = ", ".join(
        part for part in (f"asgate {kit}" if kit else "", " to ".join(dates[:1] + dates[1:][-1:])) if part
    )
    unjudged = "".join(
        f"**{prose(server)} was not judged**: {prose(why)}\n\n" for server, why in (missing or {}).items()
    )
    return f"# Conformance\n\n{prose(said)}\n\n{unjudged}{tables(judgements)}"


def tables(judgements: Sequence[Judgement], briefly: Container[str] = ()) -> str:
    """What can stand inside another page: the servers, the counts, the faults. Headings are of level 2.

    `briefly`: servers of which only the faults are listed.
    """
    judgements = distinct(judgements)
    legend = " · ".join(f"{SIGNS[outcome]} {MEANINGS[outcome]}" for outcome in SIGNS)
    parts = [
        "## Servers",
        "",
        *_servers(judgements),
        "",
        "## Counts",
        "",
        legend,
        "",
        *_counts(judgements),
        "",
    ]
    cases = sum(map(len, lines(judgements).values()))
    for judgement in judgements:
        parts += _server(judgement, cases, brief=judgement.server in briefly)
    return "\n".join(parts)


def _servers(judgements: Sequence[Judgement]) -> Iterator[str]:
    yield "| server | version | Python | faults of MUST | faults of SHOULD | command |"
    yield "|---|---|---|---:|---:|---|"
    for judgement in judgements:
        faults = [sum(it.level is level for it in judgement.faults) for level in (Level.MUST, Level.SHOULD)]
        cells = [
            prose(judgement.server),
            prose(judgement.version),
            prose(judgement.python),
            *map(str, faults),
        ]
        yield f"| {' | '.join(cells)} | {prose(command(judgement))} |"


def _counts(judgements: Sequence[Judgement]) -> Iterator[str]:
    yield "| | " + " | ".join(prose(judgement.server) for judgement in judgements) + " |"
    yield "|---" * (len(judgements) + 1) + "|"
    for level in Level:
        cells = [signed(tally(judgement.results, level)) for judgement in judgements]
        yield f"| **{level}** | {' | '.join(cells)} |"
    for group, cases in lines(judgements).items():
        columns = zip(*(line.results for line in cases), strict=True)
        cells = [signed(tally(column)) for column in columns]
        yield f"| {prose(group.replace('_', ' '))} ({len(cases)}) | {' | '.join(cells)} |"


def _server(judgement: Judgement, cases: int, *, brief: bool) -> Iterator[str]:
    yield f"## {prose(judgement.server)} {prose(judgement.version)}".rstrip()
    yield ""
    if not judgement.complete:
        yield f"The run was interrupted: only {len(judgement.results)} cases were judged."
        yield ""
    if missed := cases - len(judgement.results):
        yield f"{missed} of {cases} cases were not run."
        yield ""
    faults = judgement.faults
    if faults:
        yield f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}:"
        yield ""
        yield from _listed(faults)
    elif not judgement.errors:
        yield "No fault."
    yield ""
    if brief:
        return
    wishes = [
        it for it in judgement.results if it.outcome in (Outcome.FAIL, Outcome.CRASHED) and not it.faulty
    ]
    yield from _folded("Level MAY, and not kept", wishes)
    for outcome, title in FOLDED.items():
        yield from _folded(title, [it for it in judgement.results if it.outcome is outcome])


FOLDED = {
    Outcome.ERROR: "The kit itself failed",
    Outcome.DIFFERS: "Differs, but allowed",
    Outcome.NOT_OFFERED: "Not offered",
}


def _listed(results: Sequence[Result]) -> Iterator[str]:
    yield "| | level | clause | case | what came |"
    yield "|---|---|---|---|---|"
    for result in results:
        case = f"{prose(result.title)} ({prose(result.case)})"
        yield f"| {SIGNS[result.outcome]} | {result.level} | {_cited(result)} | {case} | {prose(result.detail)} |"


def _cited(result: Result) -> str:
    known = clauses()
    named = [
        f"{name} ({known[name].kind})" if name in known and known[name].kind != "text" else name
        for name in result.clauses
    ]
    return prose(", ".join((*named, *([result.rfc] if result.rfc else []))))


def _folded(title: str, results: Sequence[Result]) -> Iterator[str]:
    if not results:
        return
    yield f"<details><summary>{title}: {len(results)}</summary>"
    yield ""
    yield from _listed(results)
    yield ""
    yield "</details>"
    yield ""
