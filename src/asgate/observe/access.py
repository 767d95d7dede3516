"""Access lines: turns the reactor's records into text, a batch at a time, off the hot path.

Human, JSON, or atoms (`config/atoms.py`). Everything that came from the client is escaped. With a user's own
logging configuration every line is an ordinary record of `asgate.access`; otherwise a batch is one write.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from asgate.config.atoms import Piece, pieces
from asgate.observe.logs import AccessHandler, clock, escaped

# As `_core.pyi` has it: client, method, raw_path, query_string, http_version,
# request headers, status, body bytes, seconds, outcome, close code of a WebSocket
Record: TypeAlias = tuple[
    tuple[str, int | None] | None,
    str,
    bytes,
    bytes,
    str,
    list[tuple[bytes, bytes]],
    int,
    int,
    float,
    str,
    int | None,
]
Line: TypeAlias = Callable[[Record, float], str]


def enabled() -> bool:
    """Whether anybody would see an access line: if not, the reactor need not collect records."""
    return logging.getLogger("asgate.access").isEnabledFor(logging.INFO)


class AccessLog:
    """Writes batches of records in one format to the handlers of `asgate.access`."""

    def __init__(self, style: str) -> None:
        self._logger = logging.getLogger("asgate.access")
        handlers = self._logger.handlers
        own = handlers[0] if len(handlers) == 1 and not self._logger.propagate else None
        self._handler = own if isinstance(own, AccessHandler) else None
        self._line = line_format(style, self._handler)
        # People watch a WebSocket come and go; what counts lines gets one for each.
        self._once = style != "human" or (self._handler is not None and self._handler.json_lines)

    def write(self, records: list[Record]) -> None:
        """One line for each record; they all ended just now, or are WebSockets that were `opened`."""
        if self._once:
            records = [record for record in records if record[9] != "opened"]
            if not records:
                return
        now = time.time()
        lines = [self._made(record, now) for record in records]
        if self._handler is not None:
            self._handler.write_lines(lines)
            return
        for line, record in zip(lines, records, strict=True):
            self._logger.info("%s", line, extra=fields(record))

    def _made(self, record: Record, now: float) -> str:
        """One line; an application that spoils the headers of its scope spoils no other line."""
        try:
            return self._line(record, now)
        except (TypeError, ValueError, AttributeError):
            return self._line((*record[:5], [], *record[6:]), now)


def line_format(style: str, handler: AccessHandler | None) -> Line:
    """The function that makes a line. `human` follows the handler: its time, its colours, its JSON."""
    if style == "json" or (style == "human" and handler is not None and handler.json_lines):
        return json_line
    if style != "human":
        return custom_line(style)
    if handler is None:
        return lambda record, _: human(record, colour=False)
    short, colour = handler.short, handler.colour
    prefix = "\x1b[32mINFO    \x1b[0m" if colour else "INFO    "
    return lambda record, now: f"{clock(now, short=short)} {prefix} {human(record, colour=colour)}"


def human(record: Record, *, colour: bool) -> str:
    """`127.0.0.1:53412 "GET /path?query HTTP/1.1" 200 13 B 0.42 ms`, the outcome unless complete, and `, closed 1000`
    of a WebSocket.
    """
    status, size, seconds, outcome = record[6], record[7], record[8], record[9]
    shown = str(status) if status else "---"
    if colour:
        shown = f"\x1b[{_colour(status)}m{shown}\x1b[0m"
    tail = "" if outcome == "complete" else f" {outcome}"
    if record[10] is not None:
        tail += f", closed {record[10]}"
    return f'{client(record)} "{request_line(record)}" {shown} {size} B {seconds * 1000:.2f} ms{tail}'


def _colour(status: int) -> str:
    return {1: "36", 2: "32", 3: "33", 4: "31", 5: "1;31"}.get(status // 100, "1;31")


def json_line(record: Record, now: float) -> str:
    """One JSON object: `time`, `level`, `logger`, then the fields of `fields`; `close_code` for WebSockets only."""
    entry = {"time": clock(now, short=False), "level": "info", "logger": "asgate.access", **fields(record)}
    if record[10] is None:
        del entry["close_code"]
    return json.dumps(entry, ensure_ascii=True)


def fields(record: Record) -> dict[str, Any]:
    """The record by names; these are the attributes of a log record too."""
    return {
        "client": client(record),
        "method": record[1],
        "path": text(record[2]),
        "query": text(record[3]),
        "http_version": record[4],
        "status": record[6] or None,
        "bytes": record[7],
        "duration_ms": round(record[8] * 1000, 3),
        "outcome": record[9],
        "close_code": record[10],
    }


def client(record: Record) -> str:
    """`host:port`, an IPv6 host in brackets, `-` when there is none (a Unix socket)."""
    address = record[0]
    if address is None:
        return "-"
    host, port = escaped(address[0]), address[1]
    if port is None:
        return host or "-"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def text(raw: bytes) -> str:
    """Bytes of the client as text that stays on its line."""
    return escaped(raw.decode("ascii", "backslashreplace"))


def quoted(raw: bytes) -> str:
    """The same between quotes, each byte in one way only: `\\xff` is a byte, `\\\\xff` are four characters."""
    return text(raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"'))


def request_line(record: Record) -> str:
    query = f"?{quoted(record[3])}" if record[3] else ""
    return f"{record[1]} {quoted(record[2])}{query} HTTP/{record[4]}"


def custom_line(style: str) -> Line:
    """The function for a format of atoms; a `ValueError` says which atom is not known."""
    parts = [_part(piece) for piece in pieces(style)]
    return lambda record, now: "".join([part(record, now) for part in parts])


def _part(piece: Piece) -> Line:
    if piece.atom:
        return _ATOMS[piece.atom]
    if piece.header:
        wanted = piece.header.encode("latin-1", "replace")
        return lambda record, _: header(record, wanted)
    return lambda _, __: piece.text


def header(record: Record, name: bytes) -> str:
    """The values of a request header joined by commas, `-` if it is not there."""
    return ", ".join([quoted(value) for key, value in record[5] if key == name]) or "-"


def _host(record: Record) -> str:
    return escaped(record[0][0]) if record[0] is not None else "-"


_ATOMS: dict[str, Line] = {
    "h": lambda record, _: _host(record),
    "c": lambda record, _: client(record),
    "l": lambda _, __: "-",
    "u": lambda _, __: "-",
    "t": lambda _, now: time.strftime("[%d/%b/%Y:%H:%M:%S %z]", time.localtime(now)),
    "r": lambda record, _: request_line(record),
    "m": lambda record, _: record[1],
    "U": lambda record, _: quoted(record[2]),
    "q": lambda record, _: quoted(record[3]),
    "H": lambda record, _: f"HTTP/{record[4]}",
    "s": lambda record, _: str(record[6] or "-"),
    "B": lambda record, _: str(record[7]),
    "b": lambda record, _: str(record[7] or "-"),
    "f": lambda record, _: header(record, b"referer"),
    "a": lambda record, _: header(record, b"user-agent"),
    "T": lambda record, _: str(int(record[8])),
    "L": lambda record, _: f"{record[8]:.6f}",
    "M": lambda record, _: str(int(record[8] * 1000)),
    "D": lambda record, _: str(int(record[8] * 1_000_000)),
    "o": lambda record, _: record[9],
    "w": lambda record, _: str(record[10] or "-"),
    "p": lambda _, __: f"<{os.getpid()}>",
}
