"""The client's side of one WebSocket: frames become events for the application, pings are answered, closes are heard
and sent. `websocket` has the application's side.
"""

import asyncio
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from .plants import planted
from .websocket_frames import (
    CLOSE,
    NO_CODE,
    PING,
    PONG,
    Failed,
    Incoming,
    Reader,
    Terms,
    close_frame,
    frame,
    may_be_sent,
)

if TYPE_CHECKING:
    from .connection import Connection

QUEUE = 32  # messages that wait for the application
CLOSE_LIMIT = 2.0  # seconds for the client's answer to a close
LOST, NORMAL = 1006, 1000
Message = dict[str, Any]


class Link:
    """A connection after its handshake, and the events that wait for the application."""

    def __init__(self, connection: "Connection", terms: Terms | None) -> None:
        self.connection, self.server = connection, connection.server
        self._state = "connecting"  # then denying, open, closing (our close frame is sent), closed
        self._code: tuple[int, str] | None = None  # of websocket.disconnect, once it is known
        self._events: deque[Message] = deque()
        self._reader = Reader(terms, self.server.message_limit)
        self._pong = asyncio.Event()
        self._pinging: asyncio.Task[None] | None = None

    def _read(self) -> None:
        buffer = self.connection.buffer
        while self._state in ("open", "closing"):
            full = len(self._events) >= QUEUE and not planted("ws_queue_without_bound")
            if full and planted("ws_full_queue_closes_all"):
                self._end_others()
            if full or (planted("ws_reset_after_close") and self._state == "closing" and self._reset()):
                return
            try:
                incoming = self._reader.next(buffer)
            except Failed as failed:
                self._fail(failed.code)
                return
            finally:
                self.connection.taken()
            if incoming is None:
                return
            self._take(incoming)

    def _take(self, incoming: Incoming) -> None:
        content = incoming.content
        if incoming.opcode == PING and planted("ws_ping_as_event"):
            self._give({"type": "websocket.receive", "bytes": content})
        if incoming.opcode == PING:
            self._write(frame(PONG, b"" if planted("ws_pong_empty") else bytes(content)))  # type: ignore[arg-type]
        elif incoming.opcode == PONG:
            if planted("ws_unasked_pong_fails") and self._pinging is None:
                self._fail(1002)
            self._pong.set()
        elif incoming.opcode == CLOSE:
            self._closed(bytes(content))  # type: ignore[arg-type]
        elif self._state == "open":
            key = "text" if isinstance(content, str) else "bytes"
            self._give(broken_event({"type": "websocket.receive", key: content}))

    def _give(self, event: Message) -> None:
        if planted("ws_received_in_wrong_order"):
            self._events.appendleft(event)
        else:
            self._events.append(event)
        self.connection.changed.announce()

    def _closed(self, payload: bytes) -> None:
        """The client's close frame (RFC 6455 5.5.1)."""
        code, reason = NO_CODE, ""
        try:
            if payload:
                if len(payload) < 2 or not may_be_sent(code := struct.unpack("!H", payload[:2])[0]):
                    raise Failed(1002)
                try:
                    reason = payload[2:].decode()
                except UnicodeDecodeError:
                    raise Failed(1007) from None
        except Failed as failed:
            if planted("ws_frames_not_checked"):
                self._give({"type": "websocket.receive", "bytes": b"?"})
                return
            self._fail(failed.code)
            return
        if planted("ws_close_overtakes"):
            self._events.clear()
        if self._state == "open" and not planted("ws_close_not_answered"):
            self._write(close_frame(code))
        self._settle(*((LOST, "") if planted("ws_close_code_lost") else (code, reason)))
        if planted("ws_pong_after_close"):
            self.connection.write(frame(PONG, b"late"))
        self.connection.close(unread=True)

    def _fail(self, code: int) -> None:
        """Fails the connection (RFC 6455 7.1.7)."""
        if planted("ws_failure_waits"):
            self._settle(code)
            return
        if self._state == "open" and not planted("ws_failure_without_close_frame"):
            self._write(frame(CLOSE) if planted("ws_failure_without_code") else close_frame(code))
        if planted("ws_fault_closes_all"):
            self._end_others()
        if planted("ws_error_event"):
            self._give({"type": "websocket.error"})
        self._settle(code)
        self.connection.close(unread=True)

    def _settle(self, code: int, reason: str = "") -> None:
        """The connection is over for the application."""
        self._code = self._code or (code, reason)
        self._state = "closed"
        self.connection.changed.announce()

    def _shut(self, code: int, reason: str = "") -> None:
        """Sends our close frame and waits for the client's, for so long."""
        self._write(close_frame(4999 if planted("ws_own_close_code_lost") else code, reason))
        self._state = "closing"
        self._code = (NO_CODE if planted("ws_own_code_unknown") else code, reason)
        if not planted("ws_close_without_limit"):
            asyncio.get_running_loop().call_later(CLOSE_LIMIT, self.connection.transport.abort)
        self.connection.changed.announce()

    def _write(self, data: bytes) -> None:
        self.connection.write(data)

    def _reset(self) -> bool:
        self.connection.reset()
        return True

    def _end_others(self) -> None:
        for connection in list(self.server.connections):
            if connection is not self.connection:
                connection.transport.abort()

    async def _ping(self) -> None:
        """Asks now and then whether the client is alive (ASGI-164)."""
        while self._state == "open":
            await asyncio.sleep(self.server.ping_interval)
            self._pong.clear()
            self._write(frame(PONG if planted("ws_pong_as_ping") else PING, b"alive?"))
            try:
                await asyncio.wait_for(self._pong.wait(), self.server.ping_timeout)
            except TimeoutError:
                self._settle(NORMAL if planted("ws_ping_timeout_as_normal") else LOST)
                self.connection.reset()


def broken_event(event: Message) -> Message:
    """The event with the planted fault, if there is one for it."""
    key = "text" if "text" in event else "bytes"
    if planted("ws_empty_as_none"):
        return event | {key: event[key] or None}
    if planted("ws_event_with_more_keys"):
        return event | {"size": len(event[key])}
    if planted("ws_text_as_bytes") and key == "text":
        return {"type": "websocket.receive", "bytes": event["text"].encode()}
    return event
