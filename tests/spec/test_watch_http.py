"""Requests: each row breaks one clause, and each has a neighbour that the text allows."""

import asyncio
import contextlib
import io
from http import HTTPStatus

import pytest

from asgate.spec.clauses import Level
from asgate.spec.validator import Validator

from .script import (
    ACCEPT,
    BODY,
    GONE,
    MORE,
    PIECE,
    RECEIVE,
    REQUEST,
    START,
    STARTED,
    Server,
    clauses,
    converse,
    http,
    without,
)

PATHSEND = {"type": "http.response.pathsend", "path": "/tmp/file"}
HINT = {"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]}
PUSH = {"type": "http.response.push", "path": "/a", "headers": []}
DEBUG = {"type": "http.response.debug", "info": {}}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
ANNOUNCED = START | {"trailers": True}
SIZED = START | {"headers": [(b"content-length", b"5")]}


class Descriptor:
    def fileno(self):
        return 0


FILE = {"type": "http.response.zerocopysend", "file": Descriptor()}

# What the server gives.
WRONG_EVENTS = [
    ("ASGI-008", [None], [RECEIVE]),
    ("ASGI-008", [[("type", "http.request")]], [RECEIVE]),
    ("ASGI-010", [{}], [RECEIVE]),
    ("ASGI-010", [{"type": b"http.request"}], [RECEIVE]),
    ("ASGI-010", [{"type": "websocket.connect"}], [RECEIVE]),
    ("ASGI-010", [{"type": "http.response.start"}], [RECEIVE]),
    ("ASGI-011", [REQUEST | {5: 6}], [RECEIVE]),
    ("ASGI-012", [REQUEST | {"body": bytearray(b"x")}], [RECEIVE]),
    ("ASGI-012", [REQUEST | {"body": memoryview(b"x")}], [RECEIVE]),
    ("ASGI-012", [REQUEST | {"body": "x"}], [RECEIVE]),
    ("ASGI-012", [REQUEST | {"body": None}], [RECEIVE]),
    ("ASGI-086", [REQUEST | {"more_body": None}], [RECEIVE]),
    ("ASGI-086", [REQUEST | {"more_body": 0}], [RECEIVE]),
    ("ASGI-088", [REQUEST, REQUEST], [RECEIVE, RECEIVE]),
    ("ASGI-088", [REQUEST, MORE], [RECEIVE, RECEIVE]),
    ("ASGI-096", [GONE, MORE], [RECEIVE, RECEIVE]),
    ("ASGI-096", [GONE, RuntimeError()], [RECEIVE, RECEIVE]),
]
RIGHT_EVENTS = [
    [REQUEST],
    [{"type": "http.request"}],
    [{"type": "http.request", "more_body": True}, {"type": "http.request", "body": b"x"}, GONE],
    [MORE, MORE, MORE, REQUEST, GONE, GONE],
    [MORE, GONE, GONE],
    [GONE],
    [REQUEST | {"extra": object()}, GONE | {"reason": "left"}],
    [{"type": "chat.message", "text": "from elsewhere"}, REQUEST],
    [{"type": "http.something.new"}, REQUEST],
]


@pytest.mark.parametrize(("clause", "events", "steps"), WRONG_EVENTS)
def test_events_that_break_a_clause(clause, events, steps):
    async def receive_all(scope, receive, send):
        for _ in steps:
            with contextlib.suppress(RuntimeError):
                await receive()
        await send(START)
        await send(BODY)

    validator = Validator(receive_all, mode="collect")
    server = Server(*events)
    asyncio.run(validator(http(), server.receive, server.send))
    assert [(it.clause, it.side) for it in validator.findings] == [(clause, "server")]


@pytest.mark.parametrize("events", RIGHT_EVENTS)
def test_events_that_are_allowed(events):
    assert clauses(http(), events, [*[RECEIVE] * len(events), START, BODY]) == []


def test_no_body_event_for_a_receive_after_the_response():
    assert clauses(http(), [REQUEST], [START, BODY, RECEIVE]) == ["ASGI-094 s"]
    assert clauses(http(), [GONE], [START, BODY, RECEIVE]) == []


def test_what_another_task_has_heard_meanwhile_is_not_held_against_the_server():
    async def two_tasks(scope, receive, send):
        tasks = [asyncio.ensure_future(receive()) for _ in range(3)]
        await asyncio.gather(*tasks)
        await send(START)
        await send(BODY)

    async def main():
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(3)]
        waiting = iter(futures)

        async def receive():
            return await next(waiting)

        async def send(message): ...

        loop.call_later(0, lambda: futures[2].set_result(GONE))
        loop.call_later(0.01, lambda: futures[1].set_result(REQUEST))
        loop.call_later(0.02, lambda: futures[0].set_result(MORE))
        validator = Validator(two_tasks)
        await validator(http(), receive, send)
        assert validator.findings == []

    asyncio.run(main())


