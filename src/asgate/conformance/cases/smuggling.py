"""The corpus against a server: every row is a case of its own, on a connection of its own.

The bytes of the row are sent, and in the same piece a request that tells where the server believes them to end
(`MARKER`), so that a sound server decides at once and closes. What the application saw comes from the probe,
not from the answers: smuggling is a request that the application sees and the row does not allow.
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.corpus import ROWS
from asgate.conformance.corpus.row import MARKER, Ending, Row
from asgate.conformance.corpus.verdict import Seeing, answers, requests, verdict
from asgate.conformance.results import Outcome
from asgate.conformance.trial import Trial

PATIENCE = 0.5  # seconds for a server that does not decide, twice, with another request served in between
SECONDS = 6.0  # for a row: a sound server needs a thousandth


def seeing(trial: Trial, row: Row) -> Seeing:
    """Sends the row and waits until the server has decided what to make of it."""
    with trial.echoing() as reports:
        wire = trial.connect()
        with contextlib.suppress(OSError):  # it may leave as soon as it has seen enough
            wire.send(row.data + (MARKER if row.ending is Ending.MARKER else b""))
            if row.ending is Ending.FIN:
                wire.half_close()
        ended = wire.ends_within(PATIENCE)
        trial.settle()
        if not ended:
            ended = wire.ends_within(PATIENCE)
        wire.close()
        trial.settle()
    statuses, flaw = answers(bytes(wire.received))
    seen = requests(reports)
    marker = bool(seen) and seen[-1].path == "/marker"
    return Seeing(statuses, tuple(seen[:-1] if marker else seen), marker, ended, flaw)


def register(row: Row) -> None:
    """Makes a case of a row."""

    def run(trial: Trial) -> None:
        outcome, why = verdict(row, seeing(trial, row))
        if outcome is Outcome.FAIL:
            trial.fail(why)
        if outcome is Outcome.DIFFERS:
            trial.differs(why)

    run.__name__, run.__doc__ = row.name, row.title
    case(rfc=row.rfc, level=row.level, seconds=SECONDS)(run)


for _row in ROWS:
    register(_row)
