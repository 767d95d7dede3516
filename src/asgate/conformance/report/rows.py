"""What JUnit and SARIF are made of: neutral rows. `asgate conform` has one for each case of a server, `asgate check`
one for each scenario and finding of an application.
"""

from dataclasses import dataclass
from enum import StrEnum

from asgate.conformance.results import Judgement, Outcome, Result
from asgate.spec.clauses import Level


class Mark(StrEnum):
    """What a row says."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    SKIPPED = "skipped"
    ERROR = "error"  # of the one who looked; what was looked at is not to blame


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at. All texts may hold any character."""

    id: str  # the same from run to run: "request/first_event_without_body", "http GET /items"
    title: str
    level: Level
    verdict: Mark
    message: str  # what was expected and what came; "" when nothing is to be said
    location: str  # where: "uvicorn 0.54.0", "main:app, http GET /items"
    evidence: tuple[str, ...]
    suite: str  # what JUnit gathers by: "uvicorn: request", "main:app: http"
    clauses: tuple[str, ...] = ()  # SARIF's rules; the first one is the row's
    rfc: str = ""  # the rule where there is no clause
    seconds: float = 0.0
    file: str = ""  # a source file, relative to the working directory, where there is one


def rows(judgement: Judgement) -> list[Row]:
    """The rows of one server, in the order of the run; one more when the run was interrupted."""
    found = [_row(judgement, result) for result in judgement.results]
    return found if judgement.complete else [*found, _interruption(judgement)]


def _interruption(judgement: Judgement) -> Row:
    why = f"the run was interrupted: only {len(judgement.results)} cases were judged"
    return _error("interrupted", "The run goes on to its end.", judgement.server, _location(judgement), why)


def missed(server: str, why: str) -> Row:
    """The row of a server that could not be judged."""
    return _error("not judged", "The server is judged.", server, server, why)


def _error(name: str, title: str, server: str, location: str, why: str) -> Row:
    """Of the run of a server as a whole."""
    return Row(
        id=name,
        title=title,
        level=Level.MUST,
        verdict=Mark.ERROR,
        message=why,
        location=location,
        evidence=(),
        suite=f"{server}: run",
    )


def _location(judgement: Judgement) -> str:
    return f"{judgement.server} {judgement.version}".strip()


def _row(judgement: Judgement, result: Result) -> Row:
    return Row(
        id=result.case,
        title=result.title,
        level=result.level,
        verdict=MARKS[result.outcome],
        message=result.detail,
        location=_location(judgement),
        evidence=result.evidence,
        suite=f"{judgement.server}: {result.group}",
        clauses=result.clauses,
        rfc=result.rfc,
        seconds=result.seconds,
    )


MARKS = {
    Outcome.PASS: Mark.PASSED,
    Outcome.DIFFERS: Mark.PASSED,
    Outcome.FAIL: Mark.FAILED,
    Outcome.CRASHED: Mark.CRASHED,
    Outcome.NOT_OFFERED: Mark.SKIPPED,
    Outcome.ERROR: Mark.ERROR,
}
