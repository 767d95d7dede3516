"""Values of the probe: JSON that keeps the exact type of everything a server gave, and makes everything it is to be
given. `values.py` of the kit is the other end. And what the probe looks for in scopes.
"""

from __future__ import annotations

import base64
import contextlib
import http
import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASIDE = "/~aside/([0-9]+)"  # requests of the driver itself: not steered
DEPTH = 30  # of nested values
LARGEST = 64 << 20  # characters of JSON that a value may take: the driver must be able to hold it
NODE = 256  # of these for each item of a list or dict, whatever it is
SIGN = 12  # of these for a character at most: two escapes
DIGITS = 1 << 12  # bits of an int; interpreters refuse to write longer ones out
PARTS = 1000  # dicts and lists that are looked for in a scope


def encoded(value: Any) -> Any:
    """A value of the server as JSON that keeps its exact type: what is no plain type is seen as odd, and so is what
    would have no end, or be too large.
    """
    return _Encoding().of(value)


class _Encoding:
    """One value on its way to JSON. An item that many lists hold is written out for each, so that not even the depth
    bounds what comes of a few lists: every item is paid for, by the list that holds it, before it is looked at.
    """

    def __init__(self) -> None:
        self.left = LARGEST
        self.around: set[int] = set()  # ids of the lists and dicts around the item

    def of(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is float:
            return {"$float": repr(value)}
        if kind not in _COSTS:
            return self.odd(kind, text(repr, value)[:200])
        cost = _COSTS[kind](value)
        if cost > self.left:
            return self.odd(kind, "too large")
        self.left -= cost
        if kind is bytes:
            return {"$bytes": base64.b64encode(value).decode()}
        return value if kind in (str, int) else self.nested(kind, value)

    def nested(self, kind: type, value: Any) -> Any:
        if id(value) in self.around:
            return self.odd(kind, "it holds itself")
        if len(self.around) > DEPTH:
            return self.odd(kind, "nested too deep")
        self.around.add(id(value))
        try:
            if kind is dict:
                return {"$dict": [[self.of(key), self.of(item)] for key, item in value.items()]}
            items = [self.of(item) for item in value]
            return items if kind is list else {"$tuple": items}
        finally:
            self.around.discard(id(value))

    def odd(self, kind: type, what: str) -> Any:
        self.left -= SIGN * len(what)
        return {"$odd": kind.__name__[:100], "text": what if self.left > 0 else "too large"}


def _signs(value: str) -> int:
    return len(value) * (2 if value.isascii() and value.isprintable() else SIGN)


_COSTS: dict[type, Callable[[Any], int]] = {
    str: _signs,
    int: lambda value: value.bit_length() if value.bit_length() <= DIGITS else LARGEST + 1,
    bytes: lambda value: len(value) * 4 // 3,
    list: lambda value: NODE * len(value),
    tuple: lambda value: NODE * len(value),
    dict: lambda value: 2 * NODE * len(value),
}


def decoded(value: Any, files: dict[str, Any]) -> Any:
    """A value for the server, as the driver wrote it: every type a message may, or may not, have. `files`: those
    that were opened, by path.
    """
    if isinstance(value, list):
        return [decoded(item, files) for item in value]
    if not isinstance(value, dict):
        return value
    ((tag, inner),) = value.items()
    if tag == "$dict":
        return {decoded(key, files): decoded(item, files) for key, item in inner}
    if tag == "$tuple":
        return tuple(decoded(item, files) for item in inner)
    if tag == "$generator":
        return _each([decoded(item, files) for item in inner])
    if tag == "$file":
        return _file(inner, files)
    return _DECODERS[tag](inner)


def _each(items: list[Any]) -> Iterator[Any]:
    yield from items


def _file(inner: dict[str, Any], files: dict[str, Any]) -> Any:
    """The one file object of a path. It stays open until the driver has it closed: is it still open after `send`?"""
    path = inner["path"]
    if path not in files or files[path].closed:
        files[path] = open(path, "rb", buffering=0)
    if "position" in inner:
        files[path].seek(inner["position"])
    return files[path]


class _Text(str):
    """A str that is not exactly one."""


class _Bytes(bytes):
    """Bytes that are not exactly such."""


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$bytes": base64.b64decode,
    "$fill": lambda size: b"x" * size,
    "$float": float,
    "$bytearray": lambda inner: bytearray(base64.b64decode(inner)),
    "$memoryview": lambda inner: memoryview(base64.b64decode(inner)),
    "$strided": lambda inner: memoryview(base64.b64decode(inner))[::2],
    "$bytes subclass": lambda inner: _Bytes(base64.b64decode(inner)),
    "$str subclass": _Text,
    "$status": http.HTTPStatus,
    "$object": lambda _: object(),
}


def text(show: Callable[[Any], str], value: Any) -> str:
    """`str` or `repr` of something foreign, which may refuse."""
    try:
        return show(value)
    except Exception as error:
        return f"({show.__name__}() raised {type(error).__name__})"


def raised(error: BaseException) -> dict[str, Any]:
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"type": kinds[0], "kinds": kinds, "text": text(str, error)[:500]}


def kind(scope: Any) -> Any:
    return scope.get("type") if isinstance(scope, dict) else None


def aside(scope: Any) -> str:
    """What names a request of the driver itself; empty for others. It stands in the path and in a header, as a server
    may get either wrong.
    """
    if kind(scope) != "http":
        return ""
    found = re.search(ASIDE, str(scope.get("path")))
    if found is None:
        with contextlib.suppress(Exception):
            value = next(
                bytes(value) for name, value in scope["headers"] if bytes(name).lower() == b"x-aside"
            )
            found = re.search("([0-9]+)", value.decode())
    return "" if found is None else found[1]


def parts(scope: Any) -> dict[str, int]:
    """Every dict and list in a scope, as "extensions.tls": id."""
    return dict(itertools.islice(_parts(scope, "", 0), PARTS))


def _parts(value: Any, place: str, depth: int) -> Iterator[tuple[str, int]]:
    if depth > 2 or not isinstance(value, dict):
        return
    for key, item in value.items():
        if type(item) in (dict, list):
            name = place + text(str, key)[:100]
            yield name, id(item)
            yield from _parts(item, f"{name}.", depth + 1)
