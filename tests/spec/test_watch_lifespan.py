"""Lifespans: each row breaks one clause, and each has a neighbour that the text allows."""

import asyncio

import pytest

from asgate.spec.validator import Validator

from .script import (
    BODY,
    RECEIVE,
    REQUEST,
    SHUTDOWN,
    START,
    STARTED,
    STARTUP,
    STOPPED,
    clauses,
    converse,
    http,
    lifespan,
)

FAILED = {"type": "lifespan.startup.failed", "message": "no database"}
NOT_STOPPED = {"type": "lifespan.shutdown.failed"}

WRONG = [
    ("ASGI-193 s", [SHUTDOWN], [RECEIVE]),
    ("ASGI-202 s", [STARTUP, STARTUP, SHUTDOWN], [RECEIVE, STARTED, RECEIVE, RECEIVE, STOPPED]),
    ("ASGI-202 s", [STARTUP, SHUTDOWN, SHUTDOWN], [RECEIVE, STARTED, RECEIVE, STOPPED, RECEIVE]),
    ("ASGI-010 s", [REQUEST, STARTUP], [RECEIVE, RECEIVE, STARTED]),
    ("ASGI-037 a", [STARTUP], [STARTED, RECEIVE, STARTED]),
    ("ASGI-037 a", [STARTUP], [RECEIVE, STARTED, STARTED]),
    ("ASGI-037 a", [STARTUP], [RECEIVE, STARTED, STOPPED]),
    ("ASGI-037 a", [STARTUP], [RECEIVE, FAILED, STARTED]),
    ("ASGI-038 a", [STARTUP], [RECEIVE, START]),
    ("ASGI-195 a", [STARTUP], [RECEIVE, FAILED | {"message": b"no"}]),
    ("ASGI-201 a", [STARTUP, SHUTDOWN], [RECEIVE, STARTED, RECEIVE, NOT_STOPPED | {"message": None}]),
    ("ASGI-203 a", [STARTUP], [RECEIVE, {"type": "lifespan.ready"}, STARTED]),
    ("ASGI-200 a", [STARTUP, SHUTDOWN], [RECEIVE, STARTED, RECEIVE]),
]
RIGHT = [
    ([STARTUP, SHUTDOWN], [RECEIVE, STARTED, RECEIVE, STOPPED]),
    ([STARTUP, SHUTDOWN], [RECEIVE, STARTED | {"extra": 1}, RECEIVE, NOT_STOPPED]),
    ([STARTUP], [RECEIVE, FAILED]),
    ([STARTUP], [RECEIVE, {"type": "lifespan.startup.failed"}]),
    ([STARTUP], [RECEIVE]),
    ([STARTUP], []),
    ([STARTUP], [RECEIVE, STARTED]),
    ([STARTUP, SHUTDOWN], [RECEIVE, RECEIVE]),
]


@pytest.mark.parametrize(("found", "events", "steps"), WRONG)
def test_conversations_that_break_a_clause(found, events, steps):
    assert clauses(lifespan(), events, steps) == [found]


@pytest.mark.parametrize(("events", "steps"), RIGHT)
def test_conversations_that_are_allowed(events, steps):
    assert clauses(lifespan(), events, steps) == []


def test_an_application_may_reject_lifespan():
    with pytest.raises(ZeroDivisionError):
        converse(lifespan(), [STARTUP], [RECEIVE, ZeroDivisionError()], mode="raise")


@pytest.mark.parametrize(("answered", "expected"), [(True, []), (False, ["ASGI-194"])])
def test_a_request_before_the_startup_is_complete(answered, expected):
    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            if answered:
                await send(STARTED)
            await request()
        else:
            await send(START)
            await send(BODY)

    validator = Validator(application, mode="collect")

    async def startup():
        return STARTUP

    async def send(message): ...

    async def request():
        await validator(http(), startup, send)

    asyncio.run(validator(lifespan(), startup, send))
    assert [it.clause for it in validator.findings] == expected
    asyncio.run(validator(http(), startup, send))
    assert len(validator.findings) == len(expected)


@pytest.mark.parametrize("scope", [http, lifespan])
def test_a_request_gets_a_copy_of_the_state(scope):
    async def application(scope, receive, send):
        if scope["type"] == "http":
            await send(START)
            await send(BODY)

    async def send(message): ...

    validator = Validator(application, mode="collect")
    state = {}
    asyncio.run(validator(lifespan(state=state), None, send))
    asyncio.run(validator(scope(state=state), None, send))
    assert [it.clause for it in validator.findings] == (["ASGI-210"] if scope is http else [])
    asyncio.run(validator(http(state=state.copy()), None, send))
    assert len(validator.findings) == (scope is http)
