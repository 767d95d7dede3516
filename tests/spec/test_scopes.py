"""The types of scopes have the keys of the tables."""

import pytest

from asgate.spec import scopes
from asgate.spec.messages import MESSAGES, PROTOCOLS, TLS_ENTRY


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (scopes.HTTPScope, PROTOCOLS["http"].scope),
        (scopes.WebSocketScope, PROTOCOLS["websocket"].scope),
        (scopes.LifespanScope, PROTOCOLS["lifespan"].scope),
        (scopes.TLS, TLS_ENTRY),
    ],
)
def test_the_keys_and_which_of_them_must_be_there(kind, table):
    assert set(kind.__annotations__) == {it.name for it in table}
    assert kind.__required_keys__ == {it.name for it in table if it.required}


def test_the_extensions_of_the_tables_are_typed():
    named = {message.extension for message in MESSAGES.values()} - {""} | {"tls"}
    assert named == set(scopes.HTTPExtensions.__annotations__) | set(
        scopes.WebSocketExtensions.__annotations__
    )
