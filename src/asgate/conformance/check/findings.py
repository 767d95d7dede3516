"""What a check has found and seen: findings without their repetitions, and what each request was answered.

Plain data between the drive (`drive.py`), which fills a `Report`, and what is made of it (`text.py`, `formats.py`).
Whatever fills it calls its methods alone, so that this can be done from another process (`child.py`).
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from asgate.spec.clauses import Level, clause
from asgate.spec.findings import Finding, Side

STAYING = (
    "answer with an error, or raise an Exception: one request does not end the server"  # advice of ASGI-025
)


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


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What nothing can be said about, and why: a request that is never answered is neither right nor wrong."""

    where: str
    sentence: str
    trace: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """Everything about one application. `progress` is called with what is being done, for a person who waits."""

    target: str
    source: str = ""  # its file, relative to the working directory, where it is below
    progress: Callable[[str], None] = field(default=lambda _: None)
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is no fault and yet good to know
    unjudged: list[Unjudged] = field(default_factory=list)
    at: tuple[str, str] = ("", "")  # the request and the scenario that were begun last
    complete: bool = False  # everything was asked
    failure: int = 0  # the exit code of what kept the check from its end
    deaf: bool = False  # the application is being taken down: what it does then is no finding

    def begin(self, where: str, scenario: str) -> None:
        """A scenario begins."""
        self.at = where, scenario
        self.progress(f"{where}: {scenario}")

    def add(self, finding: Finding, scenario: str) -> None:
        """Keeps a finding. The same clause and sentence again is counted."""
        if self.deaf:
            return
        key = (finding.clause, finding.sentence)
        found = self.found.get(key)
        if found is None:
            found = self.found[key] = Found(finding, scenario)
        else:
            found.count += 1
        if finding.where not in found.places:
            found.places.append(finding.where)

    def see(self, seen: Seen) -> None:
        """Keeps what a scenario was answered."""
        self.seen.append(seen)

    def note(self, sentence: str) -> None:
        """Keeps a remark, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def leave_out(self, where: str, sentence: str, trace: tuple[str, ...] = ()) -> None:
        """Keeps that nothing can be said about `where`."""
        self.unjudged.append(Unjudged(where, sentence, trace))

    def fail(self, code: int, sentence: str) -> None:
        """The check cannot go on; `code` is what it ends with."""
        self.failure = code
        self.leave_out(self.target, sentence)

    def end(self) -> None:
        """Everything was asked."""
        self.complete = True

    def alive(self, limit: float) -> None:
        """The event loop turns. Where a process is watched, silence of `limit` seconds ends it."""

    @contextlib.contextmanager
    def deafened(self) -> Iterator[None]:
        """While the application is taken down."""
        before, self.deaf = self.deaf, True
        try:
            yield
        finally:
            self.deaf = before

    @property
    def during(self) -> str:
        """What was being asked, to go on in a sentence."""
        where, scenario = self.at
        return f" during {where} ({scenario})" if where else ""

    @property
    def begun(self) -> bool:
        """Whether the application was asked anything."""
        return self.at != ("", "")

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
