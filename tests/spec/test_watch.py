"""Scopes, and what all conversations have in common."""

import asyncio

import pytest

from asgate.spec.messages import PROTOCOLS
from asgate.spec.validator import Validator

from .script import (
    ACCEPT,
    BODY,
    CONNECT,
    GONE,
    LEFT,
    MORE,
    RECEIVE,
    REQUEST,
    START,
    STARTUP,
    TEXT,
    Server,
    clauses,
    converse,
    http,
    lifespan,
    websocket,
    without,
)

TLS = {
    "server_cert": "PEM",
    "client_cert_chain": ["PEM"],
    "client_cert_name": "CN=a",
    "client_cert_error": None,
    "tls_version": 0x0304,
    "cipher_suite": 0x1301,
}


def tls(**changes):
    return {"extensions": {"tls": TLS | changes}}


class Pair:
    """An iterable that is no sequence."""

    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


OLD = {"asgi": {"version": "3.0", "spec_version": "2.1"}, "server": ("/run/a.sock", None)}
SILENT = {"asgi": {"version": "3.0"}, "server": ("/run/a.sock", None)}
WRONG_OF_BOTH = [
    ("ASGI-006", {"asgi": None}),
    ("ASGI-006", {"asgi": {"version": "4"}}),
    ("ASGI-006", {"asgi": {"version": 3}}),
    ("ASGI-011", {b"key": 1}),
    ("ASGI-064", {"client": ("a", "5000")}),
    ("ASGI-064", {"client": ("a", None)}),
    ("ASGI-064", {"client": ("a", True)}),
    ("ASGI-064", {"server": ("a", "8000")}),
    ("ASGI-068", {"headers": [(b":authority", b"a")]}),
    ("ASGI-220", {"extensions": []}),
    ("ASGI-220", {"extensions": {"a": None}}),
    ("ASGI-220", {"extensions": {1: {}}}),
    ("ASGI-222", {"extensions": None}),
    ("ASGI-301", {"extensions": {"tls": without(TLS, "server_cert")}}),
    ("ASGI-301", tls(server_cert=b"PEM")),
    ("ASGI-302", tls(client_cert_chain="PEM")),
    ("ASGI-302", tls(client_cert_chain=[b"PEM"])),
    ("ASGI-303", tls(client_cert_name=b"CN=a")),
    ("ASGI-303", tls(client_cert_name=None)),
    ("ASGI-304", tls(client_cert_error="")),
    ("ASGI-305", tls(tls_version="TLSv1.3")),
    ("ASGI-305", {"extensions": {"tls": without(TLS, "tls_version")}}),
    ("ASGI-306", tls(cipher_suite=0x10000)),
    ("ASGI-306", {"extensions": {"tls": without(TLS, "cipher_suite")}}),
]
WRONG = {
    "http": [
        *WRONG_OF_BOTH,
        ("ASGI-051", {"asgi": {"version": "3.0", "spec_version": "3.0"}}),
        ("ASGI-051", {"asgi": {"version": "3.0", "spec_version": 2.5}}),
        ("ASGI-052", {"http_version": "1"}),
        ("ASGI-052", {"http_version": "HTTP/1.1"}),
        ("ASGI-052", {"http_version": "2.0"}),
        ("ASGI-053", {"method": "get"}),
        ("ASGI-053", {"method": b"GET"}),
        ("ASGI-054", {"scheme": ""}),
        ("ASGI-054", {"scheme": None}),
        ("ASGI-055", {"path": b"/"}),
        ("ASGI-056", {"raw_path": "/"}),
        ("ASGI-057", {"query_string": ""}),
        ("ASGI-057", {"query_string": None}),
        ("ASGI-058", {"root_path": None}),
        ("ASGI-059", {"headers": None}),
        ("ASGI-059", {"headers": [("host", "a")]}),
        ("ASGI-059", {"headers": {b"host": b"a"}}),
        ("ASGI-059", {"headers": [(b"host",)]}),
        ("ASGI-060", {"client": "127.0.0.1"}),
        ("ASGI-060", {"client": (b"127.0.0.1", 1)}),
        ("ASGI-060", {"client": ("127.0.0.1",)}),
        ("ASGI-061", {"server": 8000}),
        ("ASGI-061", OLD),
        ("ASGI-061", SILENT),
        ("ASGI-062", {"state": None}),
    ],
    "websocket": [
        *WRONG_OF_BOTH,
        ("ASGI-131", {"asgi": {"version": "3.0", "spec_version": "1.0"}}),
        ("ASGI-132", {"http_version": "1.0"}),
        ("ASGI-133", {"scheme": ""}),
        ("ASGI-134", {"path": None}),
        ("ASGI-135", {"raw_path": "/"}),
        ("ASGI-136", {"query_string": ""}),
        ("ASGI-137", {"root_path": None}),
        ("ASGI-138", {"headers": None}),
        ("ASGI-139", {"client": "127.0.0.1"}),
        ("ASGI-139", {"server": 8000}),
        ("ASGI-140", {"subprotocols": "chat"}),
        ("ASGI-140", {"subprotocols": [b"chat"]}),
        ("ASGI-140", {"subprotocols": None}),
        ("ASGI-141", {"state": None}),
    ],
    "lifespan": [
        ("ASGI-006", {"asgi": None}),
        ("ASGI-190", {"asgi": {"version": "3.0", "spec_version": "2.3"}}),
        ("ASGI-191", {"state": None}),
    ],
}
REQUIRED = {
    "http": {
        "asgi": "ASGI-006",
        "http_version": "ASGI-052",
        "method": "ASGI-053",
        "path": "ASGI-055",
        "query_string": "ASGI-057",
        "headers": "ASGI-059",
    },
    "websocket": {"asgi": "ASGI-006", "path": "ASGI-134", "headers": "ASGI-138"},
    "lifespan": {"asgi": "ASGI-006"},
}


