"""One WebSocket: the application's task with its `receive` and `send`, from the handshake to the end.

The connection's own task reads (`serve`): pings are answered and closes heard while nobody receives. Messages wait in
a queue that is bounded; when it is full nothing is read.
"""

import asyncio
import contextlib
import sys
import traceback
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from . import websocket_handshake
from .exchange import ClientGone
from .grammar import Fields, Head
from .plants import planted
from .response import Response, pairs, typed
from .scope import websocket_scope
from .websocket_frames import BINARY, CONTROL_LIMIT, NO_CODE, TEXT, close_frame, frame, may_be_sent
from .websocket_link import LOST, NORMAL, Link, Message

if TYPE_CHECKING:
    from .connection import Connection

DIED, RESTART = 1011, 1012
BLOCK = 65536
DENIAL = "websocket.http.response"
ACCEPTED: list[Any] = []  # used by a planted fault


class WebSocket(Link):
    """One call of the application."""

    def __init__(self, connection: "Connection", head: Head) -> None:
        websocket_handshake.check(head)
        self._terms = websocket_handshake.terms(head)
        super().__init__(connection, self._terms)
        self.head = head
        self.over = False  # the application has ended
        self._connect_given = False
        self._denied = self._own_close = False
        self._told, self._held, self._lost, self._receivers, self._begun = (
            0,
            b"",
            0,
            0,
            0,
        )  # for planted faults
        self._deflater = self._fresh_deflater()
        self._task: asyncio.Task[None] | None = None
        address = connection.transport.get_extra_info
        unix = self.server.path
        client, server = (None, (unix, None)) if unix else (address("peername")[:2], address("sockname")[:2])
        self._offered = websocket_handshake.subprotocols(head)
        self.scope = websocket_scope(
            head, client, server, self.server.root_path, self.server.lifespan.state, self._offered
        )
        self.response = Response(head, lambda: False, ())

    # What the connection asks for.

    def begin(self) -> None:
        """Calls the application in a task of its own."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        self.server.tasks.add(self._task)
        if planted("ws_called_twice"):
            self._second = asyncio.create_task(self.server.application(self.scope, self.receive, self.send))
        if planted("ws_accepted_at_once"):
            self._switch(None, [])

    def left(self) -> None:
        """The client is gone; what has come is still given."""

    async def serve(self) -> None:
        """Reads until nothing more is to be read and the application has ended."""
        while not (self.over and (self._state != "closing" or self.connection.gone)):
            self._read()
            if self.server.stopping and self._state == "open":
                self._shut(1000 if planted("ws_stop_code_1000") else RESTART)
            if self._state in ("connecting", "open", "closing") and self.connection.gone:
                self._settle(lost())
            if self._state == "closed" and self.over:
                break
            await self.connection.changed.wait()
        if self._pinging:
            self._pinging.cancel()

    # What the application says.

    async def receive(self) -> Message:
        """The next event. It is taken at once or not at all: a cancelled receive loses none."""
        self._receivers += 1
        try:
            while (event := self._event()) is None or self._lost:
                self._lost -= event is not None and self._lost > 0
                try:
                    await self.connection.changed.wait()
                except asyncio.CancelledError:
                    self._lost += planted("ws_cancelled_receive_loses_event")
                    raise
        finally:
            self._receivers -= 1
        self.connection.changed.announce()  # there is room again
        return event

    def _event(self) -> Message | None:
        if not self._connect_given:
            self._connect_given = True
            more = {"path": self.scope["path"]} if planted("ws_connect_with_more_keys") else {}
            return {"type": "websocket.connect", **more}
        if planted("ws_early_message_given") and self._state == "connecting" and self.connection.buffer:
            self._state = "open"
            self._read()
            self._state = "connecting"
        if self._events and (self._state != "connecting" or planted("ws_early_message_given")):
            if planted("ws_same_event_twice") and self._receivers > 1:
                return self._events[0]
            return self._events.popleft()
        return self._disconnect() if self._code else None

    def _disconnect(self) -> Message:
        code, reason = self._code or (LOST, "")
        self._told += 1
        if planted("ws_disconnect_changes") and self._told > 1:
            code = NO_CODE
        if planted("ws_disconnect_without_code"):
            return {"type": "websocket.disconnect"}
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    async def send(self, message: Message) -> None:
        """One message of the application. Raises for misuse, and has changed nothing then."""
        try:
            self._sent(message)
        except (TypeError, RuntimeError):
            if planted("ws_misuse_is_final"):
                self._settle(LOST)
            if not planted("ws_misuse_swallowed"):
                raise
        if planted("ws_messages_mixed") and self._held:
            held, self._held = self._held, b""
            await self._another()
            self._write(held)
        await self.connection.until(lambda: self.connection.writable or self.connection.gone)
        if self.connection.gone and not self._code:
            self._settle(LOST)
        if self._state == "closed" and self.connection.gone and message.get("type") == "websocket.send":
            self._heed_departure()

    async def _another(self) -> None:
        """Until another message has begun to go out, or none seems to come."""
        begun = self._begun
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                while self._begun == begun:
                    await asyncio.sleep(0)

    def _sent(self, message: Message) -> None:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise TypeError("a message is a dict with a type")
        kind, state = message["type"], self._state
        denying = kind.startswith(DENIAL + ".")
        if denying and planted("extensions_hidden"):
            return
        if planted("ws_extra_keys_refused") and "x-of-another-world" in message:
            raise RuntimeError("no other keys")
        if kind not in ("websocket.accept", "websocket.send", "websocket.close") and not denying:
            raise RuntimeError(f"{kind}: no message of a WebSocket")
        if self._ended_by_client():
            self._heed_departure()
        elif denying and state in ("connecting", "denying") and not self.response.complete:
            self._deny(message)
        elif (kind, state) in self._ANSWERS or planted("ws_sent_after_close"):
            self._ANSWERS[kind, "open" if kind == "websocket.send" else state](self, message)
        else:
            raise RuntimeError(f"{kind} does not come now")

    def _ended_by_client(self) -> bool:
        """Whether the connection is over, or about to be, and not by what the application has said."""
        own = self._denied or self._own_close or planted("ws_sent_after_close")
        return self._state in ("closing", "closed") and not own

    def _heed_departure(self) -> None:
        if planted("ws_late_send_not_oserror"):
            raise RuntimeError("gone")
        if not planted("ws_late_send_swallowed"):
            raise ClientGone("the client has left")

    def _accept(self, message: Message) -> None:
        if planted("ws_none_refused") and message.get("subprotocol", "") is None:
            raise TypeError("subprotocol is str")
        subprotocol = typed(message, "subprotocol", str, default=None)
        fields = pairs(message.get("headers", ()))
        if any(name.startswith(b":") or name.lower() == b"sec-websocket-protocol" for name, _ in fields):
            raise RuntimeError("subprotocol has a key of its own, and pseudo headers have none")
        if planted("ws_subprotocol_left_out") and subprotocol not in self._offered:
            subprotocol = None
        if subprotocol is not None and subprotocol not in self._offered:
            raise RuntimeError("the client has not offered this subprotocol")
        self._switch(subprotocol, fields)

    def _switch(self, subprotocol: str | None, fields: Fields) -> None:
        if planted("ws_accept_headers_dropped"):
            fields = []
        if planted("ws_answer_of_another"):
            ACCEPTED[:] = ACCEPTED or [subprotocol]
            subprotocol = ACCEPTED[0]
        own = websocket_handshake.answer(self.head, subprotocol, self._terms)
        lines = b"".join(b"%s: %s\r\n" % pair for pair in [*own, *fields])
        self._write(b"HTTP/1.1 101 Switching Protocols\r\n" + lines + b"\r\n")
        self._state = "open"
        if self.server.ping_interval:
            self._pinging = asyncio.create_task(self._ping())
        self.connection.changed.announce()

    def _deny(self, message: Message) -> None:
        if planted("ws_denial_body_dropped") and self.response.begun:
            self.connection.close()
            self._settle(LOST)
            return
        kind = message["type"].removeprefix("websocket.")
        for block in self.response.blocks(message | {"type": kind}):
            self._write(upgrading(block))
        self._state = "denying"
        if self.response.complete:
            if planted("ws_denial_with_rest"):
                self._write(close_frame(NORMAL))
            self._denied = True
            self._settle(LOST)
            self.connection.close()

    def _refuse(self, message: Message) -> None:
        self._closing(message)
        self._denied = True
        self.connection.answer(404 if planted("ws_denied_with_404") else 403)
        self._settle(LOST)
        self.connection.close(unread=True)

    def _closing(self, message: Message) -> tuple[int, str]:
        code = typed(message, "code", int, default=NORMAL)
        reason = typed(message, "reason", str, default=None) or ""
        if planted("ws_close_repaired"):
            return (code if may_be_sent(code) else NORMAL), reason[:60]
        if not may_be_sent(code) or len(reason.encode()) > CONTROL_LIMIT - 2:
            raise RuntimeError(f"no close frame may say {code} {reason!r}")
        return code, reason

    def _close(self, message: Message) -> None:
        code, reason = self._closing(message)
        self._own_close = True
        self._shut(code, reason)

    def _say(self, message: Message) -> None:
        if planted("ws_none_key_refused") and {"bytes", "text"} <= message.keys():
            raise RuntimeError("one key only")
        text = typed(message, "text", str, default=None)
        data = typed(message, "bytes", bytes, default=None)
        if (text is None) == (data is None):
            raise RuntimeError("exactly one of bytes and text")
        payload = text.encode() if data is None else data
        if planted("ws_large_cut"):
            payload = payload[: 1 << 20]
        self._begun += 1
        block = self._framed(TEXT if data is None else BINARY, payload)
        if planted("ws_sent_in_wrong_order"):
            block, self._held = (block + self._held, b"") if self._held else (b"", block)
        if planted("ws_last_words_lost"):
            block, self._held = self._held, block
        if planted("ws_messages_mixed") and len(block) > BLOCK:
            block, self._held = block[:BLOCK], block[BLOCK:]
        self._write(block)

    _ANSWERS: ClassVar = {
        ("websocket.accept", "connecting"): _accept,
        ("websocket.close", "connecting"): _refuse,
        ("websocket.send", "open"): _say,
        ("websocket.close", "open"): _close,
    }

    def _framed(self, opcode: int, payload: bytes) -> bytes:
        if self._terms is None:
            return frame(opcode, payload)
        data = self._deflater.compress(payload) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        if not self._terms.server_takeover:
            self._deflater = self._fresh_deflater()
        return frame(opcode, data.removesuffix(b"\x00\x00\xff\xff"), 4)

    def _fresh_deflater(self) -> Any:
        return zlib.compressobj(6, zlib.DEFLATED, -(self._terms.bits if self._terms else 15))

    # Its life.

    async def _run(self) -> None:
        failure: BaseException | None = None
        try:
            await self.server.application(self.scope, self.receive, self.send)
        except BaseException as error:  # whatever it is, it ends one WebSocket, not the server
            failure = error
        if failure is not None and (not isinstance(failure, ClientGone) or planted("departure_logged")):
            print("".join(traceback.format_exception(failure)), file=sys.stderr, flush=True)
        if failure is not None and self._state == "open" and planted("ws_raised_left_open"):
            return
        self._finish(failure)
        self.over = True
        self.server.tasks.discard(self._task)
        self.connection.changed.announce()
        self.server.changed.announce()

    def _finish(self, failure: BaseException | None) -> None:
        """What is left to be said when the application is over (ASGI-153, ASGI-184, ASGI-185)."""
        if self._state == "open":
            if planted("ws_return_cuts") and failure is None:
                self.connection.transport.abort()
            died = failure is not None and not planted("ws_raised_closes_1000")
            self._shut(DIED if died or planted("ws_returned_closes_1011") else NORMAL)
        elif self._state == "denying" and self.response.begun:
            if planted("ws_denial_filled"):
                self._write(b" " * max(0, self.response.missing))
            self._settle(LOST)
            self.connection.close()
        elif self._state in ("connecting", "denying"):
            if planted("websocket_accepted"):
                self._switch(None, [])
                return
            refused = planted("ws_raised_answered_403") and failure is not None
            self.connection.answer(403 if refused or planted("ws_returned_answered_403") else 500)
            self._settle(LOST)
            self.connection.close(unread=True)


def lost() -> int:
    """The code of a connection that has ended without a close frame."""
    if planted("ws_lost_as_normal"):
        return NORMAL
    return NO_CODE if planted("ws_code_1005_when_lost") else LOST


def upgrading(block: bytes) -> bytes:
    """The head of a denial with the planted fault, if there is one for it."""
    if planted("ws_denial_as_upgrade"):
        return block.replace(b"\r\n", b"\r\nupgrade: websocket\r\n", 1)
    return block
