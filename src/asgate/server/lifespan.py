"""The lifespan conversation of one event loop (ASGI-190 to 213): startup before, shutdown after everything
else.

    NEW -> STARTING -> SERVING -> STOPPING -> OVER
              |            |          |
              +------------+----------+--> ABSENT: the application takes no (more) part; served without

`startup` and `shutdown` never raise what the application raised: a startup that must stop the server is a
`Failure`, a shutdown that went wrong is an exit code.
"""

import asyncio
import contextvars
import enum
import logging
from typing import Any

from asgate.errors import Exit, Failure
from asgate.observe.tracebacks import outside, summary
from asgate.spec.types import ASGIApplication, Message, Scope

SPEC_VERSION = "2.0"  # the lifespan specification's own (ASGI-190)
_COMMANDS = (
    "lifespan.startup.complete",
    "lifespan.startup.failed",
    "lifespan.shutdown.complete",
    "lifespan.shutdown.failed",
)
LAST_MOMENT = 1.0  # seconds for a task that has said its last word, and for one that was cancelled
log = logging.getLogger("asgate")


class Phase(enum.Enum):
    NEW = "before lifespan.startup"
    STARTING = "after lifespan.startup"
    SERVING = "after lifespan.startup.complete"
    STOPPING = "after lifespan.shutdown"
    OVER = "after the end of lifespan"
    ABSENT = "without lifespan"


