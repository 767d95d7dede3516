"""WebSockets: each row breaks one clause, and each has a neighbour that the text allows."""

import asyncio
import contextlib

import pytest

from asgate.spec.clauses import Level
from asgate.spec.validator import Validator

from .script import (
    ACCEPT,
    CLOSE,
    CONNECT,
    DENIED,
    DENY,
    LEFT,
    RECEIVE,
    SEND,
    START,
    TEXT,
    Server,
    clauses,
    converse,
    websocket,
    without,
)

WRONG_EVENTS = [
    ("ASGI-008", [None]),
    ("ASGI-010", [{"type": "http.request"}, CONNECT]),
    ("ASGI-145", [LEFT]),
    ("ASGI-145", [CONNECT, CONNECT]),
    ("ASGI-160", [CONNECT, ACCEPT, {"type": "websocket.receive"}]),
    ("ASGI-160", [CONNECT, ACCEPT, TEXT | {"bytes": b"hello"}]),
    ("ASGI-160", [CONNECT, ACCEPT, TEXT | {"text": None, "bytes": None}]),
    ("ASGI-161", [CONNECT, ACCEPT, TEXT | {"text": b"hello"}]),
    ("ASGI-161", [CONNECT, ACCEPT, TEXT | {"text": "caf\udce9"}]),
    ("ASGI-161", [CONNECT, ACCEPT, {"type": "websocket.receive", "bytes": bytearray(b"x")}]),
    ("ASGI-146", [CONNECT, TEXT]),
    ("ASGI-146", [CONNECT, CLOSE, TEXT]),
    ("ASGI-176", [CONNECT, ACCEPT, {"type": "websocket.disconnect"}]),
    ("ASGI-176", [CONNECT, ACCEPT, LEFT | {"code": None}]),
    ("ASGI-176", [CONNECT, ACCEPT, LEFT | {"reason": b"bye"}]),
    ("ASGI-179", [CONNECT, ACCEPT, LEFT, TEXT]),
    ("ASGI-179", [CONNECT, ACCEPT, LEFT, RuntimeError()]),
]
RIGHT_EVENTS = [
    [CONNECT, ACCEPT, TEXT, TEXT | {"bytes": None}, LEFT, LEFT],
    [CONNECT, ACCEPT, TEXT | {"text": ""}, {"type": "websocket.receive", "bytes": b""}, LEFT],
    [CONNECT, ACCEPT, {"type": "websocket.receive", "bytes": b"x", "text": None}, LEFT | {"code": 1005}],
    [CONNECT, ACCEPT, LEFT | {"reason": None}],
    [CONNECT, ACCEPT, LEFT | {"reason": "", "extra": 1}],
    [CONNECT, LEFT | {"code": 1006}],
    [CONNECT, CLOSE, LEFT | {"code": 1006}],
    [CONNECT, {"type": "chat.message"}, ACCEPT, {"type": "chat.message"}, LEFT],
]
SENT = {message["type"] for message in (ACCEPT, SEND, CLOSE, DENY, DENIED)}


def found(steps, scope=None):
    """The findings of a conversation in which the application takes and sends what stands in `steps`."""

    async def run(scope, receive, send):
        for step in steps:
            if isinstance(step, dict) and step.get("type") in SENT:
                await send(step)
            else:
                with contextlib.suppress(RuntimeError):
                    await receive()

    events = [step for step in steps if not (isinstance(step, dict) and step.get("type") in SENT)]
    validator = Validator(run, mode="collect")
    server = Server(*events)
    asyncio.run(validator(scope or websocket(), server.receive, server.send))
    return [f"{it.clause} {it.side.value[0]}" for it in validator.findings]


@pytest.mark.parametrize(("clause", "steps"), WRONG_EVENTS)
def test_events_that_break_a_clause(clause, steps):
    answered = steps if ACCEPT in steps or CLOSE in steps or steps[-1] is LEFT else [*steps, CLOSE]
    assert found(answered) == [f"{clause} s"]


