"""The keys of the HTTP scope: their types and values, addresses, mounting, state and extensions.

`target.py` has method, path and query; `headers.py` has the header list.
"""

import re
import socket
from typing import Any

from asgate.conformance.case import case
from asgate.conformance.trial import Trial
from asgate.conformance.values import Odd
from asgate.conformance.wire import Wire

KEYS = {
    *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path"),
    *("headers", "client", "server", "state", "extensions"),
}
ABSENT = object()


# Types.


def _typed(
    clause: str, key: str, kind: type, words: str, *, mandatory: bool = True, unless: str = ""
) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request("/typed?query", headers="x-type: 1\r\n")
        value = app.scope.get(key, ABSENT)
        app.respond()
        wire.response()
        if not mandatory and (value is ABSENT or value is None):
            trial.differs(unless) if unless else trial.not_offered(f"scope[{key!r}] is not given")
        trial.expect(value is not ABSENT, f"the key {key!r}")
        trial.expect(type(value) is kind, f"exactly {words}", saw=value)

    check.__name__, check.__doc__ = f"type_of_{key}", f"scope[{key!r}] is {words}."
    case(clause, "ASGI-013")(check)


_typed("ASGI-050", "type", str, "a str")
_typed("ASGI-051", "asgi", dict, "a dict")
_typed("ASGI-052", "http_version", str, "a str")
_typed("ASGI-053", "method", str, "a str")
_typed("ASGI-054", "scheme", str, "a str", mandatory=False, unless="no scheme: the text's default is http")
_typed("ASGI-055", "path", str, "a str")
_typed("ASGI-056", "raw_path", bytes, "bytes", mandatory=False)
_typed("ASGI-057", "query_string", bytes, "bytes")
_typed(
    "ASGI-058", "root_path", str, "a str", mandatory=False, unless="no root_path: the text's default is ''"
)
_typed("ASGI-063", "extensions", dict, "a dict", mandatory=False)
_typed("ASGI-062", "state", dict, "a dict", mandatory=False)


@case("ASGI-004")
def scope_is_a_dict(trial: Trial) -> None:
    """The scope is a real dict, no mapping or proxy."""
    _, app = trial.request()
    trial.expect(type(app.scope) is dict, "exactly a dict", saw=app.scope)
    app.respond()


@case("ASGI-012", "ASGI-011")
def plain_values_only(trial: Trial) -> None:
    """Every value in the scope is of a plain type, and every key is a str."""
    _, app = trial.request("/p?q", headers="cookie: a=1\r\n")
    app.respond()
    faults = list(plain_faults(app.scope, "scope"))
    trial.expect(not faults, "bytes, str, int, float, list, tuple, dict, bool or None", saw=faults)


def plain_faults(value: object, where: str) -> list[str]:
    match value:
        case Odd(type=kind):
            return [f"{where} is a {kind}"]
        case dict():
            keys = [f"{where} has the key {key!r}" for key in value if type(key) is not str]
            return keys + [
                fault for key, item in value.items() for fault in plain_faults(item, f"{where}[{key!r}]")
            ]
        case list() | tuple():
            return [fault for item in value for fault in plain_faults(item, f"an item of {where}")]
    return []


@case("ASGI-024")
def extras_under_extensions(trial: Trial) -> None:
    """Keys of the server's own stand under extensions, not beside the keys of the text."""
    _, app = trial.request()
    app.respond()
    if extras := sorted(set(app.scope) - KEYS):
        trial.differs(f"the scope has keys of the server's own: {', '.join(extras)}")


# asgi, http_version, scheme.


@case("ASGI-006")
def asgi_version(trial: Trial) -> None:
    """scope['asgi']['version'] is '3.0'."""
    _, app = trial.request()
    app.respond()
    trial.expect(app.scope["asgi"].get("version") == "3.0", "'3.0'", saw=app.scope["asgi"])


@case("ASGI-007")
def spec_version_exists(trial: Trial) -> None:
    """scope['asgi']['spec_version'], if given, is a version of the HTTP text: 2.0 to 2.5."""
    _, app = trial.request()
    app.respond()
    version = app.scope["asgi"].get("spec_version")
    if version is None:
        trial.differs("no spec_version: the text's default is '2.0'")
    trial.expect(
        isinstance(version, str) and re.fullmatch(r"2\.[0-5]", version), "'2.0' to '2.5'", saw=version
    )


def _version(name: str, request_line: str, expected: str) -> None:
    def check(trial: Trial) -> None:
        wire = trial.connect()
        wire.send(f"GET / {request_line}\r\nhost: probe\r\n\r\n".encode())
        app = trial.conversation()
        app.respond()
        wire.response()
        trial.expect(app.scope["http_version"] == expected, repr(expected), saw=app.scope["http_version"])

    check.__name__ = name
    check.__doc__ = f"A request with {request_line} has http_version '{expected}'."
    case("ASGI-052")(check)


