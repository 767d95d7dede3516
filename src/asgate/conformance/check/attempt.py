"""One call of the application in one scenario: what is said to it, what it answers, and whether it ends.

An attempt stands on a `Conversation` of asgate.testing, with a `Validator` between the two. What the validator
cannot know is found here: an application that does not end, that waits for a body which has been given already,
that takes no cancellation, or that changes what belongs to other requests.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asgate.conformance.check.findings import STAYING, against
from asgate.spec.clauses import Level
from asgate.spec.findings import Finding, Side
from asgate.spec.types import ASGIApplication, Message, Receive, Scope, Send
from asgate.spec.validator import Validator
from asgate.testing.conversation import Conversation
from asgate.testing.errors import ConversationError, TimedOut, caused_by_leaving
from asgate.testing.options import Served
from asgate.testing.rules import Rules

MOST_MESSAGES = 300  # read of one response; an endless one is left then
FEW = 2  # of an endless one that was read before: the start, and a piece
NEXT = 3.0  # seconds in which a stream comes to its next message, and notices that nobody reads
SOON = 0.05  # seconds to end by itself, for one that is cut off
SPINS = 20  # calls after the client has left: more than any way out needs
KEPT = 1 << 20  # bytes of a body that are compared
SHARED = ("asgi", "extensions", "headers")  # what a server may share between scopes


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a response is read: `most` messages. `endless`: it is known not to end. `cut`: it need not be seen to
    end after that, and is cancelled. `patient`: a stream has the time to its next message to notice that nobody reads.
    """

    most: int = MOST_MESSAGES
    endless: bool = False
    cut: bool = False
    patient: bool = True


