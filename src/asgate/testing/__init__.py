"""Test ASGI applications in process: client, communicators, an httpx transport (docs/testing.md).

Each name is imported when it is first used: the pytest plugin lies in this package, and must cost nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgate.testing.client import Client
    from asgate.testing.communicators import (
        ApplicationCommunicator,
        HttpCommunicator,
        LifespanCommunicator,
        WebsocketCommunicator,
    )
    from asgate.testing.cookies import Cookies
    from asgate.testing.errors import (
        ApplicationEnded,
        ClientGone,
        Closed,
        ConversationError,
        Denied,
        Incomplete,
        LifespanFailed,
        MessageRefused,
        StatusError,
        TimedOut,
        UnexpectedMessage,
    )
    from asgate.testing.exchange import Exchange
    from asgate.testing.headers import Headers
    from asgate.testing.options import ALL_EXTENSIONS, SPEC_VERSIONS
    from asgate.testing.response import Response
    from asgate.testing.sync import SyncClient
    from asgate.testing.transport import ASGITransport
    from asgate.testing.websocket import WebSocket

__all__ = [
    "ALL_EXTENSIONS",
    "SPEC_VERSIONS",
    "ASGITransport",
    "ApplicationCommunicator",
    "ApplicationEnded",
    "Client",
    "ClientGone",
    "Closed",
    "ConversationError",
    "Cookies",
    "Denied",
    "Exchange",
    "Headers",
    "HttpCommunicator",
    "Incomplete",
    "LifespanCommunicator",
    "LifespanFailed",
    "MessageRefused",
    "Response",
    "StatusError",
    "SyncClient",
    "TimedOut",
    "UnexpectedMessage",
    "WebSocket",
    "WebsocketCommunicator",
]


PLACES = {
    "client": ("Client",),
    "communicators": (
        "ApplicationCommunicator",
        "HttpCommunicator",
        "LifespanCommunicator",
        "WebsocketCommunicator",
    ),
    "cookies": ("Cookies",),
    "errors": (
        "ApplicationEnded",
        "ClientGone",
        "Closed",
        "ConversationError",
        "Denied",
        "Incomplete",
        "LifespanFailed",
        "MessageRefused",
        "StatusError",
        "TimedOut",
        "UnexpectedMessage",
    ),
    "exchange": ("Exchange",),
    "headers": ("Headers",),
    "options": (
        "ALL_EXTENSIONS",
        "SPEC_VERSIONS",
    ),
    "response": ("Response",),
    "sync": ("SyncClient",),
    "transport": ("ASGITransport",),
    "websocket": ("WebSocket",),
}


def __getattr__(name: str) -> Any:
    for place, names in PLACES.items():
        if name in names:
            value = getattr(importlib.import_module(f"asgate.testing.{place}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
