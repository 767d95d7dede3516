"""The application runs in a process of its own, so that whatever it does there is a report of what came before.

The process is a fork that goes on where its parent was: it imports the application, drives it, and tells the parent's
`Report` through a pipe (`Telling`). What the application prints goes to stderr, for stdout is the report's. The parent
(`Child`) waits, and says how the process ended if it did not come to its end: it was left (`os._exit`), it was killed,
or it showed no sign of life for too long. Then the parent asks it by a signal where it is, which `faulthandler`
answers without the loop and without the interpreter's lock, and ends it. A second pipe, which says nothing, ends with
the parent, and the process with it. Interrupts are blocked from before the fork until each side is ready to tell them.
"""

import contextlib
import faulthandler
import io
import os
import pickle
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import IO, NoReturn

from asgate.conformance.check.findings import STAYING, Report, Seen, against
from asgate.conformance.signals import INTERRUPTS, ending
from asgate.errors import Exit, Failure
from asgate.spec.findings import Finding
from asgate.testing.places import Place, innermost

ALIVE = 0.5  # seconds after which a sign of life is passed on again
TURN = 0.02  # seconds between two looks at the process
ENDING = 6.0  # seconds that the process may take to end when all is told
LEAVING = 3.0  # seconds that it may take to end when it is told to
TOGETHER = 0.2  # seconds that lie at most between the signals to two processes of a group
WHERE = signal.SIGUSR2  # asks where the process is, and ends it
LINE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)')
MOST_LINES = 12  # of a stack


class Telling(Report):
    """The report in the process of the application: what it is told is told to the parent's."""

    def __init__(self, target: str, pipe: IO[bytes], blocked: set[int]) -> None:
        super().__init__(target)
        self._pipe = pipe
        self._blocked = blocked
        self._process = os.getpid()
        self._alive = (0.0, 0.0)  # limit, and when

    def begin(self, where: str, scenario: str) -> None:
        super().begin(where, scenario)
        self._tell("begin", where, scenario)

    def add(self, finding: Finding, scenario: str) -> None:
        if not self.deaf:
            self._tell("add", finding, scenario)

    def see(self, seen: Seen) -> None:
        self._tell("see", seen)

    def note(self, sentence: str) -> None:
        self._tell("note", sentence)

    def leave_out(self, where: str, sentence: str, trace: tuple[str, ...] = ()) -> None:
        self._tell("leave_out", where, sentence, trace)

    def fail(self, code: int, sentence: str) -> None:
        self._tell("fail", int(code), sentence)

    def end(self) -> None:
        self.alive(ENDING)
        self._tell("end")

    def listen(self) -> None:
        """Interrupts come through from now on."""
        signal.signal(signal.SIGINT, self.interrupt)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def close(self) -> None:
        """Nothing more is told."""
        self._pipe.close()

    def interrupt(self, *_: int | FrameType | None) -> NoReturn:
        """The first CTRL+C interrupts; another one while the process ends would leave its work half done."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.deaf = True
        raise KeyboardInterrupt

    def alive(self, limit: float) -> None:
        before, when = self._alive
        now = time.monotonic()
        if limit != before or now - when > ALIVE:
            self._alive = limit, now
            self._tell("alive", limit)

    def _tell(self, verb: str, *details: object) -> None:
        if os.getpid() != self._process:  # the application has forked, and goes on in both
            os._exit(Exit.OK)
        try:
            pickle.dump((verb, details), self._pipe)
            self._pipe.flush()
        except OSError:  # the parent was killed, or the application has closed the pipe
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.raise_signal(signal.SIGPIPE)


class Child:
    """The process, seen from its parent. `limit`: seconds until its first sign of life. `lifeline`: the end of a pipe
    that nobody but the parent has. `blocked`: the signals that are blocked while it is followed.
    """

    def __init__(
        self,
        pid: int,
        pipe: IO[bytes],
        lifeline: IO[bytes],
        last: IO[bytes],
        limit: float,
        blocked: set[int],
    ) -> None:
        self.pid = pid
        self._pipe = pipe
        self._lifeline = lifeline
        self._last = last  # where faulthandler writes
        self._left = limit  # seconds until it is ended
        self._blocked = blocked
        self._overdue = False  # it was too silent
        self._leaving = False  # it has been told to end

    def follow(self, report: Report) -> None:
        """Fills the report until the process has ended. Raises `Failure` if it ended while it was imported."""
        with self._lifeline, self._last:
            self._follow(report)

    def _follow(self, report: Report) -> None:
        reader = threading.Thread(target=self._read, args=(report,), daemon=True)
        try:
            reader.start()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
            code = self._wait()
            if -code in INTERRUPTS:
                time.sleep(TOGETHER)  # perhaps it was for both, and no doing of the application
            reader.join(1)  # the pipe is closed now, unless a process of the application has it, too
            if not (report.complete or report.failure):
                self._explain(report, code)
        except KeyboardInterrupt:
            self._interrupt()
            reader.join(1)
            if not report.failure:
                report.fail(Exit.INTERRUPTED, f"interrupted{report.during}")

    def _read(self, report: Report) -> None:
        with contextlib.suppress(EOFError, pickle.UnpicklingError), self._pipe:
            while True:
                verb, details = pickle.load(self._pipe)  # noqa: S301 (written by ourselves)
                getattr(self if verb == "alive" else report, verb)(*details)

    def alive(self, limit: float) -> None:
        """A sign of life: the next one comes within `limit` seconds, or the process is ended."""
        if not self._leaving:
            self._left = limit

    def _wait(self) -> int:
        """Its exit code. Time is counted in turns of our own: while we are stopped, or not let run, none passes."""
        while (ended := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            if self._left <= 0:
                self._overdue = self._overdue or not self._leaving
                self._end(signal.SIGKILL if self._leaving else WHERE)
            time.sleep(TURN)
            self._left -= TURN
        return os.waitstatus_to_exitcode(ended[1])

    def _end(self, number: signal.Signals) -> None:
        """Tells it to end; the next signal is the last."""
        self._leaving, self._left = True, LEAVING
        os.kill(self.pid, number)

    def _interrupt(self) -> None:
        """CTRL+C goes to both processes, and a signal perhaps to this one alone."""
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it has just ended
            self._end(signal.SIGINT)
            self._wait()

    def _explain(self, report: Report, code: int) -> None:
        where, scenario = report.at
        stack = self._stack() if self._overdue else []
        place = f", at {innermost(stack)}" if stack else ""
        if self._overdue and not where:
            raise Failure(Exit.APPLICATION, f"the import of the application did not end in time{place}")
        if self._overdue:
            name, sentence = "ASGI-003", f"the application blocks the event loop for good{place}"
            advice = "await it, or run it with asyncio.to_thread; --timeout gives it more time"
        elif code == -signal.SIGPIPE:  # nothing in Python dies of it by chance
            name, sentence = "ASGI-025", "the application closed file descriptors that are not its own"
            advice = "close what you have opened: the others belong to the event loop and the server"
        else:
            name, sentence = "ASGI-025", f"the application ended the process {_how(code)}"
            advice = STAYING
        if not where:
            raise Failure(Exit.APPLICATION, f"{sentence} while it was imported")
        shown = [place for place in stack if place.own] or stack
        lines = tuple(f"at {place}" for place in shown[-MOST_LINES:])
        report.add(against(name, sentence, advice, where, lines), scenario)
        report.leave_out(where, f"{sentence}{report.during}, and what comes after was not asked")

    def _stack(self) -> list[Place]:
        """Where the loop's thread was when the process was ended, from the outermost line."""
        self._last.seek(0)
        text = self._last.read().decode(errors="replace")
        # "Thread" or "Current thread"; a fork keeps the number.
        thread = f"hread 0x{threading.main_thread().ident:016x}"
        lines = text.partition(thread)[2].partition("\n\n")[0]
        return [Place(it["file"], int(it["line"]), it["name"]) for it in LINE.finditer(lines)][::-1]


