"""The middleware: modes, what passes untouched, what leaks between requests, and random legal conversations."""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgate.spec.findings import Side, Violation
from asgate.spec.validator import Validator

from .script import (
    BODY,
    CONNECT,
    EXTENSIONS,
    GONE,
    LEFT,
    MORE,
    RECEIVE,
    REQUEST,
    START,
    Server,
    application,
    clauses,
    converse,
    http,
    websocket,
)

WRONG_START = START | {"status": "200"}


def run(app, scope, *events, **options):
    server = Server(*(events or [REQUEST]), **options)
    asyncio.run(app(scope, server.receive, server.send))
    return server


@pytest.mark.parametrize("app", ["module:app", None, {"type": "http"}])
def test_what_cannot_be_called_is_refused_at_once(app):
    with pytest.raises(TypeError, match="an ASGI application is callable; this is"):
        Validator(app)


def test_mode_raise_raises_out_of_send_and_sends_nothing():
    raised = []

    async def careful(scope, receive, send):
        try:
            await send(WRONG_START)
        except Violation as violation:
            raised.append(violation.finding)
        await send(START | {"status": 500})
        await send(BODY)

    validator = Validator(careful)
    server = run(validator, http())
    assert [it["type"] for it in server.sent] == ["http.response.start", "http.response.body"]
    assert raised == validator.findings
    assert raised[0].clause == "ASGI-101"


def test_mode_raise_raises_at_the_return():
    with pytest.raises(Violation, match="ASGI-018"):
        converse(http(), [REQUEST], [RECEIVE], mode="raise")


def test_mode_raise_raises_the_servers_faults_out_of_receive_and_of_the_call():
    called = []

    async def app(scope, receive, send):
        called.append(scope)
        with pytest.raises(Violation) as caught:
            await receive()
        assert caught.value.finding.side is Side.SERVER
        await send(START)
        await send(BODY)

    run(Validator(app), http(), REQUEST | {"body": "text"})
    with pytest.raises(Violation, match="ASGI-053"):
        run(Validator(app), http(method="get"))
    assert len(called) == 1


def test_an_exception_of_the_application_goes_on():
    error = ZeroDivisionError("mine")
    for mode in ("raise", "log", "collect"):
        with pytest.raises(ZeroDivisionError) as caught:
            converse(http(), [REQUEST], [error], mode=mode)
        assert caught.value is error


@pytest.fixture
def listening(caplog, monkeypatch):
    """Has the validator's logger write to `caplog`, also where a server has configured `asgate` for the process."""
    logger = logging.getLogger("asgate.validator")
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "disabled", False)
    logger.addHandler(caplog.handler)
    yield
    logger.removeHandler(caplog.handler)


@pytest.mark.usefixtures("listening")
def test_mode_log_is_bounded(caplog):
    validator = Validator(application(WRONG_START, BODY), mode="log")
    with caplog.at_level(logging.WARNING, "asgate.validator"):
        for _ in range(30):
            run(validator, http())
    assert len(validator.findings) == 30
    assert len(caplog.records) == 11
    assert (
        caplog.records[0].getMessage().startswith("ASGI-101 (MUST), application, http GET /path: status of")
    )
    assert "not logged" in caplog.records[-1].getMessage()


def test_a_logger_of_ones_own(caplog):
    logger = logging.getLogger("mine")
    with caplog.at_level(logging.WARNING, "mine"):
        run(Validator(application(WRONG_START, BODY), mode="log", logger=logger), http())
    assert [record.name for record in caplog.records] == ["mine"]


def test_findings_are_bounded_and_can_be_cleared():
    seen = []
    validator = Validator(application(*[None] * 1200, START, BODY), mode="collect", on_finding=seen.append)
    run(validator, http())
    assert (len(validator.findings), validator.omitted, len(seen)) == (1000, 200, 1200)
    validator.clear()
    assert (validator.findings, validator.omitted) == ([], 0)


def test_a_mode_that_does_not_exist():
    with pytest.raises(ValueError, match="'shout'"):
        Validator(application(), mode="shout")


def test_scopes_of_other_types_pass_untouched():
    passed = []

    async def app(*arguments):
        passed.extend(arguments)

    scope, receive, send = {"type": "chat", 5: 6}, object(), object()
    asyncio.run(Validator(app)(scope, receive, send))
    assert passed[0] is scope and passed[1] is receive and passed[2] is send


@pytest.mark.parametrize(
    ("scope", "clause"),
    [({}, "ASGI-005"), ({"type": b"http"}, "ASGI-005"), ({"type": None}, "ASGI-005"), (None, "ASGI-004")],
)
def test_what_is_no_scope(scope, clause):
    assert clauses(scope, [REQUEST], []) == [f"{clause} s"]


def test_asgi_2_applications():
    class Application:
        def __init__(self, scope):
            self.scope = scope

        async def __call__(self, receive, send):
            await send(WRONG_START)
            await send(BODY)

    validator = Validator(Application, mode="collect")
    run(validator, http())
    assert [it.clause for it in validator.findings] == ["ASGI-101"]


