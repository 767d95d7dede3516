import functools

import pytest

from asgate.errors import Exit, Failure
from asgate.server.interface import as_asgi3, is_double_callable


async def single(scope, receive, send): ...


def double(scope):
    async def instance(receive, send):
        scope["called"] = (receive, send)

    return instance


async def async_factory(): ...


def sync_single(scope, receive, send):
    return single(scope, receive, send)


class DoubleClass:
    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        self.scope["called"] = (receive, send)


class SingleInstance:
    async def __call__(self, scope, receive, send): ...


class DoubleInstance:
    def __call__(self, scope):
        return double(scope)


def marked(function, name):
    def application(*arguments):
        return function(*arguments)

    setattr(application, name, True)
    return application


@pytest.mark.clause("ASGI-321")
@pytest.mark.parametrize(
    ("application", "is_double"),
    [
        (single, False),
        (double, True),
        (DoubleClass, True),
        (SingleInstance(), False),
        (DoubleInstance(), True),
        (SingleInstance().__call__, False),
        (functools.partial(single), False),
        (functools.partial(double), True),
        (sync_single, False),
        (lambda scope, receive, send: single(scope, receive, send), False),
        (lambda scope: double(scope), True),
        (marked(single, "_asgi_single_callable"), False),
        (marked(double, "_asgi_double_callable"), True),
    ],
)
def test_detection(application, is_double):
    assert is_double_callable(application) is is_double
    assert as_asgi3(application, "auto", "app")[1] == (2 if is_double else 3)


@pytest.mark.clause("ASGI-320")
@pytest.mark.parametrize("application", [double, DoubleClass, DoubleInstance()])
def test_a_double_callable_is_served_as_a_single_one(application, run):
    adapted, version = as_asgi3(application, "auto", "app")
    scope = {}
    run(adapted(scope, "receive", "send"))
    assert version == 2
    assert scope["called"] == ("receive", "send")


@pytest.mark.clause("ASGI-322")
def test_the_option_overrides_the_detection():
    flexible = marked(single, "x")
    assert as_asgi3(flexible, "auto", "app")[1] == 2
    assert as_asgi3(flexible, "asgi3", "app")[0] is flexible
    assert as_asgi3(flexible, "asgi2", "app")[1] == 2


def test_a_single_callable_is_not_wrapped():
    assert as_asgi3(single, "auto", "app") == (single, 3)


@pytest.mark.parametrize(
    ("application", "interface", "sentence", "hint"),
    [
        (5, "auto", "app is not callable: it is an object of type int", "async callable"),
        (lambda environ, start_response: [], "auto", "does not take 3 arguments", "a2wsgi"),
        (lambda: single, "auto", "does not take 3 arguments", "add --factory"),
        (double, "asgi3", "does not take 3 arguments", "--interface asgi2"),
        (single, "asgi2", "it does not take 1 argument", "async callable"),
        (
            async_factory,
            "auto",
            "does not take 3 arguments",
            "async factory: make it a plain def and add --factory",
        ),
        (lambda a, b, c, d: None, "auto", "does not take 3 arguments", "async callable"),
    ],
)
def test_what_is_no_application_says_what_it_looks_like(application, interface, sentence, hint):
    with pytest.raises(Failure) as caught:
        as_asgi3(application, interface, "app")
    assert sentence in caught.value.sentence
    assert hint in caught.value.hint
    assert caught.value.exit_code is Exit.TARGET


class Configured:
    """As FastAPI: the class is made of options, its instances are applications."""

    def __init__(self, *, debug=False): ...

    async def __call__(self, scope, receive, send): ...


class Positional(Configured):
    """As Starlette, whose constructor would take a scope for `debug`."""

    def __init__(self, debug=False, routes=None, middleware=None): ...


@pytest.mark.parametrize("interface", ["auto", "asgi2", "asgi3"])
@pytest.mark.parametrize("application", [Configured, Positional])
def test_a_class_in_the_place_of_its_instance(application, interface):
    with pytest.raises(Failure) as caught:
        as_asgi3(application, interface, "main:app")
    assert caught.value.sentence == "main:app is a class: its instances are ASGI applications, not itself"
    assert f"app = {application.__name__}()" in caught.value.hint
    assert caught.value.exit_code is Exit.TARGET


def test_a_class_that_makes_no_difference_is_taken_by_its_constructor():
    class Open(DoubleClass):
        async def __call__(self, *arguments): ...

    assert as_asgi3(Open, "auto", "app")[1] == 2


def test_a_class_of_asgi_3_gets_its_hint():
    class Endpoint:
        def __init__(self, scope, receive, send): ...

        def __await__(self): ...

    with pytest.raises(Failure, match="--interface asgi3"):
        as_asgi3(Endpoint, "auto", "app")
