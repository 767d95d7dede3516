"""Runs cases against one server: in order, each with its time limit, and finds out after each whether the server is
still well. A crash or hang is a result like any other, and so is a fault of the kit; the server is started anew and the
run goes on. An interrupt keeps what was judged before.
"""

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from asgate.conformance.case import Case
from asgate.conformance.control import Never, Overdue
from asgate.conformance.conversation import Gone, Raised
from asgate.conformance.evidence import brief, printable
from asgate.conformance.process import NotStarted, Server, Starter
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.conformance.servers import Adapter, Unknown, python_version
from asgate.conformance.trial import Differs, Failed, NotOffered, Trial
from asgate.conformance.values import SHAPE, Misshapen
from asgate.conformance.wire import Departed, Malformed

Progress = Callable[[int, int, Result], None]
EXPECTED = (Overdue, Malformed, Misshapen, Raised, Gone, Departed)  # what is raised when a server is wrong
KIT = Path(__file__).parent
# The files of the driver, in which a fault is the kit's own; what stands beside and below them judges.
DRIVER = {
    KIT / f"{name}.py"
    for name in (
        "control",
        "conversation",
        "evidence",
        "output",
        "ports",
        "process",
        "servers",
        "trial",
        "values",
        "wire",
    )
}
RESTORED = 1.0  # seconds for the probe to take the modes of the beginning again
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
    cases and its result. Raises `NotStarted` when the server does not start at all, `Interrupted` when the user or a
    signal ends the run; before the server has started, that is a plain KeyboardInterrupt.
    """
    subject = Subject.of(adapter, python, kit)
    results: list[Result] = []
    run = Run(Starter(adapter, python))
    interrupted = False
    try:
        for place, case in enumerate(cases, 1):
            results.append(run.result(case))
            progress(place, len(cases), results[-1])
    except KeyboardInterrupt:
        interrupted = True
    finally:
        interrupted |= not _ended(run, results)
    return subject.concluded(run.command, results, interrupted=interrupted)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged, and by which kit."""

    server: str
    version: str
    python: str
    kit: str

    @classmethod
    def of(cls, adapter: Adapter, python: str, kit: str) -> "Subject":
        """The server that this interpreter has."""
        language = python_version(python) if adapter.in_python else ""
        return cls(adapter.name, adapter.version(python) or "", language, kit)

    def concluded(self, command: Sequence[str], results: Sequence[Result], *, interrupted: bool) -> Judgement:
        """The judgement. Raises `Interrupted` with it."""
        words = " ".join(command)
        judgement = Judgement(
            self.server, self.version, words, self.python, self.kit, now(), tuple(results), not interrupted
        )
        if interrupted:
            raise Interrupted(judgement)
        return judgement


def _ended(run: "Run", results: list[Result]) -> bool:
    """Ends the server of a run; False when an interrupt came meanwhile. Where the kit fails, the last result tells."""
    try:
        run.stop()
    except KeyboardInterrupt:  # it has been killed then, and not waited for
        return False
    except Exception as error:
        if not results:
            raise
        results[-1] = spoiled(results[-1], error)
    return True


