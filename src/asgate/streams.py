"""The standard streams, which whoever starts a command may have closed, or led to where there is no room.

What is opened while one of them is closed would get its number, and with it what is printed: so each is opened first.
A stream that has failed leads nowhere from then on, or the interpreter would fail once more when it flushes it.
"""

import os
import sys
from typing import TextIO

import click

from asgate.errors import Exit, Failure

NUMBERS = (0, 1, 2)


def opened() -> bool:
    """Opens those that are closed; whether stdout was there."""
    for number in NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
    there = sys.stdout is not None
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(2)
    return there


def report(text: str, there: bool = True, *, what: str = "the report", hint: str = "") -> None:
    """Prints it to stdout, if that is there. Raises `Failure` when it takes no text; `what` is what it did not take."""
    reason: object = "it is closed"
    if there and sys.stdout is not None:
        try:
            click.echo(_fit(text, sys.stdout), nl=False)
        except OSError as error:
            _lead_nowhere(1)
            reason = error.strerror or error
        else:
            return
    raise Failure(Exit.CONFIG, f"{what} cannot be written to stdout: {reason}", hint)


def remark(text: str, *, nl: bool = True) -> None:
    """Prints it to stderr, if that takes it."""
    try:
        click.echo(_fit(text, sys.stderr), nl=nl, err=True)
    except OSError:
        _lead_nowhere(2)


def _fit(text: str, stream: TextIO) -> str:
    """What the stream's encoding lacks is written as an escape: a path may hold any octets (PEP 383)."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _writer(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", errors="replace", closefd=False)


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