# What the application sends.
WRONG_MESSAGES = [
    ("ASGI-010", [None]),
    ("ASGI-010", [{}]),
    ("ASGI-010", [{"type": None}]),
    ("ASGI-011", [START | {1: 2}]),
    ("ASGI-030", [{"type": "http.response.begin"}]),
    ("ASGI-030", [REQUEST]),
    ("ASGI-037", [BODY]),
    ("ASGI-037", [START, START]),
    ("ASGI-037", [START, PIECE, START]),
    ("ASGI-038", [ACCEPT]),
    ("ASGI-038", [STARTED]),
    ("ASGI-101", [{"type": "http.response.start"}]),
    ("ASGI-101", [START | {"status": "200"}]),
    ("ASGI-101", [START | {"status": None}]),
    ("ASGI-101", [START | {"status": True}]),
    ("ASGI-101", [START | {"headers": None}]),
    ("ASGI-101", [START | {"headers": {b"a": b"b"}}]),
    ("ASGI-101", [START | {"headers": [("a", b"b")]}]),
    ("ASGI-101", [START | {"headers": [(b"a", "b")]}]),
    ("ASGI-101", [START | {"headers": [(b"a", bytearray(b"b"))]}]),
    ("ASGI-101", [START | {"headers": [(b"a", b"b", b"c")]}]),
    ("ASGI-101", [START | {"headers": [b"ab"]}]),
    ("ASGI-101", [START | {"headers": b"a: b"}]),
    ("ASGI-101", [START | {"trailers": None}]),
    ("ASGI-104", [START | {"headers": [(b":status", b"200")]}]),
    ("ASGI-105", [START, None]),
    ("ASGI-109", [START, BODY | {"body": "hello"}]),
    ("ASGI-109", [START, BODY | {"body": None}]),
    ("ASGI-109", [START, BODY | {"more_body": None}]),
    ("ASGI-109", [START, BODY | {"more_body": 1}, BODY]),
    ("ASGI-115", [SIZED, BODY | {"body": b"hell"}]),
    ("ASGI-115", [SIZED, BODY | {"body": b"hello!"}]),
    ("ASGI-115", [SIZED, PIECE, PIECE, BODY]),
    ("ASGI-116", [START | {"headers": [(b"a", b"b\r\nc: d")]}]),
    ("ASGI-116", [START | {"headers": [(b"a", b"b\0")]}]),
    ("ASGI-116", [START | {"headers": [(b"a b", b"c")]}]),
    ("ASGI-116", [START | {"headers": [(b"", b"c")]}]),
    ("SERVER-20", [START | {"status": 100}]),
    ("SERVER-20", [START | {"status": 101}]),
    ("SERVER-20", [START | {"status": 199}]),
    ("SERVER-20", [START | {"status": 1000}]),
    ("SERVER-20", [START | {"status": 0}]),
    ("ASGI-037", [ANNOUNCED, BODY, BODY, TRAILERS]),
    ("ASGI-240", [PUSH]),
    ("ASGI-241", [START, PUSH | {"path": b"/a"}, BODY]),
    ("ASGI-241", [START, without(PUSH, "headers"), BODY]),
    ("ASGI-241", [START, PUSH | {"headers": [(b":path", b"/")]}, BODY]),
    ("ASGI-250", [FILE]),
    ("ASGI-251", [START, without(FILE, "file")]),
    ("ASGI-251", [START, FILE | {"file": io.BytesIO()}]),
    ("ASGI-251", [START, FILE | {"file": "name"}]),
    ("ASGI-251", [START, FILE | {"offset": "1"}]),
    ("ASGI-251", [START, FILE | {"count": 1.5}]),
    ("ASGI-251", [START, FILE | {"more_body": "no"}, BODY]),
    ("ASGI-260", [PATHSEND]),
    ("ASGI-260", [START, PIECE, PATHSEND, BODY]),
    ("ASGI-260", [START, PATHSEND, PATHSEND]),
    ("ASGI-260", [START, PATHSEND, BODY]),
    ("ASGI-261", [START, {"type": "http.response.pathsend"}]),
    ("ASGI-261", [START, PATHSEND | {"path": b"/tmp"}]),
    ("ASGI-261", [START, PATHSEND | {"path": "tmp"}]),
    ("ASGI-270", [without(HINT, "links")]),
    ("ASGI-270", [HINT | {"links": b"</a>"}]),
    ("ASGI-270", [HINT | {"links": ["</a>"]}]),
    ("ASGI-271", [ANNOUNCED, BODY, HINT, TRAILERS]),
    ("ASGI-274", [HINT | {"links": [b"a\r\nb: c"]}]),
    ("ASGI-280", [TRAILERS]),
    ("ASGI-280", [ANNOUNCED, TRAILERS, BODY, TRAILERS]),
    ("ASGI-281", [ANNOUNCED, BODY, {"type": "http.response.trailers"}]),
    ("ASGI-281", [ANNOUNCED, BODY, TRAILERS | {"headers": [("a", "b")]}]),
    ("ASGI-281", [ANNOUNCED, BODY, TRAILERS | {"headers": [(b":a", b"b")]}]),
    ("ASGI-281", [ANNOUNCED, BODY, TRAILERS | {"more_trailers": 0}]),
    ("ASGI-285", [ANNOUNCED, BODY, None]),
    ("ASGI-290", [START, DEBUG]),
    ("ASGI-290", [DEBUG, DEBUG]),
    ("ASGI-290", [DEBUG | {"info": None}]),
    ("ASGI-018", [None]),
    ("ASGI-018", [HINT, None]),
    ("ASGI-018", [START, PIECE, None]),
]


