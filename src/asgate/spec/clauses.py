"""The numbered clauses, read from `clauses.toml`: what every finding, case and test of the package cites."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path


class Level(StrEnum):
    """How much a clause asks, in the words of RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause. `kind`: "text" stands in the ASGI text, "implied" follows from it or was said by its
    maintainers, "practice" is asked by frameworks or by safety.
    """

    id: str
    level: Level
    kind: str
    section: str
    says: str


@cache
def clauses() -> dict[str, Clause]:
    """All clauses by id, in the order of the text."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        name: Clause(name, Level(row["level"]), row["kind"], section, row["says"])
        for section, rows in table.items()
        for name, row in rows.items()
    }


def clause(name: str) -> Clause:
    """The clause with this id, such as "ASGI-085". Raises KeyError."""
    return clauses()[name]