class Lifespan:
    """One conversation. `state` is the dict that requests get copies of (ASGI-210); nothing here looks into
    it.
    """

    def __init__(self, application: ASGIApplication, mode: str, limit: float) -> None:
        self.state: dict[str, Any] = {}
        self._application = application
        self._mode = mode
        self._limit = limit or None
        self._phase = Phase.ABSENT if mode == "off" else Phase.NEW
        self._asked = False  # the application called receive(), so it takes part
        self._failed: str | None = None
        self._settled = asyncio.Event()  # the application answered the last event, or is gone
        self._stop = asyncio.Event()  # there is a shutdown event to receive
        self._error: BaseException | None = None
        self._told_to_stop = False
        self._cancelled = False  # by us: what the application then says is about that, and nobody asks
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Sends `lifespan.startup` and waits for the answer; returns when requests may be served.

        Raises `Failure` (STARTUP): the application said failed, took too long, or broke in mode `on`.
        """
        if self._absent():
            return
        # A context of its own: what startup sets in context variables is not seen by requests (ASGI-205).
        self._task = asyncio.get_running_loop().create_task(
            self._converse(), name="asgate lifespan", context=contextvars.copy_context()
        )
        try:
            in_time = await self._answered()
        except asyncio.CancelledError:
            await self._cancel()
            raise
        if not in_time:
            await self._cancel()
            raise Failure(
                Exit.STARTUP,
                f"the application did not start within {self._limit:g} s",
                "raise --timeout-lifespan",
            )
        if self._failed is not None:
            await self._cancel()
            raise Failure(Exit.STARTUP, _told("the application failed to start", self._failed))
        if self._mode == "on" and self._absent():
            what = "returned from" if self._error is None else f"raised {type(self._error).__name__} in"
            raise Failure(
                Exit.STARTUP,
                f"the application {what} its lifespan, and --lifespan is on",
                "--lifespan auto goes on without",
            )

    def _absent(self) -> bool:
        return self._phase is Phase.ABSENT

    async def shutdown(self) -> Exit:
        """Sends `lifespan.shutdown`, waits for the answer and ends the task; tells how it went."""
        if self._phase is not Phase.SERVING:
            await self._cancel()
            return Exit.OK
        self._phase = Phase.STOPPING
        self._settled.clear()
        self._stop.set()
        try:
            in_time = await self._answered()
        finally:
            broke = self._absent()
            await self._end()
        if not in_time:
            log.error("the application did not finish its lifespan shutdown within %g s", self._limit)
        elif self._failed is not None:
            log.error("%s", _told("the application failed to shut down", self._failed))
        elif not broke:
            return Exit.OK
        return Exit.SHUTDOWN

    async def _answered(self) -> bool:
        try:
            await asyncio.wait_for(self._settled.wait(), self._limit)
        except TimeoutError:
            return False
        return True

    async def _end(self) -> None:
        """Lets the application run to its end after its last word, and cancels it when it does not come to
        one.
        """
        if self._task is not None and self._phase is Phase.OVER:
            await asyncio.wait({self._task}, timeout=LAST_MOMENT)
        await self._cancel()

    async def _cancel(self) -> None:
        """Ends the task: one that ignores its cancellation is left behind after a moment."""
        if self._task is None or self._task.done():
            return
        self._phase, self._cancelled = Phase.OVER, True
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=LAST_MOMENT)

    async def _converse(self) -> None:
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": SPEC_VERSION},
            "state": self.state,
        }
        try:
            await self._application(scope, self._receive, self._send)
        except (SystemExit, KeyboardInterrupt):
            raise
        except GeneratorExit as error:
            if not self._runs():  # the coroutine is closed: nobody waits any more
                raise
            self._left(error)
        except BaseException as error:  # whatever it is, somebody waits for `_settled` (ASGI-196)
            self._left(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            self._left(None)

    def _runs(self) -> bool:
        try:
            return asyncio.current_task() is self._task
        except RuntimeError:  # no loop runs
            return False

    def _left(self, error: BaseException | None) -> None:
        """The application returned or raised (ASGI-196 to 198): it gets no more events."""
        phase = self._phase
        if phase is Phase.STOPPING and error is None:
            self._phase = Phase.OVER  # it came to its end without the last word
        elif phase is not Phase.OVER:
            self._phase, self._error = Phase.ABSENT, error
            self._say_why(phase, error)
        elif isinstance(error, Exception) and self._failed is None and not self._passes_on(error):
            self._say_why(phase, error)
        self._settled.set()

    def _passes_on(self, error: BaseException) -> bool:
        """Whether it only wraps our cancellation."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, asyncio.CancelledError):
            cause = cause.__cause__
        return self._cancelled and cause is not None

    def _say_why(self, phase: Phase, error: BaseException | None) -> None:
        trace = None if error is None else (type(error), error, outside(error.__traceback__))
        insists = self._mode == "on"  # then nothing is served without, and `startup` says so
        if error is None and phase in (Phase.NEW, Phase.STARTING):
            if not insists:
                log.info(
                    "the application returned from lifespan without an answer: served without lifespan events"
                )
        elif error is None:
            log.warning("the application left lifespan early: it will get no lifespan.shutdown")
        elif phase is Phase.NEW and not self._asked and not insists:
            log.info("the application takes no lifespan events (%s): served without", type(error).__name__)
            log.debug("what it raised on the lifespan scope:", exc_info=trace)
        else:
            when = "after it was cancelled" if self._cancelled else phase.value
            log.error("the application raised in lifespan, %s", when, exc_info=trace)

    async def _receive(self) -> Message:
        self._asked = True
        if self._phase is Phase.NEW:
            self._phase = Phase.STARTING
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        if not self._told_to_stop:
            self._told_to_stop = True
            return {"type": "lifespan.shutdown"}
        log.warning("the application calls receive() again after lifespan.shutdown: nothing comes (ASGI-202)")
        await asyncio.get_running_loop().create_future()  # until the task is cancelled (ASGI-202)
        raise AssertionError("a future that nobody resolves")

    async def _send(self, message: Message) -> None:
        kind = _kind(message)
        if self._cancelled:
            return
        if kind.startswith("lifespan.startup.") and self._phase in (Phase.NEW, Phase.STARTING):
            complete = Phase.SERVING
        elif kind.startswith("lifespan.shutdown.") and self._phase is Phase.STOPPING:
            complete = Phase.OVER
        else:
            raise RuntimeError(f"{kind} was sent {self._phase.value}, where it has no place (ASGI-202)")
        if kind.endswith(".failed"):
            self._failed = _text(message)
            complete = Phase.OVER
        self._phase = complete
        self._settled.set()


def _kind(message: object) -> str:
    """The type of a lifespan message; anything else raises (ASGI-203, ASGI-041)."""
    if not isinstance(message, dict):
        raise TypeError(f"expected a dict as the message, got {type(message).__name__} (ASGI-041)")
    if "type" not in message:
        raise KeyError("expected the key 'type' in the message (ASGI-031)")
    kind = message["type"]
    if not isinstance(kind, str):
        raise TypeError(f"expected a str as the message's type, got {type(kind).__name__} (ASGI-032)")
    if kind not in _COMMANDS:
        raise ValueError(f"expected one of {', '.join(_COMMANDS)}, got {kind!r} (ASGI-203)")
    return kind


def _text(message: Message) -> str:
    text = message.get("message", "")
    if not isinstance(text, str):
        raise TypeError(f"expected a str as 'message', got {type(text).__name__} (ASGI-032)")
    return text


def _told(sentence: str, message: str) -> str:
    """The sentence with what the application said; frameworks say a whole traceback, which stands below."""
    if short := summary(message):
        return f"{sentence}: {short}\n{message.rstrip()}"
    return f"{sentence}: {message.strip()}" if message.strip() else sentence
