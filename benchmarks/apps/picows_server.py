"""picows without ASGI, the yardstick of WebSocket: `python picows_server.py PORT echo|broadcast`.

Callbacks instead of tasks and queues, frames instead of messages: close to what Python allows. It has no
permessage-deflate, and every frame of the loads is a whole message, so nothing is put together here.
"""

from __future__ import annotations

import sys

import uvloop
from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    ws_create_server,
)

LARGEST = 16 << 20
BACKLOG = 4096

listeners: set[WSTransport] = set()


class Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Broadcast(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        listeners.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        listeners.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        for listener in tuple(listeners):
            listener.send(frame.msg_type, payload)


async def serve(port: int, listener: type[WSListener]) -> None:
    def accept(request: WSUpgradeRequest) -> WSListener:
        return listener()

    server = await ws_create_server(
        accept, "127.0.0.1", port, max_frame_size=LARGEST, backlog=BACKLOG, websocket_handshake_timeout=60
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), {"echo": Echo, "broadcast": Broadcast}[sys.argv[2]]))
