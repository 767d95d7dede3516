"""The progress of a run: one line that changes on a terminal, nothing elsewhere."""

import shutil
import sys

from asgate.conformance.results import Result
from asgate.streams import remark

BAR = 20  # characters


class Progress:
    """Shows how far the run against one server is. Use it as a context manager: it wipes its line at the end."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._shown = sys.stderr is not None and sys.stderr.isatty()
        self._faults = 0

    def __enter__(self) -> "Progress":
        self._draw(f"{self._server}: starting")
        return self

    def __exit__(self, *_: object) -> None:
        self._draw("")

    def __call__(self, place: int, cases: int, result: Result) -> None:
        """After a case."""
        self._faults += result.faulty
        full = BAR * place // cases
        faults = f"  {self._faults} faults" if self._faults else ""
        bar = "#" * full + "." * (BAR - full)
        self._draw(f"{self._server} [{bar}] {place}/{cases}{faults}  {result.case}")

    def _draw(self, text: str) -> None:
        if self._shown:
            width = shutil.get_terminal_size().columns - 1
            remark(f"\r\x1b[K{text[:width]}", nl=False)
