"""Requests that run at the same time: whether the application keeps apart what belongs to each.

Alike they show what breaks; marked they show what is mixed up. A mark is a word of its own in the query, in a header
and, where a form or a JSON object takes one more name, in the body. That an answer has the mark of another request says
nothing yet: pages list their last visitors, and caches keep the first answer. So marked requests one after the other
are asked before and after, and each must have its own mark and no other.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from asgate.conformance.check.attempt import Attempt
from asgate.conformance.check.bodies import FORM, JSON
from asgate.conformance.check.plan import Subject

AT_ONCE = 4  # requests at the same time
MARK = "asgate-check"  # name of the parameter, of the header, and in the body


def marks() -> tuple[list[str], list[str], list[str]]:
    """A word for each request before, at once and after: none is a part of another, and nothing escapes it."""
    words = [f"asgate{number}mark" for number in range(AT_ONCE + 4)]
    return words[:2], words[2:-2], words[-2:]


def marked(subject: Subject, mark: str) -> Subject:
    """The same request with its own mark."""
    joint = "&" if "?" in subject.target else "?"
    body = _marked_body(subject, mark) if subject.body else b""
    return replace(
        subject,
        target=f"{subject.target}{joint}{MARK}={mark}",
        body=body,
        headers=((MARK.encode(), mark.encode()),),
    )


def _marked_body(subject: Subject, mark: str) -> bytes:
    kind = subject.content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        return subject.body + f"&{MARK}={mark}".encode()
    if kind == JSON:
        try:
            value = json.loads(subject.body)
        except ValueError:  # sent as it is, on purpose
            return subject.body
        if isinstance(value, dict):
            return json.dumps({**value, MARK: mark}).encode()
    return subject.body


async def play(attempts: Sequence[Attempt]) -> None:
    """All are begun before one gets its body, which the one before the last gets first: what an application keeps for
    all is then that of the last.
    """
    for attempt in attempts:
        attempt.start()
    for attempt in attempts:
        await attempt.waits()
    for attempt in reversed([attempts[-1], *attempts[:-1]]):
        attempt.piece(attempt.content)
    await asyncio.gather(*(attempt.read() for attempt in attempts))
    await asyncio.gather(*(attempt.finish() for attempt in attempts))


def shown(attempt: Attempt, words: Sequence[str]) -> list[str]:
    """Those of the marks that the answer has."""
    return [word for word in words if word.encode() in attempt.shown]


def mixed_up(attempts: Sequence[Attempt], words: Sequence[str]) -> Attempt | None:
    """The first one whose answer has the mark of another request and not its own."""
    for attempt, own in zip(attempts, words, strict=True):
        found = shown(attempt, words)
        if found and own not in found:
            return attempt
    return None
