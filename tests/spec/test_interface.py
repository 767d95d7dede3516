"""The rules by which ASGI 2 applications are known."""

import functools

import pytest

from asgate.spec.interface import accepts, is_double_callable
from asgate.spec.validator import Validator


async def single(scope, receive, send): ...


def double(scope): ...


def marked_single(scope): ...


def marked_double(scope, receive, send): ...


marked_single._asgi_single_callable = True
marked_double._asgi_double_callable = True


class Instances:
    async def __call__(self, scope, receive, send): ...


class Scoped:
    def __init__(self, scope): ...


@pytest.mark.parametrize(
    ("application", "expected"),
    [
        (single, False),
        (double, True),
        (marked_single, False),
        (marked_double, True),
        (Instances(), False),
        (Scoped, True),
        (functools.partial(single), False),
        (Validator(single), False),
    ],
)
def test_is_double_callable(application, expected):
    assert is_double_callable(application) is expected


def test_accepts():
    assert accepts(double, 1) is True
    assert accepts(double, 2) is False
    assert accepts(dict.fromkeys, 1) in (True, None)
