"""What a case is, and the register of all cases.

A case is a function that is given a `Trial`, drives one behaviour of the server and says what is wrong by `expect`,
`fail`, `differs` or `not_offered`. Its docstring says in one sentence what a right server does; that sentence is
the case's title in every report. The files of `cases/` hold one group each.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asgate.spec.clauses import Level, clause

if TYPE_CHECKING:
    from asgate.conformance.trial import Trial

# Seconds a case may take, unless it says otherwise: a hundred times what a healthy server needs.
DEADLINE = 3.0


@dataclass(frozen=True, slots=True)
class Case:
    """One behaviour that is judged."""

    name: str  # "group/function"
    group: str
    title: str
    clauses: tuple[str, ...]
    rfc: str
    level: Level
    since: str
    extension: str
    seconds: float
    alone: bool  # needs server processes of its own; the shared one is not touched
    run: "Callable[[Trial], None]"


_register: dict[str, Case] = {}


def case(
    *clauses: str,
    rfc: str = "",
    level: Level | None = None,
    since: str = "",
    extension: str = "",
    seconds: float = DEADLINE,
    alone: bool = False,
) -> "Callable[[Callable[[Trial], None]], Callable[[Trial], None]]":
    """Registers a function as a case.

    `clauses`: ids of `spec/clauses.toml`; the first one gives the level unless `level` says otherwise. `rfc`: such as
    "RFC 9112 6.3". `since`, the spec version from which the clause applies, and `extension`, the one that the case is
    about, are labels of reports and enforce nothing: a case about what may not be advertised has one, too. The case
    itself looks (`Conversation.version`, `Trial.offered`). `seconds`: its time limit. `alone`: it starts servers of
    its own (`Trial.server`).
    """

    def register(function: "Callable[[Trial], None]") -> "Callable[[Trial], None]":
        group = function.__module__.rpartition(".")[2]
        add(group, function.__name__, " ".join((function.__doc__ or "").split()), function)
        return function

    def add(group: str, name: str, title: str, function: "Callable[[Trial], None]") -> None:
        strength = level or clause(clauses[0]).level
        name = f"{group}/{name}"
        if name in _register or not title:
            raise ValueError(f"{name}: registered twice, or without a docstring")
        _register[name] = Case(
            name, group, title, clauses, rfc, strength, since, extension, seconds, alone, function
        )

    return register


def cases() -> list[Case]:
    """All cases, grouped by file, in the order in which they stand there."""
    from asgate.conformance import cases as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return list(_register.values())
