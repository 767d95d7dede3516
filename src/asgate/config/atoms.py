"""The atoms of an access-log format, `%(h)s "%(r)s" %(s)s`: which there are, and how a format is read.

The names are gunicorn's and hypercorn's where the meaning is the same. `observe/access.py` fills them in.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from asgate.errors import did_you_mean

ATOMS: Mapping[str, str] = {
    "h": "client address (`-` on a unix socket)",
    "c": "client address and port",
    "l": "`-`",
    "u": "`-`",
    "t": "local time, `[22/Nov/2026:07:54:01 +0000]`",
    "r": "request line, `GET /path?query HTTP/1.1`",
    "m": "method",
    "U": "path as sent, without the query",
    "q": "query string",
    "H": "protocol, `HTTP/1.1`",
    "s": "status (`-` when no response had begun)",
    "B": "bytes of the response body",
    "b": "bytes of the response body, `-` for none",
    "f": "`Referer` of the request",
    "a": "`User-Agent` of the request",
    "T": "duration in whole seconds",
    "L": "duration in seconds with six decimals",
    "M": "duration in whole milliseconds",
    "D": "duration in microseconds",
    "o": "outcome: `complete`, `aborted` or `disconnected`",
    "w": "close code of a WebSocket, `1000`, `-` for a request",
    "p": "process id, `<1234>`",
    "{name}i": "the header `name` of the request",
}

_ATOM = re.compile(r"%(?:%|\(([^()]*)\)s)?")
_HEADER = re.compile(r"\{([^{}]+)\}i")


class Piece(NamedTuple):
    """A stretch of a format: text as it is, an atom's name, or (`header` set) a request header's name."""

    text: str = ""
    atom: str = ""
    header: str = ""


def pieces(text: str) -> list[Piece]:
    """Reads a format; a `ValueError` says which atom is not known."""
    found: list[Piece] = []
    end = 0
    for match in _ATOM.finditer(text):
        if match.start() > end:
            found.append(Piece(text=text[end : match.start()]))
        end = match.end()
        found.append(_piece(match[0], match[1]))
    if end < len(text):
        found.append(Piece(text=text[end:]))
    return found


def _piece(whole: str, name: str | None) -> Piece:
    if whole == "%%":
        return Piece(text="%")
    if name is None:
        raise ValueError("atoms written as %(name)s, and %% for a percent sign")
    if header := _HEADER.fullmatch(name):
        return Piece(header=header[1].lower())
    if name not in ATOMS:
        hint = did_you_mean(name, ATOMS) or "known are " + " ".join(ATOMS)
        raise ValueError(f"atoms that exist: %({name})s is none, {hint}")
    return Piece(atom=name)


class AccessFormat:
    """The kind of option that takes `human`, `json` or a format of atoms."""

    metavar = "human|json|FORMAT"
    expected = "human, json or atoms such as '%(h)s \"%(r)s\" %(s)s %(b)s %(D)s'"

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError
        if value.strip().lower() in ("human", "json"):
            return value.strip().lower()
        if "%(" not in value:
            raise ValueError
        pieces(value)
        return value

    def show(self, value: Any) -> object:
        return value
