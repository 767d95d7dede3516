# ruff: noqa: ASYNC109 (a time limit is part of what each wait promises, with a transcript in its error)
"""A WebSocket in process, from the client's side.

`open` takes the handshake; `Denied` carries the response of an application that refuses. Afterwards each message of the
application is received in order, its close is `Closed` with code and reason, and a wait that takes too long is
`TimedOut` and loses nothing.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

from asgate.spec.types import Message
from asgate.testing.conversation import Conversation
from asgate.testing.errors import Closed, Denied, UnexpectedMessage
from asgate.testing.headers import Headers
from asgate.testing.options import USUAL, Limit
from asgate.testing.response import Response, server_error

DENIAL = "websocket.http.response.start"
NO_CODE = 1005  # what the application is told of a close without a code (ASGI-176)
LOST = 1006  # and of a connection that is lost (ASGI-177)
DEFAULT_CODE, BROKEN = 1000, 1011


class WebSocket:
    """`subprotocol` and `headers` are those of the accept. `response` is the denial, if it was denied.

    `close_code` and `close_reason` are those of the application's close, once it was received.
    """

    def __init__(self, conversation: Conversation, url: str) -> None:
        self.url = url
        self.subprotocol: str | None = None
        self.headers = Headers()
        self.response: Response | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        self._conversation = conversation

    # The handshake.

    async def open(self, timeout: Limit = USUAL) -> bool:
        """Waits for the answer to `websocket.connect`: True for an accept; False for a denial, which is `response`."""
        conversation = self._conversation
        conversation.put({"type": "websocket.connect"})
        conversation.start()
        if not conversation.served.raise_app_exceptions:
            await conversation.until(
                lambda: conversation.over or conversation.waiting_messages(), timeout, "no answer came"
            )
            if conversation.over and not conversation.waiting_messages():
                self.response = server_error(conversation, self.url)  # ASGI-153
                return False
        message = await conversation.take(timeout, "the answer to websocket.connect")
        if message["type"] == "websocket.accept":
            self.subprotocol = message["subprotocol"]
            self.headers = Headers(message["headers"])
            return True
        if message["type"] == DENIAL:
            self.response = Response(conversation, self.url, message)
        else:
            self.response = server_error(conversation, self.url, 403)  # ASGI-151
        return False

    async def denial(self) -> Denied:
        """The exception for a denial, with the response read."""
        assert self.response is not None, "it was denied"
        await self.response.read()
        return Denied(self.response, self._conversation.transcript.lines())

    # To the application.

    async def send(self, data: str | bytes, timeout: Limit = USUAL) -> None:
        """A text or a binary message; waits while the application has `backlog` messages before it."""
        key = "text" if isinstance(data, str) else "bytes"
        await self._give({"type": "websocket.receive", key: data}, timeout)

    async def send_text(self, data: str, timeout: Limit = USUAL) -> None:
        await self.send(data, timeout)

    async def send_bytes(self, data: bytes, timeout: Limit = USUAL) -> None:
        await self.send(data, timeout)

    async def send_json(self, data: Any, timeout: Limit = USUAL) -> None:
        """JSON in a text message."""
        await self.send(json.dumps(data, ensure_ascii=False, separators=(",", ":")), timeout)

    async def _give(self, event: Message, timeout: Limit) -> None:
        if not await self._conversation.room(timeout):
            self._raise_close_that_came()
            raise self._conversation.ending("it could be given the message")
        self._conversation.put(event)

    def _raise_close_that_came(self) -> None:
        """The application has closed, whether the test has read so far or not."""
        farewell = self._conversation.rules.farewell
        failed = self._conversation.failure is not None and self._conversation.served.raise_app_exceptions
        if farewell and not self._conversation.gone and not failed:
            raise Closed(farewell["code"], str(farewell.get("reason", "")), self.transcript)  # type: ignore[arg-type]

    async def close(self, code: int | None = DEFAULT_CODE, reason: str = "") -> None:
        """The client closes; None sends a close without code, of which the application gets 1005 (ASGI-176).

        The application's `websocket.disconnect` comes after the messages that wait for it.
        """
        if not self._conversation.gone:
            self._conversation.leave(NO_CODE if code is None else code, reason)

    async def drop(self) -> None:
        """The connection is lost without a close: the application gets 1006 (ASGI-177)."""
        await self.close(LOST)

    # From the application.

    async def receive(self, timeout: Limit = USUAL) -> str | bytes:
        """The next message. Raises `Closed` when the application has closed, or what it raised."""
        if self.close_code is not None:
            raise self._closed()
        conversation = self._conversation
        await conversation.until(
            lambda: conversation.waiting_messages() or conversation.over or conversation.gone,
            timeout,
            "no message came",
        )
        if not conversation.waiting_messages() and not conversation.gone and self._ended_softly():
            raise self._closed()
        message = await conversation.take(0, "a message")
        if message["type"] == "websocket.close":
            self.close_code, self.close_reason = message["code"], message["reason"]
            raise self._closed()
        return self._payload(message)

    def _ended_softly(self) -> bool:
        """An application that has ended is closed by the server: 1000, or 1011 if it broke (ASGI-184, 185)."""
        failure = self._conversation.failure
        if failure is not None and self._conversation.served.raise_app_exceptions:
            return False
        self.close_code = DEFAULT_CODE if failure is None else BROKEN
        return True

    def _closed(self) -> Closed:
        assert self.close_code is not None, "it was closed"
        return Closed(self.close_code, self.close_reason, self.transcript)

    def _payload(self, message: Message) -> str | bytes:
        payload: str | bytes | None = message.get("text")
        return message["bytes"] if payload is None else payload

    async def receive_text(self, timeout: Limit = USUAL) -> str:
        """The next message, which must be text; otherwise `UnexpectedMessage`."""
        data = await self.receive(timeout)
        if not isinstance(data, str):
            raise self._conversation.error(
                UnexpectedMessage, f"bytes came where text was expected: {data!r:.200}"
            )
        return data

    async def receive_bytes(self, timeout: Limit = USUAL) -> bytes:
        """The next message, which must be binary; otherwise `UnexpectedMessage`."""
        data = await self.receive(timeout)
        if not isinstance(data, bytes):
            raise self._conversation.error(
                UnexpectedMessage, f"text came where bytes were expected: {data!r:.200}"
            )
        return data

    async def receive_json(self, timeout: Limit = USUAL) -> Any:
        """The JSON of the next message, text or binary."""
        return json.loads(await self.receive(timeout))

    async def receive_close(self, timeout: Limit = USUAL) -> Closed:
        """Waits for the application's close, and gives it; a message instead is an `UnexpectedMessage`."""
        try:
            data = await self.receive(timeout)
        except Closed as closed:
            return closed
        raise self._conversation.error(
            UnexpectedMessage, f"a message came where a close was expected: {data!r:.200}"
        )

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Messages until the application closes."""
        while True:
            try:
                data = await self.receive()
            except Closed:
                return
            yield data

    # The conversation.

    async def blocked(self, timeout: Limit = USUAL) -> str:
        """Waits until the application waits for this client, or is over: "receive", "send", "ended"."""
        return await self._conversation.blocked(timeout)

    async def ended(self, timeout: Limit = USUAL) -> None:
        """Waits until the application is over; raises what it raised."""
        await self._conversation.ended(timeout)

    @property
    def transcript(self) -> tuple[str, ...]:
        """What was said so far, a line each."""
        return self._conversation.transcript.lines()

    async def aclose(self, *, patient: bool = True) -> None:
        """Closes if it is open, and waits for the application's end."""
        await self.close()
        await self._conversation.close(patient=patient)
