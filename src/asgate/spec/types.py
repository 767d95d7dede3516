"""The shapes of an ASGI conversation, as loosely as the specification allows them. Both wings use these
names.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""ASGI 3: `await application(scope, receive, send)` (ASGI-001)."""

ASGI2Application: TypeAlias = Callable[[Scope], Callable[[Receive, Send], Awaitable[None]]]
"""ASGI 2: `await application(scope)(receive, send)` (ASGI-320)."""