class Headers:
    def __iter__(self):
        return iter([[b"a", b"b"]])


RIGHT_MESSAGES = [
    [START, BODY],
    [START, {"type": "http.response.body"}],
    [START | {"headers": []}, BODY],
    [START | {"headers": (([b"a", b"b"]), (b"a", b"c"))}, BODY],
    [START | {"headers": Headers()}, BODY],
    [START | {"headers": iter([(b"a", b"b")])}, BODY],
    [START | {"headers": [iter((b"a", b"b"))]}, BODY],
    [START | {"headers": (iter((b"a", b"b")),)}, BODY],
    [START | {"headers": [(b"a", b"b"), iter((b"c", b"d"))]}, BODY],
    [START | {"headers": [(b"transfer-encoding", b"chunked"), (b"Content-Type", b"text/plain")]}, BODY],
    [START | {"headers": [(b"x", "ü".encode("latin-1"))], "extra": object()}, BODY | {(5.0).hex(): 1}],
    [START | {"status": 200}, BODY],
    [START | {"status": HTTPStatus.IM_A_TEAPOT}, BODY],
    [START | {"status": 599}, BODY],
    [START | {"status": 999}, BODY],
    [START, BODY | {"body": bytearray(b"hello")}],
    [START, PIECE | {"body": b""}, PIECE, BODY | {"body": memoryview(b"hello")}],
    [SIZED, BODY],
    [SIZED, BODY | {"body": memoryview(b"hello")}],
    [SIZED, PIECE, BODY | {"body": b""}],
    [SIZED, FILE],
    [SIZED, PATHSEND],
    [SIZED | {"status": 304}, BODY | {"body": b""}],
    [START | {"status": 204}, BODY | {"body": b""}],
    [HINT, HINT, START, HINT, PIECE, HINT, BODY],
    [HINT | {"links": iter([b"a", b"b"])}, START, BODY],
    [DEBUG, START, BODY],
    [HINT, DEBUG, START, BODY],
    [START, PUSH, PIECE, PUSH | {"headers": [(b"a", b"b")]}, BODY],
    [START, FILE | {"offset": 1, "count": 2, "more_body": True}, PIECE, FILE],
    [ANNOUNCED, BODY, TRAILERS],
    [ANNOUNCED, FILE, TRAILERS | {"more_trailers": True}, TRAILERS],
    [ANNOUNCED, PATHSEND, TRAILERS],
]


@pytest.mark.parametrize(("clause", "messages"), WRONG_MESSAGES)
def test_messages_that_break_a_clause(clause, messages):
    complete = messages if messages[-1] is None and clause != "ASGI-010" else mended(messages)
    found = clauses(
        http(), [REQUEST, GONE], [it for it in complete if it is not None or clause == "ASGI-010"]
    )
    assert found == [f"{clause} a"]


