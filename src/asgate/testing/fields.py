"""Fields of the application's messages, read once into exact types.

A missing field without default, or a value that HTTP forbids, is a `MessageRefused`; a wrong type is a TypeError
(ASGI-031, 032). Nothing is coerced.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from asgate.spec.types import Message
from asgate.spec.values import ANY_TOKEN, FRAMING, Kind
from asgate.testing.errors import MessageRefused

Value = TypeVar("Value")
Pairs = list[tuple[bytes, bytes]]

BYTES = (bytes, bytearray, memoryview)  # frameworks pass all three (ASGI-113)


def mandatory(message: Message, key: str, kind: type[Value]) -> Value:
    """The value of a key that must be there."""
    if key not in message:
        raise MessageRefused(f"{message['type']} needs the key {key!r} (ASGI-031)")
    return _checked(message, key, kind)


def optional(message: Message, key: str, kind: type[Value], default: Value) -> Value:
    """The value of a key that may be left out."""
    return _checked(message, key, kind) if key in message else default


def nullable(message: Message, key: str, kind: type[Value]) -> Value | None:
    """The value of a key that may be left out or None."""
    return None if message.get(key) is None else _checked(message, key, kind)


def _checked(message: Message, key: str, kind: type[Value]) -> Value:
    value = message[key]
    # A bool is an int in Python, and a status or a code is none.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise wrong_type(message, key, kind.__name__, value)
    return value


def within(message: Message, key: str, kind: Kind, clause: str) -> None:
    """Refuses a value that has the right type and is out of its range."""
    if message.get(key) is not None and (wrong := kind.check(message[key])) is not None:
        raise MessageRefused(f"{key!r} of {message['type']} {wrong.sentence} ({clause})")


def wrong_type(message: Message, key: str, wanted: str, value: object) -> TypeError:
    return TypeError(f"{key!r} of {message['type']} must be {wanted}, not {type(value).__name__} (ASGI-032)")


def content(message: Message, key: str = "body") -> bytes:
    """Bytes of a body, copied, so that a buffer which the application uses again does no harm."""
    value = message.get(key, b"")
    if not isinstance(value, BYTES):
        raise wrong_type(message, key, "bytes", value)
    return bytes(value)


def header_pairs(message: Message, key: str = "headers", *, pseudo: str = "ASGI-104") -> Pairs:
    """Pairs of name and value; a list if the key is missing. `pseudo`: the clause that forbids pseudo headers."""
    pairs: Pairs = []
    for pair in _items(message, key):
        name, value = _pair(message, key, pair)
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            wrong = value if isinstance(name, bytes) else name
            raise wrong_type(message, key, "pairs of bytes", wrong)
        if name.startswith(b":"):
            raise MessageRefused(f"{message['type']} has the pseudo header {name!r} ({pseudo})")
        if not ANY_TOKEN.fullmatch(name) or FRAMING.search(value):
            raise MessageRefused(f"{message['type']} has the header {name!r}: {value!r} (ASGI-116)")
        pairs.append((name, value))
    return pairs


def _items(message: Message, key: str) -> Iterable[Any]:
    value = message.get(key, ())
    if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        raise wrong_type(message, key, "an iterable of pairs", value)
    return value


def _pair(message: Message, key: str, pair: Any) -> tuple[Any, Any]:
    if isinstance(pair, str | bytes) or not isinstance(pair, Iterable):
        raise wrong_type(message, key, "an iterable of pairs", pair)
    items = tuple(pair)
    if len(items) != 2:
        raise MessageRefused(f"{message['type']} has a header of {len(items)} items: {items!r}")
    return items[0], items[1]


def links(message: Message) -> list[bytes]:
    """The links of an early hint (ASGI-270, 274)."""
    if "links" not in message:
        raise MessageRefused(f"{message['type']} needs the key 'links' (ASGI-031)")
    found = []
    for link in _items(message, "links"):
        if not isinstance(link, bytes):
            raise wrong_type(message, "links", "an iterable of bytes", link)
        if FRAMING.search(link):
            raise MessageRefused(f"the link {link!r} cannot be a header (ASGI-274)")
        found.append(link)
    return found
