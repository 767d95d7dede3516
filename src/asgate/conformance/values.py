"""Values on the control channel: JSON that keeps the exact type of everything a server gave, or is to be given.

What a server gave is decoded to the same plain types again; anything else arrives as `Odd`, which equals nothing, so
that a `memoryview` where the text wants `bytes` is seen. What the driver sends may have any type, right or
wrong: markers such as `Fill` and `Wrong` stand for what JSON cannot say.
"""

import base64
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SHAPE = (LookupError, TypeError, AttributeError, ValueError)  # what is raised by taking something odd apart


class Misshapen(Exception):
    """What the server gave cannot be taken apart as the text says; the message says how that showed."""


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Around code that does nothing but take apart what the server gave. Raises `Misshapen` where that has another
    shape.
    """
    try:
        yield
    except SHAPE as error:
        raise Misshapen(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, eq=False, slots=True)
class Odd:
    """A value of a type that no scope or event may hold (ASGI-012)."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Fill:
    """So many bytes of filling, made inside the server."""

    size: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """A value of a type that JSON cannot say. By `type`:

    `memoryview`, `bytearray`, `strided` (every second byte, a view), `bytes subclass` of bytes; `str subclass` of
    a str; `status` (an `http.HTTPStatus`) of an int; `generator` of a list; `object` of nothing; `file` of
    {"path", "position"}: one file object for each path, opened in the probe; see `Conversation.file`.
    """

    type: str
    value: Any = None


def encoded(value: Any) -> Any:
    """The JSON of a value for the server."""
    match value:
        case None | str() | bool() | int():
            return value
        case float():
            return {"$float": repr(value)}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case Fill(size):
            return {"$fill": size}
        case Wrong(kind, inner):
            return {f"${kind}": _inner(inner)}
        case tuple():
            return {"$tuple": [encoded(item) for item in value]}
        case list():
            return [encoded(item) for item in value]
        case dict():
            return {"$dict": [[encoded(key), encoded(item)] for key, item in value.items()]}
    raise TypeError(f"{value!r} cannot go over the control channel")


def _inner(value: Any) -> Any:
    """What a marker of the probe takes as it is: bytes in base64, lists of values, plain dicts."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return value


def decoded(value: Any) -> Any:
    """What the server gave, with its exact types."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$odd" in value:
        return Odd(value["$odd"], value["text"])
    ((tag, inner),) = value.items()
    match tag:
        case "$bytes":
            return base64.b64decode(inner)
        case "$float":
            return float(inner)
        case "$tuple":
            return tuple(decoded(item) for item in inner)
        case "$dict":
            return {decoded(key): decoded(item) for key, item in inner}
    raise ValueError(f"the probe reported {tag}")


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of the same types all the way down: 0 is not False, a list no tuple."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)