def mended(messages):
    """The messages, and what is missing for a complete response."""
    types = [it.get("type") for it in messages if isinstance(it, dict)]
    if "http.response.start" not in types:
        return [*messages, START, BODY]
    final = any(
        it.get("type") in ("http.response.body", "http.response.zerocopysend", "http.response.pathsend")
        and not it.get("more_body")
        for it in messages
    )
    return messages if final else [*messages, BODY]


@pytest.mark.parametrize("messages", RIGHT_MESSAGES)
def test_messages_that_are_allowed(messages):
    validator, server = converse(http(), [REQUEST, GONE], [RECEIVE, *messages, RECEIVE])
    assert validator.findings == []
    assert [it["type"] for it in server.sent] == [it["type"] for it in messages]


def test_what_can_be_read_once_reaches_the_server():
    start = START | {"headers": iter([(b"a", b"b"), iter((b"c", b"d"))])}
    _, server = converse(http(), [REQUEST], [start, BODY])
    assert [tuple(pair) for pair in server.sent[0]["headers"]] == [(b"a", b"b"), (b"c", b"d")]


def test_a_message_is_passed_as_the_object_that_it_is():
    _validator, server = converse(http(), [REQUEST], [START, BODY])
    assert server.sent[0] is START and server.sent[1] is BODY


@pytest.mark.parametrize("extension", [PUSH, FILE, PATHSEND, HINT, TRAILERS, DEBUG])
def test_extensions_that_are_not_advertised(extension):
    for changes in ({"extensions": {}}, {"extensions": {"tls2": {}}}):
        found = clauses(http(**changes), [REQUEST], [extension, START, BODY])
        assert found == ["ASGI-223 a"]
    assert clauses(without(http(), "extensions"), [REQUEST], [extension, START, BODY]) == ["ASGI-223 a"]


def test_extensions_of_a_servers_own():
    scope = http(extensions={"http.response.informational": {}})
    own = {"type": "http.response.informational", "status": 102}
    assert clauses(scope, [REQUEST], [own, START, BODY]) == []


def test_head_responses_have_a_length_and_no_body():
    assert clauses(http(method="HEAD"), [REQUEST], [SIZED, BODY | {"body": b""}]) == []


def test_after_the_complete_response_messages_are_ignored_and_hardly_meant():
    validator, server = converse(http(), [REQUEST], [START, BODY, BODY], mode="raise")
    (finding,) = validator.findings
    assert (finding.clause, finding.level) == ("ASGI-111", Level.MAY)
    assert len(server.sent) == 3


def test_what_is_cut_short_for_a_client_that_left_is_no_fault():
    short = BODY | {"body": b"hell"}
    assert clauses(http(), [GONE], [SIZED, RECEIVE, short]) == []
    assert clauses(http(), [REQUEST], [SIZED, RECEIVE, short]) == ["ASGI-115 a"]


def test_capitals_are_for_the_strict():
    capitals = START | {"headers": [(b"Content-Type", b"text/plain"), (b"Content-Length", b"5")]}
    assert clauses(http(), [REQUEST], [capitals, BODY]) == []
    assert clauses(http(), [REQUEST], [capitals, BODY], strict=True) == ["ASGI-104 a"]
    assert clauses(http(), [REQUEST], [capitals, BODY | {"body": b""}]) == ["ASGI-115 a"]


def test_an_application_that_raises_is_not_blamed_for_what_is_missing():
    with pytest.raises(ZeroDivisionError):
        converse(http(), [REQUEST], [START, ZeroDivisionError()], mode="raise")


def test_an_application_whose_client_is_gone_need_not_go_on():
    assert clauses(http(), [GONE], [START, PIECE, RECEIVE]) == []


@pytest.mark.parametrize("error", [ConnectionError, RuntimeError, asyncio.CancelledError])
def test_what_the_server_refused_leaves_the_order_open(error):
    refused = []

    async def careful(scope, receive, send):
        try:
            await send(START)
        except (ConnectionError, RuntimeError, asyncio.CancelledError) as refusal:
            refused.append(type(refusal))
            await send(START | {"status": 500})

    validator = Validator(careful)
    server = Server(REQUEST, refuses=lambda it: error() if it["status"] == 200 else None)
    asyncio.run(validator(http(), server.receive, server.send))
    assert validator.findings == []
    assert refused == [error]
