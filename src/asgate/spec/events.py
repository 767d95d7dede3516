"""The events of every protocol and extension, both ways, and the protocols of the callables that exchange them.

For type checkers and readers; at run time they are plain dicts. What `types.py` has is looser, because the text
allows messages of one's own; these are what the text names. Who may send what when stands in `messages.py`.
"""

from collections.abc import Awaitable, Iterable
from typing import Any, Literal, NotRequired, Protocol, TypeAlias, TypedDict

from asgate.spec.scopes import Headers, StandardScope

# What an application receives.


class HTTPRequestEvent(TypedDict):
    """A piece of the request's body (ASGI-086)."""

    type: Literal["http.request"]
    body: NotRequired[bytes]  # b""
    more_body: NotRequired[bool]  # False


class HTTPDisconnectEvent(TypedDict):
    """The client is gone or the response complete (ASGI-094, 095)."""

    type: Literal["http.disconnect"]


class WebSocketConnectEvent(TypedDict):
    """A handshake waits for an answer (ASGI-145)."""

    type: Literal["websocket.connect"]


class WebSocketReceiveEvent(TypedDict):
    """A message of the client; exactly one of `bytes` and `text` is not None (ASGI-160)."""

    type: Literal["websocket.receive"]
    bytes: NotRequired["bytes | None"]
    text: NotRequired[str | None]


class WebSocketDisconnectEvent(TypedDict):
    """The connection is over (ASGI-176)."""

    type: Literal["websocket.disconnect"]
    code: int
    reason: NotRequired[str | None]  # "", since 2.5


class LifespanStartupEvent(TypedDict):
    """The server is about to accept connections (ASGI-193)."""

    type: Literal["lifespan.startup"]


class LifespanShutdownEvent(TypedDict):
    """The server has closed all connections (ASGI-199)."""

    type: Literal["lifespan.shutdown"]


# What an application sends.


class HTTPResponseStartEvent(TypedDict):
    """The response's head (ASGI-101)."""

    type: Literal["http.response.start"]
    status: int
    headers: NotRequired[Headers]  # []
    trailers: NotRequired[bool]  # False


class HTTPResponseBodyEvent(TypedDict):
    """A piece of the response's body (ASGI-109)."""

    type: Literal["http.response.body"]
    body: NotRequired[bytes]  # b""
    more_body: NotRequired[bool]  # False


class HTTPResponsePushEvent(TypedDict):
    """A push promise (ASGI-241)."""

    type: Literal["http.response.push"]
    path: str
    headers: Headers


class HTTPResponseZeroCopySendEvent(TypedDict):
    """A piece of the body out of an open file (ASGI-251)."""

    type: Literal["http.response.zerocopysend"]
    file: Any  # with fileno()
    offset: NotRequired[int]  # the file's position
    count: NotRequired[int]  # up to the file's end
    more_body: NotRequired[bool]  # False


class HTTPResponsePathSendEvent(TypedDict):
    """The whole body out of a file (ASGI-261)."""

    type: Literal["http.response.pathsend"]
    path: str


class HTTPResponseEarlyHintEvent(TypedDict):
    """A 103 with link headers (ASGI-270)."""

    type: Literal["http.response.early_hint"]
    links: Iterable[bytes]


class HTTPResponseTrailersEvent(TypedDict):
    """The trailer fields (ASGI-281)."""

    type: Literal["http.response.trailers"]
    headers: Headers
    more_trailers: NotRequired[bool]  # False


class HTTPResponseDebugEvent(TypedDict):
    """Facts for a test client (ASGI-290)."""

    type: Literal["http.response.debug"]
    info: dict[str, Any]


class WebSocketAcceptEvent(TypedDict):
    """Yes to the handshake (ASGI-147)."""

    type: Literal["websocket.accept"]
    subprotocol: NotRequired[str | None]
    headers: NotRequired[Headers]  # [], since 2.1


class WebSocketSendEvent(TypedDict):
    """A message to the client; exactly one of `bytes` and `text` is not None (ASGI-165)."""

    type: Literal["websocket.send"]
    bytes: NotRequired["bytes | None"]
    text: NotRequired[str | None]


