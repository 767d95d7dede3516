"""What a validator remembers beyond one conversation: its findings, the containers of the last scope, and which
lifespans are still starting. Bounded, whatever happens.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from asgate.spec.clauses import Level
from asgate.spec.findings import Finding, Side, Violation

Mode: TypeAlias = Literal["raise", "log", "collect"]

MOST_FINDINGS = 1000  # kept; beyond that they are only counted
MOST_LINES = 10  # logged for one clause and side, so that a fault in every request does not fill a disk
SHARED = ("asgi", "extensions", "headers", "state")  # containers that no two scopes should have in common


class Ledger:
    """One for each validator."""

    def __init__(
        self,
        mode: Mode,
        strict: bool,
        on_finding: Callable[[Finding], None] | None,
        logger: logging.Logger,
    ) -> None:
        if mode not in ("raise", "log", "collect"):
            raise ValueError(f"mode is 'raise', 'log' or 'collect', not {mode!r}")
        self.mode = mode
        self.strict = strict
        self.findings: list[Finding] = []
        self.omitted = 0
        self.lifespan_state: object = None  # the dict itself, which no request should be given
        self._tell = on_finding
        self._logger = logger
        self._lines: Counter[tuple[str, Side]] = Counter()
        self._last: dict[str, tuple[Any, Any]] = {}
        self._starting: list[asyncio.AbstractEventLoop] = []

    def add(self, finding: Finding) -> None:
        """Keeps a finding and tells of it. Raises `Violation` in mode raise, unless the finding is a MAY."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.omitted += 1
        if self._tell is not None:
            self._tell(finding)
        if self.mode == "log":
            self._log(finding)
        elif self.mode == "raise" and finding.level is not Level.MAY:
            raise Violation(finding)

    def clear(self) -> None:
        """Forgets the findings."""
        self.findings.clear()
        self._lines.clear()
        self.omitted = 0

    def leaks(self, scope: dict[str, Any]) -> list[str]:
        """Names of the containers in which a change of an earlier request shows (ASGI-014).

        A container that several scopes share is allowed as long as nobody changes it.
        """
        last, leaking = self._last, []
        for name in SHARED:
            container: Any = scope.get(name)
            kind = type(container)
            if kind is not dict and kind is not list:
                continue
            known = last.get(name)
            if known is None or known[0] is not container:
                last[name] = (container, container.copy())
            elif not _same(*known):
                leaking.append(name)
                last[name] = (container, container.copy())
        return leaking

    def begin_startup(self) -> asyncio.AbstractEventLoop:
        """A lifespan of the running loop has been told to start. Returns what `end_startup` wants."""
        loop = asyncio.get_running_loop()
        self._starting.append(loop)
        return loop

    def end_startup(self, loop: asyncio.AbstractEventLoop) -> None:
        """It has answered or ended."""
        self._starting.remove(loop)

    def is_starting(self) -> bool:
        """Whether a lifespan of the running loop has not answered yet."""
        return bool(self._starting) and asyncio.get_running_loop() in self._starting

    def _log(self, finding: Finding) -> None:
        kind = (finding.clause, finding.side)
        self._lines[kind] += 1
        if self._lines[kind] <= MOST_LINES:
            self._logger.warning("%s", finding)
        if self._lines[kind] == MOST_LINES:
            self._logger.warning("%s of the %s: further findings are not logged", *kind)


def _same(now: Any, then: Any) -> bool:
    """Whether a container still holds the very objects that it held then."""
    if len(now) != len(then):
        return False
    if type(now) is dict:
        return all(now.get(name, _same) is value for name, value in then.items())
    return all(one is other for one, other in zip(now, then, strict=True))