@pytest.mark.parametrize("name", ["asgi", "extensions", "headers", "state"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("changed", [True, False])
def test_a_change_that_the_next_request_sees(name, shared, changed):
    async def app(scope, receive, send):
        if changed:
            scope[name].append((b"x", b"y")) if name == "headers" else scope[name].update(mine={})
        await send(START)
        await send(BODY)

    validator = Validator(app, mode="collect")
    first = http()
    second = http() | ({name: first[name]} if shared else {})
    run(validator, first)
    run(validator, second)
    assert [it.clause for it in validator.findings] == (["ASGI-014"] if shared and changed else [])


def test_many_conversations_at_once():
    async def app(scope, receive, send):
        await asyncio.sleep(0)
        await receive()
        await send(WRONG_START if scope["path"] == "/7" else START)
        await asyncio.sleep(0)
        await send(BODY)

    async def main():
        validator = Validator(app, mode="collect")
        servers = [Server(REQUEST) for _ in range(20)]
        await asyncio.gather(
            *(
                validator(http(path=f"/{number}"), server.receive, server.send)
                for number, server in enumerate(servers)
            )
        )
        return validator.findings

    assert [it.where for it in asyncio.run(main())] == ["http GET /7"]


# Random legal conversations give nothing.

names = st.from_regex(rb"[a-z][a-z0-9-]{0,10}", fullmatch=True).filter(lambda it: it != b"content-length")
values = st.binary(max_size=10).filter(lambda it: not set(it) & {10, 13, 0})
pairs = st.lists(st.one_of(st.tuples(names, values), st.tuples(names, values).map(list)), max_size=4)
headers = st.one_of(pairs, pairs.map(tuple), pairs.map(lambda it: (pair for pair in it)))
ADDRESS = st.one_of(
    st.none(), st.tuples(st.text(), st.integers(0, 65535)), st.tuples(st.text(), st.just(1)).map(list)
)
extra = st.dictionaries(st.text(min_size=20), st.one_of(st.none(), st.integers(), st.text()), max_size=2)


@st.composite
def scopes(draw):
    optional = {
        "scheme": st.text(min_size=1),
        "raw_path": st.one_of(st.none(), st.binary()),
        "root_path": st.text(),
        "client": ADDRESS,
        "server": ADDRESS,
        "state": st.dictionaries(st.text(), st.integers()),
        "extensions": st.just({name: {} for name in EXTENSIONS}),
    }
    mandatory = {
        "type": st.just("http"),
        "asgi": st.sampled_from([{"version": "3.0"}, {"version": "3.0", "spec_version": "2.5"}]),
        "http_version": st.sampled_from(["1.0", "1.1", "2", "3"]),
        "method": st.text(min_size=1).map(str.upper).filter(lambda it: it == it.upper()),
        "path": st.text(),
        "query_string": st.binary(),
        "headers": headers,
    }
    return draw(extra) | draw(st.fixed_dictionaries(mandatory, optional=optional))


@st.composite
def responses(draw, offered):
    hint = st.builds(lambda links: {"type": "http.response.early_hint", "links": links}, st.lists(values))
    push = st.builds(lambda it: {"type": "http.response.push", "path": "/", "headers": it}, headers)
    body = st.one_of(
        st.binary(max_size=5), st.builds(bytearray, st.binary()), st.builds(memoryview, st.binary())
    )
    piece = st.builds(lambda it: {"type": "http.response.body", "body": it, "more_body": True}, body)
    last = st.fixed_dictionaries(
        {"type": st.just("http.response.body")}, optional={"body": body, "more_body": st.just(False)}
    )
    start = {"type": st.just("http.response.start"), "status": st.integers(200, 599)}
    trailers = draw(st.booleans()) if offered else False
    between = st.one_of(piece, hint, push) if offered else piece
    return [
        *draw(st.lists(hint, max_size=2) if offered else st.just([])),
        draw(st.fixed_dictionaries(start, optional={"headers": headers}))
        | ({"trailers": True} if trailers else {}),
        *draw(st.lists(between, max_size=4)),
        draw(last) | draw(extra),
        *([{"type": "http.response.trailers", "headers": draw(headers)}] if trailers else []),
    ]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_legal_requests_give_nothing(data):
    scope = data.draw(scopes())
    steps = data.draw(responses("extensions" in scope))
    pieces = data.draw(st.lists(st.just(MORE), max_size=3))
    at = data.draw(st.integers(0, len(steps)))
    reads = min(len(pieces) + 1, data.draw(st.integers(0, 4)))
    steps[at:at] = [RECEIVE] * reads if at < len(steps) else []
    validator, _ = converse(scope, [*pieces, REQUEST, GONE], steps, mode="raise")
    assert validator.findings == []


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.one_of(st.text().map(lambda it: {"text": it}), st.binary().map(lambda it: {"bytes": it})),
        max_size=5,
    ),
    st.lists(
        st.one_of(st.text().map(lambda it: {"text": it}), st.binary().map(lambda it: {"bytes": it})),
        max_size=5,
    ),
    st.sampled_from([None, "chat", "talk"]),
    headers,
    st.one_of(st.none(), st.integers(3000, 4999)),
)
def test_random_legal_websockets_give_nothing(heard, said, subprotocol, fields, code):
    events = [CONNECT, *({"type": "websocket.receive"} | it for it in heard), LEFT]
    steps = [
        RECEIVE,
        {"type": "websocket.accept", "subprotocol": subprotocol, "headers": fields},
        *({"type": "websocket.send"} | it for it in said),
        *[RECEIVE] * len(heard),
        {"type": "websocket.close"} | ({} if code is None else {"code": code}),
        RECEIVE,
        RECEIVE,
    ]
    validator, _ = converse(websocket(), events, steps, mode="raise")
    assert validator.findings == []
