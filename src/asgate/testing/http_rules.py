"""The server's side of an HTTP conversation: what of the application's messages reaches the client.

What may follow what is the table of `asgate.spec.messages`. `ResponseReader` reads the fields of a response's
messages, also of one that denies a WebSocket, and gives the client what a server would put on the wire: files as
bodies, no body after HEAD, nothing beyond content-length.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from asgate.spec import values
from asgate.spec.messages import BODILESS, HTTP
from asgate.spec.types import Message, Scope
from asgate.testing import fields, files
from asgate.testing.errors import MessageRefused
from asgate.testing.rules import OrderedRules


class HttpRules(OrderedRules):
    """One HTTP response."""

    impatient = True  # ASGI-094, 095: also in the middle of a body
    protocol = HTTP

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._reader = ResponseReader(scope, "http", trailers=self.offers("http.response.trailers"))
        self._gone = False

    def leave(self, code: int, reason: str) -> None:  # noqa: ARG002 (those are of WebSockets)
        self._gone = True
        self.half_close()

    def half_close(self) -> None:
        self.farewell = {"type": "http.disconnect"}

    def speaks_up(self) -> bool:
        return self._gone and self.version >= (2, 4) and not self.complete

    def accept(self, message: Message) -> "Iterator[Message] | None":
        if self._gone and not self.speaks_up():
            return None  # ASGI-034
        then = self.after(message, owing=self._reader.owing)
        if then is None:
            return None
        pieces = iter(self._reader.read(message))
        self.state = then
        if self.complete:
            self.farewell = {"type": "http.disconnect"}  # ASGI-094
        return pieces


class ResponseReader:
    """Reads the messages of one response. `prefix` is "http", or "websocket.http" for a denial; `trailers` says
    whether they are offered. `owing`: the application has announced some.
    """

    def __init__(self, scope: Scope, prefix: str, *, trailers: bool = False) -> None:
        self.owing = False
        self._scope = scope
        self._prefix = prefix
        self._trailers = trailers
        self._left: int | None = None  # bytes that content-length still allows
        self._bodiless = scope.get("method") == "HEAD"
        self._readers: dict[str, Callable[[Message], Iterable[Message]]] = {
            "response.start": self._start,
            "response.body": self._body,
            "response.pathsend": self._pathsend,
            "response.zerocopysend": self._zerocopysend,
            "response.early_hint": self._early_hint,
            "response.debug": self._debug,
            "response.push": self._push,
            "response.trailers": self._trailers_of,
        }

    def read(self, message: Message) -> Iterable[Message]:
        """What the client sees of a message that is in its place. Raises `MessageRefused`, TypeError or OSError, and
        then has changed nothing.
        """
        return self._readers[message["type"].removeprefix(f"{self._prefix}.")](message)

    def _start(self, message: Message) -> list[Message]:
        status = fields.mandatory(message, "status", int)
        fields.within(message, "status", values.STATUS, "SERVER-20")
        pairs = fields.header_pairs(message)
        trailers = fields.optional(message, "trailers", bool, False)
        # Framing is the server's business (ASGI-107).
        headers = [(name, value) for name, value in pairs if name.lower() != b"transfer-encoding"]
        self._bodiless = self._bodiless or status in BODILESS
        self.owing = trailers and self._trailers
        self._left = None if self._bodiless else declared_length(headers)
        return [{"type": message["type"], "status": status, "headers": headers, "trailers": trailers}]

    def _body(self, message: Message) -> list[Message]:
        body = fields.content(message)
        more = fields.optional(message, "more_body", bool, False)
        self._spend(len(body))
        return [self._piece(body, more)]

    def _piece(self, body: bytes, more: bool) -> dict[str, Any]:
        kind = f"{self._prefix}.response.body"
        return {"type": kind, "body": b"" if self._bodiless else body, "more_body": more}

    def _spend(self, size: int) -> None:
        if self._left is None:
            return
        if size > self._left:
            raise MessageRefused(
                f"the body is {size - self._left} bytes longer than content-length (ASGI-115)"
            )
        self._left -= size

    def _pathsend(self, message: Message) -> Iterator[Message]:
        stretch = files.of_path(fields.mandatory(message, "path", str))
        if self._left is not None:
            stretch.limit(self._left)  # at most content-length bytes (ASGI-266)
        return self._sent(stretch, more=False)

    def _zerocopysend(self, message: Message) -> Iterator[Message]:
        if "file" not in message:
            raise MessageRefused(f"{message['type']} needs the key 'file' (ASGI-031)")
        offset = fields.nullable(message, "offset", int)
        count = fields.nullable(message, "count", int)
        more = fields.optional(message, "more_body", bool, False)
        stretch = files.of_file(message["file"], offset, count)
        try:
            self._spend(stretch.size)
        except MessageRefused:
            stretch.close()
            raise
        return self._sent(stretch, more)

    def _sent(self, stretch: files.Stretch, more: bool) -> Iterator[Message]:
        if self._bodiless:
            stretch.close()
            return iter([self._piece(b"", more)])
        return self._chunks(stretch, more)

    def _chunks(self, stretch: files.Stretch, more: bool) -> Iterator[Message]:
        with stretch:
            for chunk in stretch.chunks():
                yield self._piece(chunk, more=True)
        yield self._piece(b"", more)

    def _early_hint(self, message: Message) -> list[Message]:
        return [{"type": message["type"], "links": fields.links(message)}]

    def _debug(self, message: Message) -> list[Message]:
        return [{"type": message["type"], "info": fields.mandatory(message, "info", dict)}]

    def _push(self, message: Message) -> list[Message]:
        path = fields.mandatory(message, "path", str)
        return [{"type": message["type"], "path": path, "headers": fields.header_pairs(message)}]

    def _trailers_of(self, message: Message) -> list[Message]:
        pairs = fields.header_pairs(message)
        fields.optional(message, "more_trailers", bool, False)
        wanted = any(
            name == b"te" and b"trailers" in value.lower() for name, value in self._scope.get("headers", ())
        )
        if not wanted:
            pairs = []  # consumed and dropped (ASGI-282)
        return [
            {"type": message["type"], "headers": pairs, "more_trailers": message.get("more_trailers", False)}
        ]


def declared_length(headers: fields.Pairs) -> int | None:
    """The content-length of a response, if it has a readable one."""
    for name, value in headers:
        if name.lower() == b"content-length":
            return int(value) if value.isdigit() else None
    return None
