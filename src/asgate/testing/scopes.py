"""The scopes that a server would build for a request, a WebSocket and a lifespan (sections 3, 6 and 10 of the clauses).

Every call gives fresh objects, so that what one application changes no other sees (ASGI-014).
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from asgate.spec.types import Scope
from asgate.testing.options import HTTP_EXTENSIONS, WEBSOCKET_EXTENSIONS, Served

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
Pairs = Iterable[tuple[bytes, bytes]]


def http_scope(
    method: str, url: str, headers: Pairs, served: Served, state: Mapping[str, Any] | None
) -> Scope:
    """The scope of a request for an absolute, encoded URL."""
    scope = _connection("http", url, headers, served, state)
    scope["method"] = method
    scope["extensions"] = served.advertised(HTTP_EXTENSIONS)
    return scope


def websocket_scope(
    url: str, headers: Pairs, subprotocols: Iterable[str], served: Served, state: Mapping[str, Any] | None
) -> Scope:
    """The scope of a WebSocket; an http URL stands for its ws one."""
    scope = _connection("websocket", url, headers, served, state)
    scope["scheme"] = {"http": "ws", "https": "wss"}.get(scope["scheme"], scope["scheme"])
    scope["subprotocols"] = list(subprotocols)
    scope["extensions"] = served.advertised(WEBSOCKET_EXTENSIONS)
    return scope


def lifespan_scope(state: dict[str, Any]) -> Scope:
    """The scope of a lifespan, whose version is its own (ASGI-190)."""
    return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}


def handshake(subprotocols: list[str]) -> list[tuple[bytes, bytes]]:
    """The fields of a WebSocket handshake (RFC 6455 4.1), with the key of its example."""
    fields = [
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    if subprotocols:
        fields.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode("latin-1")))
    return fields


def _connection(
    kind: str, url: str, headers: Pairs, served: Served, state: Mapping[str, Any] | None
) -> Scope:
    parts = urlsplit(url)
    raw_path = _path(parts.path or "/", quote(served.root_path))
    scope: Scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": served.spec_version},
        "http_version": served.http_version,
        "scheme": parts.scheme,
        "path": unquote(raw_path, errors="replace"),  # AMB-1
        "raw_path": raw_path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": served.root_path,
        "headers": list(headers),
        "client": served.client,
        "server": (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)),
    }
    if state is not None:
        scope["state"] = dict(state)  # a shallow copy (ASGI-210)
    return scope


def _path(path: str, root_path: str) -> str:
    """With the root path in front, unless it is there (ASGI-074, AMB-3)."""
    from_root = path == root_path or path.startswith(f"{root_path}/")
    return path if not root_path or from_root else root_path + path
