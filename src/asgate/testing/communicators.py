# ruff: noqa: ASYNC109 (a time limit is part of what each wait promises, with a transcript in its error)
"""Communicators: one conversation, message by message, with the methods known from asgiref and Channels.

What differs from theirs: a wait that takes too long raises `TimedOut` and leaves the application alone; messages are
held to the rules of a server; `receive_nothing` does not sleep when the application itself shows that nothing
comes; the application sees the context variables of the test.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Self, Unpack

from asgate.spec.types import Message, Scope
from asgate.testing.application import asgi3
from asgate.testing.conversation import Conversation
from asgate.testing.errors import TimedOut, UnexpectedMessage
from asgate.testing.headers import HeadersGiven, wire_pairs
from asgate.testing.http_rules import HttpRules
from asgate.testing.lifespan import STARTED, STOPPED
from asgate.testing.lifespan_rules import LifespanRules
from asgate.testing.options import USUAL, Limit, Options, Served
from asgate.testing.request import absolute
from asgate.testing.rules import Rules
from asgate.testing.scopes import handshake, http_scope, lifespan_scope, websocket_scope
from asgate.testing.websocket_rules import WebsocketRules

BASE = "http://testserver"
RULES: dict[str, type[Rules]] = {"http": HttpRules, "websocket": WebsocketRules, "lifespan": LifespanRules}
QUIET = 0.1  # seconds that `receive_nothing` grants to an application that waits for something of its own
TURNS = 10  # of the loop, for tasks that the application has started


class ApplicationCommunicator:
    """Any scope, any messages. The application is called with the first call here; the scope's type picks the rules,
    and a type of your own has none.
    """

    def __init__(self, application: Any, scope: Scope, **options: Unpack[Options]) -> None:
        self.scope = scope
        rules = RULES.get(str(scope.get("type")), Rules)(scope)
        self._conversation = Conversation(asgi3(application), scope, rules, Served(**options), raw=True)
        self._started = False

    def _begin(self) -> Conversation:
        if not self._started:
            self._started = True
            self._conversation.start()
        return self._conversation

    async def send_input(self, message: Message, timeout: Limit = USUAL) -> None:
        """Gives the application an event. A disconnect is the client's leaving, with all that follows."""
        conversation = self._begin()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            conversation.raise_failure()
            conversation.leave(message.get("code", 1005), message.get("reason", ""))
        elif not isinstance(conversation.rules, HttpRules):
            await conversation.give(message, timeout)
        elif await conversation.room(timeout):
            conversation.put(message)
        elif not conversation.rules.complete:
            raise conversation.ending("it took the event")

    async def receive_output(self, timeout: Limit = USUAL) -> Message:
        """The application's next message, as it sent it. Raises `TimedOut`, or what the application raised."""
        return await self._begin().take(timeout)

    async def receive_nothing(self, timeout: float | None = None) -> bool:
        """Whether the application sends nothing.

        Without a time limit it is known at once when the application waits in `receive` or has ended; one that waits
        for something else is given 0.1 s. With a limit, that is waited for in any case.
        """
        conversation = self._begin()
        if timeout is None:
            try:
                await conversation.until(
                    lambda: conversation.waiting_messages() or conversation.standing() != "",
                    QUIET,
                    "it did not wait",
                )
            except TimedOut:
                return not conversation.waiting_messages()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            return not conversation.waiting_messages()
        try:
            await conversation.until(
                lambda: conversation.waiting_messages() or conversation.over, timeout, "nothing came"
            )
        except TimedOut:
            return True
        return not conversation.waiting_messages()

    async def wait(self, timeout: Limit = USUAL) -> None:
        """Waits until the application ends; raises what it raised. Too late raises `TimedOut` and cancels nothing."""
        await self._begin().ended(timeout)

    async def stop(self) -> None:
        """Cancels the application, if it still runs; raises what it raised on its own."""
        if self._started:
            await self._conversation.cancel()
            self._conversation.raise_failure()

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        await self._conversation.close(patient=error is None)

    @property
    def transcript(self) -> tuple[str, ...]:
        """What was said so far, a line each."""
        return self._conversation.transcript.lines()


