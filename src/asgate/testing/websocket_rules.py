"""The server's side of a WebSocket conversation.

`ORDER` is the one table of what may follow what (sections 7 to 9 and 13 of the clauses); the methods below it read the
fields, and give the client what it would see. A denial with a body is `HttpRules` under another prefix.
"""

from collections.abc import Iterable

from asgate.spec.types import Message, Scope
from asgate.testing import fields
from asgate.testing.errors import MessageRefused
from asgate.testing.http_rules import HttpRules
from asgate.testing.rules import Rules, kind_of, refused

DENIAL = "websocket.http.response"
ORDER: dict[str, dict[str, str]] = {
    "the handshake is not answered": {
        "websocket.accept": "the WebSocket is open",
        "websocket.close": "the WebSocket was denied",
        f"{DENIAL}.start": "a denial is being sent",
    },
    "the WebSocket is open": {
        "websocket.send": "the WebSocket is open",
        "websocket.close": "the WebSocket was closed",
    },
    "a denial is being sent": {f"{DENIAL}.body": "a denial is being sent"},
    "the WebSocket was denied": {},
    "the WebSocket was closed": {},
}
CONNECTING, OPEN, DENYING, DENIED, CLOSED = ORDER
KNOWN = ("websocket.accept", "websocket.send", "websocket.close")
SENDABLE = (*range(1000, 1004), *range(1007, 1015))  # RFC 6455 7.4, the registry of close codes
LONGEST_REASON = 123  # bytes; RFC 6455 5.5


class WebsocketRules(Rules):
    """One WebSocket."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.state = CONNECTING
        self._denial = HttpRules(scope, "websocket.http")
        denial = (f"{DENIAL}.start", f"{DENIAL}.body") if self.offers(DENIAL) else ()
        self._known = (*KNOWN, *denial)
        self._gone = False

    @property
    def complete(self) -> bool:
        return self.state in (DENIED, CLOSED)

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
        if self.state == DENIED:
            return None  # the response is complete: as in HTTP (ASGI-111)
        if kind not in self._known or kind not in ORDER[self.state]:
            raise refused(kind, self._known, self.state)
        if kind.startswith(DENIAL):
            return self._deny(message)
        read = {
            "websocket.accept": self._accept,
            "websocket.send": self._send,
            "websocket.close": self._close,
        }
        pieces = read[kind](message)
        if self.state == CONNECTING and kind == "websocket.close":
            self._part(1006, "")  # ASGI-152
        elif kind == "websocket.close":
            self._part(pieces[0]["code"], pieces[0]["reason"])  # ASGI-182
        self.state = ORDER[self.state][kind]
        return pieces

    def _part(self, code: int, reason: str) -> None:
        told = {"reason": reason} if self.version >= (2, 5) else {}  # ASGI-176
        self.farewell = {"type": "websocket.disconnect", "code": code, **told}

    def _accept(self, message: Message) -> list[Message]:
        subprotocol = fields.nullable(message, "subprotocol", str)
        pairs = fields.header_pairs(message) if self.version >= (2, 1) else []  # ASGI-147
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
            return [{"type": message["type"], "text": text}]
        return [{"type": message["type"], "bytes": fields.content(message, "bytes")}]

    def _close(self, message: Message) -> list[Message]:
        code = nullable_code(message)
        reason = fields.nullable(message, "reason", str) or ""
        if code not in SENDABLE and not 3000 <= code <= 4999:
            raise MessageRefused(f"{code} is no close code that may be sent (ASGI-186)")
        if len(reason.encode()) > LONGEST_REASON:
            raise MessageRefused(f"the reason is longer than {LONGEST_REASON} bytes (ASGI-186)")
        told = reason if self.version >= (2, 3) else ""  # ASGI-181
        return [{"type": message["type"], "code": code, "reason": told}]

    def _deny(self, message: Message) -> "Iterable[Message] | None":
        pieces = self._denial.accept(message)
        self.state = DENIED if self._denial.complete else DENYING
        if self.state == DENIED:
            self._part(1006, "")  # ASGI-235
        return pieces


def nullable_code(message: Message) -> int:
    """The code of a close: 1000 unless it is given (ASGI-181)."""
    code = fields.nullable(message, "code", int)
    return 1000 if code is None else code
