"""The client and the scheme as a proxy tells them, for an application that stands behind one.

asgate run examples.proxy_headers:app
curl http://127.0.0.1:8000/ -H 'X-Forwarded-For: 192.0.2.7' -H 'X-Forwarded-Proto: https'
A WebSocket is told the same in a message.
"""

SCHEMES = {
    "http": {b"http": "http", b"https": "https"},
    "websocket": {b"http": "ws", b"https": "wss", b"ws": "ws", b"wss": "wss"},
}


class Forwarded:
    """Believes `X-Forwarded-For` and `X-Forwarded-Proto` of one proxy; None is whoever reaches a Unix socket."""

    def __init__(self, app, proxy):
        self.app, self.proxy = app, proxy

    async def __call__(self, scope, receive, send):
        schemes = SCHEMES.get(scope["type"])
        if schemes and (scope["client"] or (None,))[0] == self.proxy:
            headers = dict(scope["headers"])  # of several lines the last, which the proxy itself has written
            if address := headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip():
                scope = scope | {"client": (address, 0)}
            if scheme := schemes.get(headers.get(b"x-forwarded-proto")):
                scope = scope | {"scheme": scheme}
        await self.app(scope, receive, send)


async def who(scope, receive, send):
    if scope["type"] not in ("http", "websocket"):
        raise NotImplementedError(f"no {scope['type']}")
    host = scope["client"][0] if scope["client"] else "a Unix socket"
    text = f"{scope['scheme']} from {host}\n"
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": text.encode()})
    else:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": text})


app = Forwarded(who, proxy="127.0.0.1")
