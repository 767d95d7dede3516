"""The typed settings that everything else reads: the table of `options.py` with checked values and effective
addresses.

The extension module reads the attributes by name. Where the values come from is `load.py`'s matter.
"""

import re
from dataclasses import dataclass, fields
from typing import Any

from asgate.config.binds import Bind, Descriptor, Tcp, Unix
from asgate.config.kinds import Each
from asgate.config.options import Option, Options, table
from asgate.errors import Exit, Failure

OTHER_ADDRESSES = ("host", "port", "uds", "fd")
"""Other ways to write `bind`: settings hold the addresses in `bind` alone."""


@dataclass(frozen=True, kw_only=True)
class Settings(Options):
    """Checked options. `Settings(port=0, access_log=False)` parses each value as the option's kind says.

    Raises `Failure` for a value that an option does not take.
    """

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not item.default:
                object.__setattr__(self, item.name, parsed(table()[item.name], value, "the program"))
        object.__setattr__(self, "bind", self._addresses())
        for name in OTHER_ADDRESSES:
            object.__setattr__(self, name, None)

    def _addresses(self) -> tuple[Bind, ...]:
        if self.fd is not None:
            return (Descriptor(self.fd),)
        if self.uds is not None:
            return (Unix(self.uds),)
        if self.host is not None or self.port is not None:
            host = "127.0.0.1" if self.host is None else self.host.strip("[]")
            return (Tcp("" if host == "*" else host, 8000 if self.port is None else self.port),)
        return self.bind


def parsed(row: Option, value: object, source: str) -> Any:
    """The value as the option's kind reads it.

    Raises `Failure`: which option, which value, where it came from, what was expected.
    """
    if value is None and row.default is None:
        return None
    try:
        return row.kind.parse(value)
    except ValueError as error:
        reason = str(error) if type(error) is ValueError and error.args else ""
        expected = reason if reason and not reason.startswith("could not convert") else row.kind.expected
        wrong = _wrong_part(row, value)
        sentence = f"{row.name} is {wrong!r} ({source}), expected {expected}"
        hint = "" if expected == reason else row.help  # a kind that gives a reason has said it all
        raise Failure(Exit.USAGE, sentence, advice_on(row, wrong) or hint) from None


def advice_on(row: Option, wrong: object) -> str:
    """What the table advises about such a value."""
    for pattern, advice in row.advice:
        if match := re.fullmatch(pattern, str(wrong)):
            return match.expand(advice)
    return ""


def _wrong_part(row: Option, value: object) -> object:
    """Of several values the first that is not accepted."""
    if isinstance(row.kind, Each) and isinstance(value, tuple | list):
        for part in value:
            try:
                row.kind.kind.parse(part)
            except ValueError:
                return part
    return value
