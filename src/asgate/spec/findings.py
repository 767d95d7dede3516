"""What the validator says when somebody breaks a clause: a `Finding`, and the exception that carries one.

A finding is plain data, so that a log, a report or a test can show it as it likes; `str(finding)` is for people.
"""

from dataclasses import dataclass
from enum import StrEnum

from asgate.spec.clauses import Level


class Side(StrEnum):
    """Who is at fault, and in the tables of `messages.py` who speaks."""

    SERVER = "server"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken clause."""

    clause: str  # "ASGI-101"
    level: Level
    side: Side
    sentence: str  # what was expected and what came
    advice: str  # what to change
    where: str  # "http GET /path", "websocket /path", "lifespan"
    trace: tuple[str, ...]  # the last messages of the conversation, short, oldest first

    def __str__(self) -> str:
        lines = [f"{self.clause} ({self.level}), {self.side}, {self.where}: {self.sentence}", self.advice]
        return "\n  ".join([*lines, *self.trace])


class Violation(AssertionError):
    """Raised where a clause was broken; `finding` says which."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding
