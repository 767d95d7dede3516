"""The loose types take what the strict ones describe, and more."""

import typing

from asgate.spec import events, scopes, types


def test_a_scope_is_any_mutable_mapping():
    assert typing.get_origin(types.Scope) is typing.get_origin(types.Message)
    for strict in (scopes.HTTPScope, scopes.WebSocketScope, scopes.LifespanScope):
        assert typing.is_typeddict(strict)


def test_receive_takes_nothing_and_send_one_message():
    assert typing.get_args(types.Receive)[0] == []
    assert typing.get_args(types.Send)[0] == [types.Message]
    assert typing.get_type_hints(events.SendCallable.__call__)["event"] == events.SendEvent
