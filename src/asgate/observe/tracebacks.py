"""Tracebacks as the application's author wants them: without our own frames at the top."""

import importlib
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).resolve().parents[1])
_IMPORT = ("<frozen importlib._bootstrap", importlib.__file__)


def outside(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is neither ours nor of the import system; None if there is
    none.
    """
    while traceback is not None and _inside(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return traceback


def _inside(filename: str) -> bool:
    return filename.startswith((_OURS, *_IMPORT))
