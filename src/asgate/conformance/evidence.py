"""The evidence of a case: what the driver did and learned, line by line, bounded however much there is.

"wire" lines are bytes in the order in which the driver sent and read them; "app" lines are commands and reports of the
probe, those of one process in the true order. Between the two kinds the order is that in which the driver
learned of them: what a server wrote before the application went on may be read after it.
"""

from collections import deque

from asgate.conformance.control import Peer, Report

FIRST_LINES = 120
LAST_LINES = 60
LINE = 600  # characters of one line


class Evidence:
    """The first and the last lines; how many came between them is said."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._count = 0
        self._names: dict[tuple[int, int], int] = {}
        self._flood = ("", 0)  # the last line's beginning, when that stands for many reads, and its bytes

    @property
    def called(self) -> bool:
        """Whether the application has been called."""
        return bool(self._names)

    def lines(self) -> tuple[str, ...]:
        left_out = self._count - len(self._first) - len(self._last)
        between = [f"… {left_out} lines left out"] if left_out else []
        return (*self._first, *between, *self._last)

    def write(self, line: str) -> None:
        """Adds a line."""
        self._flood = ("", 0)
        self._add(printable(line if len(line) <= LINE + 100 else line[: LINE + 100] + "…"))

    def wire(self, direction: str, data: bytes) -> None:
        """Adds bytes on the wire; long reads that follow one another become one line."""
        if len(data) < LINE:
            self.write(f"{direction} {shown(data)}")
            return
        beginning, size = self._flood
        size += len(data)
        if beginning.startswith(direction):
            lines = self._last or self._first
            lines[-1] = f"{beginning}… ({size} bytes)"
        else:
            beginning, size = f"{direction} {repr(data[:LINE])[2:-1][:LINE]}", len(data)
            self._add(f"{beginning}… ({size} bytes)")
        self._flood = (beginning, size)

    def report(self, peer: Peer, report: Report) -> None:
        """Adds a command or report, unless it is of a case before. Conversations are numbered from 1 in each case."""
        number = report.get("open", report.get("closed", report.get("echo", report.get("conversation"))))
        if report.get("mode") == "aside" or report.get("do") == "abandon":
            return
        if "open" in report:
            self._names[peer.number, report["open"]] = len(self._names) + 1
        name = self._names.get((peer.number, number)) if number is not None else None
        if number is not None and name is None:
            return
        if line := told(report, name):
            self.write(f"app    {line}")

    def _add(self, line: str) -> None:
        self._count += 1
        if len(self._first) < FIRST_LINES:
            self._first.append(line)
        else:
            self._last.append(line)


def told(report: Report, name: int | None) -> str:
    """A command or report as a line of evidence; "" for what a reader need not see."""
    match report:
        case {"do": "turn" | "abandon" | "facts" | "scope"}:
            return ""
        case {"do": do, "op": number}:
            more = "".join(
                f" {brief(report[key], LINE)}"
                for key in ("message", "kind", "target", "path", "value")
                if key in report
            )
            return f"{name}: {number} {do}{more}"
        case {"open": _, "scope": scope}:
            return f"{name}: called with {brief(scope, LINE)}"
        case {"closed": _, "how": how}:
            return f"{name}: {how}"
        case {"raised": {"type": kind, "text": text}, "op": number}:
            return f"   {number} raised {kind}: {text}"
        case {"echo": _, "body": body, "ended": ended}:
            return f"{name}: read {brief(body)}, {ended}"
        case {"value": value, "op": number} if value is not None:
            return f"   {number} -> {brief(value, LINE)}"
        case {"op": number} if "gone" in report or "cancelled" in report:
            return f"   {number} {'gone' if 'gone' in report else 'cancelled'}"
    return ""


def shown(data: bytes) -> str:
    """Bytes as a line of evidence."""
    text = repr(data[:LINE])[2:-1][:LINE]
    return text if len(data) < LINE and len(text) < LINE else f"{text}… ({len(data)} bytes)"


def brief(value: object, most: int = 200) -> str:
    """A value as a short text, a str as it stands; a long value is not spelled out first."""
    return _cut(value if isinstance(value, str) else _spelled(value, most), most)


def _spelled(value: object, most: int) -> str:
    if isinstance(value, bytes | str) and len(value) > most:
        return (
            f"{value[: most // 2]!r}… ({len(value)} {'bytes' if isinstance(value, bytes) else 'characters'})"
        )
    if type(value) is dict:
        return "{" + ", ".join(f"{key!r}: {_spelled(item, most)}" for key, item in value.items()) + "}"
    return repr(value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"


def printable(text: str) -> str:
    """Text that a terminal and a file can take whatever a server sent: other characters as escapes."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
