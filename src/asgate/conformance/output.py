"""What a server prints: a file without a name, which the server cannot delete, kept short.

The server appends to it, so that whatever is dropped, it goes on at the beginning.
"""

import os
from pathlib import Path

SHOWN = 2000  # characters
TRIES = 100  # for the end of what is being written; a server that prints without end loses some


class Output:
    """The output of one server; `file` is what it prints to."""

    def __init__(self, folder: Path, limit: int) -> None:
        """`folder`: where the file gets its space. `limit`: bytes that `trim` leaves alone."""
        path = folder / "output"
        self.file = path.open("ab+", buffering=0)
        path.unlink()
        self._limit = limit
        self._dropped = b""  # the end of what was dropped last

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return os.fstat(self.file.fileno()).st_size

    def text(self, since: int | None = None) -> str:
        """The end of what there is from that byte on; None: of all that was ever printed."""
        data = os.pread(self.file.fileno(), self._limit, max(since or 0, self.size - self._limit))
        before = self._dropped if since is None else b""
        return (before + data).decode(errors="replace")[-SHOWN:]

    def trim(self) -> None:
        """Drops what there is when that is much."""
        if self.size <= self._limit:
            return
        for _ in range(TRIES):  # a large write grows the file page by page
            size = self.size
            self._dropped = os.pread(self.file.fileno(), SHOWN, max(0, size - SHOWN))
            if size == self.size:
                break
        os.ftruncate(self.file.fileno(), 0)

    def close(self) -> None:
        self.file.close()
