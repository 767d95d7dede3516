import pytest

from asgate.testing.errors import MessageRefused
from asgate.testing.options import Served
from asgate.testing.scopes import websocket_scope
from asgate.testing.websocket_rules import WebsocketRules

ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": ""}
CLOSE = {"type": "websocket.close"}
DENIAL = {"type": "websocket.http.response.start", "status": 401}
DENIAL_BODY = {"type": "websocket.http.response.body", "body": b"no"}


def rules(spec_version="2.5", extensions=("websocket.http.response",), subprotocols=("chat",)):
    served = Served(spec_version=spec_version, extensions=extensions)
    return WebsocketRules(websocket_scope("http://a/", [], subprotocols, served, None))


def after(*messages, **options):
    judge = rules(**options)
    for message in messages:
        judge.accept(message)
    return judge


def test_messages_have_one_payload_and_empty_ones_count():
    judge = after(ACCEPT)
    assert judge.accept(SEND) == [{"type": "websocket.send", "text": ""}]
    assert judge.accept({"type": "websocket.send", "bytes": b"", "text": None})[0]["bytes"] == b""
    for wrong in ({}, {"text": "a", "bytes": b"a"}, {"text": None}):
        with pytest.raises(MessageRefused):
            judge.accept({"type": "websocket.send", **wrong})


@pytest.mark.parametrize(
    ("before", "late"),
    [
        ([], SEND),
        ([ACCEPT], ACCEPT),
        ([ACCEPT, CLOSE], SEND),
        ([ACCEPT, CLOSE], CLOSE),
        ([DENIAL], ACCEPT),
        ([ACCEPT], DENIAL),
        ([], DENIAL_BODY),
        ([CLOSE], ACCEPT),
        ([CLOSE], CLOSE),
        ([DENIAL], CLOSE),
        ([DENIAL, DENIAL_BODY], ACCEPT),
        ([DENIAL, DENIAL_BODY], CLOSE),
        ([], {"type": "http.response.start", "status": 200}),
    ],
)
def test_out_of_order_is_refused(before, late):
    judge = after(*before)
    with pytest.raises(MessageRefused):
        judge.accept(late)


@pytest.mark.parametrize(
    ("accept", "clause"),
    [
        ({"subprotocol": "other"}, "ASGI-150"),
        ({"headers": [(b"Sec-WebSocket-Protocol", b"chat")]}, "ASGI-149"),
        ({"headers": [(b":a", b"b")]}, "ASGI-149"),
        ({"headers": [(b"a", b"b\r\nc: d")]}, "ASGI-116"),
    ],
)
def test_accepts_that_no_client_would_take(accept, clause):
    with pytest.raises(MessageRefused, match=clause):
        rules().accept({**ACCEPT, **accept})


@pytest.mark.parametrize(
    ("code", "fine"), [(1000, 1), (1005, 0), (1006, 0), (1011, 1), (2999, 0), (3000, 1), (5000, 0)]
)
def test_close_codes(code, fine):
    judge = after(ACCEPT)
    if fine:
        assert judge.accept({**CLOSE, "code": code})[0]["code"] == code
        assert judge.farewell == {"type": "websocket.disconnect", "code": code, "reason": ""}
    else:
        with pytest.raises(MessageRefused):
            judge.accept({**CLOSE, "code": code})


def test_a_reason_has_123_bytes():
    assert after(ACCEPT).accept({**CLOSE, "reason": "a" + "ä" * 61})
    with pytest.raises(MessageRefused):
        after(ACCEPT).accept({**CLOSE, "reason": "ä" * 62})


@pytest.mark.parametrize("message", [{**SEND, "text": "caf\udce9"}, {**CLOSE, "reason": "caf\udce9"}])
def test_text_is_utf8_on_the_wire(message):
    with pytest.raises(MessageRefused, match="lone surrogate"):
        after(ACCEPT).accept(message)


def test_code_and_reason_of_a_close_before_the_accept_go_nowhere():
    judge = after({**CLOSE, "code": 1006, "reason": "ä" * 62})
    assert judge.complete
    assert judge.farewell == {"type": "websocket.disconnect", "code": 1006, "reason": ""}


def test_a_denial_is_a_response():
    judge = after(DENIAL)
    assert next(iter(judge.accept({**DENIAL_BODY, "more_body": True})))["more_body"] is True
    judge.accept(DENIAL_BODY)
    assert judge.complete
    assert judge.farewell["code"] == 1006
    assert judge.accept(DENIAL_BODY) is None  # as after a complete HTTP response
    with pytest.raises(MessageRefused, match="not offered"):
        rules(extensions=()).accept(DENIAL)


@pytest.mark.parametrize(
    ("version", "headers", "reason", "told"),
    [("2.0", [], "", False), ("2.1", [(b"a", b"b")], "", False), ("2.3", [(b"a", b"b")], "bye", False),
     ("2.5", [(b"a", b"b")], "bye", True)],
)  # fmt: skip
def test_versions_know_their_keys(version, headers, reason, told):
    judge = rules(spec_version=version)
    assert judge.accept({**ACCEPT, "headers": [(b"a", b"b")]})[0]["headers"] == headers
    assert judge.accept({**CLOSE, "reason": "bye"})[0]["reason"] == reason
    other = after(ACCEPT, spec_version=version)
    other.leave(4001, "left")
    assert ("reason" in other.farewell) is told
    assert other.speaks_up() is (version == "2.5")
    if version != "2.5":
        assert other.accept(SEND) is None