class HttpCommunicator(ApplicationCommunicator):
    """One request: `await HttpCommunicator(app, "GET", "/path?query").get_response()`."""

    def __init__(
        self,
        application: Any,
        method: str,
        path: str,
        body: bytes = b"",
        headers: HeadersGiven = None,
        **options: Unpack[Options],
    ) -> None:
        served = Served(**options)
        scope = http_scope(method.upper(), absolute(BASE, path), wire_pairs(headers), served, served.state)
        super().__init__(application, scope, **options)
        self.body = body

    async def get_response(self, timeout: Limit = USUAL) -> dict[str, Any]:
        """Sends the body, and collects the response: `status`, `headers`, `body`. The name is that of Channels."""
        await self.send_input({"type": "http.request", "body": self.body, "more_body": False})
        start = await self.receive_output(timeout)
        self._expect(start, "http.response.start")
        response = {"status": start["status"], "headers": start.get("headers", []), "body": b""}
        more = True
        while more:
            message = await self.receive_output(timeout)
            self._expect(message, "http.response.body")
            response["body"] += bytes(message.get("body", b""))
            more = message.get("more_body", False)
        await self.wait(timeout)
        return response

    def _expect(self, message: Message, kind: str) -> None:
        if message["type"] != kind:
            sentence = f"{message['type']} came where {kind} was expected"
            raise self._conversation.error(UnexpectedMessage, sentence)


class WebsocketCommunicator(ApplicationCommunicator):
    """One WebSocket, with the methods of Channels."""

    def __init__(
        self,
        application: Any,
        path: str,
        headers: HeadersGiven = None,
        subprotocols: Iterable[str] | None = None,
        **options: Unpack[Options],
    ) -> None:
        served = Served(**options)
        offered = list(subprotocols or ())
        fields = [*wire_pairs(headers), *handshake(offered)]
        scope = websocket_scope(absolute(BASE, path), fields, offered, served, served.state)
        super().__init__(application, scope, **options)
        self.response_headers: list[tuple[bytes, bytes]] | None = None

    async def connect(self, timeout: Limit = USUAL) -> tuple[bool, str | int | None]:
        """`(True, subprotocol)` when it is accepted, `(False, close code or status)` when it is not."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        if answer["type"] == "websocket.accept":
            self.response_headers = list(answer.get("headers", []))
            return True, answer.get("subprotocol")
        return False, answer.get("status", answer.get("code", 1000))

    async def send_to(
        self, text_data: str | None = None, bytes_data: bytes | None = None, timeout: Limit = USUAL
    ) -> None:
        """A message of the client; one of the two, empty ones too."""
        if (text_data is None) == (bytes_data is None):
            raise ValueError("send_to takes one of text_data and bytes_data")
        data = {"bytes": bytes_data} if text_data is None else {"text": text_data}
        await self.send_input({"type": "websocket.receive", **data}, timeout)

    async def send_json_to(self, data: Any, timeout: Limit = USUAL) -> None:
        await self.send_to(text_data=json.dumps(data), timeout=timeout)

    async def receive_from(self, timeout: Limit = USUAL) -> str | bytes:
        """The application's next message; `UnexpectedMessage` when it closes instead."""
        message = await self.receive_output(timeout)
        if message["type"] != "websocket.send":
            sentence = f"{message['type']} came where websocket.send was expected"
            raise self._conversation.error(UnexpectedMessage, sentence)
        text: str | None = message.get("text")
        return bytes(message["bytes"]) if text is None else text

    async def receive_json_from(self, timeout: Limit = USUAL) -> Any:
        """The JSON of the next message, which must be text."""
        data = await self.receive_from(timeout)
        if not isinstance(data, str):
            raise self._conversation.error(UnexpectedMessage, "bytes came where JSON in text was expected")
        return json.loads(data)

    async def disconnect(self, code: int = 1000, reason: str = "", timeout: Limit = USUAL) -> None:
        """The client closes; then waits for the application's end."""
        await self.send_input({"type": "websocket.disconnect", "code": code, "reason": reason})
        await self.wait(timeout)


class LifespanCommunicator(ApplicationCommunicator):
    """One lifespan. `state` is what the application puts there."""

    def __init__(self, application: Any, **options: Unpack[Options]) -> None:
        self.state: dict[str, Any] = dict(options.get("state") or {})
        super().__init__(application, lifespan_scope(self.state), **options)

    async def startup(self, timeout: Limit = USUAL) -> None:
        """Sends `lifespan.startup`; anything but its completion is an `UnexpectedMessage`."""
        await self._half("lifespan.startup", STARTED, timeout)

    async def shutdown(self, timeout: Limit = USUAL) -> None:
        """Sends `lifespan.shutdown`; anything but its completion is an `UnexpectedMessage`. Ends the application."""
        await self._half("lifespan.shutdown", STOPPED, timeout)
        await self._conversation.blocked(timeout)
        await self.stop()

    async def _half(self, kind: str, wanted: str, timeout: Limit) -> None:
        await self.send_input({"type": kind}, timeout)
        answer = await self.receive_output(timeout)
        if answer["type"] != wanted:
            told = answer.get("message", "")
            sentence = f"{answer['type']} came where {wanted} was expected" + (f": {told}" if told else "")
            raise self._conversation.error(UnexpectedMessage, sentence)
