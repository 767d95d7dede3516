"""WebSocket clients that others wrote, behind one set of verbs, so that one test speaks with all of them.

`connect(url, subprotocols)` of each gives a `Talk`. Each client offers permessage-deflate if it can at all.
Node's client and Chromium are in files of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import picows
import websockets
import wsproto
from wsproto import events
from wsproto.extensions import PerMessageDeflate

LARGE = 1 << 24  # bytes in a message


class Talk(Protocol):
    """An open WebSocket."""

    subprotocol: str | None
    deflate: bool

    async def send(self, message: str | bytes) -> None: ...
    async def receive(self) -> str | bytes: ...
    async def ping(self, payload: bytes) -> None:
        """Returns when the pong with the same bytes is there."""

    async def close(self, code: int, reason: str) -> None: ...
    async def ended(self) -> tuple[int, str]:
        """Waits for the end: code and reason as the server sent them."""


Connect = Callable[[str, Sequence[str]], AbstractAsyncContextManager[Talk]]


class WebsocketsTalk:
    def __init__(self, connection: websockets.ClientConnection) -> None:
        self._connection = connection
        self.subprotocol = connection.subprotocol
        self.deflate = any(it.name == "permessage-deflate" for it in connection.protocol.extensions)

    async def send(self, message: str | bytes) -> None:
        await self._connection.send(message)

    async def receive(self) -> str | bytes:
        return await self._connection.recv()

    async def ping(self, payload: bytes) -> None:
        await (await self._connection.ping(payload))

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    async def ended(self) -> tuple[int, str]:
        await self._connection.wait_closed()
        assert self._connection.close_code is not None
        return self._connection.close_code, self._connection.close_reason or ""


@asynccontextmanager
async def with_websockets(url: str, subprotocols: Sequence[str] = ()) -> AsyncIterator[Talk]:
    offered = [websockets.Subprotocol(it) for it in subprotocols] or None  # an empty list is an empty field
    async with websockets.connect(url, subprotocols=offered, max_size=LARGE, proxy=None) as connection:
        yield WebsocketsTalk(connection)


class WsprotoTalk:
    """wsproto knows no socket: asyncio's streams are ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._machine = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self._events: list[events.Event] = []

    async def open(self, url: str, subprotocols: Sequence[str]) -> None:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        extension = PerMessageDeflate()
        await self._say(events.Request(parts.netloc, target, [extension], subprotocols=list(subprotocols)))
        accepted = await self._next(events.AcceptConnection)
        self.subprotocol = accepted.subprotocol
        self.deflate = bool(accepted.extensions)

    async def _say(self, event: events.Event) -> None:
        self._writer.write(self._machine.send(event))
        await self._writer.drain()

    async def _next(self, *kinds: type[events.Event]) -> events.Event:
        """The next event of these kinds; pings are answered on the way."""
        while True:
            for number, event in enumerate(self._events):
                if isinstance(event, kinds):
                    return self._events.pop(number)
            data = await self._reader.read(65536)
            self._machine.receive_data(data or None)
            for event in self._machine.events():
                if isinstance(event, events.Ping):
                    await self._say(event.response())
                self._events.append(event)
            assert data or any(isinstance(it, kinds) for it in self._events), "the connection ended"

    async def send(self, message: str | bytes) -> None:
        await self._say(
            events.TextMessage(message) if isinstance(message, str) else events.BytesMessage(message)
        )

    async def receive(self) -> str | bytes:
        pieces = []
        while True:
            event = await self._next(events.TextMessage, events.BytesMessage)
            pieces.append(event.data)
            if event.message_finished:
                return type(event.data)().join(pieces)

    async def ping(self, payload: bytes) -> None:
        await self._say(events.Ping(payload))
        assert (await self._next(events.Pong)).payload == payload

    async def close(self, code: int, reason: str) -> None:
        await self._say(events.CloseConnection(code, reason))

    async def ended(self) -> tuple[int, str]:
        event = await self._next(events.CloseConnection)
        if self._machine.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
            await self._say(event.response())
        assert await self._reader.read() == b"", "the server closes the connection (RFC 6455 7.1.1)"
        return event.code, event.reason or ""


