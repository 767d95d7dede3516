# ruff: noqa: ASYNC109 (a time limit is part of what each wait promises, with a transcript in its error)
"""The response as the client sees it, while it comes: head, body piece by piece, trailers, and what extensions add.

Nothing is read ahead. Until the test reads, the application's `send` waits once the buffer is full. The denial of
a WebSocket is a response, too.
"""

import json
from collections.abc import AsyncIterator
from email.message import Message as Fields
from http import HTTPStatus
from typing import Any

from asgate.spec.messages import BODILESS
from asgate.spec.types import Message
from asgate.testing.conversation import Conversation
from asgate.testing.errors import (
    ApplicationEnded,
    ConversationError,
    Incomplete,
    StatusError,
    UnexpectedMessage,
)
from asgate.testing.headers import Headers
from asgate.testing.http_rules import declared_length
from asgate.testing.options import USUAL, Limit

LARGEST = 256 * 1024 * 1024  # bytes that `read` collects: a stream without end must not fill the memory


class Response:
    """`status_code`, `headers`, then `content`, `text`, `json()` once it is read, or `stream()` while it comes.

    `trailers`: fields after the body. `early_hints`: a list of links for each hint. `debug`: the info of
    `http.response.debug`. `pushes`: path and headers of each. `history`: the redirects that led here.
    """

    def __init__(self, conversation: Conversation, url: str, start: Message) -> None:
        self.url = url
        self.status_code: int = start["status"]
        self.headers = Headers(start.get("headers", ()))
        self.trailers = Headers()
        self.early_hints: list[list[bytes]] = []
        self.debug: dict[str, Any] = {}
        self.pushes: list[tuple[str, Headers]] = []
        self.history: list[Response] = []
        self.complete = False
        self._conversation = conversation
        self._content: bytes | None = None
        self._count = 0
        self._trailing = bool(start.get("trailers")) and conversation.rules.offers("http.response.trailers")

    # The body.

    async def chunk(self, timeout: Limit = USUAL) -> bytes | None:
        """The next piece of the body, as the application sent it; None at the end.

        Raises `Incomplete` if the application ends before the end, or what it raised.
        """
        while not self.complete:
            piece = await self._next(timeout)
            if piece:
                self._count += len(piece)
                return piece
        return None

    async def stream(self, timeout: Limit = USUAL) -> AsyncIterator[bytes]:
        """The rest of the body, piece by piece; the time limit is that of each piece."""
        while (piece := await self.chunk(timeout)) is not None:
            yield piece

    async def lines(self, timeout: Limit = USUAL) -> AsyncIterator[str]:
        """The rest of the body as lines of text, without their ends, each as soon as it is there."""
        rest = b""
        while (piece := await self.chunk(timeout)) is not None:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield line.removesuffix(b"\r").decode(self.encoding, "replace")
        if rest:
            yield rest.decode(self.encoding, "replace")

    async def read(self, timeout: Limit = USUAL) -> bytes:
        """All of the body that was not streamed yet."""
        if self._content is None:
            pieces: list[bytes] = []
            size = 0
            while (piece := await self.chunk(timeout)) is not None:
                size += len(piece)
                if size > LARGEST:
                    raise self._error(
                        ConversationError, f"the body is longer than {LARGEST} bytes: stream it"
                    )
                pieces.append(piece)
            self._content = b"".join(pieces)
        return self._content

    async def _next(self, timeout: Limit) -> bytes:
        conversation = self._conversation
        try:
            message = await conversation.take(timeout, "the rest of the response")
        except ApplicationEnded as error:
            raise self._error(Incomplete, f"the response was cut short: {error.sentence}") from None
        kind = message["type"]
        if kind.endswith(".response.body"):
            self.complete = not message["more_body"] and not self._trailing
            if not message["more_body"]:
                self._check_length(len(message["body"]))
            body: bytes = message["body"]
            return body
        if kind == "http.response.trailers":
            self.trailers.raw += message["headers"]
            self.complete = not message["more_trailers"]
        elif kind == "http.response.push":
            self.pushes.append((message["path"], Headers(message["headers"])))
        elif kind == "http.response.early_hint":
            self.early_hints.append(message["links"])
        else:
            raise self._error(UnexpectedMessage, f"{kind} came in the middle of the response")
        return b""

    def _check_length(self, last: int) -> None:
        """A server cuts the connection when too little was sent (ASGI-115)."""
        wanted = declared_length(self.headers.raw)
        came = self._count + last
        head = self._conversation.scope.get("method") == "HEAD"
        if wanted is not None and came < wanted and not head and self.status_code not in BODILESS:
            raise self._error(Incomplete, f"the body has {came} bytes, and content-length says {wanted}")

    # What was read.

    @property
    def content(self) -> bytes:
        """The body; `read()` it first when the response is streamed."""
        if self._content is None:
            raise self._error(ConversationError, "the body was not read: await response.read()")
        return self._content

    @property
    def encoding(self) -> str:
        """The charset of content-type, or utf-8."""
        fields = Fields()
        fields["content-type"] = self.headers.get("content-type", "")
        named = fields.get_content_charset("utf-8")
        try:
            "".encode(named)
        except LookupError:
            return "utf-8"
        return named

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding, "replace")

    def json(self) -> Any:
        return json.loads(self.content)

    # The head.

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def is_redirect(self) -> bool:
        return self.status_code in (301, 302, 303, 307, 308) and "location" in self.headers

    @property
    def reason_phrase(self) -> str:
        """The usual phrase of the status; ASGI has no other."""
        known = {status.value: status.phrase for status in HTTPStatus}
        return known.get(self.status_code, "")

    def raise_for_status(self) -> "Response":
        """Raises `StatusError` for 400 and above; returns the response otherwise."""
        if self.status_code >= 400:
            content = self._content
            said = f": {content[:200]!r}" if content else ""
            sentence = f"{self.url} answered {self.status_code} {self.reason_phrase}{said}"
            raise StatusError(self, sentence, self._conversation.transcript.lines())
        return self

    @property
    def transcript(self) -> tuple[str, ...]:
        """What was said in this conversation, a line each."""
        return self._conversation.transcript.lines()

    def _error(self, kind: type[ConversationError], sentence: str) -> ConversationError:
        return self._conversation.error(kind, sentence)

    def __repr__(self) -> str:
        return f"<Response [{self.status_code} {self.reason_phrase}]>".replace(" ]", "]")


async def begun(conversation: Conversation, url: str, timeout: Limit = USUAL) -> Response:
    """Waits for the head of the response.

    When exceptions of the application are not to be raised, an application without a response gives the 500
    that a server would (ASGI-017, 018).
    """
    hints: list[list[bytes]] = []
    debug: dict[str, Any] = {}
    while True:
        if not conversation.served.raise_app_exceptions:
            await conversation.until(
                lambda: conversation.over or conversation.waiting_messages() or conversation.gone,
                timeout,
                "the response did not start",
            )
            if conversation.over and not conversation.waiting_messages():
                return server_error(conversation, url)
        message = await conversation.take(timeout, "the start of the response")
        if message["type"] == "http.response.early_hint":
            hints.append(message["links"])
        elif message["type"] == "http.response.debug":
            debug = dict(message["info"])
        else:
            response = Response(conversation, url, message)
            response.early_hints = hints
            response.debug = debug
            return response


def server_error(conversation: Conversation, url: str, status: int = 500) -> Response:
    """What a server answers on its own."""
    start = {"status": status, "headers": [(b"content-type", b"text/plain; charset=utf-8")]}
    response = Response(conversation, url, start)
    response.complete = True
    response._content = HTTPStatus(status).phrase.encode()
    return response
