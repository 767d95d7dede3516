"""Several servers of one adapter at once, each with a driver process of its own: a *lane*.

A server that leaves undone what it is asked makes cases run into their time limits, hundreds of them, and all that
time driver and server sleep. So a run begins with one lane. When its cases have waited in vain for `PATIENCE` seconds,
it gets one more for every further `WAITED` seconds, until it has as many as there are `jobs`.

A lane that is free takes the next case. Cases do not depend on each other; but servers do on what they have been
through: one spoils its memory, another stops a timer for good. In one lane every case has the same past in every run,
so that all servers are judged in one that can be, in good time.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from asgate.conformance import runner
from asgate.conformance.case import Case
from asgate.conformance.evidence import brief
from asgate.conformance.process import NotStarted, Starter
from asgate.conformance.results import Judgement, Outcome, Result
from asgate.conformance.runner import Progress, Run, Subject, blamed, made, spoiled
from asgate.conformance.servers import Adapter
from asgate.conformance.signals import INTERRUPTS, ending, interruptible

JOBS = 8  # lanes at most: two cores carry them, because they come with waiting
# Seconds; with the time that cases work, a run of one lane stays under five minutes. fastpysgi 0.6, whose cases wait
# for more than 20 minutes, was judged in 4.5 minutes with 150 s.
PATIENCE = 130.0
WAITED = 10.0  # seconds, until which the server of another lane has started
VAIN = 1.0  # seconds from which on a case that failed has waited, not worked
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Ready:
    """A lane can begin; `command`: the words by which its server was started."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of the case at this place; said again when the kit has failed behind it."""

    place: int
    result: Result


@dataclass(frozen=True, slots=True)
class Ended:
    """An interrupt came to a lane."""


def judge(
    adapter: Adapter,
    cases: Sequence[Case],
    *,
    jobs: int = JOBS,
    python: str = sys.executable,
    kit: str = "",
    progress: Progress = lambda *_: None,
) -> Judgement:
    """As `runner.judge`, in so many lanes at most; an interrupt is always an `Interrupted`."""
    if jobs == 1:
        return runner.judge(adapter, cases, python=python, kit=kit, progress=progress)
    subject = Subject.of(adapter, python, kit)
    lanes = Lanes(Starter(adapter, python), cases, jobs, progress)
    interrupted = False
    try:
        lanes.run()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        interrupted |= not lanes.stop()
    results = [result for _, result in sorted(lanes.results.items())]
    return subject.concluded(lanes.command, results, interrupted=interrupted)


class Lanes:
    """The lanes of a run, and what has come of it."""

    def __init__(self, starter: Starter, cases: Sequence[Case], jobs: int, progress: Progress) -> None:
        self.results: dict[int, Result] = {}  # by the case's place
        self.command: tuple[str, ...] = ()
        self._starter, self._cases, self._progress = starter, cases, progress
        self._jobs = jobs
        self._next = 0  # the place of the next case
        self._waited = 0.0
        self._lanes: list[Lane] = []

    def run(self) -> None:
        """Judges the cases. Raises `NotStarted` when the first lane has no server, KeyboardInterrupt, and what keeps
        the kit from judging at all.
        """
        self._open()
        while self._lanes:
            for lane in self._ready():
                self._hear(lane)
            more = int(max(self._waited - PATIENCE, 0.0) / WAITED)
            if self._left and len(self._lanes) < min(self._jobs, 1 + more):
                self._open()

    def stop(self) -> bool:
        """Ends the lanes that are left, and their servers; False when an interrupt came meanwhile. Each further one
        goes on to the lanes, which then kill their servers.
        """
        undisturbed = True
        while self._lanes:
            try:
                for lane in self._lanes:
                    lane.interrupt()
                while self._lanes:
                    for lane in self._ready():
                        self._hear_out(lane)
            except KeyboardInterrupt:
                undisturbed = False
        return undisturbed

    @property
    def _left(self) -> bool:
        """Whether there are cases that no lane has been given."""
        return self._next < len(self._cases)

    def _open(self) -> None:
        held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)  # until both sides are ready for them
            self._lanes.append(Lane(self._starter, self._cases, held, self._lanes))
        except OSError as error:
            self._do_without(error)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)

    def _ready(self) -> "list[Lane]":
        """Waits for the lanes that have something to say."""
        pipes = wait([lane.pipe for lane in self._lanes])
        return [lane for lane in self._lanes if lane.pipe in pipes]

    def _hear(self, lane: "Lane") -> None:
        match lane.hear():
            case Ready(command):
                self.command = self.command or command
                self._give(lane)
            case Judged(place, result) if place in self.results:
                self.results[place] = result
            case Judged(place, result):
                self._take(place, result)
                self._give(lane)
            case Ended() | Exception() if lane.dismissed:
                pass
            case Ended():
                raise KeyboardInterrupt
            case Exception() as error:
                self._fail(lane, error)
            case _:
                self._lose(lane)

    def _give(self, lane: "Lane") -> None:
        """Its next case, or its end."""
        if self._left:
            lane.place, self._next = self._next, self._next + 1
            lane.give(lane.place)
            return
        lane.leaving = True
        lane.give(None)
        for late in self._lanes:
            if late.place < 0 and not late.leaving:  # nobody needs its server any more
                late.leaving = late.dismissed = True
                late.interrupt()

    def _take(self, place: int, result: Result) -> None:
        self.results[place] = result
        self._progress(len(self.results), len(self._cases), result)
        if result.broken and result.seconds > VAIN:
            self._waited += result.seconds

    def _lose(self, lane: "Lane") -> None:
        """It has come to its end."""
        self._lanes.remove(lane)
        code = lane.close()
        if not lane.leaving:
            self._fail(lane, ChildProcessError(f"a process of the kit ended with {ending(code)}"))
        if self._left and not self._lanes:
            self._open()

    def _fail(self, lane: "Lane", error: Exception) -> None:
        """A lane cannot go on. That costs its case, if it has one."""
        lane.leaving = True
        if lane.place >= 0:
            case = self._cases[lane.place]
            self._take(lane.place, made(case, Outcome.ERROR, blamed(error), (), time.monotonic()))
        else:
            self._do_without(error)

    def _do_without(self, error: Exception) -> None:
        """A lane does not come. That costs nothing while there are others; otherwise the cases that are left. Raises
        the error when nothing was judged before.
        """
        if not self.results:
            raise error
        others = sum(not lane.leaving for lane in self._lanes)
        if others:
            self._jobs = others
            return
        outcome, detail = Outcome.ERROR, blamed(error)
        if isinstance(error, NotStarted):
            outcome, detail = Outcome.CRASHED, f"the server did not start again: {brief(str(error), 500)}"
        for place in range(self._next, len(self._cases)):
            self._take(place, made(self._cases[place], outcome, detail, (), time.monotonic()))
        self._next = len(self._cases)

    def _hear_out(self, lane: "Lane") -> None:
        """The run is over: a result that was under way still counts."""
        match lane.hear():
            case Judged(place, result):
                self.results[place] = result
            case None:
                self._lanes.remove(lane)
                lane.close()


