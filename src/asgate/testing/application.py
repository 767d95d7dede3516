"""What is given as an application, made into what can be called with `(scope, receive, send)`."""

from typing import Any

from asgate.spec.interface import is_double_callable
from asgate.spec.types import ASGIApplication, Receive, Scope, Send


def asgi3(app: Any) -> ASGIApplication:
    """The application as an ASGI 3 callable (ASGI-320)."""
    if not callable(app):
        raise TypeError(f"an ASGI application is callable; this is of type {type(app).__name__}")
    if not is_double_callable(app):
        application: ASGIApplication = app
        return application

    async def call_asgi2(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope)(receive, send)

    return call_asgi2


def validated(app: Any) -> ASGIApplication:
    """The application behind the validator, which raises."""
    from asgate.spec.validator import Validator

    watched: ASGIApplication = Validator(asgi3(app), mode="raise")
    return watched
