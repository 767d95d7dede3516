"""What came of a row: the wire and the application's side as one value, and its comparison with what the row
allows. No input or output here.
"""

import re
from dataclasses import dataclass
from typing import Any

from asgate.conformance.corpus.row import (
    DISCARDED,
    SILENT,
    Allowed,
    Cut,
    Discarded,
    Held,
    Refused,
    Request,
    Row,
    Served,
    Switched,
)
from asgate.conformance.results import Outcome
from asgate.conformance.wire import Incoming, Malformed, Response

CLOSES = "the server closes each connection after its answer"
DANGEROUS = (b"\r", b"\n", b"\0")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the application saw it. `whole`: its body came to an end."""

    method: str
    path: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    whole: bool

    def is_like(self, request: Request) -> bool:
        """Whether it is the one that the row means."""
        return (
            (self.method, self.body) == (request.method, request.body)
            and request.path in (None, self.path)
            and all(self.value(name) == value for name, value in request.fields)
        )

    def value(self, name: str) -> str | None:
        """The field's values joined, white space runs as one space; None without the field."""
        values = [value for key, value in self.headers if key.lower() == name.encode()]
        return re.sub(" +", " ", b", ".join(values).decode("latin-1")) if values else None

    def __str__(self) -> str:
        body = self.body if len(self.body) <= 60 else self.body[:60] + b"..."
        return (
            f"{self.method[:60]} {self.path[:60]!r} with body {body!r}{'' if self.whole else ' (cut short)'}"
        )


@dataclass(frozen=True, slots=True)
class Seeing:
    """All that came of a row. `flaw`: what came last on the wire and is no HTTP/1.1 answer. `last`: the last whole
    answer said that the connection ends with it.
    """

    statuses: tuple[int, ...]
    requests: tuple[Seen, ...]
    marker: bool
    ended: bool
    flaw: bytes = b""
    last: bool = False

    @property
    def whole(self) -> tuple[Seen, ...]:
        """The requests that the application could take for whole ones."""
        return tuple(request for request in self.requests if request.whole)

    def __str__(self) -> str:
        parts = [f"answers {', '.join(map(str, self.statuses))}" if self.statuses else "no answer"]
        if self.flaw:
            parts.append(f"then {self.flaw[:60]!r}, which is no whole answer of HTTP/1.1")
        parts.append("the connection was closed" if self.ended else "the connection stayed open")
        parts.append("the application saw " + ("; ".join(map(str, self.requests)) or "nothing"))
        if self.marker:
            parts.append("and the request after it")
        return ", ".join(parts)


def verdict(row: Row, seeing: Seeing) -> tuple[Outcome, str]:
    """The row's outcome and a sentence for it ("" for pass)."""
    for request in seeing.requests:
        for name, value in request.headers:
            if any(byte in name + value for byte in DANGEROUS):
                return Outcome.FAIL, f"CR, LF and NUL kept from the application; saw: {(name, value)}"
    if any(agrees(allowed, seeing) for allowed in row.right):
        return Outcome.PASS, ""
    if why := excuse(row, seeing):
        return Outcome.DIFFERS, f"{why}; saw: {seeing}"
    if any(comes_to_an_end(allowed, seeing) for allowed in row.right):
        return Outcome.NOT_OFFERED, CLOSES
    expected = ", or ".join(told(allowed) for allowed in row.right + row.allowed)
    return Outcome.FAIL, f"{expected}; saw: {seeing}"


def excuse(row: Row, seeing: Seeing) -> str:
    """Why what came is allowed though it is not what we prefer; "" if it is not."""
    for allowed in row.allowed:
        if not isinstance(allowed, Cut) and agrees(allowed, seeing):
            return DISCARDED if isinstance(allowed, Discarded) else row.why
    for allowed in row.right + row.allowed:
        if isinstance(allowed, Refused) and agrees(allowed, seeing, exactly=False):
            return f"refused, though not with {' or '.join(map(str, allowed.statuses))}"
    if any(isinstance(allowed, Cut) and agrees(allowed, seeing) for allowed in row.allowed):
        return SILENT
    return ""


def agrees(allowed: Allowed, seeing: Seeing, *, exactly: bool = True) -> bool:
    """Whether this is what came. `exactly`: an error answer must have a status that the row names."""
    match allowed:
        case Served(requests, closed):
            return seeing.ended and _served(requests, seeing) and not (closed and seeing.marker)
        case Discarded(requests):
            return _served(requests, seeing) and not seeing.marker
        case Refused(statuses, closed, before):
            return (
                _are(before, seeing.whole)
                and _answered(seeing, len(before), statuses if exactly else ())
                and (seeing.ended and not seeing.marker if closed else seeing.ended or seeing.marker)
            )
        case Cut(before) | Held(before):
            return (
                seeing.ended == isinstance(allowed, Cut)
                and not seeing.flaw
                and not seeing.marker
                and _are(before, seeing.whole)
                and seeing.statuses[: len(before)] == (200,) * len(before)
            )
        case Switched(requests, preface):
            begun = _is_settings(seeing.flaw) if preface else not seeing.flaw
            return (
                begun
                and seeing.statuses == (() if preface else (101,))
                and (not seeing.requests or _are(requests, seeing.requests))
            )


