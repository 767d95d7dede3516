"""What a row of the corpus is: bytes for a connection, and the closed list of what may come of them.

Outcomes are small values (`Refused`, `Served`, `Discarded`, `Cut`, `Held`, `Switched`); a row has those that are right
and those that the RFC lets pass though they are not what we prefer. `verdict.py` compares them with what was seen.
The verbs at the end (`refused`, `lenient`, `served`, `optional`, `unfinished`) make rows; the tables are made of
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from asgate.spec.clauses import Level

MARKER = b"GET /marker HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
"""Follows the bytes of a row. Who mistakes the framing reads it as part of a body, or a body as part of it."""
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: probe\r\n\r\n"
"""Stands in a body. Who mistakes the framing serves it."""

# Why something is allowed, where several themes say so.
LF = "a recipient MAY take a lone LF for the end of a line (RFC 9112 2.2)"
FOLD = "a server MAY replace obs-fold with spaces (RFC 9112 5.2)"
LARGE = "how much is too much is the server's choice"
CONTENT = "a server may refuse content where it means nothing, as it serves smuggling"
SILENT = "closed without the answer that the RFC names, and nothing was served"
DISCARDED = "a recipient may discard trailers (RFC 9112 7.1.2), and what follows was taken for some"
HALF_CLOSED = "the connection is held though the client has ended its direction, which no text forbids"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the application may see it. `path` None: any. `fields`: values of header fields that matter, white
    space runs as one space; None: the field must not be there.
    """

    method: str
    path: str | None
    body: bytes = b""
    fields: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An error answer with one of these statuses; the application saw no whole request after those `before`.

    `closed`: and nothing that followed was served.
    """

    statuses: tuple[int, ...] = (400,)
    closed: bool = True
    before: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """The application saw exactly these requests and each was answered with 200.

    `closed`: and nothing that followed was served; otherwise the marker is served, or the connection closed.
    """

    requests: tuple[Request, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Discarded:
    """The application saw exactly these requests and each was answered with 200. What follows was read as trailers,
    and none of it served; the connection may stay open.
    """

    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ended, those `before` were answered, and the application saw no whole request after them; whether
    the server says something about the rest is its own affair.
    """

    before: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """As `Cut`, but the connection stays open: the server waits for more until its own time limit."""

    before: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Switched:
    """The server went over to HTTP/2: with 101, or where the client had begun with the `preface` of HTTP/2, with its
    own, a SETTINGS frame (RFC 9113 section 3.4). The application saw these requests, or none of them yet.
    """

    requests: tuple[Request, ...] = ()
    preface: bool = False


Allowed = Refused | Served | Discarded | Cut | Held | Switched


class Ending(Enum):
    """What follows a row's bytes, so that a server must decide at once."""

    MARKER = "a request"
    FIN = "the end of the client's direction"
    LATE_FIN = "the same, once an answer has come and the server has nothing more to do"
    NOTHING = "nothing: the server has to close of its own accord"


@dataclass(frozen=True, slots=True)
class Row:
    """One raw request, or several."""

    name: str
    title: str
    data: bytes = field(repr=False)
    rfc: str
    level: Level
    right: tuple[Allowed, ...]
    allowed: tuple[Allowed, ...] = ()
    why: str = ""  # why `allowed` is allowed
    ending: Ending = Ending.MARKER


# Bytes.


def lines(*parts: bytes, body: bytes = b"") -> bytes:
    """A head of these lines, and a body."""
    return b"".join(part + b"\r\n" for part in parts) + b"\r\n" + body


def get(*fields: bytes, line: bytes = b"GET /a HTTP/1.1") -> bytes:
    """A GET with Host and these field lines."""
    return lines(line, b"Host: probe", *fields)


def post(*fields: bytes, body: bytes = b"", line: bytes = b"POST /a HTTP/1.1") -> bytes:
    """A POST with Host, these field lines and a body as it stands."""
    return lines(line, b"Host: probe", *fields, body=body)


def chunked(body: bytes) -> bytes:
    """A POST with the chunked coding and a body as it stands."""
    return post(b"Transfer-Encoding: chunked", body=body)


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


GOT = Request("GET", "/a")
POSTED = Request("POST", "/a", b"hello")
HIDDEN = Request("POST", "/a", SMUGGLED)
END = b"0\r\n\r\n"
HELLO = chunk(b"hello") + END


# Rows.


def refused(
    name: str,
    title: str,
    data: bytes,
    rfc: str,
    level: Level = Level.MUST,
    *,
    statuses: tuple[int, ...] = (400,),
    closed: bool = True,
    before: tuple[Request, ...] = (),
    late: bool = False,
    ending: Ending = Ending.MARKER,
) -> Row:
    """Only an error answer is right. Where no text says MUST of it, closing without one differs: the level is no
    MUST, or it is `late`, since the application may be answering when the body turns out to be broken.
    """
    silent = (Cut(before),) if late or level is not Level.MUST else ()
    right = (Refused(statuses, closed, before),)
    return Row(name, title, data, rfc, level, right, silent, SILENT, ending)


def lenient(
    name: str,
    title: str,
    data: bytes,
    rfc: str,
    *requests: Request,
    why: str,
    statuses: tuple[int, ...] = (400,),
    level: Level = Level.SHOULD,
    closed: bool = False,
    late: bool = False,
    ending: Ending = Ending.MARKER,
) -> Row:
    """An error answer is right; the RFC lets a server recover these requests. `late`: as for `refused`."""
    allowed: tuple[Allowed, ...] = (Served(requests, closed),)
    if late or level is not Level.MUST:
        allowed += (Cut(),)
    right = (Refused(statuses),)
    return Row(name, title, data, rfc, level, right, allowed, why, ending)


def served(
    name: str,
    title: str,
    data: bytes,
    rfc: str,
    *requests: Request,
    level: Level = Level.MUST,
    closed: bool = False,
    ending: Ending = Ending.MARKER,
) -> Row:
    """Only these requests are right."""
    return Row(name, title, data, rfc, level, (Served(requests, closed),), ending=ending)


def optional(
    name: str,
    title: str,
    data: bytes,
    rfc: str,
    *requests: Request,
    why: str,
    level: Level = Level.SHOULD,
    closed: bool = False,
    statuses: tuple[int, ...] = (400,),
) -> Row:
    """These requests are right; the RFC lets a server refuse them."""
    return Row(name, title, data, rfc, level, (Served(requests, closed),), (Refused(statuses),), why)


def unfinished(
    name: str, title: str, data: bytes, rfc: str, level: Level = Level.MUST, *, before: Sequence[Request] = ()
) -> Row:
    """The client ends its direction in the midst of a request: the application must not take it for a whole one.
    One may come `before` it: it is answered first, since who overtakes whom in the server would be a matter of luck.
    """
    requests = tuple(before)
    ending = Ending.LATE_FIN if requests else Ending.FIN
    return Row(name, title, data, rfc, level, (Cut(requests),), (Held(requests),), HALF_CLOSED, ending)
