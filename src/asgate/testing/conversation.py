# ruff: noqa: ASYNC109 (a time limit is part of what each wait promises, with a transcript in its error)
"""One ASGI conversation in process: an application's task, its `receive` and `send`, and the client's end of both.

Both directions are bounded queues. The application's end lies here too, so that its order and its waits are exact; what
a message means is known to the `Rules`. A wait of the client that takes too long raises `TimedOut`, and changes
nothing else: the application goes on, and no message is lost. `client.py` and `communicators.py` build on it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from asgate.spec.types import ASGIApplication, Message, Scope
from asgate.testing.errors import ApplicationEnded, ClientGone, ConversationError, TimedOut, caused_by_leaving
from asgate.testing.news import News
from asgate.testing.options import USUAL, Limit, Served, Usual
from asgate.testing.places import innermost, of_coroutine
from asgate.testing.rules import Rules
from asgate.testing.transcript import Transcript, described, short


class Conversation:
    """One call of an application. `raw` gives the client each message as it was sent, once the rules let it pass."""

    def __init__(
        self, application: ASGIApplication, scope: Scope, rules: Rules, served: Served, *, raw: bool = False
    ) -> None:
        self.application = application
        self.scope = scope
        self.rules = rules
        self.served = served
        self.raw = raw
        self.gone = False  # whether the client has left
        self.client_fault: BaseException | None = None  # what broke the client's own side, such as its body
        self.failure: BaseException | None = None  # what the application raised
        self.told = False  # whether the test knows of the failure
        named = (str(scope[key]) for key in ("type", "method", "path") if key in scope)
        self.transcript = Transcript(" ".join(named))
        self._in: deque[Message] = deque()
        self._out: deque[Message] = deque()
        self._buffered = 0  # bytes in _out
        self._receiving = self._sending = 0  # waits of the application
        self._farewells = 0
        self._news = News()
        self._over = False
        self._task: asyncio.Task[None] | None = None

    # The application's task.

    def start(self) -> None:
        """Calls the application, once."""
        context = self.served.task_context()
        if self.served.context == "copy":
            self._task = asyncio.get_running_loop().create_task(self._run(), name="asgate.testing")
        else:  # an eager factory could not enter a context that is in use
            self._task = asyncio.Task(self._run(), name="asgate.testing", context=context)
        self._task.add_done_callback(self._end)

    async def _run(self) -> None:
        try:
            await self.application(self.scope, self._receive, self._send)
        except SystemExit as error:  # in a task it would stop the loop of the test
            self.failure = error

    def _end(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            self.transcript.note("app", "was cancelled")
        elif error := self.failure or task.exception():
            self.failure = error
            self.transcript.note("app", f"raised {error!r}")
        else:
            self.transcript.note("app", "returned")
        self._over = True
        self._news.tell()

    @property
    def over(self) -> bool:
        """Whether the application has returned, raised or been cancelled."""
        return self._over

    # What the application calls.

    async def _receive(self) -> Message:
        while True:
            farewell = self.rules.farewell
            if self._in and not (farewell and self.rules.impatient):
                event = self._in.popleft()
                self.transcript.note("client", event)
                self._news.tell()
                return event
            if farewell is not None:
                return await self._say_farewell(farewell)
            self._receiving += 1
            self._news.tell()
            try:
                await self._news.wait()
            finally:
                self._receiving -= 1

    async def _say_farewell(self, farewell: Message) -> Message:
        """As often as it is asked for (ASGI-096). An application that only asks does not stop the loop."""
        self._farewells += 1
        if self._farewells == 1:
            self.transcript.note("client", farewell)
        else:
            await asyncio.sleep(0)
        return dict(farewell)

    async def _send(self, message: Message) -> None:
        if self.rules.speaks_up():
            self._note(message, "cannot send, the client has left:")
            raise ClientGone("the client has left")
        try:
            pieces = self.rules.accept(message)
        except Exception:
            self._note(message, "was refused:")
            raise
        if pieces is None:
            self._note(message, "is not heard:")
            await asyncio.sleep(0)  # an application that only sends does not stop the loop
            return
        self._note(message)
        for piece in (dict(message),) if self.raw else pieces:
            self._out.append(piece)
            self._buffered += _size(piece)
            self._news.tell()
            await self._room_for_more()

    def _note(self, message: Any, what: str = "") -> None:
        text = described(message) if isinstance(message, Mapping) else short(message)
        self.transcript.note("app", f"({what.rstrip(':')}) {text}" if what else text)

    async def _room_for_more(self) -> None:
        """Waits while the client reads too slowly (ASGI-118), and not longer than it is there."""
        while self._buffered > self.served.buffer and not self.gone:
            self._sending += 1
            self._news.tell()
            try:
                await self._news.wait()
            finally:
                self._sending -= 1
        if self.rules.speaks_up():
            raise ClientGone("the client has left")

    # What the client calls.

    def put(self, event: Message) -> None:
        """Queues an event for the application, whether there is room or not."""
        self._in.append(event)
        self.rules.asked(event)
        self._news.tell()

    async def room(self, timeout: Limit = USUAL) -> bool:
        """Waits until an event may be queued; False when nobody will take it any more."""

        def ready() -> bool:
            return len(self._in) < self.served.backlog or not self.listens

        await self.until(ready, timeout, "the application took no event")
        return self.listens

    @property
    def listens(self) -> bool:
        """Whether the application can still be given events."""
        return not (self._over or self.gone or self.rules.farewell)

    async def give(self, event: Message, timeout: Limit = USUAL) -> None:
        """Queues an event; waits while `backlog` events are untaken. Raises what the application raised."""
        if not await self.room(timeout):
            raise self.ending("it could be given an event")
        self.put(event)

    async def take(self, timeout: Limit = USUAL, wanted: str = "a message") -> Message:
        """The application's next message; raises what it raised if none comes any more."""

        def ready() -> bool:
            return bool(self._out) or self._over or self.gone

        await self.until(ready, timeout, f"{wanted} did not come")
        if self._out:
            message = self._out.popleft()
            self._buffered -= _size(message)
            self._news.tell()
            return message
        raise self.client_fault or self.ending(f"{wanted} came")

    @property
    def untaken(self) -> int:
        """How many events wait for the application."""
        return len(self._in)

    def waiting_messages(self) -> bool:
        """Whether the application has sent what is not taken yet."""
        return bool(self._out)

    def leave(self, code: int = 1006, reason: str = "") -> None:
        """The client leaves: it reads nothing more, and the application is told (ASGI-095, 175)."""
        if self.gone:
            return
        self.gone = True
        self.rules.leave(code, reason)
        self._out.clear()
        self._buffered = 0
        self._news.tell()

    def break_off(self, fault: BaseException) -> None:
        """The client's own side is broken: it leaves, and the test is told why."""
        self.client_fault = fault
        self.leave()

    def half_close(self) -> None:
        """The client sends nothing more and goes on reading: the application gets `http.disconnect`."""
        self.rules.half_close()
        self._news.tell()

    # Waiting for the application.

    async def until(self, condition: Callable[[], bool], timeout: Limit, otherwise: str) -> None:
        """Waits for a condition of this conversation; `otherwise` begins the sentence of `TimedOut`."""
        limit = self.served.timeout if isinstance(timeout, Usual) else timeout
        try:
            async with asyncio.timeout(limit):
                while not condition():
                    await self._news.wait()
        except TimeoutError:
            if not condition():
                sentence = f"{otherwise} within {limit:g} s: the application {self.whereabouts()}"
                raise TimedOut(sentence, self.transcript.lines()) from None

    async def blocked(self, timeout: Limit = USUAL) -> str:
        """Waits until the application waits for its client, or is over: "receive", "send" or "ended".

        So a test knows, without sleeping, that nothing more comes by itself.
        """
        await self.until(
            lambda: self.standing() != "", timeout, "the application did not wait for its client"
        )
        return self.standing()

    def standing(self) -> str:
        """What the application waits for now: "receive", "send", "ended", or "" for something of its own."""
        if self._over:
            return "ended"
        if self._sending and self._buffered > self.served.buffer:
            return "send"
        return "receive" if self._receiving and not self._in and not self.rules.farewell else ""

    def whereabouts(self) -> str:
        """What the application is doing, to go on in a sentence."""
        if self._over or self._task is None:
            return "has ended" if self._over else "was not called"
        waits = {"receive": "waits in receive()", "send": "waits in send()"}
        place = innermost(of_coroutine(self._task.get_coro())) or "a place that is not known"
        untaken = f"; events that it has not taken: {self.untaken}" if self._in else ""
        return waits.get(self.standing(), f"is at {place}") + untaken

    async def ended(self, timeout: Limit = USUAL) -> None:
        """Waits until the application is over; raises what it raised, once."""
        await self.until(lambda: self._over, timeout, "the application did not end")
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raises what the application raised, unless the test knows it or it is what becomes of leaving."""
        if self.failure is None or self.told or not self.served.raise_app_exceptions:
            return
        self.told = True
        if self.gone and caused_by_leaving(self.failure):
            self.failure = self._task = None  # with the traceback go the generators that its frames hold
        else:
            raise self.failure

    def ending(self, wanted: str) -> BaseException:
        """The exception for an application that is over before something."""
        if self.failure is not None and self.served.raise_app_exceptions:
            self.told = True
            return self.failure
        if self.gone:
            return self.error(ConversationError, f"the client left before {wanted}")
        if not self._over:
            return self.error(ConversationError, f"the conversation was over before {wanted}")
        how = "was cancelled" if self._task and self._task.cancelled() else "returned"
        if self.failure is not None:
            how = f"raised {self.failure!r}"
        return self.error(ApplicationEnded, f"the application {how} before {wanted}")

    def error(self, kind: type[ConversationError], sentence: str) -> ConversationError:
        """An error with the conversation so far."""
        return kind(sentence, self.transcript.lines())

    # The end.

    async def close(self, *, patient: bool = True) -> None:
        """Leaves and waits for the application's end; raises what it raised.

        An application that does not end in time is cancelled, and `TimedOut` says where it was. `patient=False` is
        for tests that have failed already: it is cancelled as soon as it has had some turns of the loop.
        """
        self.leave()
        if self._task is None:
            return
        try:
            if patient:
                await self.until(
                    lambda: self._over, USUAL, "the client has left, and the application did not end"
                )
            else:
                await _turns(lambda: self._over)
        finally:
            await self.cancel()
        if patient:
            self.raise_failure()

    async def cancel(self) -> None:
        """Cancels the application if it still runs, and waits for its end."""
        if self._task is None or self._over:
            return
        self._task.cancel()
        await self.until(lambda: self._over, USUAL, "the application was cancelled and did not end")


TURNS = 20  # of the loop: enough to pass a disconnect through the queues of a framework


async def _turns(condition: Callable[[], bool]) -> None:
    for _ in range(TURNS):
        if condition():
            return
        await asyncio.sleep(0)


def _size(message: Message) -> int:
    """What a message counts in the buffer; the head is held with the first body and counts nothing."""
    if message.get("type") in ("http.response.start", "websocket.accept"):
        return 0
    payload = message.get("body") or message.get("bytes") or message.get("text") or b""
    return len(payload) or 1