@asynccontextmanager
async def with_wsproto(url: str, subprotocols: Sequence[str] = ()) -> AsyncIterator[Talk]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        talk = WsprotoTalk(reader, writer)
        await talk.open(url, subprotocols)
        yield talk
    finally:
        writer.close()


class AiohttpTalk:
    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self.subprotocol = connection.protocol
        self.deflate = bool(connection.compress)

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._connection.send_str(message)
        else:
            await self._connection.send_bytes(message)

    async def _next(self, *kinds: aiohttp.WSMsgType) -> aiohttp.WSMessage:
        """The next message, which must be of these kinds; pings are answered on the way."""
        while (message := await self._connection.receive()).type is aiohttp.WSMsgType.PING:
            await self._connection.pong(message.data)
        assert message.type in kinds, message
        return message

    async def receive(self) -> str | bytes:
        return (await self._next(aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)).data

    async def ping(self, payload: bytes) -> None:
        await self._connection.ping(payload)
        assert (await self._next(aiohttp.WSMsgType.PONG)).data == payload

    async def close(self, code: int, reason: str) -> None:
        self._closed = code, reason
        await self._connection.close(code=code, message=reason.encode())

    async def ended(self) -> tuple[int, str]:
        message = await self._next(aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        if message.type is aiohttp.WSMsgType.CLOSED:  # after our own close the answer's reason is not shown
            assert self._connection.close_code is not None
            return self._connection.close_code, self._closed[1]
        return message.data, message.extra


@asynccontextmanager
async def with_aiohttp(url: str, subprotocols: Sequence[str] = ()) -> AsyncIterator[Talk]:
    options = {"protocols": subprotocols, "compress": 15, "max_msg_size": LARGE, "autoping": False}
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **options) as connection:
        yield AiohttpTalk(connection)


class PicowsTalk(picows.WSListener):
    """picows has frames instead of messages, and neither subprotocols nor compression of its own."""

    deflate = False

    def __init__(self) -> None:
        self._frames: asyncio.Queue[tuple[picows.WSMsgType, bytes]] = asyncio.Queue()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self.subprotocol = transport.response.headers.get("Sec-WebSocket-Protocol")

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self._frames.put_nowait((frame.msg_type, frame.get_payload_as_bytes()))
        assert frame.fin, "one send is one frame"

    async def _next(self) -> tuple[picows.WSMsgType, bytes]:
        return await self._frames.get()

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._transport.send(picows.WSMsgType.TEXT, message.encode())
        else:
            self._transport.send(picows.WSMsgType.BINARY, message)

    async def receive(self) -> str | bytes:
        kind, payload = await self._next()
        assert kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY), kind
        return payload.decode() if kind is picows.WSMsgType.TEXT else payload

    async def ping(self, payload: bytes) -> None:
        self._transport.send_ping(payload)
        assert await self._next() == (picows.WSMsgType.PONG, payload)

    async def close(self, code: int, reason: str) -> None:
        self._closing = True
        self._transport.send(picows.WSMsgType.CLOSE, code.to_bytes(2, "big") + reason.encode())

    async def ended(self) -> tuple[int, str]:
        kind, payload = await self._next()
        assert kind is picows.WSMsgType.CLOSE, kind
        if not self._transport.is_close_frame_sent:
            self._transport.send(picows.WSMsgType.CLOSE, payload)
        await self._transport.wait_disconnected()
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()


@asynccontextmanager
async def with_picows(url: str, subprotocols: Sequence[str] = ()) -> AsyncIterator[Talk]:
    headers = {"Sec-WebSocket-Protocol": ", ".join(subprotocols)} if subprotocols else None
    transport, talk = await picows.ws_connect(PicowsTalk, url, extra_headers=headers, max_frame_size=LARGE)
    try:
        yield talk
    finally:
        transport.disconnect()
        await transport.wait_disconnected()
