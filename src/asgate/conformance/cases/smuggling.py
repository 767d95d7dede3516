"""The corpus against a server: every row is a case of its own, on a connection of its own.

The bytes of the row are sent, and in the same piece a request that tells where the server believes them to end
(`MARKER`), so that a sound server decides at once and closes. What the application saw comes from the probe,
not from the answers: smuggling is a request that the application sees and the row does not allow.

Whether the connection ends is decided by its end. Nothing else that could be observed says that a server will not
close any more, one with threads may answer others before it does; so a connection that stays open is given `PATIENCE`.
No server that is known closes near to it: they do at once, or with a time limit for idle connections, whose defaults
are 2 s and 5 s and more. A busy machine delays what is decided in thousandths, not what takes seconds.
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.corpus import ROWS
from asgate.conformance.corpus.row import MARKER, Ending, Row
from asgate.conformance.corpus.verdict import Seeing, answers, requests, verdict
from asgate.conformance.results import Outcome
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Wire

PATIENCE = 3.5  # seconds for a connection to end
SECONDS = 10.0  # for a row: a sound server needs a thousandth
LARGE = 1 << 13  # bytes: no reader is known to have room for less
TAIL = 16  # bytes: the large part of each row ends in them


def seeing(trial: Trial, row: Row) -> Seeing:
    """Sends the row and waits until the server has decided what to make of it."""
    with trial.echoing() as reports:
        wire = trial.connect()
        with contextlib.suppress(OSError):  # it may leave as soon as it has seen enough
            send(trial, wire, row)
        ended = wire.ends_within(PATIENCE)
        wire.close()
        trial.settle()
    method = row.data.partition(b" ")[0].decode("latin-1")
    found, flaw = answers(bytes(wire.received), method=method)
    seen = requests(reports)
    marker = bool(seen) and seen[-1].path == "/marker"
    statuses = tuple(answer.status for answer in found)
    last = bool(found) and found[-1].last
    return Seeing(statuses, tuple(seen[:-1] if marker else seen), marker, ended, flaw, last)


def send(trial: Trial, wire: Wire, row: Row) -> None:
    """The row's bytes and its ending. Where the outcome would hang on how much the server reads at once, it reads one
    part before the other comes: of what is large all but the end, since a limit may hold for what is not complete.
    """
    last = len(row.data) - TAIL if len(row.data) > LARGE else 0
    if last:
        wire.send(row.data[:last])
        trial.settle()
    wire.send(row.data[last:] + (MARKER if row.ending is Ending.MARKER else b""))
    if row.ending is Ending.LATE_FIN:
        wire.response()
        trial.settle()
    if row.ending in (Ending.FIN, Ending.LATE_FIN):
        wire.half_close()


def register(row: Row) -> None:
    """Makes a case of a row."""

    def run(trial: Trial) -> None:
        outcome, why = verdict(row, seeing(trial, row))
        if outcome is Outcome.FAIL:
            trial.fail(why)
        if outcome is Outcome.DIFFERS:
            trial.differs(why)
        if outcome is Outcome.NOT_OFFERED:
            trial.not_offered(why)

    run.__name__, run.__doc__ = row.name, row.title
    case(rfc=row.rfc, level=row.level, seconds=SECONDS)(run)


for _row in ROWS:
    register(_row)