def right_of_both():
    """Made anew each time: some of them can be read only once."""
    return [
        {"asgi": {"version": "3.0"}},
        {"asgi": {}},
        {"asgi": {"version": "2.0", "spec_version": "2.0", "extra": 1}},
        {"asgi": {"version": "3.0", "spec_version": "2.6"}},
        {"http_version": "2"},
        {"http_version": "3"},
        {"scheme": "gopher"},
        {"raw_path": None},
        {"headers": []},
        {"headers": ((b"host", b"a"), [b"Accept", b"*/*"])},
        {"headers": Pair(Pair(b"host", b"a"))},
        {"headers": iter([(b"host", b"a")])},
        {"client": None, "server": None},
        {"client": ["a", 1], "server": Pair("a", 2)},
        {"client": iter(("a", 1))},
        {"client": ("", 0)},
        {"server": ("/run/a.sock", None)},
        {"state": {"a": object()}},
        {"extensions": {"mine": {"a": 1}}},
        {"extensions": {"tls": {"server_cert": None, "tls_version": None, "cipher_suite": None}}},
        tls(client_cert_error="expired", more=1),
        tls(client_cert_chain=()),
        tls(client_cert_chain=iter(["PEM"])),
        {"app": object(), "extra": iter(())},
    ]


RIGHT = {
    "http": [*right_of_both(), {"method": "M-SEARCH"}, {"http_version": "1.0"}],
    "websocket": [
        *right_of_both(),
        {"query_string": None},
        {"subprotocols": ()},
        {"subprotocols": iter(["a"])},
    ],
    "lifespan": [
        {"asgi": {"version": "3.0"}},
        {"asgi": {"version": "3.0", "spec_version": "1.0"}},
        {"state": {"already": 1}},
    ],
}
MAKE = {"http": http, "websocket": websocket, "lifespan": lifespan}
ANSWER = {"http": [START, BODY], "websocket": [RECEIVE, ACCEPT], "lifespan": []}
EVENTS = {"http": [REQUEST], "websocket": [CONNECT, LEFT], "lifespan": None}


def judged(kind, scope):
    return clauses(scope, EVENTS[kind], ANSWER[kind])


