import pytest

from asgate.spec.findings import Side
from asgate.spec.messages import MESSAGES, PROTOCOLS
from asgate.testing.errors import MessageRefused
from asgate.testing.http_rules import HttpRules
from asgate.testing.lifespan_rules import LifespanRules
from asgate.testing.options import ALL_EXTENSIONS, Served
from asgate.testing.rules import STATES, Rules, kind_of, refused
from asgate.testing.scopes import http_scope, lifespan_scope, websocket_scope
from asgate.testing.websocket_rules import WebsocketRules

SERVED = Served(extensions=ALL_EXTENSIONS)
MADE = {
    "http": lambda: HttpRules(http_scope("GET", "http://a/", [], SERVED, None)),
    "websocket": lambda: WebsocketRules(websocket_scope("http://a/", [], (), SERVED, None)),
    "lifespan": lambda: LifespanRules(lifespan_scope({})),
}
# What each message needs to be read, whatever the state.
FIELDS = {
    "http.response.start": [{"status": 200}, {"status": 200, "trailers": True}],
    "http.response.body": [{}, {"more_body": True}],
    "http.response.zerocopysend": [{}, {"more_body": True}],
    "http.response.trailers": [{}, {"more_trailers": True}],
    "http.response.early_hint": [{"links": []}],
    "http.response.push": [{"path": "/"}],
    "http.response.debug": [{"info": {}}],
    "websocket.send": [{"text": ""}],
    "websocket.http.response.start": [{"status": 401}],
    "websocket.http.response.body": [{}, {"more_body": True}],
}


@pytest.fixture
def messages_of(tmp_path):
    """All messages of a protocol, in every form that leads to another state."""
    path = tmp_path / "file"
    path.touch()
    with path.open("rb") as file:
        special = {
            "http.response.zerocopysend": {"file": file},
            "http.response.pathsend": {"path": str(path)},
        }
        yield lambda protocol: [
            {"type": kind, **special.get(kind, {}), **fields}
            for kind in PROTOCOLS[protocol].messages
            for fields in FIELDS.get(kind, [{}])
        ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_may_follow_is_what_the_table_has(protocol, messages_of):
    machine, walked, waiting = MADE[protocol]().machine, set(), [[]]
    while waiting:
        path = waiting.pop()
        owing = any(message.get("trailers") for message in path)
        state = after(protocol, path).state
        if (state, owing) in walked:
            continue
        walked.add((state, owing))
        for message in messages_of(protocol):
            then = machine.after(state, message, owing=owing)
            if then is not None:
                waiting.append([*path, message])
                assert after(protocol, waiting[-1]).state == then
            elif state not in machine.silent and is_sent(message):
                with pytest.raises(MessageRefused):
                    after(protocol, [*path, message])
    assert {state for state, _ in walked} == {machine.first} | {step.then for step in machine.steps}


def after(protocol, path):
    """The rules when these messages have been said."""
    rules = MADE[protocol]()
    for message in path:
        if is_sent(message):
            list(rules.accept(message) or ())
        else:
            rules.asked(message)
    return rules


def is_sent(message):
    return MESSAGES[message["type"]].side is Side.APPLICATION


def test_every_state_has_a_name_for_people():
    machines = [MADE[protocol]().machine for protocol in PROTOCOLS]
    assert set(STATES) == {step.then for it in machines for step in it.steps} | {it.first for it in machines}


def test_scopes_of_your_own_have_no_rules():
    message = {"type": "anything.goes"}
    assert list(Rules({"type": "own"}).accept(message)) == [message]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (None, TypeError),
        ([], TypeError),
        ({}, MessageRefused),
        ({"type": 1}, TypeError),
        ({"type": b"a"}, TypeError),
    ],
)
def test_what_is_no_message(message, error):
    with pytest.raises(error):
        kind_of(message)


def test_a_refusal_says_why():
    assert "cannot follow" in str(refused("a.b", {"a.b"}, "it is over"))
    assert "unknown" in str(refused("a.c", {"a.b"}, "it is over"))
