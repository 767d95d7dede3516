"""What a validator remembers beyond one conversation."""

import asyncio
import logging

import pytest

from asgate.spec.ledger import Ledger


@pytest.fixture
def ledger():
    return Ledger("collect", False, None, logging.getLogger("nobody"))


def test_shared_and_unchanged_is_no_leak(ledger):
    shared = {"version": "3.0"}
    assert [ledger.leaks({"asgi": shared}) for _ in range(3)] == [[], [], []]


def test_a_change_is_told_once(ledger):
    shared = {"version": "3.0"}
    ledger.leaks({"asgi": shared})
    shared["mine"] = 1
    assert [ledger.leaks({"asgi": shared}) for _ in range(2)] == [["asgi"], []]


def test_a_value_that_was_replaced_by_an_equal_one_is_a_change(ledger):
    headers = [(b"a", b"b")]
    ledger.leaks({"headers": headers})
    headers[0] = (b"a", bytes(bytearray(b"bb")))
    assert ledger.leaks({"headers": headers}) == ["headers"]


def test_tuples_and_strange_containers_are_left_alone(ledger):
    scope = {"headers": ((b"a", b"b"),), "extensions": None, "state": object()}
    assert [ledger.leaks(scope) for _ in range(2)] == [[], []]


def test_startup_belongs_to_its_loop(ledger):
    async def begin():
        return ledger.begin_startup()

    async def starting():
        return ledger.is_starting()

    loop = asyncio.run(begin())
    assert asyncio.run(starting()) is False
    ledger.end_startup(loop)

    async def both():
        mine = ledger.begin_startup()
        during = ledger.is_starting()
        ledger.end_startup(mine)
        return during, ledger.is_starting()

    assert asyncio.run(both()) == (True, False)