@pytest.mark.parametrize(
    ("kind", "clause", "changes"), [(k, *row) for k, rows in WRONG.items() for row in rows]
)
def test_scopes_that_break_a_clause(kind, clause, changes):
    assert judged(kind, MAKE[kind]() | changes) == [f"{clause} s"]


@pytest.mark.parametrize(("kind", "changes"), [(k, row) for k, rows in RIGHT.items() for row in rows])
def test_scopes_that_are_allowed(kind, changes):
    assert judged(kind, MAKE[kind]() | changes) == []


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in MAKE for name in MAKE[kind]() if name != "type"]
)
def test_only_mandatory_keys_must_be_there(kind, name):
    clause = REQUIRED[kind].get(name)
    assert judged(kind, without(MAKE[kind](), name)) == ([f"{clause} s"] if clause else [])


def test_what_can_be_read_once_reaches_the_application():
    seen = []

    async def application(scope, receive, send):
        seen.extend(scope["headers"])
        await send(START)
        await send(BODY)

    server = Server(REQUEST)
    asyncio.run(Validator(application)(http(headers=iter([(b"a", b"b")])), server.receive, server.send))
    assert seen == [(b"a", b"b")]


def test_a_finding_tells_the_story():
    validator, _ = converse(http(), [REQUEST], [RECEIVE, START, BODY | {"body": "text"}])
    (finding,) = validator.findings
    assert finding.where == "http GET /path"
    assert finding.sentence == "body of http.response.body is str 'text'"
    assert finding.advice.startswith("give body as bytes")
    assert finding.trace == (
        "receive: http.request",
        "send: http.response.start 200",
        "send: http.response.body",
    )
    assert str(finding).startswith("ASGI-109 (MUST), application, http GET /path: body of")


def test_the_trace_is_bounded():
    piece = BODY | {"more_body": True}
    validator, _ = converse(http(), [REQUEST], [START, *[piece] * 500, START, BODY])
    (finding,) = validator.findings
    assert 20 <= len(finding.trace) <= 40
    assert finding.trace[-1] == "send: http.response.start 200"


@pytest.mark.parametrize(
    ("scope", "event"),
    [(http(), REQUEST), (http(), GONE), (websocket(), CONNECT), (lifespan(), STARTUP)],
    ids=lambda it: it["type"],
)
def test_the_trace_is_bounded_for_a_server_that_repeats_itself(scope, event):
    validator, _ = converse(scope, [event], [*[RECEIVE] * 500, None])
    traces = [finding.trace for finding in validator.findings if finding.clause == "ASGI-010"]  # of the None
    assert [len(trace) for trace in traces] == [40]


def test_the_trace_is_bounded_for_an_application_that_repeats_itself():
    steps = [START, *[BODY | {"more_body": True}, BODY, START] * 500]
    validator, _ = converse(http(), [REQUEST], steps)
    assert max(len(finding.trace) for finding in validator.findings) <= 40


GIVEN = {"http": [MORE, REQUEST, GONE], "websocket": [CONNECT, TEXT, LEFT]}


def drawn(kind, length):
    """Events along the arrows of what the server gives, one more, and whether that has an arrow, too."""
    machine = PROTOCOLS[kind].machines[0]
    reached = [([], machine.first)]
    for _ in range(length):
        further = [
            ([*path, event], machine.after(state, event)) for path, state in reached for event in GIVEN[kind]
        ]
        yield from ((kind, path, state is not None) for path, state in further)
        reached = [(path, state) for path, state in further if state is not None]


@pytest.mark.parametrize(("kind", "path", "allowed"), [*drawn("http", 4), *drawn("websocket", 4)])
def test_a_server_may_give_what_the_table_has_and_nothing_else(kind, path, allowed):
    steps = [step for event in path for step in ([RECEIVE, ACCEPT] if event is CONNECT else [RECEIVE])]
    found = clauses(MAKE[kind](), path, [*steps, *([START, BODY] if kind == "http" else [])])
    assert ("s" not in {it[-1] for it in found}) is allowed
