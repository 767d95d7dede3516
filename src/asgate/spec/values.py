"""What a value of a scope or a message may be: one `Kind` for each, with its name for people and its check.

A check returns None, or what is `Wrong` with a value. Checks are exact: they complain about nothing that the text
allows, so subclasses pass, and so does any iterable where the text says iterable. They are also the validator's hot
path: common values are seen to be right by their exact type alone (`Kind.types`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple, TypeAlias

MOST_NAMES = 2048  # header names that are known to be sound; each a few dozen bytes
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")  # RFC 9110 5.6.2, in lower case
ANY_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FRAMING = re.compile(rb"[\r\n\0]")  # RFC 9110 5.5
LF, CR, NUL = b"\n\r\0"
# Ranges answer at once for an exact int alone: for an IntEnum they would try one number after the other.
INTEGERS = range(-(2**63), 2**63)
MOST_REASON = 123  # bytes of UTF-8: a control frame holds 125, and two are the code (RFC 6455 5.5)


class Wrong(NamedTuple):
    """What is wrong with a value. `aspect` chooses another clause of the field than its main one."""

    sentence: str
    aspect: str = ""


Check: TypeAlias = Callable[[Any], Wrong | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of value. `types`: what is exactly of one of these needs no check."""

    name: str
    check: Check
    types: frozenset[type] = frozenset()


def shown(value: object) -> str:
    """A value as a short text with its type: `str 'text'`."""
    if value is None:
        return "None"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:60] + '…'}"


def plain(name: str, *types: type) -> Kind:
    """Instances of `types`. A bool is no int; an int has 64 bits."""

    def check(value: Any) -> Wrong | None:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            return Wrong(f"is {shown(value)}")
        if isinstance(value, int) and int(value) not in INTEGERS:
            return Wrong(f"is {shown(value)}, more than 64 bits")
        return None

    return Kind(name, check, frozenset(types) - {int})


def one_of(*choices: str) -> Kind:
    """One of these str."""

    def check(value: Any) -> Wrong | None:
        return None if isinstance(value, str) and value in choices else Wrong(f"is {shown(value)}")

    return Kind(" or ".join(f'"{choice}"' for choice in choices), check)


def _filled(value: Any) -> Wrong | None:
    return None if isinstance(value, str) and value else Wrong(f"is {shown(value)}")


def _filled_or_none(value: Any) -> Wrong | None:
    return None if value is None else _filled(value)


def _upper(value: Any) -> Wrong | None:
    return None if isinstance(value, str) and value == value.upper() else Wrong(f"is {shown(value)}")


def _status(value: Any) -> Wrong | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return Wrong(f"is {shown(value)}")
    # A start with 1xx, 101 too, begins no final response (RFC 9110 15.2): interim ones are the server's to send, or an
    # extension's.
    if 200 <= value <= 999:
        return None
    return Wrong(f"is {int(value)}, which is no status of a final response", "range")


def _close_code(value: Any) -> Wrong | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return Wrong(f"is {shown(value)}")
    # RFC 6455 7.4, and the registry of close codes that it has opened
    if 1000 <= value <= 1003 or 1007 <= value <= 1014 or 3000 <= value <= 4999:
        return None
    return Wrong(f"is {int(value)}, which may not be sent", "range")


