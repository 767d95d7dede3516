"""The validator's watch over one HTTP request: body events, response order, Content-Length, disconnects.

Two tasks may receive at once, and what they see may arrive in another order than it was given. So an event is judged by
what was known when its `receive` was called, never by what another task has heard meanwhile.
"""

from typing import Any

from asgate.spec.clauses import Level
from asgate.spec.findings import Side
from asgate.spec.ledger import Ledger
from asgate.spec.messages import BODILESS, HTTP
from asgate.spec.watch import ENTRIES, Receive, Send, Watch, faults, settled

RESPONSE = HTTP.answers
ENTRY = ENTRIES["http"]
FILES = ("http.response.zerocopysend", "http.response.pathsend")


class HTTPWatch(Watch):
    """One request."""

    protocol = "http"
    entries = ENTRY
    __slots__ = ("announced", "answered", "length", "read", "sent")

    def __init__(self, ledger: Ledger, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(ledger, scope, receive, send)
        self.state = RESPONSE.first
        self.announced = False  # trailers
        self.answered = False  # a complete response has been handed over
        self.read = False  # the last piece of the body has been given
        self.length: int | None = None  # Content-Length, where it holds
        self.sent = 0

    def begin(self) -> None:
        self.check_scope()
        self.check_connection()

    async def receive(self) -> Any:
        gone, read, answered = self.gone, self.read, self.answered
        try:
            event = await self._receive()
        except Exception as error:
            self.raised(error, gone, "ASGI-096")
        kind = self.check_message(event, Side.SERVER)
        if kind == "http.request":
            more = event.get("more_body", False)
            self.trace.append(("receive:", kind, "more" if more else ""))
            if found := faults(ENTRY[kind].checks, event):
                self.report_faults(Side.SERVER, kind, found)
            if gone or answered or read or (self.read and not more):
                self._check_place(gone, answered)
            if not more:
                self.read = True
        elif kind:
            self.trace.append(("receive:", kind))
            self.gone = True
        return event

    async def send(self, message: Any) -> None:
        kind = self.check_message(message, Side.APPLICATION)
        if kind:
            message = self._check_response(kind, message)
        try:
            await self._send(message)
        except BaseException as error:
            self.refused(error)
            raise
        if self.state in RESPONSE.silent:
            self.answered = True

    def end(self) -> None:
        name = RESPONSE.unfinished.get(self.state)
        if name is None or self.gone or self.loose:
            return
        missing = {
            "started": "a body",
            "streaming": "the last body",
            "trailing": "the trailers that were announced",
        }
        self.report(
            Side.APPLICATION,
            name,
            f"the application returned without {missing.get(self.state, 'a response')}",
            "complete the response, or raise",
        )

    def _check_place(self, gone: bool, answered: bool) -> None:
        if gone:
            name, sentence = "ASGI-096", "http.request came after http.disconnect"
        elif answered:
            name, sentence = "ASGI-094", "http.request came for a receive after the complete response"
        else:
            name, sentence = "ASGI-088", "http.request came after the one without more_body"
        self.report(Side.SERVER, name, sentence, "give http.disconnect, or wait until the client leaves")

    def _check_response(self, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        entry = ENTRY[kind]
        message = settled(message, entry.iterated)
        found = self.sent_faults(entry, message)
        then = RESPONSE.after(self.state, message, owing=self.announced)
        if found:
            self.trace.append(("send:", kind))
            self.report_faults(Side.APPLICATION, kind, found)
        elif kind == "http.response.start":
            self.trace.append(("send:", kind, message["status"]))
        else:
            self.trace.append(("send:", kind, "more" if message.get("more_body", False) else ""))
        if then is None:
            if not self.loose:
                self._misplaced(kind, entry.order)
            return message
        self.state = then
        if kind == "http.response.start":
            if not found:
                self.announced = message.get("trailers", False)
                self._declare(message)
        elif self.length is not None:
            self._count(kind, message, last=then != "streaming")
        return message

    def _misplaced(self, kind: str, name: str) -> None:
        if self.state == "delivered" and "body" in HTTP.messages[kind].says:
            sentence = f"{kind} was sent after http.response.pathsend"
            self.report(Side.APPLICATION, "ASGI-260", sentence, "send the body as one file or as bodies")
        elif self.state in RESPONSE.silent:
            sentence = f"{kind} was sent after the complete response, where it is ignored"
            self.report(Side.APPLICATION, "ASGI-111", sentence, "send nothing after the last body", Level.MAY)
        else:
            self.report_order(RESPONSE, kind, name, Side.APPLICATION)

    def _declare(self, message: dict[str, Any]) -> None:
        """Takes the Content-Length down, if it holds for the body of this response."""
        headers = message.get("headers", ())
        if not headers or message["status"] in BODILESS or self.scope.get("method") == "HEAD":
            return
        fields = dict(headers)
        value = fields.get(b"content-length") or fields.get(b"Content-Length")
        if value is not None and value.isdigit():
            self.length = int(value)

    def _count(self, kind: str, message: dict[str, Any], last: bool) -> None:
        """Holds the bodies against the Content-Length. How long files are, only the server sees."""
        if kind != "http.response.body":
            if kind in FILES:
                self.length = None
            return
        body = message.get("body", b"")
        if isinstance(body, bytes | bytearray):
            self.sent += len(body)
        elif isinstance(body, memoryview):
            self.sent += body.nbytes
        length = self.length or 0
        cut = (
            last and self.sent < length and not self.loose and not self.gone
        )  # nobody gets what is cut for a client that left
        if self.sent > length or cut:
            self.length = None
            many = "more" if self.sent > length else "fewer"
            self.report(
                Side.APPLICATION,
                "ASGI-115",
                f"{many} bytes of body than the Content-Length says: {self.sent} for {length}",
                "make content-length and body agree",
            )
