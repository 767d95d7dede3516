"""Conversations as scripts: what the server gives, what the application sends, and what the validator says of it."""

import asyncio

from asgate.spec.validator import Validator

RECEIVE = object()  # a step of the application: receive the next event
EXTENSIONS = (
    "http.response.push",
    "http.response.zerocopysend",
    "http.response.pathsend",
    "http.response.early_hint",
    "http.response.trailers",
    "http.response.debug",
)
REQUEST = {"type": "http.request", "body": b"", "more_body": False}
MORE = {"type": "http.request", "body": b"x", "more_body": True}
GONE = {"type": "http.disconnect"}
START = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body", "body": b"hello"}
PIECE = {"type": "http.response.body", "body": b"hello", "more_body": True}
CONNECT = {"type": "websocket.connect"}
TEXT = {"type": "websocket.receive", "text": "hello"}
LEFT = {"type": "websocket.disconnect", "code": 1001}
ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": "hello"}
CLOSE = {"type": "websocket.close"}
DENY = {"type": "websocket.http.response.start", "status": 401}
DENIED = {"type": "websocket.http.response.body", "body": b"no"}
STARTUP = {"type": "lifespan.startup"}
SHUTDOWN = {"type": "lifespan.shutdown"}
STARTED = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}


def without(scope, *names):
    return {name: value for name, value in scope.items() if name not in names}


def http(**changes):
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/path",
        "raw_path": b"/path",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"a"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {name: {} for name in EXTENSIONS},
    }
    return scope | changes


def websocket(**changes):
    scope = without(http(), "method") | {
        "type": "websocket",
        "scheme": "ws",
        "subprotocols": ["chat", "talk"],
        "extensions": {"websocket.http.response": {}},
    }
    return scope | changes


def lifespan(**changes):
    return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}} | changes


def application(*steps):
    """An application that does these steps: RECEIVE, a message to send, an exception to raise."""

    async def run(scope, receive, send):
        for step in steps:
            if step is RECEIVE:
                await receive()
            elif isinstance(step, BaseException):
                raise step
            else:
                await send(step)

    return run


class Server:
    """What stands on the other side: gives events, an exception among them raises, and keeps what is sent."""

    def __init__(self, *events, refuses=None):
        self.events = list(events)
        self.sent = []
        self.refuses = refuses or (lambda message: None)

    async def receive(self):
        event = self.events.pop(0) if len(self.events) > 1 else self.events[0]
        if isinstance(event, BaseException):
            raise event
        return event

    async def send(self, message):
        error = self.refuses(message)
        if error is not None:
            raise error
        self.sent.append(message)


def converse(scope, events, steps, *, mode="collect", **options):
    """One conversation: the validator and the server afterwards."""
    validator = Validator(application(*steps), mode=mode, **options)
    server = Server(*(events or [GONE]))
    asyncio.run(validator(scope, server.receive, server.send))
    return validator, server


def clauses(scope, events, steps, **options):
    """The clauses that the validator found broken, with the letter of who broke them."""
    validator, _ = converse(scope, events, steps, **options)
    return [f"{finding.clause} {finding.side.value[0]}" for finding in validator.findings]