class Interrupted(KeyboardInterrupt):
    """The run was interrupted; `judgement` is what there is until then."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__()
        self.judgement = judgement


def unjudged(adapter: Adapter, kit: str) -> Judgement:
    """What there is of a server when an interrupt came before its first case."""
    return Judgement(adapter.name, "", "", "", kit, now(), (), complete=False)


def now() -> str:
    """The date of a judgement."""
    return datetime.now(UTC).isoformat(timespec="seconds")


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
            trial = Trial(case, server, self._starter)
        except NotStarted as failure:
            trouble = f"after the case before, the server did not start again: {brief(str(failure), 500)}"
            return made(case, Outcome.CRASHED, trouble, (), began)
        except Exception as error:
            return made(case, Outcome.ERROR, blamed(error), (_place(error),), began)
        try:
            outcome, detail, printed, sound = self._carried_out(case, trial, server)
        except Exception as error:  # between cases, too, the kit may fail
            outcome, detail, printed, sound = Outcome.ERROR, failing(error, trial), [], False
        if outcome in (Outcome.FAIL, Outcome.CRASHED, Outcome.ERROR):
            for line in printed[-PRINTED:]:
                trial.evidence.write(f"server {line}")
        result = made(case, outcome, detail, trial.evidence.lines(), began)
        if not sound:
            try:
                self.stop()
            except Exception as error:
                return spoiled(result, error)
        return result

    def _carried_out(self, case: Case, trial: Trial, server: Server) -> tuple[Outcome, str, list[str], bool]:
        """Outcome and detail, what servers printed meanwhile, and whether the shared one can go on."""
        try:
            outcome, detail = attempt(case, trial)
            ended = server.control.abandon()
        finally:  # also when the driver is interrupted
            crash, own = trial.clean()
        printed = [*trial.printed().splitlines(), *own]
        trouble = server.well()
        if trouble or crash:
            told = [detail, f"then {trouble or crash}"] if detail else [trouble or crash]
            outcome, detail = Outcome.CRASHED, "; ".join(told)
        if not ended:
            trial.evidence.write("driver the applications did not end when they were cancelled: a new server")
        sound = not trouble and ended and server.control.abandon() and _restored(server)
        return outcome, detail, printed, sound

    def stop(self) -> None:
        """Ends the server."""
        server, self.server = self.server, None
        if server is not None:
            server.stop()

    def _running(self) -> Server:
        if self.server is None:
            if self._failures >= STARTS:
                raise NotStarted(f"it failed {STARTS} times")
            try:
                self.server = self._starter.start()
            except NotStarted:
                self._failures += 1
                raise
            self._failures = 0
        return self.server


def _restored(server: Server) -> bool:
    """Readies the control channel for the next case; False if the probe does not take it."""
    try:
        server.control.restore(time.monotonic() + RESTORED)
    except Overdue:
        return False
    server.control.forget()
    return True


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


def spoiled(result: Result, error: Exception) -> Result:
    """The result of a case behind which the kit failed to clean up."""
    detail = "; then ".join(filter(None, (result.detail, printable(blamed(error)))))
    evidence = (*result.evidence, _place(error))
    return replace(result, outcome=Outcome.ERROR, detail=detail, evidence=evidence)


def attempt(case: Case, trial: Trial) -> tuple[Outcome, str]:
    """How a case ends. What the server cannot have caused is an ERROR, a fault of the kit itself."""
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
        if not (trial.given and _reads(error)):
            return Outcome.ERROR, failing(error, trial)
        trial.evidence.write(_place(error))
        return Outcome.FAIL, _broken(case, Misshapen(f"{type(error).__name__}: {error}"))
    except Exception as error:
        return Outcome.ERROR, failing(error, trial)
    return Outcome.PASS, ""


def _reads(error: Exception) -> bool:
    """Whether the error was raised where a case takes apart what it was given, and not in the driver: by the innermost
    frame that is ours. The first frame is `attempt`, the second the case.
    """
    places = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [place for place in places if place == places[1] or KIT in place.parents]
    return ours[-1] not in DRIVER


def failing(error: Exception, trial: Trial) -> str:
    """The detail of a fault of the kit; the place becomes evidence."""
    trial.evidence.write(_place(error))
    return blamed(error)


def blamed(error: Exception) -> str:
    """The sentence about a fault of the kit."""
    return f"the kit itself failed, please report it: {type(error).__name__}: {brief(str(error))}"


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"driver {frame.name}, line {frame.lineno}: {frame.line}"


def _broken(case: Case, error: Exception) -> str:
    match error:
        case Never():
            return f"it did not come to this: {error}"
        case Misshapen():
            return f"what the server gave has another shape: {error}"
        case Overdue():
            return f"in {case.seconds:g} s it did not come to this: {error}"
        case Malformed():
            return f"the answer is not HTTP: {error}"
        case Raised():
            return f"receive or send raised: {brief(str(error))}"
        case Departed():
            return f"the connection broke: {error}"
    return str(error)
