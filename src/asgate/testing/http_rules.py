"""The server's side of an HTTP conversation, and of the denial of a WebSocket, which has the same shape.

`ORDER` is the one table of what may follow what (sections 5, 13 to 18 of the clauses). The methods below it read
the fields and give the client what a server would put on the wire: files as bodies, nothing after the end.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from asgate.spec.messages import BODILESS
from asgate.spec.types import Message, Scope
from asgate.testing import fields, files
from asgate.testing.errors import MessageRefused
from asgate.testing.rules import Rules, kind_of, refused

# State -> the messages that may come, and the state after them. "body" stands for the content messages, after which
# the rules decide between streaming, trailing and complete.
ORDER: dict[str, dict[str, str]] = {
    "nothing was sent": {
        "response.early_hint": "nothing was sent",
        "response.debug": "nothing was sent",
        "response.start": "the response was started",
    },
    "the response was started": {
        "response.early_hint": "the response was started",  # the older text says so (ASGI-271)
        "response.push": "the response was started",
        "response.body": "body",
        "response.zerocopysend": "body",
        "response.pathsend": "body",
    },
    "the body is being sent": {
        "response.push": "the body is being sent",
        "response.body": "body",
        "response.zerocopysend": "body",
    },
    "the trailers are awaited": {"response.trailers": "trailers"},
    "the response is complete": {},
}
NOTHING, STARTED, STREAMING, TRAILING, COMPLETE = ORDER
PLAIN = ("response.start", "response.body")
EXTENSIONS = ("early_hint", "debug", "push", "zerocopysend", "pathsend", "trailers")


class HttpRules(Rules):
    """One HTTP response. `prefix` is "websocket.http" for the denial of a WebSocket."""

    impatient = True  # ASGI-094, 095: also in the middle of a body

    def __init__(self, scope: Scope, prefix: str = "http") -> None:
        super().__init__(scope)
        self.prefix = prefix
        self.state = NOTHING
        self._trailers = False
        self._debugged = False
        self._left: int | None = None  # bytes that content-length still allows
        self._bodiless = scope.get("method") == "HEAD"
        self._gone = False
        offered = (f"response.{name}" for name in EXTENSIONS if self.offers(f"{prefix}.response.{name}"))
        self._known = {f"{prefix}.{name}" for name in (*PLAIN, *offered)}
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

    @property
    def complete(self) -> bool:
        return self.state == COMPLETE

    def leave(self, code: int, reason: str) -> None:  # noqa: ARG002 (those are of WebSockets)
        self._gone = True
        self.half_close()

    def half_close(self) -> None:
        self.farewell = {"type": "http.disconnect"}

    def speaks_up(self) -> bool:
        return self._gone and self.version >= (2, 4) and not self.complete

    def accept(self, message: Message) -> "Iterator[Message] | None":
        kind = kind_of(message)
        if self.complete or (self._gone and not self.speaks_up()):
            return None  # ASGI-111, 034
        name = kind.removeprefix(f"{self.prefix}.")
        if kind not in self._known or name not in ORDER[self.state]:
            raise refused(kind, self._known, self.state)
        pieces = iter(self._readers[name](message))
        after = ORDER[self.state][name]
        self.state = self._after_body(message) if after == "body" else self._after(message, after)
        if self.state == COMPLETE and self.prefix == "http":
            self.farewell = {"type": "http.disconnect"}  # ASGI-094
        return pieces

    def _after_body(self, message: Message) -> str:
        if message.get("more_body", False) and message["type"] != f"{self.prefix}.response.pathsend":
            return STREAMING
        return TRAILING if self._trailers else COMPLETE

    def _after(self, message: Message, after: str) -> str:
        if after != "trailers":
            return after
        return TRAILING if message.get("more_trailers", False) else COMPLETE

    # Each gives the messages that the client sees.

    def _start(self, message: Message) -> list[Message]:
        status = fields.mandatory(message, "status", int)
        if not 200 <= status <= 999:
            raise MessageRefused(f"{status} is no status of a final response (ASGI-120)")
        pairs = fields.header_pairs(message)
        trailers = fields.optional(message, "trailers", bool, False)
        # Framing is the server's business (ASGI-107).
        headers = [(name, value) for name, value in pairs if name.lower() != b"transfer-encoding"]
        self._bodiless = self._bodiless or status in BODILESS
        self._trailers = trailers and f"{self.prefix}.response.trailers" in self._known
        self._left = None if self._bodiless else declared_length(headers)
        return [{"type": message["type"], "status": status, "headers": headers, "trailers": trailers}]

    def _body(self, message: Message) -> list[Message]:
        body = fields.content(message)
        more = fields.optional(message, "more_body", bool, False)
        self._spend(len(body))
        return [self._piece(body, more)]

    def _piece(self, body: bytes, more: bool) -> dict[str, Any]:
        kind = f"{self.prefix}.response.body"
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
        if self._debugged:
            raise MessageRefused(f"{message['type']} may be sent once (ASGI-290)")
        info = fields.mandatory(message, "info", dict)
        self._debugged = True
        return [{"type": message["type"], "info": info}]

    def _push(self, message: Message) -> list[Message]:
        path = fields.mandatory(message, "path", str)
        return [{"type": message["type"], "path": path, "headers": fields.header_pairs(message)}]

    def _trailers_of(self, message: Message) -> list[Message]:
        pairs = fields.header_pairs(message)
        fields.optional(message, "more_trailers", bool, False)
        wanted = any(
            name == b"te" and b"trailers" in value.lower() for name, value in self.scope.get("headers", ())
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
