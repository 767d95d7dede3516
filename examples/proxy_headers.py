"""The client and the scheme as a proxy tells them, for an application that stands behind one.

asgate run examples.proxy_headers:app
curl http://127.0.0.1:8000/ -H 'X-Forwarded-For: 192.0.2.7' -H 'X-Forwarded-Proto: https'
"""


class Forwarded:
    """Believes `X-Forwarded-For` and `X-Forwarded-Proto` of one proxy; None is whoever reaches a Unix socket."""

    def __init__(self, app, proxy):
        self.app, self.proxy = app, proxy

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and (scope["client"] or (None,))[0] == self.proxy:
            headers = dict(scope["headers"])  # of several lines the last, which the proxy itself has written
            if address := headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip():
                scope = scope | {"client": (address, 0)}
            if (scheme := headers.get(b"x-forwarded-proto", b"").decode("latin-1")) in ("http", "https"):
                scope = scope | {"scheme": scheme}
        await self.app(scope, receive, send)


async def who(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(f"only HTTP, not {scope['type']}")
    host = scope["client"][0] if scope["client"] else "a Unix socket"
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": f"{scope['scheme']} from {host}\n".encode()})


app = Forwarded(who, proxy="127.0.0.1")
