"""The scope of a WebSocket: its keys, their types and values."""

import re
from typing import Any

from asgate.conformance.case import case
from asgate.conformance.cases.scope import ABSENT, plain_faults
from asgate.conformance.moves import START
from asgate.conformance.trial import Trial
from asgate.conformance.websocket_moves import called, connected

KEYS = {
    *("type", "asgi", "http_version", "scheme", "path", "raw_path", "query_string", "root_path", "headers"),
    *("client", "server", "subprotocols", "state", "extensions"),
}


def _typed(clause: str, key: str, kind: type, words: str, *, mandatory: bool = False) -> None:
    def check(trial: Trial) -> None:
        _, app = called(trial, "/typed?query")
        value = app.scope.get(key, ABSENT)
        if not mandatory and (value is ABSENT or value is None):
            trial.not_offered(f"scope[{key!r}] is not given")
        trial.expect(type(value) is kind, f"exactly {words}", saw="no such key" if value is ABSENT else value)

    check.__name__, check.__doc__ = f"type_of_{key}", f"scope[{key!r}] is {words}."
    case(clause, "ASGI-013")(check)


_typed("ASGI-131", "asgi", dict, "a dict", mandatory=True)
_typed("ASGI-132", "http_version", str, "a str")
_typed("ASGI-133", "scheme", str, "a str")
_typed("ASGI-134", "path", str, "a str", mandatory=True)
_typed("ASGI-135", "raw_path", bytes, "bytes")
_typed("ASGI-136", "query_string", bytes, "bytes")
_typed("ASGI-137", "root_path", str, "a str")
_typed("ASGI-141", "state", dict, "a dict")
_typed("ASGI-220", "extensions", dict, "a dict")


def _valued(name: str, clause: str, key: str, expected: object, title: str, headers: str = "") -> None:
    """A case: the key has this value; one that is optional may be left out for its default."""

    def check(trial: Trial) -> None:
        _, app = called(trial, "/caf%C3%A9%2Fx?a=%20b&c", headers)
        value = app.scope.get(key, ABSENT)
        if value is ABSENT:
            trial.not_offered(f"scope[{key!r}] is not given")
        trial.expect(value == expected, repr(expected), saw=value)

    check.__name__, check.__doc__ = name, title
    case(clause)(check)


_valued("scheme", "ASGI-133", "scheme", "ws", "scope['scheme'] is 'ws' on a plain connection.")
_valued("http_version", "ASGI-132", "http_version", "1.1", "scope['http_version'] is '1.1'.")
_valued(
    "path",
    "ASGI-134",
    "path",
    "/caf\u00e9/x",
    "The path is decoded: from percents, then as UTF-8, without the query.",
)
_valued(
    "raw_path",
    "ASGI-135",
    "raw_path",
    b"/caf%C3%A9%2Fx",
    "raw_path is the path's bytes as they came, without the query.",
)
_valued(
    "query_string",
    "ASGI-136",
    "query_string",
    b"a=%20b&c",
    "query_string is what follows the question mark, as it came.",
)


@case("ASGI-131")
def asgi(trial: Trial) -> None:
    """asgi has the version '3.0', and as spec_version one of the HTTP text, 2.0 to 2.5."""
    _, app = called(trial)
    entry = app.scope["asgi"]
    trial.expect(entry.get("version") == "3.0", "version '3.0'", saw=entry)
    if "spec_version" not in entry:
        trial.differs("no spec_version: the text's default is '2.0'")
    version = entry["spec_version"]
    right = isinstance(version, str) and re.fullmatch(r"2\.[0-5]", version)
    trial.expect(right, "spec_version '2.0' to '2.5'", saw=version)


@case("ASGI-012", "ASGI-011")
def plain_values_only(trial: Trial) -> None:
    """Every value in the scope is of a plain type, and every key is a str."""
    _, app = called(trial, headers="sec-websocket-protocol: a, b\r\n")
    faults = plain_faults(app.scope, "scope")
    trial.expect(not faults, "bytes, str, int, float, list, tuple, dict, bool or None", saw=faults)


@case("ASGI-142")
def no_method(trial: Trial) -> None:
    """There is no method: a WebSocket has none."""
    _, app = called(trial)
    trial.expect("method" not in app.scope, "no key 'method'", saw=app.scope.get("method"))


@case("ASGI-024")
def extras_under_extensions(trial: Trial) -> None:
    """Keys of the server's own stand under extensions, not beside the keys of the text."""
    _, app = called(trial)
    if extras := sorted(set(app.scope) - KEYS - {"method"}):
        trial.differs(f"the scope has keys of the server's own: {', '.join(extras)}")