@pytest.mark.parametrize("steps", RIGHT_EVENTS)
def test_events_that_are_allowed(steps):
    assert found(steps) == []


WRONG_MESSAGES = [
    ("ASGI-030", [{"type": "websocket.ping"}, ACCEPT]),
    ("ASGI-030", [ACCEPT, TEXT]),
    ("ASGI-037", [SEND, ACCEPT]),
    ("ASGI-037", [ACCEPT, ACCEPT]),
    ("ASGI-037", [CLOSE, ACCEPT]),
    ("ASGI-038", [START, ACCEPT]),
    ("SERVER-20", [DENY | {"status": 100}, DENIED]),
    ("ASGI-147", [ACCEPT | {"subprotocol": b"chat"}]),
    ("ASGI-147", [ACCEPT | {"headers": None}]),
    ("ASGI-147", [ACCEPT | {"headers": [("a", "b")]}]),
    ("ASGI-149", [ACCEPT | {"headers": [(b"sec-websocket-protocol", b"chat")]}]),
    ("ASGI-149", [ACCEPT | {"headers": [(b":status", b"101")]}]),
    ("ASGI-116", [ACCEPT | {"headers": [(b"a", b"b\nc")]}]),
    ("ASGI-150", [ACCEPT | {"subprotocol": "other"}]),
    ("ASGI-153", []),
    ("ASGI-165", [ACCEPT, {"type": "websocket.send"}]),
    ("ASGI-165", [ACCEPT, SEND | {"bytes": b"hello"}]),
    ("ASGI-165", [ACCEPT, SEND | {"text": b"hello"}]),
    ("ASGI-165", [ACCEPT, {"type": "websocket.send", "bytes": "hello"}]),
    ("ASGI-161", [ACCEPT, SEND | {"text": "caf\udce9"}]),
    ("ASGI-161", [ACCEPT, CLOSE | {"reason": "caf\udce9"}]),
    ("ASGI-181", [ACCEPT, CLOSE | {"code": "1000"}]),
    ("ASGI-181", [ACCEPT, CLOSE | {"code": None}]),
    ("ASGI-181", [ACCEPT, CLOSE | {"reason": b"bye"}]),
    ("ASGI-183", [ACCEPT, CLOSE, SEND]),
    ("ASGI-183", [ACCEPT, CLOSE, CLOSE]),
    ("ASGI-186", [ACCEPT, CLOSE | {"code": 1005}]),
    ("ASGI-186", [ACCEPT, CLOSE | {"code": 5000}]),
    ("ASGI-186", [ACCEPT, CLOSE | {"reason": "ü" * 62}]),
    ("ASGI-231", [DENIED, CLOSE]),
    ("ASGI-231", [DENY | {"status": "401"}, DENIED]),
    ("ASGI-231", [DENY, DENIED | {"body": "no"}]),
    ("ASGI-232", [DENY, ACCEPT, DENIED]),
    ("ASGI-232", [DENY, DENIED, CLOSE]),
    ("ASGI-018", [DENY, DENIED | {"more_body": True}]),
]
RIGHT_MESSAGES = [
    [ACCEPT],
    [ACCEPT, SEND, SEND | {"bytes": None}, {"type": "websocket.send", "bytes": b""}, CLOSE],
    [ACCEPT | {"subprotocol": None, "headers": []}],
    [
        ACCEPT | {"subprotocol": "talk", "headers": iter([(b"a", b"b")])},
        CLOSE | {"code": 4999, "reason": "x" * 123},
    ],
    [ACCEPT, SEND | {"text": "", "extra": 1}, CLOSE | {"code": 1000, "reason": None}],
    [CLOSE],
    [CLOSE | {"code": 1006, "reason": "caf\udce9"}],
    [DENY, DENIED],
    [DENY | {"headers": [(b"a", b"b")]}, DENIED | {"more_body": True}, DENIED, DENIED],
]


