# ruff: noqa: ASYNC109 (a time limit is part of what each wait promises, with a transcript in its error)
"""The lifespan of an application in process: startup, state, shutdown, in one task, as servers do it (section 10)."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from asgate.spec.types import ASGIApplication
from asgate.testing.conversation import Conversation
from asgate.testing.errors import ConversationError, LifespanFailed
from asgate.testing.lifespan_rules import LifespanRules
from asgate.testing.options import USUAL, Limit, Served
from asgate.testing.scopes import lifespan_scope

Mode = Literal["auto", "on", "off"]
STARTED, STOPPED = "lifespan.startup.complete", "lifespan.shutdown.complete"


class Lifespan:
    """`mode`: "auto" goes on without when the application raises or returns before it has answered (ASGI-196, 197),
    "on" raises then. `lifespan.startup.failed` always raises `LifespanFailed` (ASGI-195).

    `state` is what requests get copies of; `supported` says whether the application took part. `unsupported_because`
    is what it raised if it did not.
    """

    def __init__(
        self, application: ASGIApplication, mode: Mode = "auto", served: Served | None = None
    ) -> None:
        if mode not in ("auto", "on", "off"):
            raise ValueError(f"lifespan is 'auto', 'on' or 'off', not {mode!r}")
        self.mode = mode
        self.supported = False
        self.unsupported_because: BaseException | None = None
        served = served or Served()
        self.state: dict[str, Any] = dict(served.state or {})
        scope = lifespan_scope(self.state)
        self._conversation = Conversation(application, scope, LifespanRules(scope), served)

    async def startup(self, timeout: Limit = USUAL) -> None:
        """Sends `lifespan.startup` and waits for the answer."""
        if self.mode == "off":
            return
        conversation = self._conversation
        conversation.put({"type": "lifespan.startup"})
        conversation.start()
        try:
            await conversation.until(
                lambda: conversation.over or conversation.waiting_messages(),
                timeout,
                "startup was not answered",
            )
        except BaseException:
            await conversation.cancel()
            raise
        if not conversation.waiting_messages():
            self._go_without()
            return
        message = await conversation.take()
        if message["type"] != STARTED:
            await self._failed("startup", message)
        self.supported = True

    def _go_without(self) -> None:
        self.unsupported_because = self._conversation.failure
        self._conversation.told = True
        if self.mode == "on":
            sentence = "the application does not support the lifespan"
            raise self._conversation.error(LifespanFailed, sentence) from self.unsupported_because

    async def shutdown(self, timeout: Limit = USUAL) -> None:
        """Sends `lifespan.shutdown`, waits for the answer and for the application's end."""
        if not self.supported:
            return
        self.supported = False
        conversation = self._conversation
        try:
            conversation.raise_failure()
            conversation.put({"type": "lifespan.shutdown"})
            await conversation.until(
                lambda: conversation.over or conversation.waiting_messages(),
                timeout,
                "shutdown was not answered",
            )
            if conversation.over and conversation.untaken and conversation.failure is None:
                return  # it had ended before, and there was nobody to shut down (ASGI-198)
            message = await conversation.take(timeout, "the answer to lifespan.shutdown")
            if message["type"] != STOPPED:
                await self._failed("shutdown", message)
            # A further receive() waits for ever (ASGI-202), so what waits there has ended, too.
            await conversation.blocked(timeout)
        finally:
            await conversation.cancel()
        conversation.raise_failure()

    async def _failed(self, half: str, message: Mapping[str, Any]) -> None:
        """Raises for a `failed`; frameworks raise the cause after it, which is told along."""
        with suppress(ConversationError):  # its own answer says more
            await self._conversation.blocked()
        await self._conversation.cancel()
        self._conversation.told = True
        told = message.get("message") or "without a message"
        error = self._conversation.error(LifespanFailed, f"the application's {half} failed: {told}")
        raise error from self._conversation.failure
