"""What a check has found and seen: findings without their repetitions, and what each request was answered.

Plain data between the drive (`drive.py`), which fills a `Verdict`, and the reports (`text.py`, `formats.py`).
"""

from dataclasses import dataclass, field

from asgate.spec.clauses import Level, clause
from asgate.spec.findings import Finding, Side


@dataclass(slots=True)
class Found:
    """A finding with how often it came, and in which scenario first."""

    finding: Finding
    scenario: str
    count: int = 1
    places: list[str] = field(default_factory=list)  # every `where`, in the order of its first time


@dataclass(frozen=True, slots=True)
class Seen:
    """One scenario of one request, and how the application took it: "200", "raised KeyError('client')"."""

    where: str
    scenario: str
    title: str
    answer: str
    seconds: float
    findings: int = 0  # that came up in it


@dataclass(slots=True)
class Verdict:
    """Everything about one application."""

    target: str
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is no fault and yet good to know

    def add(self, finding: Finding, scenario: str) -> None:
        """Keeps a finding. The same clause and sentence again is counted."""
        key = (finding.clause, finding.sentence)
        found = self.found.get(key)
        if found is None:
            found = self.found[key] = Found(finding, scenario)
        else:
            found.count += 1
        if finding.where not in found.places:
            found.places.append(finding.where)

    def note(self, sentence: str) -> None:
        """Keeps a remark, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def of(self, *levels: Level) -> list[Found]:
        """The findings of these levels, in the order in which they came."""
        return [found for found in self.found.values() if found.finding.level in levels]

    @property
    def faults(self) -> list[Found]:
        """What counts: MUST first, then SHOULD."""
        return [*self.of(Level.MUST), *self.of(Level.SHOULD)]

    @property
    def advice(self) -> list[Found]:
        """What is allowed and yet hardly meant."""
        return self.of(Level.MAY)


def against(
    name: str,
    sentence: str,
    advice: str,
    where: str,
    trace: tuple[str, ...] = (),
    level: Level | None = None,
) -> Finding:
    """A finding against the application."""
    return Finding(name, level or clause(name).level, Side.APPLICATION, sentence, advice, where, trace)
