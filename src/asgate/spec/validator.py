"""ASGI middleware that checks both sides of every conversation against the tables of `messages.py`.

    app = Validator(app)                     # a broken clause raises, where it is broken
    app = Validator(app, mode="log")         # for staging
    validator = Validator(app, mode="collect"); …; validator.findings

The server's faults are those in scopes and events, the application's those in messages and at its return. Nothing
is reported that the text allows. Scopes of other types than http, websocket and lifespan pass untouched.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from asgate.spec.clauses import clause
from asgate.spec.findings import Finding, Side
from asgate.spec.interface import is_double_callable
from asgate.spec.ledger import Ledger, Mode
from asgate.spec.types import ASGI2Application, ASGIApplication, Receive, Scope, Send
from asgate.spec.values import shown
from asgate.spec.watch_http import HTTPWatch
from asgate.spec.watch_lifespan import LifespanWatch
from asgate.spec.watch_websocket import WebSocketWatch

WATCHES: Final = {"http": HTTPWatch, "websocket": WebSocketWatch, "lifespan": LifespanWatch}


class Validator:
    """An ASGI 3 application that is `app`, ASGI 3 or 2, under supervision.

    `mode`: "raise" raises `Violation`: the application's faults out of `send`, or out of the call when it returned
    too early, the server's out of `receive` or of the call; what `send` refuses is not passed on. "log" writes
    warnings to `logger`, at most ten for a clause. "collect" only keeps them. In every mode `findings` has the first
    thousand, and `on_finding` is called with each. Findings of level MAY tell of what is allowed and yet hardly meant;
    they never raise. `strict` also reports header names with capitals (ASGI-104), which servers put right in silence
    and Django sends. An exception of the application always goes on to the server.

    Raises TypeError for an `app` that cannot be called.
    """

    def __init__(
        self,
        app: ASGIApplication | ASGI2Application,
        *,
        mode: Mode = "raise",
        strict: bool = False,
        on_finding: Callable[[Finding], None] | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        if not callable(app):
            raise TypeError(f"an ASGI application is callable; this is {shown(app)}")
        self.app: Any = _single(app) if is_double_callable(app) else app
        self._ledger = Ledger(mode, strict, on_finding, logger or logging.getLogger("asgate.validator"))

    @property
    def mode(self) -> Mode:
        """What happens with findings."""
        return self._ledger.mode

    @property
    def findings(self) -> list[Finding]:
        """The first thousand since the last `clear`, oldest first."""
        return self._ledger.findings

    @property
    def omitted(self) -> int:
        """How many more there were."""
        return self._ledger.omitted

    def clear(self) -> None:
        """Forgets all findings."""
        self._ledger.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One conversation (ASGI-001)."""
        kind = scope.get("type") if isinstance(scope, dict) else None
        make = WATCHES.get(kind) if type(kind) is str else None
        if make is None or not isinstance(scope, dict):
            if not isinstance(kind, str):
                self._strange_scope(scope)
            await self.app(scope, receive, send)
            return
        watch = make(self._ledger, scope, receive, send)
        watch.begin()
        try:
            await self.app(watch.scope, watch.receive, watch.send)
        finally:
            watch.leave()
        watch.end()

    def _strange_scope(self, scope: Any) -> None:
        if not isinstance(scope, dict):
            name, sentence, advice = "ASGI-004", f"the scope is {shown(scope)}", "give a dict"
        else:
            name, sentence = "ASGI-005", f"type of the scope is {shown(scope.get('type'))}"
            advice = "give every scope a type, a str"
        self._ledger.add(Finding(name, clause(name).level, Side.SERVER, sentence, advice, "?", ()))


def _single(application: Any) -> ASGIApplication:
    async def call_asgi2(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope)(receive, send)

    return call_asgi2
