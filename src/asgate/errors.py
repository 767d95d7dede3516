"""What stops asgate before or while it serves, and the exit code of each: the one table of both.

A `Failure` is something the person at the keyboard can put right: it is told in one sentence with a hint and
never with a traceback of ours. Everything else that escapes is a bug and keeps its traceback.
"""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command; `meaning` is what the reference page prints."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "Stopped as asked, by a signal or from the program."
    BUG = (
        1,
        "An error inside asgate itself, or a case of `asgate conform` that failed by itself: please report it.",
    )
    USAGE = 2, "An unknown option, or a value that an option does not take."
    STARTUP = 3, "The application reported `lifespan.startup.failed`, broke or took too long at its start."
    CONFIG = (
        4,
        "A configuration, environment or logging file is missing, unreadable or wrong; or output cannot be written.",
    )
    TARGET = 5, "The application was not found, or what was found is not an ASGI application."
    APPLICATION = (
        6,
        (
            "The application's own code raised or ended the process while it was imported or made, or ended the loop; "
            "or took too long to import (`asgate check`)."
        ),
    )
    ADDRESS = 7, "An address could not be bound: in use, not permitted, not there."
    LOOP = 8, "The event loop asked for is not installed or cannot be made."
    SHUTDOWN = (
        9,
        "The application reported `lifespan.shutdown.failed`, or its shutdown broke or took too long.",
    )
    PLATFORM = 10, "asgate does not run on this operating system yet."
    FAULTS = (
        11,
        "`asgate conform` or `asgate check` found faults of the level asked for, a change, or what it could not judge.",
    )
    PEER = 12, "A server that `asgate conform` was to judge is not installed or did not start."
    INTERRUPTED = (
        130,
        (
            "Interrupted (CTRL+C; `asgate check` and `asgate conform` also SIGTERM, SIGHUP) before its end, or the "
            "application raised KeyboardInterrupt."
        ),
    )


class Failure(Exception):
    """Something the user can put right: one sentence, a hint, an exit code.

    `cause` is shown with its traceback when the fault lies in the application's own code.
    """

    def __init__(
        self, exit_code: Exit, sentence: str, hint: str = "", cause: BaseException | None = None
    ) -> None:
        super().__init__(f"{sentence} ({hint})" if hint else sentence)
        self.exit_code = exit_code
        self.sentence = sentence
        self.hint = hint
        self.cause = cause


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean 'port'?`, or nothing when no known word is near."""
    import difflib  # half the time in which our errors are imported, for mistakes only

    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
