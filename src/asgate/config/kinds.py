"""How the value of an option is read: from the text of a flag or variable, from TOML, or from a Python call.

A kind parses (`parse`, a `ValueError` says what was expected) and shows a value again as TOML could hold it
(`show`). Which option is of which kind is said in `options.py`; the grammar of addresses lives in `binds.py`.
"""

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Kind(Protocol[T_co]):
    """What an option takes. `expected` ends the sentence "expected …"; `metavar` stands in the help."""

    @property
    def expected(self) -> str: ...
    @property
    def metavar(self) -> str: ...
    def parse(self, value: object) -> T_co: ...
    def show(self, value: Any) -> object: ...


class Switch:
    """`true` or `false`; as a flag `--name` and `--no-name`."""

    expected = "true or false"
    metavar = ""
    words = {  # noqa: RUF012 (never changed)
        "1": True, "true": True, "yes": True, "on": True,
        "0": False, "false": False, "no": False, "off": False,
    }  # fmt: skip

    def parse(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and (known := self.words.get(value.strip().lower())) is not None:
            return known
        raise ValueError

    def show(self, value: Any) -> object:
        return value


class Count:
    """A whole number, at least `least`."""

    metavar = "N"

    def __init__(self, least: int = 0, most: int = 2**31 - 1) -> None:
        self.least = least
        self.most = most
        self.expected = f"a whole number from {least} to {most}"

    def parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        text = str(value).strip()
        if not re.fullmatch(r"[0-9]{1,19}", text) or not self.least <= int(text) <= self.most:
            raise ValueError
        return int(text)

    def show(self, value: Any) -> object:
        return value


class Size:
    """A number of bytes from `least` to `most`; text may end in K, M or G (powers of 1024), with B or iB, after a
    space or without.
    """

    metavar = "BYTES"
    units = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}  # noqa: RUF012 (never changed)
    unit = r"([kmg]?)(?:i?b)?"

    def __init__(self, least: int = 0, most: int = 2**63 - 1) -> None:
        self.least = least
        self.most = most
        floor = f", at least {least}" if least else ""
        ceiling = f", at most {most // self.units['m']}M" if most < 2**63 - 1 else ""
        self.expected = f"a number of bytes{floor}{ceiling}, such as 65536, 64K or 1M"

    def parse(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        match = re.fullmatch(rf"([0-9]{{1,15}})\s*{self.unit}", str(value).strip().lower())
        if match is None or not self.least <= (size := int(match[1]) * self.units[match[2]]) <= self.most:
            raise ValueError
        return size

    def show(self, value: Any) -> object:
        return value


class Seconds:
    """A finite time in seconds: from 0 on, or above 0 where a wait without end or without length makes no
    sense.
    """

    metavar = "SECONDS"
    most = 365 * 86400.0

    def __init__(self, *, above_zero: bool = False) -> None:
        self.above_zero = above_zero
        self.expected = "a number of seconds above 0" if above_zero else "a number of seconds from 0 on"

    def parse(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        seconds = float(value)
        if not math.isfinite(seconds) or not 0 <= seconds <= self.most or (self.above_zero and seconds == 0):
            raise ValueError
        return seconds

    def show(self, value: Any) -> object:
        return value


class Text:
    """Any text, not empty unless said so; `pattern` narrows it."""

    def __init__(self, expected: str, metavar: str, pattern: str = r".+") -> None:
        self.expected = expected
        self.metavar = metavar
        self.pattern = re.compile(pattern, re.DOTALL)

    def parse(self, value: object) -> str:
        if isinstance(value, Path):
            value = str(value)
        if not isinstance(value, str) or "\0" in value or not self.pattern.fullmatch(value):
            raise ValueError
        return value

    def show(self, value: Any) -> object:
        return value


class Choice:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.metavar = "|".join(words)
        self.expected = "one of " + ", ".join(words)

    def parse(self, value: object) -> str:
        if isinstance(value, str) and value.strip().lower() in self.words:
            return value.strip().lower()
        raise ValueError

    def show(self, value: Any) -> object:
        return value


class Mode:
    """Permission bits, written in octal."""

    metavar = "MODE"
    expected = "octal permissions such as 660"

    def parse(self, value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"(0o)?[0-7]{3,4}", value.strip()):
            return int(value.strip().removeprefix("0o"), 8)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o777:
            return value
        raise ValueError

    def show(self, value: Any) -> object:
        return f"{value:03o}"


class Header:
    """A response header, `Name: value` or a pair; the name is lower-cased (ASGI-104), both are checked (RFC
    9110 5).
    """

    metavar = "'NAME: VALUE'"
    expected = "a header such as 'X-Frame-Options: DENY'"
    # RFC 9110 5.6.2 (token) and 5.5 (field-value, obs-text included)
    name = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
    text = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
    # These say where a message ends: only the server can know (RFC 9112 6).
    framing = frozenset({b"content-length", b"transfer-encoding", b"connection", b"trailer", b"upgrade"})

    def parse(self, value: object) -> tuple[bytes, bytes]:
        if isinstance(value, str):
            name, colon, text = value.partition(":")
            if not colon:
                raise ValueError
            value = (name, text.strip(" \t"))
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise ValueError
        key, content = (self._octets(part) for part in value)
        if not self.name.fullmatch(key) or not self.text.fullmatch(content):
            raise ValueError
        if key.lower() in self.framing:
            raise ValueError(f"a header other than {key.decode().lower()}, which the server itself sets")
        return key.lower(), content

    @staticmethod
    def _octets(part: object) -> bytes:
        if isinstance(part, bytes):
            return part
        if isinstance(part, str):
            return part.encode("latin-1")  # a UnicodeEncodeError is a ValueError
        raise ValueError

    def show(self, value: Any) -> object:
        return f"{value[0].decode('latin-1')}: {value[1].decode('latin-1')}"


class LogConfig:
    """The path of a logging configuration, or the dictionary itself (in TOML: a table)."""

    metavar = "PATH"
    expected = "the path of a .json, .toml or .ini file, or a dictionary for logging.config.dictConfig"

    def parse(self, value: object) -> str | Mapping[str, Any]:
        if isinstance(value, Path):
            value = str(value)
        if isinstance(value, str) and value.lower().endswith((".json", ".toml", ".ini", ".cfg", ".conf")):
            return value
        if isinstance(value, Mapping):
            return value
        raise ValueError

    def show(self, value: Any) -> object:
        return value


class Each(Generic[T]):
    """Several values of one kind; in one text they are told apart by `separator`."""

    def __init__(self, kind: Kind[T], separator: str) -> None:
        self.kind = kind
        self.separator = separator
        self.metavar = kind.metavar
        self.expected = kind.expected

    def parse(self, value: object) -> tuple[T, ...]:
        return tuple(self.kind.parse(part) for part in self._parts(value))

    def _parts(self, value: object) -> Iterable[object]:
        if isinstance(value, str):
            return [part.strip() for part in value.split(self.separator) if part.strip()]
        if isinstance(value, Mapping):
            return value.items()
        if isinstance(value, list | tuple):
            return value
        raise ValueError

    def show(self, value: Any) -> object:
        return [self.kind.show(part) for part in value]
