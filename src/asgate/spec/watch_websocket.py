"""The validator's watch over one WebSocket: handshake, messages, close, denial response."""

from typing import Any

from asgate.spec.clauses import Level
from asgate.spec.findings import Side
from asgate.spec.ledger import Ledger
from asgate.spec.messages import WEBSOCKET
from asgate.spec.watch import ENTRIES, Receive, Send, Watch, faults, settled

ANSWERS = WEBSOCKET.answers
ENTRY = ENTRIES["websocket"]
UNFINISHED = {
    "connecting": ("an answer to the handshake", "accept or close before returning, or raise"),
    "denying": ("the last body of its denial", "send a body without more_body last"),
}
LENIENT = frozenset({"range", "surrogate"})  # of a close before the accept: nobody reads it (ASGI-151)


class WebSocketWatch(Watch):
    """One WebSocket connection."""

    protocol = "websocket"
    entries = ENTRY
    __slots__ = ("accepted", "connected", "pending")

    def __init__(self, ledger: Ledger, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(ledger, scope, receive, send)
        self.state = ANSWERS.first
        self.connected = False  # websocket.connect has been given
        self.accepted = False
        self.pending = 0  # receives under way

    def begin(self) -> None:
        self.check_scope()
        self.check_connection()
        if "method" in self.scope:
            sentence = "the scope of a WebSocket has a method"
            self.report(Side.SERVER, "ASGI-142", sentence, "give the method in scopes of requests only")

    async def receive(self) -> Any:
        gone = self.gone
        self.pending += 1
        try:
            event = await self._receive()
        except Exception as error:
            self.raised(error, gone, "ASGI-179")
        finally:
            self.pending -= 1
        kind = self.check_message(event, Side.SERVER)
        if kind:
            self._check_received(kind, event, gone)
        return event

    async def send(self, message: Any) -> None:
        kind = self.check_message(message, Side.APPLICATION)
        if kind:
            message = self._check_answer(kind, message)
        try:
            await self._send(message)
        except BaseException as error:
            self.refused(error)
            raise

    def end(self) -> None:
        name = ANSWERS.unfinished.get(self.state)
        if name is not None and not self.gone and not self.loose:
            missing, advice = UNFINISHED[self.state]
            self.report(Side.APPLICATION, name, f"the application returned without {missing}", advice)

    def _check_received(self, kind: str, event: dict[str, Any], gone: bool) -> None:
        found = faults(ENTRY[kind].checks, event)
        self.trace.append(("receive:", kind, "" if found else event.get("code", "")))
        if found:
            self.report_faults(Side.SERVER, kind, found)
        elif kind == "websocket.receive" and (event.get("bytes") is None) is (event.get("text") is None):
            self.report(
                Side.SERVER,
                "ASGI-160",
                "websocket.receive has neither bytes nor text, or both",
                "give exactly one that is not None",
            )
        if gone and kind != "websocket.disconnect":
            sentence = f"{kind} came after websocket.disconnect"
            self.report(Side.SERVER, "ASGI-179", sentence, "give websocket.disconnect again")
        elif kind == "websocket.receive" and not self.accepted and not self.loose:
            sentence = "websocket.receive came before the application had accepted"
            self.report(Side.SERVER, "ASGI-146", sentence, "hold messages until websocket.accept")
        elif kind == "websocket.connect" and self.connected:
            self.report(Side.SERVER, "ASGI-145", "websocket.connect came again", "give it once")
        elif kind != "websocket.connect" and not self.connected and not self.pending:
            sentence = f"{kind} came as the first event"
            self.report(Side.SERVER, "ASGI-145", sentence, "begin with websocket.connect")
        if kind == "websocket.connect":
            self.connected = True
        elif kind == "websocket.disconnect":
            self.gone = True

    def _check_answer(self, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        entry = ENTRY[kind]
        message = settled(message, entry.iterated)
        found = self.sent_faults(entry, message)
        if found and kind == "websocket.close" and self.state == "connecting":
            found = [(field, wrong) for field, wrong in found if wrong is None or wrong.aspect not in LENIENT]
        self.trace.append(("send:", kind, "" if found else message.get("code", message.get("status", ""))))
        if found:
            self.report_faults(Side.APPLICATION, kind, found)
        else:
            self._check_sense(kind, message)
        then = ANSWERS.after(self.state, message)
        if then is not None:
            self.state = then
            self.accepted = self.accepted or kind == "websocket.accept"
        elif not self.loose and not self.gone:
            self._misplaced(kind, entry.order)
        return message

    def _misplaced(self, kind: str, name: str) -> None:
        if self.state == "closed":
            sentence = f"{kind} was sent after websocket.close"
            self.report(Side.APPLICATION, "ASGI-183", sentence, "send nothing after the close")
        elif self.state in ANSWERS.silent and name == "ASGI-231":
            return  # as after a complete HTTP response
        elif self.state in ("denying", "responded"):
            sentence = f"{kind} was sent after the denial response had begun"
            self.report(Side.APPLICATION, "ASGI-232", sentence, "send nothing but its bodies after it")
        else:
            self.report_order(ANSWERS, kind, name, Side.APPLICATION)

    def _check_sense(self, kind: str, message: dict[str, Any]) -> None:
        """What the fields of a message mean together, and beside the scope."""
        if kind == "websocket.send":
            if (message.get("bytes") is None) is (message.get("text") is None):
                sentence = "websocket.send has neither bytes nor text, or both"
                self.report(Side.APPLICATION, "ASGI-165", sentence, "give exactly one that is not None")
        elif kind == "websocket.accept":
            chosen = message.get("subprotocol")
            if chosen is not None and chosen not in list(self.scope.get("subprotocols") or ()):
                sentence = f"the subprotocol {chosen!r} was not offered by the client"
                self.report(
                    Side.APPLICATION, "ASGI-150", sentence, "choose one of scope['subprotocols'], or None"
                )
            if self.spec_version() < (2, 1) and any(True for _ in message.get("headers", ())):
                sentence = "headers of websocket.accept were sent to a server of spec_version 2.0"
                # MAY: a server ignores keys that it does not know (ASGI-033), and frameworks send this one to all.
                advice = "look at scope['asgi']['spec_version'] first"
                self.report(Side.APPLICATION, "ASGI-147", sentence, advice, Level.MAY)