@pytest.mark.parametrize(("clause", "messages"), WRONG_MESSAGES)
def test_messages_that_break_a_clause(clause, messages):
    assert clauses(websocket(), [CONNECT], [RECEIVE, *messages]) == [f"{clause} a"]


@pytest.mark.parametrize("messages", RIGHT_MESSAGES)
def test_messages_that_are_allowed(messages):
    assert clauses(websocket(), [CONNECT, LEFT], [RECEIVE, *messages, RECEIVE, RECEIVE]) == []


@pytest.mark.parametrize(
    ("sent", "advice"),
    [
        ([], "accept or close"),
        ([DENY], "without more_body"),
        ([DENY, DENIED | {"more_body": True}], "without more_body"),
    ],
)
def test_what_is_missing_at_the_end_has_its_own_advice(sent, advice):
    validator, _ = converse(websocket(), [CONNECT], [RECEIVE, *sent], mode="collect")
    (finding,) = validator.findings
    assert advice in finding.advice


def test_after_the_disconnect_messages_are_not_held_against_the_application():
    assert clauses(websocket(), [CONNECT, LEFT], [RECEIVE, ACCEPT, RECEIVE, SEND, CLOSE, CLOSE]) == []
    assert clauses(websocket(), [CONNECT, LEFT], [RECEIVE, RECEIVE]) == []


def test_a_method_in_the_scope():
    assert clauses(websocket(method="GET"), [CONNECT], [RECEIVE, CLOSE]) == ["ASGI-142 s"]


def test_a_denial_that_is_not_offered():
    assert clauses(websocket(extensions={}), [CONNECT], [RECEIVE, DENY, CLOSE]) == ["ASGI-223 a"]


def test_headers_of_an_accept_for_a_server_that_does_not_know_them():
    headers = ACCEPT | {"headers": [(b"a", b"b")]}
    for asgi in ({"version": "3.0"}, {"version": "3.0", "spec_version": "2.0"}):
        validator, _ = converse(websocket(asgi=asgi), [CONNECT], [RECEIVE, headers], mode="collect")
        assert [(finding.clause, finding.level) for finding in validator.findings] == [
            ("ASGI-147", Level.MAY)
        ]
        assert clauses(websocket(asgi=asgi), [CONNECT], [RECEIVE, ACCEPT | {"headers": []}]) == []
    newer = {"version": "3.0", "spec_version": "2.1"}
    assert clauses(websocket(asgi=newer), [CONNECT], [RECEIVE, headers]) == []


def test_without_subprotocols_none_can_be_chosen():
    scope = without(websocket(), "subprotocols")
    assert clauses(scope, [CONNECT], [RECEIVE, ACCEPT]) == []
    assert clauses(scope, [CONNECT], [RECEIVE, ACCEPT | {"subprotocol": "chat"}]) == ["ASGI-150 a"]


def test_an_application_that_raises_need_not_answer():
    with pytest.raises(ZeroDivisionError):
        converse(websocket(), [CONNECT], [RECEIVE, ZeroDivisionError()], mode="raise")


def test_what_another_task_has_heard_first_is_not_held_against_the_server():
    async def two_tasks(scope, receive, send):
        tasks = [asyncio.ensure_future(receive()) for _ in range(2)]
        await asyncio.gather(*tasks)

    async def main():
        futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
        waiting = iter(futures)
        futures[1].set_result(LEFT)
        asyncio.get_running_loop().call_later(0.01, futures[0].set_result, CONNECT)

        async def receive():
            return await next(waiting)

        validator = Validator(two_tasks)
        await validator(websocket(), receive, None)
        assert validator.findings == []

    asyncio.run(main())


def test_what_the_server_refused_leaves_the_order_open():
    async def careful(scope, receive, send):
        await receive()
        try:
            await send(ACCEPT)
        except OSError:
            await send(CLOSE)

    validator = Validator(careful)
    server = Server(CONNECT, refuses=lambda it: OSError() if it is ACCEPT else None)
    asyncio.run(validator(websocket(), server.receive, server.send))
    assert validator.findings == []
