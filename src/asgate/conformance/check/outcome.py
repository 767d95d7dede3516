"""How an attempt went: whether it failed in the eyes of its scenario, and how that is said."""

import traceback

from asgate.conformance.check.attempt import Attempt
from asgate.conformance.check.plan import Subject
from asgate.conformance.check.scenarios import PROGRAMMING, Scenario


def broken(scenario: Scenario, attempt: Attempt) -> bool:
    """Whether the application failed, in the eyes of this scenario."""
    if not scenario.departs:
        return attempt.failed
    return attempt.left and attempt.raised is not None and _careless(attempt.raised)


def sound(scenario: Scenario, plain: Attempt) -> bool:
    """Whether a plain request went well enough to say that it is the scenario that matters."""
    return plain.left or plain.raised is None if scenario.departs else not plain.failed


def _careless(error: BaseException) -> bool:
    """Whether it comes from code that reads an event without looking at its type."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_careless, error.exceptions))
    return isinstance(error, PROGRAMMING)


def how(attempt: Attempt) -> str:
    if attempt.raised is not None:
        return f"raised {attempt.raised!r:.150}"
    return "did not answer" if attempt.silent else f"answers {attempt.status}"


def hint(subject: Subject, plain: Attempt) -> str:
    """What to change, for what many stumble over in their first application."""
    error = plain.raised
    if isinstance(error, RuntimeError) and "cannot be called from a running event loop" in str(error):
        return "await it: the event loop of the server runs already"
    heard = [step for step in plain.trace if step.startswith("client: ")]
    if subject.websocket and isinstance(error, KeyError) and len(heard) == 1:
        return "the first event is websocket.connect, and has its type alone"
    return ""


def told(attempt: Attempt) -> tuple[int | None, bytes]:
    return attempt.status, bytes(attempt.body)


def outside(error: BaseException) -> bool:
    """Whether it was raised by the call itself, and not by code of the application."""
    frames = traceback.walk_tb(error.__traceback__)
    return all(str(frame.f_globals.get("__name__")).startswith("asgate.") for frame, _ in frames)
