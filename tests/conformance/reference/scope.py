"""The scope of one request: every key that the text knows, each container made anew."""

import posixpath
from typing import Any
from urllib.parse import unquote

from .grammar import Head
from .plants import planted

OFFERED = (
    "http.response.pathsend",
    "http.response.zerocopysend",
    "http.response.early_hint",
    "http.response.trailers",
)
FOREIGN = (
    "tls",
    "http.response.push",
    "http.response.debug",
    "websocket.http.response",
)  # used by a planted fault
SHARED: dict[str, Any] = {}  # used by planted faults alone


class Text(str):
    """No str, for planted faults."""


class Octets(bytes):
    """No bytes, for planted faults."""


class Names(dict[str, Any]):
    """No dict, for planted faults."""


def http_scope(
    head: Head, client: object, server: object, root_path: str, state: dict[str, Any] | None
) -> dict[str, Any]:
    """The scope for a head. `client` and `server` are (host, port), or (path, None) and None for a Unix socket."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": head.version,
        "method": head.method.upper(),
        "scheme": "http",
        "path": mounted(unquote(head.path.decode("latin-1")), root_path),
        "raw_path": head.path,
        "query_string": head.query,
        "root_path": root_path,
        "headers": headers_of(head),
        "client": client,
        "server": server,
        "extensions": extensions(head),
    }
    if state is not None:
        scope["state"] = state if planted("state_shared") else dict(state)
    return broken(scope, head)


def websocket_scope(
    head: Head,
    client: object,
    server: object,
    root_path: str,
    state: dict[str, Any] | None,
    subprotocols: list[str],
) -> dict[str, Any]:
    """The scope for a handshake: that of a request, but for its method."""
    scope = dict(http_scope(head, client, server, root_path, state))
    offered = {} if planted("extensions_hidden") else {"websocket.http.response": {}}
    if planted("extension_entry_of_none"):
        offered = dict.fromkeys(offered)  # type: ignore[arg-type]
    if planted("extensions_shared"):
        offered = SHARED.setdefault("of websockets", offered)
    if not planted("ws_scope_with_method"):
        del scope["method"]
    scope |= {"type": "websocket", "subprotocols": subprotocols}
    if scope["scheme"]:
        scope["scheme"] = type(scope["scheme"])("ws")
    scope["extensions"] = Names(offered) if planted("values_as_subclasses") else offered
    if planted("ws_subprotocols_shared"):
        scope["subprotocols"] = SHARED.setdefault("subprotocols", subprotocols)
    if planted("ws_handshake_fields_dropped"):
        scope["headers"] = [field for field in scope["headers"] if not field[0].startswith(b"sec-websocket-")]
    if planted("ws_origin_dropped"):
        scope["headers"] = [field for field in scope["headers"] if field[0] != b"origin"]
    return shared("websocket", scope)


def headers_of(head: Head) -> list[tuple[bytes, bytes]]:
    """The fields as the text asks: order and doubles kept, names in lower case."""
    headers = [(name.lower(), value) for name, value in head.fields]
    if planted("names_not_lowered"):
        return head.fields
    if planted("headers_reversed"):
        return headers[::-1]
    if planted("doubles_joined"):
        names = dict.fromkeys(name for name, _ in headers)
        return [(name, b", ".join(value for key, value in headers if key == name)) for name in names]
    if planted("values_in_lower_case"):
        return [(name, value.lower()) for name, value in headers]
    if planted("underscores_dropped"):
        return [field for field in headers if b"_" not in field[0]]
    if planted("headers_as_text"):
        return [(name.decode(), value.decode("latin-1")) for name, value in headers]  # type: ignore[misc]
    return headers


def extensions(head: Head) -> dict[str, dict[str, Any]]:
    """What works on this very connection (ASGI-221)."""
    offered = [name for name in OFFERED if head.version == "1.1" or works_on_10(name)]
    if planted("foreign_extensions"):
        offered += FOREIGN
    if planted("extensions_hidden"):
        return {}
    if planted("extension_entry_of_none"):
        return dict.fromkeys(offered)  # type: ignore[arg-type]
    if planted("extensions_shared"):
        return SHARED.setdefault("extensions", {name: {} for name in offered})
    return {name: {} for name in offered}


def works_on_10(extension: str) -> bool:
    """Whether HTTP/1.0 has a way to say it."""
    if extension == "http.response.early_hint":
        return planted("early_hint_to_10")
    return extension != "http.response.trailers"


def mounted(path: str, root_path: str) -> str:
    """The path with its root path before it, unless it is there already (ASGI-074)."""
    if planted("root_path_not_prefixed"):
        return path
    within = path == root_path or path.startswith(root_path + "/")
    return path if within else root_path + path


def broken(scope: dict[str, Any], head: Head) -> dict[str, Any]:
    """The scope with the planted fault, if there is one for a single key."""
    wrong = [
        (planted("path_not_decoded"), {"path": head.path.decode("latin-1")}),
        (planted("path_as_latin_1"), {"path": unquote(head.path.decode("latin-1"), "latin-1")}),
        (
            planted("query_in_path") and head.query,
            {"path": f"{scope['path']}?{head.query.decode('latin-1')}"},
        ),
        (planted("root_path_not_given"), {"root_path": ""}),
        (planted("state_of_its_own"), {"state": {"server": "reference"}}),
        (planted("raw_path_decoded"), {"raw_path": scope["path"].encode()}),
        (planted("query_as_text"), {"query_string": head.query.decode("latin-1")}),
        (planted("query_decoded"), {"query_string": unquote(head.query.decode("latin-1")).encode()}),
        (planted("short_http_version"), {"http_version": head.version.partition(".")[0]}),
        (planted("method_as_it_came"), {"method": head.method}),
        (planted("method_lowered"), {"method": head.method.lower()}),
        (planted("path_normalised"), {"path": posixpath.normpath(scope["path"])}),
        (planted("path_cut_at_nul"), {"path": scope["path"].partition("\0")[0]}),
        (planted("parameters_cut"), {"path": scope["path"].partition(";")[0]}),
        (
            planted("overlong_utf8_decoded"),
            {"path": unquote(head.path.replace(b"%C0%AF", b"/").decode("latin-1"))},
        ),
        (
            planted("raw_path_normalised"),
            {"raw_path": posixpath.normpath(head.path)},
        ),
        (planted("root_path_of_slash"), {"root_path": scope["root_path"] or "/"}),
        (planted("key_of_its_own"), {"reference.version": "1"}),
        (planted("type_as_subclass"), {"type": Text(scope["type"])}),
        (
            planted("values_as_subclasses"),
            {key: subclassed(value) for key, value in scope.items() if key != "type"},
        ),
        (planted("wrong_scheme"), {"scheme": ""}),
        (
            planted("ports_as_text"),
            {"client": scope["client"] and (scope["client"][0], str(scope["client"][1]))},
        ),
        (planted("server_as_text"), {"server": ":".join(map(str, scope["server"]))}),
        (planted("wrong_asgi_version"), {"asgi": {"version": "2.0", "spec_version": "2.5"}}),
        (planted("wrong_spec_version"), {"asgi": {"version": "3.0", "spec_version": "3.0"}}),
        (planted("asgi_shared"), {"asgi": SHARED.setdefault("asgi", scope["asgi"])}),
        (planted("ipv6_in_brackets"), {key: bracketed(scope[key]) for key in ("client", "server")}),
        (planted("client_of_unix_socket"), {"client": scope["client"] or ("", 0)}),
    ]
    if planted("scope_key_missing"):
        del scope["query_string"]
    for wanted, changes in wrong:
        if wanted:
            scope |= changes
    if planted("scope_as_subclass"):
        return Names(scope)
    return shared("http", scope)


def shared(protocol: str, scope: dict[str, Any]) -> dict[str, Any]:
    """One dict for all requests, and another one for all WebSockets, where that is planted."""
    if not planted("scope_shared"):
        return scope
    old = SHARED.setdefault(protocol, {})
    old.update(scope)
    return old


def subclassed(value: Any) -> Any:
    """A value as an instance of a subclass."""
    kinds: dict[type, type] = {str: Text, bytes: Octets, dict: Names}
    return kinds[type(value)](value) if type(value) in kinds else value


def bracketed(address: Any) -> Any:
    """An address of IPv6 as URLs have it."""
    return (f"[{address[0]}]", address[1]) if address and ":" in address[0] else address
