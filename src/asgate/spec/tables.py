"""What the tables of `messages.py` are made of: fields, messages, steps and machines. No facts, only their shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from asgate.spec.findings import Side
from asgate.spec.values import Kind


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


@dataclass(frozen=True, slots=True)
class Protocol:
    """One value of `scope["type"]`."""

    type: str
    scope: tuple[Field, ...]
    messages: Mapping[str, Message]
    machines: tuple[Machine, ...]
