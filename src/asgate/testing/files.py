"""Files that an application hands over instead of bytes: `pathsend` and `zerocopysend`.

A `Stretch` is a part of a file, read through the descriptor in pieces as the client takes them, as the kernel would
send it. Without an offset the position of the descriptor is used and moves (AMB-7), with one it stays (ASGI-254).
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from asgate.testing.errors import MessageRefused

PIECE = 65536  # bytes of one read


class Stretch:
    """`size` bytes of a file. Owns its descriptor, a duplicate of the application's (ASGI-252)."""

    def __init__(self, descriptor: int, offset: int | None, size: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self.size = size

    def limit(self, size: int) -> None:
        """Not more than `size` bytes."""
        self.size = min(self.size, size)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in pieces; fewer when the file has become shorter."""
        left, at = self.size, self._offset
        while left:
            wanted = min(left, PIECE)
            chunk = (
                os.read(self._descriptor, wanted) if at is None else os.pread(self._descriptor, wanted, at)
            )
            if not chunk:
                return
            left -= len(chunk)
            at = None if at is None else at + len(chunk)
            yield chunk

    def close(self) -> None:
        """Lets go of the descriptor; more than once does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def of_path(path: str) -> Stretch:
    """All of a regular file (ASGI-261, 264). Raises OSError when it cannot be read."""
    if not Path(path).is_absolute():
        raise MessageRefused(f"the path of pathsend must be absolute, not {path!r} (ASGI-261)")
    descriptor = os.open(path, os.O_RDONLY)
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is not a regular file")
    return Stretch(descriptor, 0, facts.st_size)


def of_file(file: Any, offset: int | None, count: int | None) -> Stretch:
    """A part of an open file: `count` bytes or all from `offset` or the current position (ASGI-251)."""
    try:
        descriptor = os.dup(file.fileno())
    except AttributeError:
        raise TypeError(
            f"'file' must have a fileno(), and {type(file).__name__} has none (ASGI-251)"
        ) from None
    begin = os.lseek(descriptor, 0, os.SEEK_CUR) if offset is None else offset
    rest = max(os.fstat(descriptor).st_size - begin, 0)
    return Stretch(descriptor, offset, rest if count is None else min(count, rest))
