"""Where reports go, for both judges: better to fail before the run than after it."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from asgate.errors import Exit, Failure


def expect_directory(directory: Path, names: Iterable[str] = ()) -> None:
    """Makes the directory of a report. Raises `Failure` when it, or a file of these names in it, cannot be written."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _try(directory)
    except OSError as error:
        raise unwritable(directory, error) from None
    for name in names:
        expect_file(directory / name)


def expect_file(path: Path) -> None:
    """Raises `Failure` when the file cannot be written. One that is there is not touched."""
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a directory")
        if not path.exists():
            _try(path.parent)
        elif not os.access(path, os.W_OK):
            raise PermissionError("permission denied")
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> Failure:
    """The sentence."""
    return Failure(Exit.CONFIG, f"the report cannot be written to {path}: {error.strerror or error}")


def _try(directory: Path) -> None:
    with tempfile.TemporaryFile(dir=directory):
        pass
