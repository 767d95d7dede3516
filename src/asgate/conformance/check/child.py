"""The application runs in a process of its own, so that whatever it does there is a report of what came before.

The process is a fork that goes on where its parent was: it imports the application, drives it, and tells the parent's
`Report` through a pipe (`Telling`). What the application prints goes to stderr, for stdout is the report's. The parent
waits, and says how the process ended if it did not come to its end: it was left (`os._exit`), it was killed, or the
event loop stood still for too long. The last is noticed by `faulthandler`, which needs neither the loop nor the
interpreter's lock, writes down where it was and ends the process.
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

from asgate.conformance.check.findings import Report, Seen, against
from asgate.errors import Exit, Failure
from asgate.spec.findings import Finding
from asgate.testing.places import Place, innermost

ARMED = 0.5  # seconds after which a sign of life is passed on again
ENDING = 6.0  # seconds that the process may take to end when all is told
LEAVING = 3.0  # seconds that an interrupted check may take to end
LINE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)')
MOST_LINES = 12  # of a stack


class Telling(Report):
    """The report in the process of the application: what it is told is told to the parent's."""

    def __init__(self, target: str, pipe: IO[bytes], last: IO[bytes]) -> None:
        super().__init__(target)
        self._pipe = pipe
        self._last = last  # where faulthandler writes
        self._armed = (0.0, 0.0)  # limit, and when

    def begin(self, where: str, scenario: str) -> None:
        super().begin(where, scenario)
        self._tell("begin", where, scenario)

    def add(self, finding: Finding, scenario: str) -> None:
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

    def alive(self, limit: float) -> None:
        before, when = self._armed
        now = time.monotonic()
        if limit != before or now - when > ARMED:
            self._armed = limit, now
            faulthandler.dump_traceback_later(limit, exit=True, file=self._last)

    def _tell(self, verb: str, *details: object) -> None:
        try:
            pickle.dump((verb, details), self._pipe)
            self._pipe.flush()
        except BrokenPipeError:  # the parent was killed
            os._exit(Exit.INTERRUPTED)


class Child:
    """The process, seen from its parent."""

    def __init__(self, pid: int, pipe: IO[bytes], last: IO[bytes]) -> None:
        self.pid = pid
        self._pipe = pipe
        self._last = last

    def follow(self, report: Report) -> None:
        """Fills the report until the process has ended. Raises `Failure` if it ended while it was imported."""
        reader = threading.Thread(target=self._read, args=(report,), daemon=True)
        reader.start()
        try:
            _, status = os.waitpid(self.pid, 0)
        except KeyboardInterrupt:
            self._interrupt()
            reader.join(1)
            if not report.failure:
                report.fail(Exit.INTERRUPTED, f"interrupted{report.during}")
            return
        reader.join(1)  # the pipe is closed now, unless a process of the application has it, too
        if not (report.complete or report.failure):
            self._explain(report, os.waitstatus_to_exitcode(status))

    def _read(self, report: Report) -> None:
        with contextlib.suppress(EOFError, pickle.UnpicklingError), self._pipe:
            while True:
                verb, details = pickle.load(self._pipe)  # noqa: S301 (written by ourselves)
                getattr(report, verb)(*details)

    def _interrupt(self) -> None:
        """CTRL+C goes to both processes, and a signal perhaps to this one alone."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.kill(self.pid, signal.SIGINT)
        deadline = time.monotonic() + LEAVING
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return
            time.sleep(0.02)

    def _explain(self, report: Report, code: int) -> None:
        where, scenario = report.at
        stack = self._stack()
        if stack:
            sentence = f"the application blocks the event loop for good, at {innermost(stack)}"
            advice = "await it, or run it with asyncio.to_thread; --timeout gives it more time"
            lines = tuple(f"at {place}" for place in stack[-MOST_LINES:])
            report.add(against("ASGI-003", sentence, advice, where, lines), scenario)
        else:
            sentence = f"the application ended the process {_how(code)}"
            if not where:
                raise Failure(Exit.APPLICATION, f"{sentence} while it was imported")
            advice = "answer with an error, or raise an Exception: one request does not end the server"
            report.add(against("ASGI-025", sentence, advice, where), scenario)
        report.leave_out(where, f"{sentence}{report.during}, and what comes after was not asked")

    def _stack(self) -> list[Place]:
        """Where the loop's thread was when the process was ended, from the outermost line."""
        self._last.seek(0)
        text = self._last.read().decode(errors="replace")
        thread = f"Thread 0x{threading.main_thread().ident:016x}"  # a fork keeps it
        lines = text.partition(thread)[2].partition("\n\n")[0]
        return [Place(it["file"], int(it["line"]), it["name"]) for it in LINE.finditer(lines)][::-1]


def fork(target: str) -> Telling | Child:
    """Returns twice, as `os.fork` does: a `Telling` in the process that is to run the application."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    last = tempfile.TemporaryFile()  # noqa: SIM115 (for both processes, to their ends)
    pid = os.fork()
    if pid:
        os.close(writing)
        return Child(pid, os.fdopen(reading, "rb"), last)
    os.close(reading)
    with contextlib.suppress(OSError):  # no stderr
        os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # nothing is lost with the process
    signal.signal(signal.SIGINT, _once)
    return Telling(target, os.fdopen(writing, "wb"), last)


@contextlib.contextmanager
def telling(report: Report) -> Iterator[None]:
    """Tells what keeps the check from its end, and lets it go on to whom it concerns."""
    try:
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
    report.end()


def _once(*_: int | FrameType | None) -> NoReturn:
    """The first CTRL+C interrupts; another one while the process ends would leave its work half done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _how(code: int) -> str:
    return f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
