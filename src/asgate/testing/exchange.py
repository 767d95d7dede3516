# ruff: noqa: ASYNC109 (a time limit is part of what each wait promises, with a transcript in its error)
"""One HTTP request and its response, in the hands of the test: each piece of the body, each leave-taking.

`Client.open` gives it as it is; `Client.get` and the others drive it from the first byte to the last.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable

from asgate.testing.conversation import Conversation
from asgate.testing.errors import ConversationError
from asgate.testing.options import USUAL, Limit
from asgate.testing.response import Response, begun

Pieces = Iterable[bytes] | AsyncIterable[bytes]


class Exchange:
    """A request that was begun. Sending waits while the application has `backlog` events before it; nothing of the
    response is read before the test reads it.
    """

    def __init__(self, conversation: Conversation, url: str) -> None:
        self.url = url
        self._conversation = conversation
        self._response: Response | None = None
        self._body_ended = False
        self._pump: asyncio.Task[None] | None = None

    # The request.

    async def send(self, body: bytes, *, more: bool = True, timeout: Limit = USUAL) -> None:
        """A piece of the request's body."""
        if self._body_ended:
            raise self._conversation.error(ConversationError, "the body of the request has ended already")
        self._body_ended = not more
        conversation = self._conversation
        if await conversation.room(timeout):
            conversation.put({"type": "http.request", "body": body, "more_body": more})
        elif not conversation.rules.complete:  # nobody reads the rest of a body that was answered (ASGI-121)
            raise conversation.ending("it took the body")

    async def end(self, timeout: Limit = USUAL) -> None:
        """The end of the request's body."""
        await self.send(b"", more=False, timeout=timeout)

    def send_all(self, body: bytes | Pieces) -> None:
        """The whole body; what comes in pieces is asked for them as the application takes them."""
        if isinstance(body, bytes):
            self._body_ended = True
            self._conversation.put({"type": "http.request", "body": body, "more_body": False})
        else:
            self._body_ended = True
            self._pump = asyncio.get_running_loop().create_task(self._pour(body), name="asgate.testing body")

    async def _pour(self, body: Pieces) -> None:
        """Gives the application a body as it comes, and leaves when the body breaks, as a client would."""
        try:
            async for piece in each(body):
                if not await self._conversation.room(None):
                    return  # the application has all it wants (ASGI-121)
                if piece:  # the wire knows no empty piece
                    self._conversation.put({"type": "http.request", "body": piece, "more_body": True})
            if await self._conversation.room(None):
                self._conversation.put({"type": "http.request", "body": b"", "more_body": False})
        except Exception as error:
            self._conversation.break_off(error)

    # The response.

    async def response(self, timeout: Limit = USUAL) -> Response:
        """The response once its head is there; raises what the application raised before."""
        if self._response is None:
            self._response = await begun(self._conversation, self.url, timeout)
        return self._response

    # What clients do to servers.

    def disconnect(self) -> None:
        """The client is gone: `receive` gives `http.disconnect`, `send` raises OSError (from version 2.4)."""
        self._conversation.leave()

    def half_close(self) -> None:
        """The client sends nothing more, but reads on: `receive` gives `http.disconnect`, `send` still sends.

        As a server that does not end the conversation at the client's FIN (AMB-4, ASGI-100).
        """
        self._body_ended = True
        self._conversation.half_close()

    async def blocked(self, timeout: Limit = USUAL) -> str:
        """Waits until the application waits for this client, or is over: "receive", "send" (stalled), "ended"."""
        return await self._conversation.blocked(timeout)

    async def ended(self, timeout: Limit = USUAL) -> None:
        """Waits until the application is over, its background work too; raises what it raised."""
        await self._conversation.ended(timeout)

    @property
    def transcript(self) -> tuple[str, ...]:
        """What was said so far, a line each."""
        return self._conversation.transcript.lines()

    async def aclose(self, *, patient: bool = True) -> None:
        """Ends it: leaves if the response is not complete, and waits for the application's end."""
        try:
            await self._stop_pouring()
        finally:
            await self._conversation.close(patient=patient)

    async def finish(self, timeout: Limit = USUAL) -> None:
        """Waits for the application's end after a complete response; it is not cancelled if that takes too long."""
        await self._conversation.until(
            lambda: self._conversation.over,
            timeout,
            "the response is complete, and the application did not end",
        )
        await self.aclose()

    def whereabouts(self) -> str:
        """What the application is doing, to go on in a sentence."""
        return self._conversation.whereabouts()

    async def _stop_pouring(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
            if not self._pump.cancelled():
                self._pump.exception()
            self._pump = None


async def each(body: Pieces) -> AsyncIterator[bytes]:
    """The pieces of either kind of iterable; one that is async is closed properly."""
    if not isinstance(body, AsyncIterable):
        for piece in body:
            yield piece
        return
    pieces = aiter(body)
    try:
        async for piece in pieces:
            yield piece
    finally:
        if close := getattr(pieces, "aclose", None):
            await close()
