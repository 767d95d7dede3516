"""The lifespan of the application that is checked, in one event loop."""

from typing import Any

from asgate.conformance.check.findings import Report, Seen, against
from asgate.conformance.check.plan import Wish
from asgate.errors import Exit, Failure
from asgate.spec.clauses import Level
from asgate.spec.findings import Finding, Side
from asgate.spec.types import ASGIApplication
from asgate.spec.validator import Validator
from asgate.testing.errors import ConversationError, LifespanFailed, TimedOut
from asgate.testing.lifespan import Lifespan
from asgate.testing.options import Served

LIFESPAN = 10.0  # seconds that it has at least


class Start:
    """Startup and shutdown. `again`: in a second loop, where a failure is only told of."""

    def __init__(
        self, application: ASGIApplication, wish: Wish, report: Report, *, again: bool = False
    ) -> None:
        self.report = report
        self.again = again
        self.scenario = "second lifespan" if again else "lifespan"
        watched = Validator(application, mode="collect", strict=wish.strict, on_finding=self._find)
        self._life = Lifespan(watched, wish.lifespan, Served(timeout=max(wish.timeout, LIFESPAN)))
        self._answer = "no lifespan"
        self._found = 0

    async def up(self) -> dict[str, Any]:
        """Starts the application and gives the state that requests get. Raises `Failure` when it cannot."""
        self.report.begin("lifespan", self.scenario)
        try:
            await self._life.startup()
        except TimedOut as error:
            self._say(
                "ASGI-194",
                "lifespan.startup was neither answered nor refused, and no server would go on",
                "send lifespan.startup.complete, or raise when the lifespan is of no interest",
                error.transcript,
            )
        except LifespanFailed as error:
            if not self.again:
                raise Failure(Exit.STARTUP, error.sentence, cause=error.__cause__) from None
            self._say(
                "ASGI-192",
                f"the application does not start in a second event loop: {error.sentence}",
                "make what belongs to a loop in lifespan.startup, not once for the process",
                error.transcript,
                Level.MAY,
            )
        if self._life.supported:
            self._answer = "started"
        elif self._life.unsupported_because is not None:
            self._answer = f"no lifespan: {self._life.unsupported_because!r:.100}"
        return self._life.state

    async def down(self) -> None:
        """Stops it."""
        self.report.begin("lifespan", self.scenario)
        if self._life.supported:
            self._answer = "started and stopped"
            await self._stop()
        seen = Seen("lifespan", self.scenario, "startup, requests, shutdown", self._answer, 0.0, self._found)
        self.report.see(seen)

    async def _stop(self) -> None:
        try:
            await self._life.shutdown()
        except TimedOut as error:
            sentence = f"the application {_left(error)}"
            advice = "answer lifespan.shutdown and return"
            self._say("ASGI-200", sentence, advice, error.transcript)
        except LifespanFailed as error:
            self._answer = "started, shutdown failed"
            self.report.note(error.sentence)
        except ConversationError:
            self._answer = "started, ended without an answer"  # the validator tells of it
        except Exception as error:
            self._answer = f"started, raised {error!r:.100}"
            self.report.note(f"the lifespan raised {error!r}")

    def _find(self, finding: Finding) -> None:
        if finding.side is Side.APPLICATION:
            self._found += 1
            self.report.add(finding, self.scenario)

    def _say(
        self, name: str, sentence: str, advice: str, lines: tuple[str, ...], level: Level | None = None
    ) -> None:
        trace = tuple(line.strip() for line in lines[1:])
        self._found += 1
        self.report.add(against(name, sentence, advice, "lifespan", trace, level), self.scenario)


def _left(error: TimedOut) -> str:
    if "cancelled" in error.sentence:
        return "did not end when its lifespan was cancelled"
    return "did not answer lifespan.shutdown"
