import pytest

from asgate.testing.errors import MessageRefused
from asgate.testing.lifespan_rules import LifespanRules
from asgate.testing.scopes import lifespan_scope

STARTED, FAILED = {"type": "lifespan.startup.complete"}, {"type": "lifespan.startup.failed", "message": "no"}
STOPPED, SHUTDOWN = {"type": "lifespan.shutdown.complete"}, {"type": "lifespan.shutdown"}
STARTUP = {"type": "lifespan.startup"}


def starting():
    rules = LifespanRules(lifespan_scope({}))
    rules.asked(STARTUP)
    return rules


def test_nobody_answers_before_he_is_asked():
    rules = LifespanRules(lifespan_scope({}))
    with pytest.raises(MessageRefused, match="startup was not asked for"):
        rules.accept(STARTED)


def test_each_half_is_answered_once():
    rules = starting()
    with pytest.raises(MessageRefused):
        rules.accept(STOPPED)
    assert list(rules.accept(STARTED)) == [STARTED]
    for early in (STARTED, STOPPED):
        with pytest.raises(MessageRefused):
            rules.accept(early)
    rules.asked(SHUTDOWN)
    rules.accept(STOPPED)
    assert rules.complete
    with pytest.raises(MessageRefused):
        rules.accept(STOPPED)


def test_a_failure_ends_it():
    rules = starting()
    with pytest.raises(TypeError):
        rules.accept({**FAILED, "message": b"no"})
    rules.accept(FAILED)
    assert rules.complete
    with pytest.raises(MessageRefused, match="unknown"):
        rules.accept({"type": "lifespan.started"})
