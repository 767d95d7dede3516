"""What was said in a conversation, in short lines, for the errors of the tests.

Bounded: the first lines and the last ones are kept, what lies between is counted. Long values are cut.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

FIRST = 6  # how a conversation began says what it is about
LAST = 24  # what came before the error
LONGEST = 60  # characters of one value


class Transcript:
    """The lines of one conversation."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=LAST)
        self._count = 0

    def note(self, side: str, message: Mapping[str, Any] | str) -> None:
        """Adds what `side` ("client", "app") said."""
        text = message if isinstance(message, str) else described(message)
        line = f"{side:>6}: {text}"
        self._count += 1
        if len(self._first) < FIRST:
            self._first.append(line)
        else:
            self._last.append(line)

    def lines(self) -> tuple[str, ...]:
        """All of it, in order."""
        left_out = self._count - len(self._first) - len(self._last)
        gap = (f"        … {left_out} more …",) if left_out else ()
        return (self.title, *self._first, *gap, *self._last)


def described(message: Mapping[str, Any]) -> str:
    """`http.response.body body=b'…' (5 bytes) more_body=True`."""
    parts = [str(message.get("type", "a message without type"))]
    parts += [f"{key}={short(value)}" for key, value in message.items() if key != "type"]
    return " ".join(parts)


def short(value: object) -> str:
    """A value, cut, with its size when it was."""
    if isinstance(value, bytes | bytearray | str) and len(value) > LONGEST:
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"{value[: LONGEST // 2]!r}… ({len(value)} {unit})"
    text = repr(value)
    return text if len(text) <= 2 * LONGEST else f"{text[: 2 * LONGEST]}…"
