"""Values of the probe: JSON that keeps the exact type of everything a server gave, and makes everything it is to be
given. `values.py` of the kit is the other end. And what the probe looks for in scopes.
"""

from __future__ import annotations

import base64
import contextlib
import http
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ASIDE = "/~aside/([0-9]+)"  # requests of the driver itself: not steered
DEPTH = 30  # of nested values; deeper ones refer to themselves


def encoded(value: Any, depth: int = 0) -> Any:
    """A value of the server as JSON that keeps its exact type: what is no plain type is seen as odd."""
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return value
    if kind is float:
        return {"$float": repr(value)}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    if depth > DEPTH:
        return {"$odd": kind.__name__, "text": "nested too deep"}
    if kind is list:
        return [encoded(item, depth + 1) for item in value]
    if kind is tuple:
        return {"$tuple": [encoded(item, depth + 1) for item in value]}
    if kind is dict:
        return {"$dict": [[encoded(key, depth + 1), encoded(item, depth + 1)] for key, item in value.items()]}
    return {"$odd": kind.__name__, "text": text(repr, value)[:200]}


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


def parts(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    """Every dict and list in a scope, as "extensions.tls": id."""
    if depth > 2 or not isinstance(value, dict):
        return
    for key, item in value.items():
        if type(item) in (dict, list):
            yield f"{place}{key}", id(item)
            yield from parts(item, f"{place}{key}.", depth + 1)
