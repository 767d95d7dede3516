"""Where an application is: the innermost line of its own code, and not that of a library which it called.

Its own code is what lies outside of the installed packages, the standard library and asgate; an installed application
is claimed by its name. Where there is none the innermost line of all has to do.
"""

import contextlib
import os
import sysconfig
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

PACKAGES = ("site-packages", "dist-packages")
FOREIGN = (
    *(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")),
    str(Path(__file__).parents[1]) + os.sep,
    "<",  # <frozen importlib._bootstrap>
)
CLAIMED: set[str] = set()  # installed packages that are the application all the same, in this process


class Place(NamedTuple):
    """A line that is being run."""

    file: str
    line: int
    function: str

    @property
    def own(self) -> bool:
        """Whether it is the application's."""
        parts = Path(self.file).parts
        packages = [Path(name).stem for folder, name in pairwise(parts) if folder in PACKAGES]
        return packages[-1] in CLAIMED if packages else not self.file.startswith(FOREIGN)

    def __str__(self) -> str:
        file = Path(self.file)
        with contextlib.suppress(OSError, ValueError):  # the directory is gone, or another one
            file = file.relative_to(Path.cwd())
        return f"{file}:{self.line} in {self.function}"


def claim(target: str) -> None:
    """From now on the package of `module:app` is the application's own, wherever it lies."""
    CLAIMED.add(target.partition(":")[0].partition(".")[0])


def source(target: str, app_dir: str) -> str:
    """The file of the module of `module:app`, relative to the working directory; "" where it lies elsewhere."""
    stem = Path(app_dir, *target.partition(":")[0].split("."))
    with contextlib.suppress(OSError, ValueError):  # the directory is gone, or another one
        for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
            if file.is_file():
                return str(file.resolve().relative_to(Path.cwd()))
    return ""


def innermost(places: Iterable[Place]) -> str:
    """The innermost line of the application's own; "" when there is none at all. The outermost comes first."""
    known = list(places)
    own = [place for place in known if place.own]
    return str((own or known)[-1]) if known else ""


def of_frame(frame: FrameType | None) -> Iterator[Place]:
    """The lines of a thread, from the outermost."""
    inner = []
    while frame is not None:
        inner.append(_place(frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return reversed(inner)


def of_coroutine(coroutine: Any) -> Iterator[Place]:
    """The lines at which a task waits, from the outermost."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is not None:
            yield _place(frame.f_code, frame.f_lineno)
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)


def of_traceback(trace: TracebackType | None) -> Iterator[Place]:
    """The lines that an exception came through, from the outermost."""
    while trace is not None:
        yield _place(trace.tb_frame.f_code, trace.tb_lineno)
        trace = trace.tb_next


def _place(code: CodeType, line: int | None) -> Place:
    return Place(code.co_filename, line or 0, code.co_name)
