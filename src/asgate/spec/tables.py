"""What the tables of `messages.py` are made of: fields, messages, steps and machines. No facts, only their shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from asgate.spec.findings import Side
from asgate.spec.values import Kind

TRAILERS = "http.response.trailers"


class When(StrEnum):
    """What a step asks of its message. `more` is `more_body`, in trailers `more_trailers`."""

    ALWAYS = ""
    MORE = "more"
    LAST = "no more"
    OWING = "no more, trailers announced"


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a scope or message. `aspects`: further clauses that its value can break (see `values.Wrong`)."""

    name: str
    kind: Kind
    clause: str
    required: bool = False
    default: str = ""  # what a missing key means, as Python writes it
    since: str = ""  # the spec version that brought it
    aspects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A message or event. `side` sends it."""

    type: str
    side: Side
    says: str
    order: str  # the clause that it breaks out of its place
    fields: tuple[Field, ...] = ()
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """From `state`, `message` leads to `then`."""

    state: str
    message: str
    then: str
    when: When = When.ALWAYS


@dataclass(frozen=True)
class Machine:
    """The order of messages. `unfinished`: the states in which an application must not return, with the clause."""

    name: str
    first: str
    steps: tuple[Step, ...]
    silent: tuple[str, ...] = ()
    unfinished: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def table(self) -> dict[tuple[str, str], dict[When, str]]:
        """State and message type -> condition -> next state."""
        table: dict[tuple[str, str], dict[When, str]] = {}
        for step in self.steps:
            table.setdefault((step.state, step.message), {})[step.when] = step.then
        return table

    @cached_property
    def final(self) -> frozenset[str]:
        """The states that no step leaves: everything has been said."""
        return frozenset(step.then for step in self.steps) - {step.state for step in self.steps}

    def after(self, state: str, message: Mapping[str, Any], *, owing: bool = False) -> str | None:
        """The state that a message leads to; None where it has no place. `owing`: trailers have been announced."""
        kind = message["type"]
        more = bool(message.get("more_trailers" if kind == TRAILERS else "more_body", False))
        return self._moves.get((state, kind, more, owing))

    @cached_property
    def _moves(self) -> dict[tuple[str, str, bool, bool], str]:
        """State, message type, whether more is to come, whether trailers are owed -> next state."""
        return {
            (state, kind, more, owing): next(then[when] for when in _preferred(more, owing) if when in then)
            for (state, kind), then in self.table.items()
            for more in (False, True)
            for owing in (False, True)
        }


def _preferred(more: bool, owing: bool) -> tuple[When, ...]:
    """The conditions that hold for a message; the first that a table has counts. LAST holds at any time: a message
    that cannot have more to come does not ask.
    """
    return (When.ALWAYS, *[When.MORE] * more, *[When.OWING] * owing, When.LAST)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One value of `scope["type"]`."""

    type: str
    scope: tuple[Field, ...]
    messages: Mapping[str, Message]
    machines: tuple[Machine, ...]

    @property
    def answers(self) -> Machine:
        """The machine of what the application sends."""
        return self.machines[-1]