class Attempt:
    """`findings` grows while the scenario is played; `status`, `body`, `raised` and `overdue` say how it went.
    `content`: the body of the request.
    """

    def __init__(
        self,
        application: ASGIApplication,
        scope: Scope,
        rules: Rules,
        served: Served,
        *,
        strict: bool,
        bounds: Bounds,
        content: bytes = b"",
    ) -> None:
        self.scope = scope
        self.type: str = scope["type"]  # of its scope, which the application may take to pieces
        self.content = content
        self.findings: list[Finding] = []
        self.status: int | None = None
        self.content_type = ""  # of the answer
        self.body = bytearray()
        self.shown = bytearray()  # values of headers, and the body
        self.endless = False  # the response was left before its end
        self.cut = False  # the application was cancelled then
        self.hung = self.silent = False
        self.overdue = 0  # waits that took the time limit
        self.place = ""  # where the application was then: "waits in receive()"
        self.left = False  # the client left an application that was still at it
        self.heard = 0  # messages of the application
        self.bounds = bounds
        self.replies: list[Message] = []  # of a WebSocket
        self.given_all = False  # the whole body has been put
        self._application = Validator(application, mode="collect", strict=strict, on_finding=self._find)
        self._before = {name: _copied(scope.get(name)) for name in SHARED}
        self._nested = {name: scope.get(name) for name in SHARED}
        self._task: asyncio.Task[Any] | None = None
        self._waits = False  # the application's own task is in receive()
        self._late_receives = self._late_sends = 0
        self._limit = served.timeout or math.inf
        self._begun = time.monotonic()
        self.seconds = 0.0
        self.talk = Conversation(self._call, scope, rules, served, raw=True)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._task = asyncio.current_task()

        async def watched_receive() -> Message:
            self._late_receives += self.talk.gone
            own = asyncio.current_task() is self._task
            self._waits = self._waits or own
            try:
                return await receive()
            finally:
                self._waits = self._waits and not own

        async def watched_send(message: Message) -> None:
            self._late_sends += self.talk.gone
            await send(message)

        await self._application(scope, watched_receive, watched_send)

    def _find(self, finding: Finding) -> None:
        if finding.side is not Side.APPLICATION or self.cut:
            return  # what is odd on the other side, or when it is taken down, is our own doing
        self.findings.append(finding)

    # What scenarios say.

    def start(self) -> None:
        """Calls the application."""
        self.talk.start()

    def put(self, **event: Any) -> None:
        """Queues an event."""
        self.talk.put(event)

    def piece(self, body: bytes, more: bool = False, **more_keys: Any) -> None:
        """Queues a piece of the request's body."""
        self.put(type="http.request", body=body, more_body=more, **more_keys)
        self.given_all = self.given_all or not more

    async def waits(self) -> str:
        """Waits until the application waits for its client: "receive", "send", "ended", or "" if it does not."""
        talk = self.talk

        def there() -> bool:
            return talk.standing() != "" or (self.bounds.endless and talk.waiting_messages())

        with contextlib.suppress(TimedOut):
            await talk.until(there, self._limit, "it did not wait for its client")
        return talk.standing()

    async def take(self, limit: float | None = None) -> Message | None:
        """The next message of the application, None when none comes any more, or not in `limit` seconds."""
        try:
            message = await self.talk.take(self._limit if limit is None else limit)
        except TimedOut:
            if self.status is None:
                self._judge_silence()
            else:
                self.endless = True  # a stream has its own time
            return None
        except ConversationError:
            return None
        self._learn(message)
        return message

    async def read(self, most: int = MOST_MESSAGES) -> None:
        """Reads the response to its end, or as far as `most` messages or the time limit reach."""
        end = time.monotonic() + self._limit
        while not self.done:
            left = end - time.monotonic()
            if self.heard >= min(most, self.bounds.most) or (left <= 0 and self.status is not None):
                self.endless = self.status is not None
                return
            if await self.take(max(left, 0)) is None:
                return

    @property
    def done(self) -> bool:
        """Whether the whole response was read."""
        return self.talk.rules.complete and not self.talk.waiting_messages()

    async def finish(self) -> None:
        """The client leaves, and the application has its time to end."""
        streams = (self.status is not None or self.bounds.endless) and not self.talk.rules.complete
        limit = self._limit
        self.talk.leave()
        self.left = not self.talk.over
        if self.bounds.cut and streams:
            limit = SOON
        elif self.bounds.patient and streams:
            limit = max(limit, NEXT)
        try:
            await self.talk.until(lambda: self.talk.over, limit, "it did not end")
        except TimedOut:
            self.cut = self.bounds.cut and streams
            if not self.cut:
                self._judge_hang(limit)
            await self.stop()

    async def stop(self) -> None:
        """Cancels the application, and judges whether it takes that."""
        place = self.talk.whereabouts()
        try:
            await self.talk.cancel()
        except TimedOut:
            self.hung = True
            self._take_down()
            self.find(
                "ASGI-003",
                f"the application's task was cancelled and did not end: it {place}",
                "let asyncio.CancelledError through: catch Exception, and raise again what is caught beyond it",
                Level.SHOULD,
            )

    def close(self) -> None:
        """Takes down what is left to be seen when the scenario is over."""
        self.seconds = time.monotonic() - self._begun
        for name, before in self._before.items():
            if self.scope.get(name) is self._nested[name] and before != self._nested[name]:
                sentence = f"{name} of the scope was changed in place"
                advice = f"put a changed copy into a copy of the scope: {{**scope, {name!r}: …}}"
                self.find("ASGI-360", sentence, advice)
        if isinstance(self.raised, SystemExit):
            self.find("ASGI-025", f"the application raised {self.raised!r}", STAYING)

    # How it went.

    @property
    def raised(self) -> BaseException | None:
        """What came out of the application, unless it is what becomes of a client that leaves."""
        failure = self.talk.failure
        return None if failure is None or self.cut or caused_by_leaving(failure) else failure

    @property
    def failed(self) -> bool:
        """Whether the application broke, in a way that plain requests may be compared by."""
        return self.raised is not None or (self.status or 0) >= 500

    @property
    def answered(self) -> bool:
        """Whether it gave an answer, of whatever kind, that can be judged."""
        return self.raised is None and (self.status is not None or bool(self.replies))

    @property
    def answer(self) -> str:
        """In a few words."""
        if self.raised is not None:
            begun = f"{self.status}, then " if self.status else ""
            return f"{begun}raised {self.raised!r:.100}"
        if self.hung:
            return f"{self.status or 'nothing'}, did not end"
        if self.type == "websocket":
            return self._websocket_answer()
        return str(self.status or "no answer")

    def _websocket_answer(self) -> str:
        kinds = [reply["type"] for reply in self.replies]
        if "websocket.accept" in kinds:
            return f"accepted, {kinds.count('websocket.send')} messages"
        return f"denied with {self.status or 403}" if kinds else "no answer"

    def find(self, name: str, sentence: str, advice: str, level: Level | None = None) -> None:
        """A finding of our own."""
        self.findings.append(against(name, sentence, advice, self.talk.transcript.title, self.trace, level))

    @property
    def trace(self) -> tuple[str, ...]:
        """What was said so far."""
        return tuple(line.strip() for line in self.talk.transcript.lines()[1:])

    def _learn(self, message: Message) -> None:
        self.heard += 1
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message.get("status")
            self.content_type = _content_type(message.get("headers"))
            self.shown += b"\n".join(value for _, value in _pairs(message.get("headers"))) + b"\n"
        if kind == "http.response.body":
            body = message.get("body", b"")
            self.body += body[: max(0, KEPT - len(self.body))]
            self.shown += body[: max(0, KEPT - len(self.shown))]
            if body and self.status in (204, 304):
                self.find(
                    "ASGI-114",
                    f"a response with status {self.status} has a body of {len(body)} bytes",
                    "send an empty body, or another status",
                )
        if kind.startswith("websocket."):
            self.replies.append(message)

    def _judge_silence(self) -> None:
        """Nothing came. An application may take its time, but not wait for what it has been given."""
        self.silent = True
        self._take_down()
        if self._waits and self.given_all and self.status is None and self.talk.standing() == "receive":
            self.find(
                "ASGI-088",
                "the application waits for more of the body after an event without more_body",
                "stop reading when more_body is missing or False",
            )

    def _judge_hang(self, limit: float) -> None:
        self.hung = True
        place = self.talk.whereabouts()
        self._take_down()
        disconnect = f"{self.type}.disconnect"
        name = "ASGI-175" if self.type == "websocket" else "ASGI-095"
        level: Level | None = Level.SHOULD
        if self._late_receives > SPINS:
            sentence = f"the application goes on calling receive() after {disconnect}"
            advice, level = f"leave the loop when the event's type is {disconnect}", None
        elif self._late_sends > SPINS:
            sentence = "the application goes on sending after the client has left"
            advice = (
                "let the OSError of send end the response; below spec version 2.4 send raises nothing, and only "
                f"receive() tells of it: watch for {disconnect}"
            )
        else:
            sentence = f"the application did not end within {limit:g} s after the client had left: it {place}"
            advice = f"watch for {disconnect} while waiting for something else; --timeout gives it more time"
            if self.talk.rules.complete:
                level, sentence = Level.MAY, f"{limit:g} s after its response the application {place}"
                advice = "servers wait for it when they stop: bound work in the background"
        self.find(name, sentence, advice, level)

    def _take_down(self) -> None:
        self.overdue += 1
        self.place = self.place or self.talk.whereabouts()


def _content_type(headers: Any) -> str:
    """Of what an application gives for its headers."""
    values = (value for name, value in _pairs(headers) if name.lower() == b"content-type")
    return next(values, b"").decode("latin-1")


def _pairs(headers: Any) -> Iterator[tuple[bytes, bytes]]:
    """Those that are right: the headers may be anything."""
    for pair in headers if isinstance(headers, list | tuple) else ():
        match pair:
            case [bytes(name), bytes(value)]:
                yield name, value


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(entry) for name, entry in value.items()}
    return list(value) if isinstance(value, list) else value
