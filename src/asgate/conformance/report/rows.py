"""What JUnit and SARIF are made of: neutral rows. `asgate conform` has one for each case of a server, `asgate check`
one for each scenario and finding of an application.
"""

from dataclasses import dataclass
from enum import StrEnum

from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level


class Verdict(StrEnum):
    """What a row says."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at. All texts may hold any character."""

    id: str  # the same from run to run: "request/first_event_without_body", "http GET /items"
    title: str
    level: Level
    verdict: Verdict
    message: str  # what was expected and what came; "" when nothing is to be said
    location: str  # where: "uvicorn 0.54.0", "main:app, http GET /items"
    evidence: tuple[str, ...]
    suite: str  # what JUnit gathers by: "uvicorn: request", "main:app: http"
    clauses: tuple[str, ...] = ()  # SARIF's rules; the first one is the row's
    rfc: str = ""  # the rule where there is no clause
    seconds: float = 0.0
    file: str = ""  # a source file, relative to the working directory, where there is one


def rows(judgement: Judgement) -> list[Row]:
    """The rows of one server, in the order of the run."""
    return [_row(judgement, result) for result in judgement.results]


def _row(judgement: Judgement, result: Result) -> Row:
    return Row(
        id=result.case,
        title=result.title,
        level=result.level,
        verdict=VERDICTS[result.outcome],
        message=result.detail,
        location=f"{judgement.server} {judgement.version}".strip(),
        evidence=result.evidence,
        suite=f"{judgement.server}: {result.group}",
        clauses=result.clauses,
        rfc=result.rfc,
        seconds=result.seconds,
    )


VERDICTS = {
    Outcome.PASS: Verdict.PASSED,
    Outcome.DIFFERS: Verdict.PASSED,
    Outcome.FAIL: Verdict.FAILED,
    Outcome.CRASHED: Verdict.CRASHED,
    Outcome.NOT_OFFERED: Verdict.SKIPPED,
}
