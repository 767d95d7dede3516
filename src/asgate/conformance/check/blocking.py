"""Notices when the application holds the event loop up, and where: a thread looks at the loop's own one.

What is seen once may be an import that is late; so only a place that blocks in two scenarios is told of. ASGI has
no clause about it beyond ASGI-003, and so it is advice. A loop that does not turn again at all is the affair of
`child.py`.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType

from asgate.testing.places import innermost, of_frame

BEAT = 0.02  # seconds between two signs of life
LIMIT = 0.25  # of silence: longer than a busy machine or a garbage collection takes


class Watchdog:
    """Watches the running loop while it is entered. `places` maps "file:line in function" to seconds and how often.
    `turns` is called as long as the loop turns.
    """

    def __init__(self, limit: float = LIMIT, turns: Callable[[], None] = lambda: None) -> None:
        self.limit = limit
        self._turns = turns
        self.places: dict[str, tuple[float, int]] = {}
        self._last = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="asgate.check", daemon=True)
        self._watched = threading.get_ident()

    async def __aenter__(self) -> "Watchdog":
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._beat()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._handle is not None:
            self._handle.cancel()
        self._thread.join(1)

    def _beat(self) -> None:
        self._last = time.monotonic()
        self._turns()
        if self._loop is not None:
            self._handle = self._loop.call_later(BEAT, self._beat)

    def _watch(self) -> None:
        blocked, place = None, ""
        while not self._done.wait(BEAT):
            last = self._last
            if blocked not in (None, last) and place:  # it goes on
                self._add(place, last - (blocked or last))
                blocked, place = None, ""
            if time.monotonic() - last > self.limit and blocked is None:
                blocked, place = last, _place(sys._current_frames().get(self._watched))

    def _add(self, place: str, seconds: float) -> None:
        longest, count = self.places.get(place, (0.0, 0))
        self.places[place] = (max(longest, seconds), count + 1)


def _place(frame: FrameType | None) -> str:
    """Where the application is; nowhere when the loop itself is waiting."""
    if frame is None or frame.f_code.co_filename.endswith(("selectors.py", "asyncio/base_events.py")):
        return ""
    return innermost(of_frame(frame))
