"""Judgements turned round: for each case what every server did. The tables of Markdown and of the page are made of
it, and the sign and word of every outcome stand here, once.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Clause, Level, clauses

# Each outcome has a sign of its own shape, so that it reads without colour. U+FE0E: the skull as text, no picture.
SIGNS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.CRASHED: "☠\ufe0e",
    Outcome.DIFFERS: "≈",
    Outcome.NOT_OFFERED: "–",  # noqa: RUF001 — a dash is wanted
    Outcome.ERROR: "!",
}
MEANINGS = {
    Outcome.PASS: "passes",
    Outcome.FAIL: "fails",
    Outcome.CRASHED: "the server crashed or hung",
    Outcome.DIFFERS: "differs, but the text allows it",
    Outcome.NOT_OFFERED: "not offered",
    Outcome.ERROR: "the kit itself failed: nothing is said about the server",
}
KINDS = {
    "text": "stands in the ASGI text",
    "implied": "follows from the ASGI text, or was said by its maintainers",
    "practice": "asked by frameworks or for safety: not in the ASGI text, so no breach of it",
    "RFC": "stands in an RFC",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One case on every server."""

    first: Result  # of any server: what it says about the case holds for all
    results: tuple[Result | None, ...]  # by server; None where it was not run

    @property
    def kind(self) -> str:
        """How binding it is: the kind of the clause that gives the level, or "RFC"."""
        known = self.clauses
        return known[0].kind if known else "RFC"

    @property
    def clauses(self) -> list[Clause]:
        """The clauses it cites, without those that this version of the kit does not know."""
        return [clauses()[name] for name in self.first.clauses if name in clauses()]


def lines(judgements: Sequence[Judgement]) -> dict[str, list[Line]]:
    """Group -> its cases, in the order of the runs."""
    tables = [{result.case: result for result in judgement.results} for judgement in judgements]
    firsts: dict[str, Result] = {}
    for table in tables:
        for case, result in table.items():
            firsts.setdefault(case, result)
    groups: dict[str, list[Line]] = {}
    for case, first in firsts.items():
        line = Line(first, tuple(table.get(case) for table in tables))
        groups.setdefault(first.group, []).append(line)
    return groups


def distinct(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The judgements, with names of servers that tell them apart: "uvicorn", "uvicorn (2)"."""
    seen: Counter[str] = Counter()
    named = []
    for judgement in judgements:
        seen[judgement.server] += 1
        number = seen[judgement.server]
        named.append(
            judgement if number == 1 else replace(judgement, server=f"{judgement.server} ({number})")
        )
    return named


def command(judgement: Judgement) -> str:
    """How the server was started, without the place of the interpreter on somebody's machine."""
    first, space, rest = judgement.command.partition(" ")
    return first.rpartition("/")[2] + space + rest


def tally(results: Sequence[Result | None], level: Level | None = None) -> Counter[Outcome]:
    """How many ended how, of one level or of all."""
    return Counter(result.outcome for result in results if result and level in (None, result.level))


def signed(counts: Counter[Outcome]) -> str:
    """Counts as text, such as "✓ 12 ✗ 1"; nothing for what did not happen."""
    return " ".join(f"{SIGNS[outcome]} {counts[outcome]}" for outcome in SIGNS if counts[outcome])
