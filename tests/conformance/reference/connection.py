"""One connection: bytes in and out, bounded both ways, and the requests on it one after the other.

Everybody who waits, waits for `changed` and looks again; nothing that is taken from the buffer can get lost when
a waiter is cancelled. A half-closed client counts as gone, as most servers have it.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from . import grammar, lenient
from .exchange import Exchange
from .grammar import Length, Refused
from .plants import planted, spared
from .websocket import WebSocket
from .websocket_handshake import is_handshake

if TYPE_CHECKING:
    from .server import Server

READ_LIMIT = 65536  # bytes that wait for the application before reading stops
WRITE_LIMIT = 65536  # bytes that wait for the client before `send` waits
DISCARD_LIMIT = 1 << 20  # bytes of an unread body that are thrown away to keep a connection
LINGER = 2.0  # seconds for which a client that still sends may read its last answer
READER = lenient if planted("everything_served") or planted("rest_as_body") else grammar


class Changed:
    """Wakes all who wait, in the order in which they began."""

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], None] = {}

    async def wait(self) -> None:
        """Returns at the next `announce`."""
        future = asyncio.get_running_loop().create_future()
        self._waiters[future] = None
        try:
            await future
        finally:
            del self._waiters[future]

    def announce(self) -> None:
        """Something has changed."""
        for future in self._waiters:
            if not future.done():
                future.set_result(None)


class Connection(asyncio.Protocol):
    """One connection of a client."""

    transport: asyncio.Transport

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.changed = Changed()
        self.buffer = bytearray()
        self.gone = False  # the client left, or its request was refused: nothing can be said to it any more
        self.writable = True
        self.exchange: Exchange | WebSocket | None = None
        self.pieces = 0  # that have come; for a planted fault
        self._lingering = False
        self._paused = False

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self.transport = transport
        self.server.connections.add(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())
        if planted("called_for_a_connection"):
            Exchange(self, grammar.Head("GET", b"/", b"", "1.1", []), Length(0)).begin()

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        self.buffer += data
        self.pieces += 1
        if len(self.buffer) >= READ_LIMIT and not planted("upload_without_bound"):
            self._paused = True
            self.transport.pause_reading()
        self.changed.announce()

    def eof_received(self) -> bool:
        if not planted("disconnect_unseen"):
            self.gone = True
            self.changed.announce()
        return planted("disconnect_unseen")

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        self.server.connections.discard(self)
        if self.exchange:
            self.exchange.left()
        self.changed.announce()
        self.server.changed.announce()

    def pause_writing(self) -> None:
        self.writable = planted("no_back_pressure")

    def resume_writing(self) -> None:
        self.writable = True
        self.changed.announce()

    # What an exchange asks for.

    async def until(self, ready: Callable[[], object]) -> None:
        """Waits until `ready()` is true."""
        while not ready():
            await self.changed.wait()

    def write(self, data: bytes) -> None:
        """Puts bytes into the send buffer."""
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def taken(self) -> None:
        """Reads on once there is room again."""
        if self._paused and len(self.buffer) < READ_LIMIT:
            self._paused = False
            self.transport.resume_reading()

    def answer(self, status: int) -> None:
        """Answers for the application, and says that this is the end."""
        phrase = HTTPStatus(status).phrase
        date = formatdate(usegmt=True)
        head = f"HTTP/1.1 {status} {phrase}\r\ndate: {date}\r\ncontent-length: 0\r\nconnection: close\r\n"
        if status == 426:  # RFC 6455 4.4, RFC 9110 15.5.22
            head += "upgrade: websocket\r\nsec-websocket-version: 13\r\n"
        if planted("ws_denial_as_upgrade"):
            head += "upgrade: websocket\r\n"
        self.write(head.encode() + b"\r\n")

    def refuse(self, status: int) -> None:
        """The client has broken the rules in the middle of a body."""
        if self.exchange and not self.exchange.response.begun:
            self.answer(status)
        self.gone = True
        self.changed.announce()
        self.close(unread=True)

    def close(self, *, unread: bool = False) -> None:
        """Ends the connection once everything is sent. `unread`: the client may be sending still, and a reset must
        not take the last answer from it (RFC 9112 9.6).
        """
        if self.transport.is_closing() or self._lingering:
            return
        asyncio.get_running_loop().call_later(LINGER, self.transport.abort)
        if unread:
            self._lingering = True
            self.transport.write_eof()
            if self._paused:
                self.transport.resume_reading()
        else:
            if planted("close_by_reset"):
                self._linger_not()
            self.transport.close()

    def reset(self) -> None:
        """Ends the connection so that nobody takes what was sent for complete."""
        self._linger_not()
        self.transport.abort()

    def _linger_not(self) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def drain(self) -> None:
        """The server stops: an idle connection ends now, another one with its answer."""
        self.changed.announce()
        if self._lingering or planted("stop_cuts_responses"):
            self.transport.abort()

    # Requests.

    @property
    def _kept_on(self) -> bool:
        """Whether an idle connection outlasts the stop, which is a fault."""
        return planted("idle_kept_when_stopping") or planted("ws_accepted_while_stopping")

    async def _serve(self) -> None:
        try:
            while await self._next():
                pass
        except Refused as refused:
            if planted("refused_without_answer"):
                self.transport.abort()
            self.answer(refused.status)
            self.close(unread=True)
        else:
            self.close(unread=bool(self.buffer) or self._lingering)
        finally:
            self.exchange = None

    async def _next(self) -> bool:
        """One request, when there is one; whether another may follow. Raises `Refused`."""
        while (head := READER.take_head(self.buffer)) is None:
            cut = planted("called_for_a_cut_head") or planted("everything_served")
            if cut and self.gone and self.buffer:
                self.buffer += b"\r\n\r\n"
                continue
            if self.gone or (self.server.stopping and not self._kept_on):
                return False
            await self.changed.wait()
        self.taken()
        self._refuse_by_fault(head)
        body = READER.body_of(head)
        limit = self.server.body_limit
        if limit and isinstance(body, Length) and body.left > limit:
            raise Refused(400 if planted("limit_answered_400") else 413)
        if planted("whole_body_before_call") and isinstance(body, Length):
            await self.until(lambda: len(self.buffer) >= min(body.left, READ_LIMIT) or self.gone)
        while planted("one_at_a_time") and self.server.tasks and not spared(head.path):
            await self.server.changed.wait()
        if is_handshake(head):
            return await self._websocket(head)
        exchange = self.exchange = Exchange(self, head, body)
        exchange.begin()
        if planted("lifespan_end_cuts_requests") and self.server.lifespan.deserted:
            self.reset()
        if planted("answers_out_of_order") and self.buffer:
            return True
        complete = not planted("next_waits_for_application")
        await self.until(lambda: exchange.over or (complete and exchange.response.complete))
        self.exchange = None
        return exchange.keeps_connection() and await self._discard(exchange)

    def _refuse_by_fault(self, head: grammar.Head) -> None:
        stuck = planted("ws_bad_handshake_sticks") and self.server.refused
        if (stuck or planted("everything_refused")) and not spared(head.path):
            raise Refused(400)

    async def _websocket(self, head: grammar.Head) -> bool:
        """A WebSocket takes the connection for itself. Raises `Refused`."""
        if planted("ws_handshake_in_one_read") and self.pieces > 1:
            raise Refused(400)
        if planted("ws_fifty_at_most") and len(self.server.tasks) >= 50:
            raise Refused(503)
        try:
            websocket = self.exchange = WebSocket(self, head)
        except Refused:
            self.server.refused = True
            raise
        websocket.begin()
        await websocket.serve()
        return False

    async def _discard(self, exchange: Exchange) -> bool:
        """Throws away what the application has not read of a body; False when that would be too much."""
        if planted("unread_body_as_request"):
            exchange.body.take(
                self.buffer, int(isinstance(exchange.body, grammar.Chunked))
            )  # its first size is read
            return True
        room = DISCARD_LIMIT
        while not exchange.body.finished and not self.gone:
            size = len(exchange.body.take(self.buffer, READ_LIMIT))
            self.taken()
            room -= size
            if room < 0 or self.server.stopping:
                self.close(unread=True)
                return False
            if not size and not exchange.body.finished:
                await self.changed.wait()
        return True