@case("ASGI-138")
def headers(trial: Trial) -> None:
    """All fields are in headers, in lower case, in their order, doubles kept, with their exact values."""
    fields = "X-Second: 2\r\nx-first:  a b \r\nX-Second: 1\r\n"
    _, app = called(trial, headers=fields)
    expected = [(b"x-second", b"2"), (b"x-first", b"a b"), (b"x-second", b"1")]
    given = [tuple(pair) for pair in app.scope["headers"] if pair[0].lower() in (b"x-second", b"x-first")]
    saw = [(name.lower(), value) for name, value in given]
    trial.expect(sorted(saw) == sorted(expected), f"{expected}", saw=saw)
    seconds = [value for name, value in saw if name == b"x-second"]
    trial.expect(seconds == [b"2", b"1"], "the values of one name in their order", saw=saw)
    if given != saw:
        trial.differs("names keep their case, which the text allows to WebSocket scopes")


@case("ASGI-138")
def fields_of_the_handshake(trial: Trial) -> None:
    """The fields of the handshake itself, host and sec-websocket-key among them, are in headers, too."""
    _, app = called(trial)
    names = {name.lower() for name, _ in app.scope["headers"]}
    expected = {b"host", b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version"}
    trial.expect(names >= expected, "all of them", saw=sorted(expected - names))


@case("ASGI-139")
def addresses(trial: Trial) -> None:
    """client and server are the two ends of the connection: a host and a port each."""
    wire, app = called(trial)
    for key, end in (("client", wire.name), ("server", wire.peer)):
        value: Any = app.scope.get(key)
        if value is None:
            trial.not_offered(f"scope[{key!r}] is not given")
        trial.expect(list(value) == list(end), f"{key}: {end}", saw=value)  # type: ignore[call-overload]


# Subprotocols.


def _offer(name: str, fields: str, expected: list[str], title: str) -> None:
    def check(trial: Trial) -> None:
        _, app = connected(trial, headers=fields)
        value = app.scope.get("subprotocols")
        if value is None and not expected:
            trial.differs("there is no key: the text's default is []")
        trial.expect(isinstance(value, list | tuple), "a list", saw=value)
        trial.expect(list(value) == expected, f"{expected}", saw=value)
        trial.expect(all(type(item) is str for item in value), "exactly str", saw=value)

    check.__name__, check.__doc__ = name, title
    case("ASGI-140")(check)


_offer("no_subprotocols", "", [], "Without an offer the list of subprotocols is empty.")
_offer(
    "subprotocols_of_one_field",
    "sec-websocket-protocol: soap,wamp , v2.chat.example\r\n",
    ["soap", "wamp", "v2.chat.example"],
    "The subprotocols are a list of str, in the client's order.",
)
_offer(
    "subprotocols_of_two_fields",
    "sec-websocket-protocol: zebra\r\nx-between: 1\r\nSec-WebSocket-Protocol: ape, Ant\r\n",
    ["zebra", "ape", "Ant"],
    "The subprotocols of all fields are one list.",
)


# A scope belongs to one connection.


def _fresh(name: str, *path: str, value: object, title: str) -> None:
    def check(trial: Trial) -> None:
        _, app = called(trial, "/first", "sec-websocket-protocol: soap\r\n")
        holder = app.scope
        for key in path[:-1]:
            if not isinstance(holder, dict) or key not in holder:
                trial.not_offered(f"the scope has no {path[0]}")
            holder = holder[key]
        if not isinstance(holder, list | dict):
            return  # it cannot be changed at all
        app.mutate(*path, value=value)
        _, other = called(trial, "/second", "sec-websocket-protocol: soap\r\n")
        saw = other.scope
        for key in path[:-1]:
            saw = saw[key]
        found = value in saw if isinstance(saw, list) else path[-1] in saw
        trial.expect(not found, "no trace of it in the next scope", saw=saw)

    check.__name__, check.__doc__ = name, title
    case("ASGI-014")(check)


_fresh("fresh_scope", "leak", value=1, title="A key added to one scope is not seen in the next.")
_fresh("fresh_subprotocols", "subprotocols", "", value="leak", title="Subprotocols belong to one scope.")
_fresh("fresh_state", "state", "leak", value=1, title="A key added to the state is not seen in the next one.")
_fresh("fresh_extensions", "extensions", "leak", value={}, title="Extensions belong to one scope.")


@case("ASGI-141", "ASGI-210")
def state_of_the_lifespan(trial: Trial) -> None:
    """state is a copy of what startup has left."""
    _, app = called(trial)
    if "state" not in app.scope:
        trial.not_offered("there is no state in the scope")
    state = app.scope["state"]
    trial.expect(state == {"probe": ["of the lifespan"]}, "what startup has set", saw=state)


@case("ASGI-137", "SERVER-27", seconds=START, alone=True)
def root_path(trial: Trial) -> None:
    """The prefix at which the application is mounted is root_path, as it was configured."""
    _, app = called(trial, "/mounted/page", server=trial.server(root_path="/mounted"))
    given = app.scope.get("root_path")
    trial.expect(given == "/mounted", "'/mounted'", saw=given)