class Lane:
    """One of the processes, seen from the run. `held`: the signals that are blocked in it when it is ready; `earlier`:
    the lanes that there are.
    """

    def __init__(
        self, starter: Starter, cases: Sequence[Case], held: set[int], earlier: "Sequence[Lane]"
    ) -> None:
        self.pipe, theirs = FORK.Pipe()
        self.place = -1  # of its case; -1 before the first
        self.leaving = False  # it has no case, and gets none
        self.dismissed = False  # and is ended before it is ready: what it says of that does not count
        ours = [self.pipe, *(lane.pipe for lane in earlier)]
        self._process = FORK.Process(target=_work, args=(theirs, ours, starter, cases, held), daemon=True)
        try:
            self._process.start()
        except OSError:
            self.pipe.close()
            raise
        finally:
            theirs.close()

    def give(self, place: int | None) -> None:
        """The place of its next case; None, and it ends."""
        with contextlib.suppress(OSError):  # it has ended, and is heard of
            self.pipe.send(place)

    def hear(self) -> object:
        """`Ready`, `Judged`, `Ended`, or the exception that keeps it from going on; None at its end."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            return None

    def interrupt(self) -> None:
        """Ends it as CTRL+C does."""
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, signal.SIGINT)

    def close(self) -> int:
        """Waits for its end; its exit code."""
        self._process.join()
        self.pipe.close()
        return self._process.exitcode or 0


def _work(
    pipe: Connection, others: Sequence[Connection], starter: Starter, cases: Sequence[Case], held: set[int]
) -> None:
    """What a lane does, in its process. Of the terminal's signals it gets those that the run hands on. `others`: what
    it has of the run, whose end it would not see otherwise.
    """
    for other in others:
        other.close()
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with interruptible(), contextlib.suppress(KeyboardInterrupt, EOFError, OSError):  # the run has gone
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            _judge(pipe, starter, cases)
        except KeyboardInterrupt:
            pipe.send(Ended())
        except EOFError:
            raise
        except Exception as error:
            pipe.send(error)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)  # there is nothing left to interrupt


def _judge(pipe: Connection, starter: Starter, cases: Sequence[Case]) -> None:
    """Judges what it is given. Raises `EOFError` when the run has gone."""
    run = Run(starter)
    last: Judged | None = None
    try:
        pipe.send(Ready(tuple(run.command)))
        while (place := pipe.recv()) is not None:
            last = Judged(place, run.result(cases[place]))
            pipe.send(last)
    finally:
        try:
            run.stop()
        except Exception as error:
            if last is None:
                raise
            pipe.send(Judged(last.place, spoiled(last.result, error)))
