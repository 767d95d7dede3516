"""WebSocket clients that see each byte: the handshake is made here, the frames are those of the conformance kit. A
server's frame is read strictly: no mask, the shortest length, whole control frames.
"""

from asgate.conformance.websocket import CONTROL_LIMIT, FIN, Frame, Opcode, closing

CONNECT = {"type": "websocket.connect"}


def disconnect(code, reason=""):
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


def received(content):
    return {"type": "websocket.receive", "text" if isinstance(content, str) else "bytes": content}


def said(content):
    """`websocket.send` of a str or of bytes."""
    return {"type": "websocket.send", "text" if isinstance(content, str) else "bytes": content}


def handshake(target=b"/", *lines):
    """A sound request to open a WebSocket; `lines` are further fields."""
    fields = (
        b"host: a",
        b"connection: upgrade",
        b"upgrade: websocket",
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        b"sec-websocket-version: 13",
        *lines,
    )
    return b"\r\n".join((b"GET %b HTTP/1.1" % target, *fields, b"", b""))


class Peer:
    """A client whose handshake was accepted with `response`."""

    def __init__(self, client, response):
        self.client, self.response = client, response

    async def send(self, *frames):
        await self.client.send(b"".join(frames))

    async def frame(self):
        """The server's next frame."""
        first, second = await self.client.exactly(2)
        assert second < 128, "a server masks nothing"
        size = second
        if second > CONTROL_LIMIT:
            size = int.from_bytes(await self.client.exactly(2 if second == 126 else 8), "big")
            assert size > (CONTROL_LIMIT if second == 126 else 0xFFFF), "not the shortest length"
        found = Frame(first & 15, await self.client.exactly(size), bool(first & FIN), first >> 4 & 7)
        assert found.opcode < 8 or (found.final and size <= CONTROL_LIMIT)
        return found

    async def message(self):
        """The next frame, which is a whole, uncompressed message: its str or bytes."""
        return content(await self.frame())

    async def closed(self):
        """The next frame, which is a close: its code and reason."""
        return last_words(await self.frame())

    async def farewell(self):
        """The server closes: its code and reason. The close is answered, and nothing more comes."""
        return (await self.everything(0))[-1]

    async def everything(self, most=None):
        """Messages, at most so many, until the server closes; the last is its code and reason. The close is answered,
        nothing more comes, and the client leaves.
        """
        found = []
        while (frame := await self.frame()).opcode != Opcode.CLOSE:
            assert len(found) != most, frame
            found.append(content(frame))
        code, reason = last_words(frame)
        await self.send(closing(1000 if code == 1005 else code))
        assert await self.client.rest() == b""
        self.client.close()
        return [*found, (code, reason)]


def content(frame):
    """The str or bytes of a whole, uncompressed message."""
    assert frame.final
    assert not frame.reserved
    assert frame.opcode in (Opcode.TEXT, Opcode.BINARY), frame
    return frame.payload.decode() if frame.opcode == Opcode.TEXT else frame.payload


def last_words(frame):
    """The code and reason of a close frame."""
    assert frame.opcode == Opcode.CLOSE, frame
    if not frame.payload:
        return 1005, ""
    return int.from_bytes(frame.payload[:2], "big"), frame.payload[2:].decode()


async def opened(site, target=b"/", *lines, room=None):
    """A client behind the handshake."""
    client = await site.connect(room)
    await client.send(handshake(target, *lines))
    response = await client.head()
    assert response.status == 101, response
    return Peer(client, response)


async def accept(receive, send, **keys):
    """An application's part: takes the connect and accepts."""
    assert await receive() == CONNECT
    await send({"type": "websocket.accept"} | keys)


async def told(receive):
    """An application's part: everything until the disconnect, and that."""
    events = [await receive()]
    while events[-1]["type"] != "websocket.disconnect":
        events.append(await receive())
    return events


async def outcome(send, *messages):
    """What `send` gave for each message: None, or its exception."""
    found = []
    for message in messages:
        try:
            found.append(await send(message))
        except Exception as error:
            found.append(error)
    return found
