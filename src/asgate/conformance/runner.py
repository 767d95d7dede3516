"""Runs cases against one server: in order, each with its time limit, and finds out after each whether the server is
still well. A crash or hang is a result like any other; the server is started anew and the run goes on.
"""

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from asgate.conformance.case import Case
from asgate.conformance.control import Overdue
from asgate.conformance.conversation import Gone, Raised
from asgate.conformance.evidence import brief, printable
from asgate.conformance.process import NotStarted, Server, Starter
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.conformance.servers import Adapter, Unknown, python_version
from asgate.conformance.trial import Differs, Failed, NotOffered, Trial
from asgate.conformance.wire import Malformed

Progress = Callable[[int, int, Result], None]
EXPECTED = (Overdue, Malformed, Raised, Gone, OSError)  # what waits and commands raise when a server is wrong
SHAPE = (
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
)  # what a case raises when it is given something odd
PRINTED = 20  # lines of a server's output that become evidence
STARTS = 3  # so often in a row a server may fail to start again before the run gives it up


def judge(
    adapter: Adapter,
    cases: Sequence[Case],
    *,
    python: str = sys.executable,
    kit: str = "",
    progress: Progress = lambda *_: None,
) -> Judgement:
    """Runs the cases and returns what came of them.

    `python`: the interpreter that has the server. `progress` is called after each case with its place, the number of
    cases and its result. Raises `NotStarted` when the server does not start at all.
    """
    run = Run(Starter(adapter, python))
    results = []
    try:
        command = " ".join(run.command)
        for place, case in enumerate(cases, 1):
            result = run.result(case)
            results.append(result)
            progress(place, len(cases), result)
    finally:
        run.stop()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    version = adapter.version(python) or ""
    return Judgement(adapter.name, version, command, python_version(python), kit, date, tuple(results))


class Run:
    """The shared server of a run, started anew whenever a case has broken it."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        self._failures = 0
        self.server: Server | None = starter.start()
        self.command = self.server.command

    def result(self, case: Case) -> Result:
        """One case."""
        began = time.monotonic()
        try:
            server = self._running()
        except NotStarted as failure:
            trouble = f"after the case before, the server did not start again: {brief(str(failure), 500)}"
            return made(case, Outcome.CRASHED, trouble, (), began)
        trial = Trial(case, server, self._starter)
        try:
            outcome, detail = attempt(case, trial)
            sound = server.control.abandon()
        finally:  # also when the driver is interrupted
            crash = trial.clean()
        printed = trial.printed().splitlines()[-PRINTED:]
        trouble = server.well() or crash
        if trouble:
            outcome, detail = Outcome.CRASHED, f"{detail}; then {trouble}" if detail else trouble
        if outcome in (Outcome.FAIL, Outcome.CRASHED):
            for line in printed:
                trial.evidence.write(f"server {line}")
        if trouble == crash and sound and server.control.abandon():
            server.control.forget()
        else:
            self.stop()
        return made(case, outcome, detail, trial.evidence.lines(), began)

    def stop(self) -> None:
        """Ends the server."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    def _running(self) -> Server:
        if self.server is None:
            if self._failures >= STARTS:
                raise NotStarted(f"it failed {STARTS} times")
            self._failures += 1
            self.server = self._starter.start()
            self._failures = 0
        return self.server


def made(case: Case, outcome: Outcome, detail: str, evidence: tuple[str, ...], began: float) -> Result:
    """The result of a case that began then (monotonic seconds)."""
    return Result(
        case.name,
        case.title,
        case.group,
        case.clauses,
        case.rfc,
        case.level,
        case.since,
        case.extension,
        outcome,
        printable(detail),
        evidence,
        round(time.monotonic() - began, 3),
    )


def attempt(case: Case, trial: Trial) -> tuple[Outcome, str]:
    """How a case ends. Only a fault of the kit itself comes out as an exception."""
    try:
        case.run(trial)
    except Failed as failed:
        return Outcome.FAIL, str(failed)
    except Differs as differs:
        return Outcome.DIFFERS, str(differs)
    except NotOffered as missing:
        return Outcome.NOT_OFFERED, str(missing)
    except Unknown as unknown:
        return Outcome.NOT_OFFERED, f"this server has no option for it: {unknown}"
    except NotStarted as failure:
        return Outcome.CRASHED, f"the server did not start: {brief(str(failure), 500)}"
    except EXPECTED as error:
        return Outcome.FAIL, _broken(case, error)
    except SHAPE as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        trial.evidence.write(f"driver {frame.name}, line {frame.lineno}: {frame.line}")
        return Outcome.FAIL, f"what the server gave has another shape: {type(error).__name__}: {error}"
    return Outcome.PASS, ""


def _broken(case: Case, error: Exception) -> str:
    match error:
        case Overdue():
            return f"in {case.seconds:g} s it did not come to this: {error}"
        case Malformed():
            return f"the answer is not HTTP: {error}"
        case Raised():
            return f"receive or send raised: {brief(str(error))}"
        case OSError():
            return f"the connection broke: {error}"
    return str(error)
