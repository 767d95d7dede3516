"""Text of other people made safe to show. Evidence holds what a hostile or broken peer has sent: control characters
that XML cannot hold, lone surrogates that UTF-8 cannot hold, bidirectional marks that turn a line around.
"""

import re

# Unicode's categories Cc, Cf, Cs, Zl and Zp, except tab and line feed.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
MARKS = re.compile(r"([\\`*_{}\[\]<>|#~&$])")


def visible(text: str) -> str:
    """The text with every character that cannot be seen written as Python's escape of it, such as `\\x00`."""
    return UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return {"\r": "\\r"}.get(match[0], f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def prose(text: str, most: int = 300) -> str:
    """The text as one line of Markdown that means nothing but itself, also in a cell of a table."""
    line = " ".join(visible(text).split())
    line = line if len(line) <= most else line[:most] + "…"
    return MARKS.sub(r"\\\1", line)
