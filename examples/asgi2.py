"""An application in the old style of ASGI 2: called with the scope first, with receive and send then.

    asgate run examples.asgi2:Application
    curl http://127.0.0.1:8000/

asgate sees by itself that a class is ASGI 2. For a function or a wrapped application say `--interface asgi2`.
"""


class Application:
    def __init__(self, scope):
        if scope["type"] != "http":
            raise NotImplementedError(f"only HTTP, not {scope['type']}")
        self.path = scope["path"]

    async def __call__(self, receive, send):
        body = f"You asked for {self.path}\n".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