def fork(target: str, limit: float) -> Telling | Child:
    """Returns twice, as `os.fork` does: a `Telling` in the process that is to run the application, which goes on in
    `told`, and a `Child` that is to be followed.

    `limit`: seconds that its import may take.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    end, lifeline = os.pipe()
    last = tempfile.TemporaryFile()  # noqa: SIM115 (for both processes, to their ends)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    pid = os.fork()
    if pid:
        os.close(writing)
        os.close(end)
        return Child(pid, os.fdopen(reading, "rb"), os.fdopen(lifeline, "wb"), last, limit, blocked)
    os.close(reading)
    os.close(lifeline)
    threading.Thread(target=_end_with_parent, args=(end,), name="asgate.check.parent", daemon=True).start()
    kept = os.dup(last.fileno())  # to the end of the process, and no file object that nobody closes
    last.close()
    faulthandler.register(WHERE, file=kept, chain=True)  # and what the signal does by itself: the end
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # nothing is lost with the process
    return Telling(target, os.fdopen(writing, "wb"), blocked)


def _end_with_parent(end: int) -> NoReturn:
    os.read(end, 1)  # returns when the parent has gone, however it went
    os._exit(Exit.INTERRUPTED)


@contextlib.contextmanager
def told(report: Telling) -> Iterator[None]:
    """Tells what keeps the check from its end, and lets it go on to whom it concerns."""
    try:
        report.listen()
        yield
    except KeyboardInterrupt:
        report.fail(Exit.INTERRUPTED, f"interrupted{report.during}")
        raise
    except Failure as failure:
        report.fail(failure.exit_code, failure.sentence)
        raise
    except Exception as error:
        report.fail(Exit.BUG, f"an error in asgate: {error!r}")
        raise
    else:
        report.end()
    finally:
        report.close()


def _how(code: int) -> str:
    return f"{'with' if code >= 0 else 'by'} {ending(code)}"
