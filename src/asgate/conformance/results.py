"""What a run of the kit says: results, and the judgement of one server. The JSON form is public (schema 1):
reports are made of it, and two runs are compared by it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from asgate.spec.clauses import Level

SCHEMA = 1
FAIL_ON: dict[str, tuple[Level, ...]] = {
    "must": (Level.MUST,),
    "should": (Level.MUST, Level.SHOULD),
    "never": (),
}
"""The values of `--fail-on`, of both commands: the levels whose faults make the exit code."""
FAIL_ON_DEFAULTS = {"conform": "must", "check": "should"}
"""A maintainer may have good reasons against a SHOULD (RFC 2119, 3), and a server is judged by a thousand cases: what
breaks a pipeline unasked is a MUST. An application is looked at for few things, and each SHOULD is one that its
author can mend.
"""


class Outcome(StrEnum):
    """How a case ended."""

    PASS = "pass"  # noqa: S105 (a word)
    FAIL = "fail"
    NOT_OFFERED = "not offered"  # an optional feature that the server does not advertise
    DIFFERS = "differs"  # not what the kit prefers, but the text allows it
    CRASHED = "crashed"  # the server died or hung
    ERROR = "error"  # the kit itself failed: nothing is said about the server


@dataclass(frozen=True, slots=True)
class Result:
    """One case against one server."""

    case: str  # "request/first_event_without_body"
    title: str
    group: str
    clauses: tuple[str, ...]
    rfc: str
    level: Level
    since: str  # the spec version from which it applies, "" for all
    extension: str  # the extension it is about, or ""
    outcome: Outcome
    detail: str = ""  # what was expected and what came
    evidence: tuple[str, ...] = ()  # what was on the wire and what the application saw, in order
    seconds: float = 0.0

    @property
    def broken(self) -> bool:
        """Whether the server did not do it, whatever the level."""
        return self.outcome in (Outcome.FAIL, Outcome.CRASHED)

    @property
    def faulty(self) -> bool:
        """Whether this breaks something that a server must or should do."""
        return self.broken and self.level is not Level.MAY


@dataclass(frozen=True, slots=True)
class Judgement:
    """One run of the kit against one server."""

    server: str  # the adapter's name: "uvicorn-h11"
    version: str
    command: str
    python: str
    kit: str  # the version of asgate whose kit this was
    date: str  # ISO 8601, UTC
    results: tuple[Result, ...]
    complete: bool = True  # False: the run was interrupted, and these are the cases that were judged before

    def counts(self) -> Counter[Outcome]:
        """How many cases ended how."""
        return Counter(result.outcome for result in self.results)

    @property
    def faults(self) -> list[Result]:
        """The failed and crashed cases of level MUST and SHOULD."""
        return [result for result in self.results if result.faulty]

    @property
    def errors(self) -> list[Result]:
        """The cases in which the kit itself failed."""
        return [result for result in self.results if result.outcome is Outcome.ERROR]

    def table(self) -> list[tuple[str, str]]:
        """What two runs must have in common: case and outcome."""
        return [(result.case, result.outcome.value) for result in self.results]

    def as_json(self) -> dict[str, Any]:
        """The public form."""
        return {"schema": SCHEMA} | asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Judgement":
        """The reverse of `as_json`. Raises ValueError for another schema."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"schema {data.get('schema')!r}: this kit reads schema {SCHEMA}")
        values = {key: value for key, value in data.items() if key != "schema"}
        return cls(**(values | {"results": tuple(_results(values["results"]))}))


def _results(rows: Iterable[dict[str, Any]]) -> Iterable[Result]:
    for row in rows:
        yield Result(
            **(
                row
                | {
                    "clauses": tuple(row["clauses"]),
                    "level": Level(row["level"]),
                    "outcome": Outcome(row["outcome"]),
                    "evidence": tuple(row["evidence"]),
                }
            )
        )


def dumps(judgements: Sequence[Judgement], missing: Mapping[str, str] | None = None) -> str:
    """A file of judgements; under `missing` the servers without one, and why.

    Pure ASCII, because evidence holds whatever a server has sent, lone surrogates too.
    """
    rows = [judgement.as_json() for judgement in judgements]
    return json.dumps({"schema": SCHEMA, "judgements": rows, "missing": dict(missing or {})}, indent=1) + "\n"


def loads(text: str) -> list[Judgement]:
    """The reverse of `dumps`. Raises ValueError for another schema, or what is no JSON."""
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError(f"not a file of judgements of schema {SCHEMA}")
    return [Judgement.from_json(row) for row in data["judgements"]]
