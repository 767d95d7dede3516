"""The types of events have the keys of the tables."""

import typing

from asgate.spec import events
from asgate.spec.findings import Side
from asgate.spec.messages import MESSAGES


def typed():
    for union, side in ((events.ReceiveEvent, Side.SERVER), (events.SendEvent, Side.APPLICATION)):
        for kind in typing.get_args(union):
            (name,) = typing.get_args(typing.get_type_hints(kind)["type"])
            yield name, (kind, side)


def test_the_keys_and_which_of_them_must_be_there():
    kinds = dict(typed())
    assert set(kinds) == set(MESSAGES)
    for name, message in MESSAGES.items():
        kind, side = kinds[name]
        assert side is message.side
        assert set(kind.__annotations__) == {"type"} | {it.name for it in message.fields}
        assert kind.__required_keys__ == {"type"} | {it.name for it in message.fields if it.required}
