"""What a server prints: a file without a name, which the server cannot delete, kept short.

The server appends to it, so that whatever is dropped, it goes on at the beginning.
"""

import os
from pathlib import Path

SHOWN = 2000  # characters
ENDLESS = 8  # times the limit: so much is dropped also while more comes


class Output:
    """The output of one server; `file` is what it prints to."""

    def __init__(self, folder: Path, limit: int) -> None:
        """`folder`: where the file gets its space. `limit`: bytes that `trim` leaves alone."""
        path = folder / "output"
        self.file = path.open("ab+", buffering=0)
        path.unlink()
        self._limit = limit
        self._dropped = b""  # the end of what was dropped last
        self._seen = 0  # the size when `trim` last looked

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return os.fstat(self.file.fileno()).st_size

    def text(self, since: int | None = None) -> str:
        """The end of what there is from that byte on; None: of all that was ever printed."""
        data = os.pread(self.file.fileno(), self._limit, max(since or 0, self.size - self._limit))
        before = self._dropped if since is None else b""
        return (before + data).decode(errors="replace")[-SHOWN:]

    def trim(self, *, printing: bool = False) -> None:
        """Drops what there is when that is much. `printing`: a write that grows the file page by page may be under way,
        and its end would be lost: not before nothing has come since the last call, unless there is no end of it.
        """
        size, seen = self.size, self._seen
        self._seen = size
        more = printing and size != seen and size <= ENDLESS * self._limit
        if size <= self._limit or more:
            return
        self._dropped = os.pread(self.file.fileno(), SHOWN, max(0, size - SHOWN))
        os.ftruncate(self.file.fileno(), 0)

    def close(self) -> None:
        self.file.close()