def _unicode(value: Any) -> Wrong | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return Wrong(f"is {shown(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            sentence = f"has the lone surrogate {value[error.start]!a}, which UTF-8 cannot carry"
            return Wrong(sentence, "surrogate")
    return None


def _close_reason(value: Any) -> Wrong | None:
    wrong = _unicode(value)
    if wrong is not None or value is None:
        return wrong
    length = len(value.encode())
    if length <= MOST_REASON:
        return None
    return Wrong(f"has {length} bytes; a close frame holds {MOST_REASON}", "range")


def pairs(*aspects: str) -> Kind:
    """Header fields. `aspects`: what is looked at beyond types: "pseudo", "injection", "capitals", "subprotocol".

    The loops are for what every server and framework makes: lists of tuples of bytes with usual names.
    """
    sound: set[bytes] = set()  # names that need no second look

    def received(value: Any) -> Wrong | None:
        if type(value) is list:
            for pair in value:
                if type(pair) is not tuple or len(pair) != 2:
                    break
                name, text = pair
                if type(name) is not bytes or type(text) is not bytes or name not in sound:
                    break
            else:
                return None
        return _odd_pairs(value, aspects, sound)

    def sent(value: Any) -> Wrong | None:
        wrong = received(value)
        if wrong is None:
            for name, text in value:
                if LF in text or CR in text or NUL in text:
                    return _value_fault(name)
        return wrong

    return Kind("iterable of pairs of bytes", sent if "injection" in aspects else received)


def _odd_pairs(value: Any, aspects: tuple[str, ...], sound: set[bytes]) -> Wrong | None:
    if not _iterable(value):
        return Wrong(f"is {shown(value)}")
    capitals = None
    for position, pair in enumerate(value):
        if not _iterable(pair):
            return Wrong(f"has {shown(pair)} at position {position}, not a pair")
        items = tuple(pair)
        if len(items) != 2 or not all(isinstance(item, bytes) for item in items):
            return Wrong(f"has ({', '.join(map(shown, items))}) at position {position}, not two bytes")
        name, text = items
        wrong = _name_fault(name)
        if wrong.aspect not in aspects:
            if len(sound) < MOST_NAMES:
                sound.add(bytes(name))
        elif wrong.aspect != "capitals":
            return wrong
        else:
            capitals = capitals or wrong  # the least of the faults: others come first
        if "injection" in aspects and FRAMING.search(text):
            return _value_fault(name)
    return capitals


def _iterable(value: object) -> bool:
    """Text and bytes can be iterated, too, but are never meant."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)


def _name_fault(name: bytes) -> Wrong:
    if TOKEN.fullmatch(name):
        return Wrong(f"has the header {name!r}", "subprotocol" if name == b"sec-websocket-protocol" else "")
    if name[:1] == b":":
        return Wrong(f"has the pseudo header {name!r}", "pseudo")
    if ANY_TOKEN.fullmatch(name):
        return Wrong(f"has capitals in the name {name!r}", "capitals")
    return Wrong(f"has the header name {name!r}", "injection")


def _value_fault(name: bytes) -> Wrong:
    return Wrong(f"has CR, LF or NUL in the value of {name!r}", "injection")


def _links(value: Any) -> Wrong | None:
    if not _iterable(value):
        return Wrong(f"is {shown(value)}")
    for link in value:
        if not isinstance(link, bytes):
            return Wrong(f"has {shown(link)}")
        if FRAMING.search(link):
            return Wrong(f"has CR, LF or NUL in {link!r}", "injection")
    return None


def _texts(value: Any) -> Wrong | None:
    if not _iterable(value):
        return Wrong(f"is {shown(value)}")
    odd = next((item for item in value if not isinstance(item, str)), "")
    return Wrong(f"has {shown(odd)}") if odd != "" else None


def _client(value: Any) -> Wrong | None:
    if type(value) is tuple and len(value) == 2 and type(value[0]) is str and type(value[1]) is int:
        return None
    return _address(value, (int,))


def _server(value: Any) -> Wrong | None:
    if type(value) is tuple and len(value) == 2 and type(value[0]) is str and type(value[1]) is int:
        return None
    return _address(value, (int, type(None)))


def _address(value: Any, ports: tuple[type, ...]) -> Wrong | None:
    if value is None:
        return None
    if type(value) is not tuple:
        if not _iterable(value):
            return Wrong(f"is {shown(value)}")
        value = tuple(value)
    if len(value) != 2 or not isinstance(value[0], str):
        return Wrong(f"is {shown(value)}")
    if not isinstance(value[1], ports) or isinstance(value[1], bool):
        return Wrong(f"has {shown(value[1])} as its port", "port")
    return None


def _file(value: Any) -> Wrong | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return None
    try:
        value.fileno()
    except (AttributeError, TypeError, OSError, ValueError) as error:
        return Wrong(f"is {shown(value)}, which has no descriptor ({type(error).__name__})")
    return None


def _absolute(value: Any) -> Wrong | None:
    if not isinstance(value, str):
        return Wrong(f"is {shown(value)}")
    return None if PurePath(value).is_absolute() else Wrong(f"is {value!r}, which is not absolute")


def _mapping(value: Any) -> Wrong | None:
    return None if isinstance(value, Mapping) else Wrong(f"is {shown(value)}")


def _extensions(value: Any) -> Wrong | None:
    if value is None:
        return Wrong("is None", "none")
    if not isinstance(value, dict):
        return Wrong(f"is {shown(value)}")
    for name, entry in value.items():
        if not isinstance(name, str) or not isinstance(entry, dict):
            return Wrong(f"has {shown(entry)} under {name!r}")
    return None


def _cipher(value: Any) -> Wrong | None:
    right = value is None or (type(value) is int and 0 <= value <= 0xFFFF)
    return None if right else Wrong(f"is {shown(value)}")


def _asgi(versions: "re.Pattern[str]") -> Check:
    sound: dict[str, str] = {"version": "3.0"}  # the last one that was right: they are nearly always alike

    def check(value: Any) -> Wrong | None:
        nonlocal sound
        if type(value) is dict and value == sound:
            return None
        if not isinstance(value, dict):
            return Wrong(f"is {shown(value)}")
        version = value.get("version", "2.0")
        if version != "3.0" and version != "2.0":
            return Wrong(f"has version {shown(version)}")
        spec = value.get("spec_version")
        if "spec_version" in value and not (isinstance(spec, str) and versions.fullmatch(spec)):
            return Wrong(f"has spec_version {shown(spec)}", "spec")
        sound = value.copy()
        return None

    return check


TEXT = plain("str", str)
TEXT_OR_NONE = plain("str or None", str, type(None))
UNICODE_OR_NONE = Kind("str that UTF-8 can carry, or None", _unicode, frozenset({type(None)}))
BYTES = plain("bytes", bytes)
BYTES_OR_NONE = plain("bytes or None", bytes, type(None))
BUFFER = plain("bytes (bytearray and memoryview are taken, too)", bytes, bytearray, memoryview)
FLAG = plain("bool", bool)
INTEGER = plain("int", int)
INTEGER_OR_NONE = plain("int or None", int, type(None))
FILLED = Kind("str, not empty", _filled)
FILLED_OR_NONE = Kind("str that is not empty, or None", _filled_or_none)
METHOD = Kind("str in upper case", _upper)
STATUS = Kind("int from 200 to 999", _status)
CLOSE_CODE = Kind("int: 1000 to 1003, 1007 to 1014, 3000 to 4999", _close_code)
CLOSE_REASON = Kind(f"str of at most {MOST_REASON} bytes of UTF-8, or None", _close_reason)
RECEIVED_PAIRS = pairs("pseudo")
SENT_PAIRS = pairs("pseudo", "injection", "capitals")
ACCEPT_PAIRS = pairs("pseudo", "injection", "capitals", "subprotocol")
LINKS = Kind("iterable of bytes", _links)
TEXTS = Kind("iterable of str", _texts)
CLIENT = Kind("pair of str and int, or None", _client)
SERVER = Kind("pair of str and int, or of str and None, or None", _server)
FILE = Kind("file with a descriptor", _file)
PATH = Kind("str, an absolute path", _absolute)
MAPPING = Kind("dict", _mapping, frozenset({dict}))
EXTENSIONS = Kind("dict of dicts", _extensions)
CIPHER = Kind("int of 16 bits or None", _cipher)
ASGI = Kind('dict with version "3.0" and a spec_version "2.x"', _asgi(re.compile(r"2\.\d+")))
LIFESPAN_ASGI = Kind(
    'dict with version "3.0" and spec_version "1.0" or "2.0"', _asgi(re.compile(r"1\.0|2\.0"))
)
