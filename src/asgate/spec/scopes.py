"""The scopes of every protocol and the entries of every extension, key by key as the ASGI text has them.

For type checkers and readers; at run time they are plain dicts. `NotRequired` keys are those that a server may leave
out, with the default that the text gives. What values are allowed, the tables of `messages.py` say.
"""

from collections.abc import Iterable
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
"""Pairs of name and value. The text allows any iterable of two-item iterables."""


class ASGIVersions(TypedDict):
    """`scope["asgi"]`. A missing `spec_version` means "2.0", in lifespan "1.0" (ASGI-007)."""

    version: str
    spec_version: NotRequired[str]


class Empty(TypedDict):
    """The entry of an extension that says nothing but that it is there."""


class TLS(TypedDict):
    """`scope["extensions"]["tls"]`, on TLS connections only (ASGI-300)."""

    server_cert: str | None
    client_cert_chain: NotRequired[Iterable[str]]
    client_cert_name: NotRequired[str | None]
    client_cert_error: NotRequired[str | None]
    tls_version: int | None
    cipher_suite: int | None


HTTPExtensions = TypedDict(
    "HTTPExtensions",
    {
        "http.response.push": NotRequired[Empty],
        "http.response.zerocopysend": NotRequired[Empty],
        "http.response.pathsend": NotRequired[Empty],
        "http.response.early_hint": NotRequired[Empty],
        "http.response.trailers": NotRequired[Empty],
        "http.response.debug": NotRequired[Empty],
        "tls": NotRequired[TLS],
    },
)
"""`scope["extensions"]` of a request. A server may add others of its own."""

WebSocketExtensions = TypedDict(
    "WebSocketExtensions",
    {"websocket.http.response": NotRequired[Empty], "tls": NotRequired[TLS]},
)
"""`scope["extensions"]` of a WebSocket. A server may add others of its own."""


class HTTPScope(TypedDict):
    """One HTTP request (ASGI-050 to 063)."""

    type: Literal["http"]
    asgi: ASGIVersions
    http_version: Literal["1.0", "1.1", "2", "3"]
    method: str
    scheme: NotRequired[str]  # "http"
    path: str
    raw_path: NotRequired[bytes | None]  # None
    query_string: bytes
    root_path: NotRequired[str]  # ""
    headers: Headers
    client: NotRequired[tuple[str, int] | None]  # None
    server: NotRequired[tuple[str, int | None] | None]  # None
    state: NotRequired[dict[str, Any]]
    extensions: NotRequired[HTTPExtensions]


class WebSocketScope(TypedDict):
    """One WebSocket connection (ASGI-130 to 142)."""

    type: Literal["websocket"]
    asgi: ASGIVersions
    http_version: NotRequired[Literal["1.1", "2", "3"]]  # "1.1"
    scheme: NotRequired[str]  # "ws"
    path: str
    raw_path: NotRequired[bytes | None]  # None
    query_string: NotRequired[bytes | None]  # b""
    root_path: NotRequired[str]  # ""
    headers: Headers
    client: NotRequired[tuple[str, int] | None]  # None
    server: NotRequired[tuple[str, int | None] | None]  # None
    subprotocols: NotRequired[Iterable[str]]  # []
    state: NotRequired[dict[str, Any]]
    extensions: NotRequired[WebSocketExtensions]


class LifespanScope(TypedDict):
    """One event loop of a server (ASGI-190, 191)."""

    type: Literal["lifespan"]
    asgi: ASGIVersions
    state: NotRequired[dict[str, Any]]


WWWScope: TypeAlias = HTTPScope | WebSocketScope
StandardScope: TypeAlias = HTTPScope | WebSocketScope | LifespanScope
"""The scopes of the text. Applications meet others, too, and reject or ignore them (ASGI-020)."""