class WebSocketCloseEvent(TypedDict):
    """No to the handshake, or the end of the connection (ASGI-181)."""

    type: Literal["websocket.close"]
    code: NotRequired[int]  # 1000
    reason: NotRequired[str | None]  # "", since 2.3


class WebSocketHTTPResponseStartEvent(TypedDict):
    """The head of a denial (ASGI-231)."""

    type: Literal["websocket.http.response.start"]
    status: int
    headers: NotRequired[Headers]  # []


class WebSocketHTTPResponseBodyEvent(TypedDict):
    """A piece of a denial's body (ASGI-231)."""

    type: Literal["websocket.http.response.body"]
    body: NotRequired[bytes]  # b""
    more_body: NotRequired[bool]  # False


class LifespanStartupCompleteEvent(TypedDict):
    """The application is ready (ASGI-194)."""

    type: Literal["lifespan.startup.complete"]


class LifespanStartupFailedEvent(TypedDict):
    """The application cannot start, and the server should not either (ASGI-195)."""

    type: Literal["lifespan.startup.failed"]
    message: NotRequired[str]  # ""


class LifespanShutdownCompleteEvent(TypedDict):
    """The application has cleaned up (ASGI-200)."""

    type: Literal["lifespan.shutdown.complete"]


class LifespanShutdownFailedEvent(TypedDict):
    """The application could not clean up (ASGI-201)."""

    type: Literal["lifespan.shutdown.failed"]
    message: NotRequired[str]  # ""


HTTPReceiveEvents: TypeAlias = HTTPRequestEvent | HTTPDisconnectEvent
WebSocketReceiveEvents: TypeAlias = WebSocketConnectEvent | WebSocketReceiveEvent | WebSocketDisconnectEvent
LifespanReceiveEvents: TypeAlias = LifespanStartupEvent | LifespanShutdownEvent
ReceiveEvent: TypeAlias = HTTPReceiveEvents | WebSocketReceiveEvents | LifespanReceiveEvents

HTTPSendEvents: TypeAlias = (
    HTTPResponseStartEvent
    | HTTPResponseBodyEvent
    | HTTPResponsePushEvent
    | HTTPResponseZeroCopySendEvent
    | HTTPResponsePathSendEvent
    | HTTPResponseEarlyHintEvent
    | HTTPResponseTrailersEvent
    | HTTPResponseDebugEvent
)
WebSocketSendEvents: TypeAlias = (
    WebSocketAcceptEvent
    | WebSocketSendEvent
    | WebSocketCloseEvent
    | WebSocketHTTPResponseStartEvent
    | WebSocketHTTPResponseBodyEvent
)
LifespanSendEvents: TypeAlias = (
    LifespanStartupCompleteEvent
    | LifespanStartupFailedEvent
    | LifespanShutdownCompleteEvent
    | LifespanShutdownFailedEvent
)
SendEvent: TypeAlias = HTTPSendEvents | WebSocketSendEvents | LifespanSendEvents

# The callables.


class ReceiveCallable(Protocol):
    """`await receive()` gives the next event (ASGI-008)."""

    def __call__(self) -> Awaitable[ReceiveEvent]: ...


class SendCallable(Protocol):
    """`await send(event)`, positionally (ASGI-009)."""

    def __call__(self, event: SendEvent, /) -> Awaitable[None]: ...


class ASGI3Protocol(Protocol):
    """A typed ASGI 3 application (ASGI-001)."""

    def __call__(
        self, scope: StandardScope, receive: ReceiveCallable, send: SendCallable, /
    ) -> Awaitable[None]: ...


class ASGI2Instance(Protocol):
    """What a typed ASGI 2 application returns."""

    def __call__(self, receive: ReceiveCallable, send: SendCallable, /) -> Awaitable[None]: ...


class ASGI2Protocol(Protocol):
    """A typed ASGI 2 application (ASGI-320)."""

    def __call__(self, scope: StandardScope, /) -> ASGI2Instance: ...