_version("http_version_11", "HTTP/1.1", "1.1")
_version("http_version_10", "HTTP/1.0", "1.0")


@case("ASGI-054")
def scheme_of_plain_http(trial: Trial) -> None:
    """On a plain connection the scheme is 'http'."""
    _, app = trial.request()
    app.respond()
    trial.expect(app.scope.get("scheme", "http") == "http", "'http'", saw=app.scope.get("scheme"))


# Addresses.


@case("ASGI-060", "ASGI-064")
def client_address(trial: Trial) -> None:
    """client is the peer's host as str and its port as int."""
    wire, app = trial.request()
    app.respond()
    _expect_address(trial, app.scope.get("client"), wire.name)


@case("ASGI-061", "ASGI-064")
def server_address(trial: Trial) -> None:
    """server is the host as str and the port as int at which the server listens."""
    wire, app = trial.request()
    app.respond()
    _expect_address(trial, app.scope.get("server"), wire.peer)


@case("ASGI-060")
def client_of_each_connection(trial: Trial) -> None:
    """Two connections at once have each its own client port in the scope."""
    calls = [trial.request(), trial.request()]
    for wire, app in calls:
        app.respond()
        _expect_address(trial, app.scope.get("client"), wire.name)


def _expect_address(trial: Trial, given: Any, actual: Any) -> None:
    if given is None:
        trial.not_offered("it is not given")
    trial.expect(isinstance(given, list | tuple) and len(given) == 2, "a pair of host and port", saw=given)
    pair = tuple(given)
    trial.expect(type(pair[0]) is str, "a host that is a str", saw=given)
    trial.expect(type(pair[1]) is int, "a port that is an int", saw=given)
    trial.expect(pair == actual[:2], f"{actual[:2]}", saw=given)  # IPv6 addresses have two numbers more


def _unix(trial: Trial) -> tuple[Wire, str, dict[str, object]]:
    server = trial.server(unix=True)
    wire, app = trial.request(server=server)
    app.respond()
    wire.response()
    return wire, str(server.path), app.scope


@case("ASGI-079", "ASGI-061", since="2.2", seconds=10, alone=True)
def addresses_on_a_unix_socket(trial: Trial) -> None:
    """On a Unix socket server is its path and None; client, which has no port, is None or missing."""
    _, path, scope = _unix(trial)
    client, server = scope.get("client"), scope.get("server")
    trial.expect(client is None, "no client", saw=client)
    if server is None:
        trial.differs("server is not given, which is optional")
    trial.expect(isinstance(server, list | tuple) and len(server) == 2, "a pair", saw=server)
    trial.expect(list(server) == [path, None], f"[{path!r}, None]", saw=server)  # type: ignore[call-overload]


@case("ASGI-078", "ASGI-060", "ASGI-061", seconds=10, alone=True)
def addresses_over_ipv6(trial: Trial) -> None:
    """Over IPv6 client and server are pairs of a host without brackets and a port."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        trial.not_offered("this machine has no ::1")
    wire, app = trial.request(server=trial.server(ipv6="::1"))
    app.respond()
    wire.response()
    _expect_address(trial, app.scope.get("client"), wire.name)
    _expect_address(trial, app.scope.get("server"), wire.peer)


# Mounting.


@case("ASGI-058")
def root_path_is_empty(trial: Trial) -> None:
    """root_path of an application that is not mounted is ''."""
    _, app = trial.request()
    app.respond()
    trial.expect(app.scope.get("root_path", "") == "", "''", saw=app.scope.get("root_path"))


@case("SERVER-27", "ASGI-058", "ASGI-074", seconds=10, alone=True)
def root_path_option(trial: Trial) -> None:
    """The prefix at which the application is mounted is root_path, as it was configured."""
    _, app = trial.request("/mounted/page", server=trial.server(root_path="/mounted"))
    app.respond()
    trial.expect(app.scope.get("root_path") == "/mounted", "'/mounted'", saw=app.scope.get("root_path"))


@case("ASGI-074", seconds=10, alone=True)
def root_path_is_part_of_path(trial: Trial) -> None:
    """path contains root_path once, whether the request came with the prefix or had it taken off by a proxy."""
    server = trial.server(root_path="/mounted")
    found = {}
    for target in ("/mounted/page", "/page"):
        wire = trial.connect(server)
        wire.send(f"GET {target} HTTP/1.1\r\nhost: probe\r\n\r\n".encode())
        if not trial.calls(server):
            trial.differs(f"{target} is answered by the server itself: {wire.response().status}")
        app = trial.conversation(server)
        app.respond()
        found[target] = app.path
    if set(found.values()) != {"/mounted/page"}:
        trial.differs(f"the text does not say who puts the prefix there; {found}")
