"""The tables are whole: every clause exists, every state can be reached, every message has a place."""

import pytest

import messages_page
from asgate.spec.clauses import clauses
from asgate.spec.messages import MESSAGES, PROTOCOLS, TLS_ENTRY

MACHINES = [(protocol, machine) for protocol in PROTOCOLS.values() for machine in protocol.machines]


def fields():
    yield from TLS_ENTRY
    for protocol in PROTOCOLS.values():
        yield from protocol.scope
        for message in protocol.messages.values():
            yield from message.fields


def test_every_clause_exists():
    named = {name for it in fields() for name in (it.clause, *it.aspects.values())}
    named |= {message.order for message in MESSAGES.values()}
    named |= {name for _, machine in MACHINES for name in machine.unfinished.values()}
    assert named <= set(clauses())


def test_a_missing_key_has_a_default_or_is_mandatory():
    assert [it.name for it in fields() if it.required is bool(it.default)] == []


@pytest.mark.parametrize(("protocol", "machine"), MACHINES)
def test_machines_are_connected(protocol, machine):
    reached, waiting = set(), {machine.first}
    while waiting:
        state = waiting.pop()
        reached.add(state)
        waiting |= {step.then for step in machine.steps if step.state == state} - reached
    states = {step.state for step in machine.steps} | {step.then for step in machine.steps}
    assert reached == states
    assert set(machine.silent) | set(machine.unfinished) <= states
    assert {step.message for step in machine.steps} <= set(protocol.messages)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda it: it.type)
def test_every_message_has_a_place(protocol):
    placed = {step.message for machine in protocol.machines for step in machine.steps}
    assert placed == set(protocol.messages)


def test_the_page_is_current():
    assert messages_page.PAGE.read_text(encoding="utf-8") == messages_page.page()
