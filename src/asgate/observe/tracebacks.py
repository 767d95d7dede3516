"""Tracebacks as the application's author wants them: without our own frames at the top, and with a first line
that says it all.
"""

import importlib
import re
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).resolve().parents[1])
# A group's has a margin: "  + Exception Group Traceback (most recent call last):", then "  |   File …".
TOLD = re.compile(r"^([ |+]*)(?:Exception Group )?Traceback \(most recent call last\):\n", re.MULTILINE)
_IMPORT = ("<frozen importlib._bootstrap", importlib.__file__)


def outside(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is neither ours nor of the import system; None if there is
    none.
    """
    while traceback is not None and _inside(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return traceback


def place(traceback: TracebackType | None) -> str:
    """`apps.py:181`: the innermost line that is not ours; empty if there is none."""
    found = ""
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if not _inside(name):
            found = f"{Path(name).name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def _inside(filename: str) -> bool:
    return filename.startswith((_OURS, *_IMPORT))


def summary(text: str) -> str:
    """`ValueError: no pool`: what a formatted traceback ends with, its first line; empty for any other text."""
    heads = list(TOLD.finditer(text))
    if not heads:
        return ""
    margin = heads[-1][1].replace("+", "|")
    after = text[heads[-1].end() :].splitlines()
    lines = [line.removeprefix(margin) for line in after if line.startswith(margin)]
    return next((line for line in lines if line.strip() and not line[0].isspace()), "")
