"""The server's side of a WebSocket conversation: what of the application's messages reaches the client.

What may follow what is the table of `asgate.spec.messages`; the methods below read the fields. The response of a denial
is read as that of a request.
"""

from collections.abc import Iterable

from asgate.spec import values
from asgate.spec.messages import WEBSOCKET
from asgate.spec.types import Message, Scope
from asgate.testing import fields
from asgate.testing.errors import MessageRefused
from asgate.testing.http_rules import ResponseReader
from asgate.testing.rules import STATES, OrderedRules, kind_of, refused

DENIAL = "websocket.http.response"


class WebsocketRules(OrderedRules):
    """One WebSocket."""

    protocol = WEBSOCKET

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._denial = ResponseReader(scope, "websocket.http")
        self._gone = False

    def leave(self, code: int, reason: str) -> None:
        if self.farewell is None:
            self._gone = True
            self._part(code, reason)

    def speaks_up(self) -> bool:
        return self._gone and self.version >= (2, 4)

    def accept(self, message: Message) -> "Iterable[Message] | None":
        kind = kind_of(message)
        if self._gone and not self.speaks_up():
            return None  # ASGI-034
        if self.state in self.machine.silent and not kind.startswith(DENIAL):
            raise refused(kind, self.known, STATES[self.state])  # ASGI-232
        then = self.after(message)
        if then is None:
            return None
        read = {
            "websocket.accept": self._accept,
            "websocket.send": self._send,
            "websocket.close": self._close,
        }
        pieces = list(read.get(kind, self._denial.read)(message))
        self.state = then
        if kind == "websocket.close" and then == "closed":
            self._part(pieces[0]["code"], pieces[0]["reason"])  # ASGI-182
        elif self.complete:
            self._part(1006, "")  # ASGI-152, 235
        return pieces

    def _part(self, code: int, reason: str) -> None:
        told = {"reason": reason} if self.version >= (2, 5) else {}  # ASGI-176
        self.farewell = {"type": "websocket.disconnect", "code": code, **told}

    def _accept(self, message: Message) -> list[Message]:
        subprotocol = fields.nullable(message, "subprotocol", str)
        pairs = fields.header_pairs(message, pseudo="ASGI-149") if self.version >= (2, 1) else []  # ASGI-147
        if any(name.lower() == b"sec-websocket-protocol" for name, _ in pairs):
            raise MessageRefused("the subprotocol is named by its own key, not in the headers (ASGI-149)")
        if subprotocol is not None and subprotocol not in self.scope.get("subprotocols", ()):
            raise MessageRefused(f"the client did not offer the subprotocol {subprotocol!r} (ASGI-150)")
        return [{"type": message["type"], "subprotocol": subprotocol, "headers": pairs}]

    def _send(self, message: Message) -> list[Message]:
        text = fields.nullable(message, "text", str)
        data = message.get("bytes")
        if (text is None) == (data is None):
            raise MessageRefused("websocket.send needs one of 'bytes' and 'text' (ASGI-165)")
        if text is not None:
            fields.within(message, "text", values.UNICODE_OR_NONE, "ASGI-161")
            return [{"type": message["type"], "text": text}]
        return [{"type": message["type"], "bytes": fields.content(message, "bytes")}]

    def _close(self, message: Message) -> list[Message]:
        code = nullable_code(message)
        reason = fields.nullable(message, "reason", str) or ""
        if self.state == "open":  # before the accept it is a 403, whatever they are (ASGI-151)
            fields.within(message, "code", values.CLOSE_CODE, "ASGI-186")
            fields.within(message, "reason", values.CLOSE_REASON, "ASGI-186")
        told = reason if self.version >= (2, 3) else ""  # ASGI-181
        return [{"type": message["type"], "code": code, "reason": told}]


def nullable_code(message: Message) -> int:
    """The code of a close: 1000 unless it is given (ASGI-181)."""
    code = fields.nullable(message, "code", int)
    return 1000 if code is None else code
