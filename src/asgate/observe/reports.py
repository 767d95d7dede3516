"""What the reactor tells about requests and the application, as log messages. Most of the `Observer` of
`_core.pyi`.

A hostile peer must not fill the disk: messages that a peer can cause at will are limited per second and then
counted.
"""

import logging
import time
from collections.abc import Mapping
from typing import Any

from asgate.observe.access import AccessLog, Record
from asgate.observe.logs import escaped
from asgate.observe.tracebacks import outside

log = logging.getLogger("asgate")


class Reports:
    """Logs what it is told; `access` is None when nobody reads access lines."""

    def __init__(self, access: AccessLog | None) -> None:
        self._access = access
        self._refusals = Allowance(10)

    def application_raised(self, error: BaseException, scope: Mapping[str, Any]) -> None:
        """With the application's traceback: it is called from Rust, so none of our frames are in it
        (ASGI-016).
        """
        trace = (type(error), error, outside(error.__traceback__))
        log.error("the application raised %s on %s", type(error).__name__, request(scope), exc_info=trace)

    def application_broke(self, reason: str, scope: Mapping[str, Any]) -> None:
        log.error("on %s: %s", request(scope), escaped(reason))

    def application_cancelled(self, scope: Mapping[str, Any]) -> None:
        log.info(
            "the client of %s left and the application did not notice: cancelled (--timeout-disconnect)",
            request(scope),
        )

    def refused(self, client: tuple[str, int | None] | None, status: int, reason: str) -> None:
        passed_over = self._refusals.take(time.monotonic())
        if passed_over is None:
            return
        if passed_over:
            log.info("%d more refusals were not logged", passed_over)
        host = "-" if client is None else str(client[0])
        level = logging.WARNING if 500 <= status < 600 else logging.INFO
        log.log(level, "refused %s: %s, %s", escaped(host), _told(status), escaped(reason))

    def accessed(self, records: list[Record]) -> None:
        if self._access is not None:
            self._access.write(records)

    def trouble(self, message: str) -> None:
        log.warning("%s", escaped(message))


def _told(status: int) -> str:
    """What the client was told: a status of HTTP, a close code of a WebSocket, or nothing (0)."""
    if not status:
        return "closed"
    return str(status) if status < 1000 else f"close code {status}"


class Allowance:
    """So many per second; beyond that they are counted."""

    def __init__(self, each_second: int) -> None:
        self._each_second = each_second
        self._second = 0.0
        self._taken = 0
        self._passed_over = 0

    def take(self, now: float) -> int | None:
        """None: do not log. Otherwise log, and first say how many were passed over."""
        if now - self._second >= 1.0:
            self._second, self._taken = now, 0
        self._taken += 1
        if self._taken > self._each_second:
            self._passed_over += 1
            return None
        passed_over, self._passed_over = self._passed_over, 0
        return passed_over


def request(scope: Mapping[str, Any]) -> str:
    """`GET /path`: what the client asked for, on one line."""
    return escaped(f"{scope.get('method', scope.get('type', '?'))} {scope.get('path', '')}")