def comes_to_an_end(allowed: Allowed, seeing: Seeing) -> bool:
    """Whether all was right until the server said that an answer is its last on the connection, which it may with each
    (RFC 9112 section 9.3): what it makes of the rest is not seen.
    """
    good: tuple[Request, ...] = getattr(allowed, "requests", ()) or getattr(allowed, "before", ())
    count = len(seeing.statuses)
    return (
        seeing.last
        and seeing.ended
        and not seeing.flaw
        and not seeing.marker
        and 0 < count <= len(good)
        and seeing.statuses == (200,) * count
        and _are(good[:count], seeing.requests)
    )


def told(allowed: Allowed) -> str:
    """What is allowed, in words."""
    match allowed:
        case Served(requests) | Discarded(requests):
            closed = isinstance(allowed, Served) and allowed.closed
            names = " and ".join(
                f"{request.method[:40]} {(request.path or '')[:40]} {request.body[:40]!r}"
                for request in requests
            )
            return f"{names or 'nothing'} served{' and the connection closed' if closed else ''}"
        case Refused(statuses, closed, before):
            served = f"{len(before)} served, then " if before else ""
            return (
                f"{served}{' or '.join(map(str, statuses))}{' and the connection closed' if closed else ''}"
            )
        case Cut():
            return "the connection closed"
        case Held():
            return "the connection held, and nothing more served"
        case Switched(_, preface):
            return "the SETTINGS frame of HTTP/2" if preface else "101 and another protocol"


def _served(requests: tuple[Request, ...], seeing: Seeing) -> bool:
    """Whether these were seen and answered, and at most the marker after them."""
    return (
        not seeing.flaw
        and seeing.statuses == (200,) * (len(requests) + seeing.marker)
        and len(seeing.requests) == len(requests)
        and _are(requests, seeing.whole)
    )


def _are(requests: tuple[Request, ...], seen: tuple[Seen, ...]) -> bool:
    return len(requests) == len(seen) and all(
        there.is_like(request) for there, request in zip(seen, requests, strict=True)
    )


def _is_settings(data: bytes) -> bool:
    """Whether a SETTINGS frame begins here that is no acknowledgement (RFC 9113 sections 4.1 and 6.5)."""
    return data[3:9] == b"\4\0\0\0\0\0" and int.from_bytes(data[:3]) % 6 == 0


def _answered(seeing: Seeing, before: int, statuses: tuple[int, ...]) -> bool:
    """Whether an error answer follows so many good ones."""
    good, rest = seeing.statuses[:before], seeing.statuses[before:]
    if good != (200,) * before or not rest or seeing.flaw:
        return False
    status = rest[0]
    known = status in statuses if statuses else 400 <= status < 500 or status in (301, 501, 505)
    return known and all(status == 200 for status in rest[1:]) and len(rest) == 1 + seeing.marker


# From what was recorded to one value.


def statuses(received: bytes) -> tuple[int, ...]:
    """Those of all whole answers in these bytes."""
    return tuple(answer.status for answer in answers(received)[0])


def answers(received: bytes, *, method: str = "GET") -> tuple[list[Response], bytes]:
    """All answers in these bytes, the interim ones of 1xx left out, and what came after them and is
    no whole answer. What follows a 101 is another protocol's. `method`: of the first request; its answer is whole with
    its head for HEAD, and for CONNECT if it is a 2xx, whatever the head says of a body (RFC 9112 section 6.3).
    """
    incoming = Incoming(received)
    found: list[Response] = []
    while rest := incoming.left:
        try:
            response = incoming.head()
            incoming.body(response, head=method == "HEAD" and not found)
        except Malformed:
            return found, rest
        tunnel = method == "CONNECT" and not found and 200 <= response.status < 300
        if not response.complete and not tunnel:
            return found, rest
        if not response.interim:
            found.append(response)
        if response.status == 101:
            break
    return found, b""


def requests(reports: list[dict[str, Any]]) -> list[Seen]:
    """What the application saw, in its order, from the reports of the probe in `echo` mode."""
    echoes = {report["echo"]: report for report in reports if "echo" in report}
    return [
        seen(report["scope"], echoes.get(report["open"], {}))
        for report in reports
        if "open" in report and isinstance(report["scope"], dict) and report["scope"].get("type") == "http"
    ]


def seen(scope: dict[str, Any], echo: dict[str, Any]) -> Seen:
    """One request; the probe reports its body once it has ended."""
    headers = tuple((bytes(name), bytes(value)) for name, value in scope["headers"])
    body, whole = echo.get("body", b""), echo.get("ended") == "complete"
    return Seen(scope["method"], scope["path"], body, headers, whole)
