"""The server's side of the lifespan conversation: `ORDER` says what may follow what (section 10 of the clauses).

The state changes when the application answers, and when it is asked to shut down.
"""

from collections.abc import Iterable

from asgate.spec.types import Message, Scope
from asgate.testing import fields
from asgate.testing.rules import Rules, kind_of, refused

ORDER: dict[str, dict[str, str]] = {
    "startup is not answered": {
        "lifespan.startup.complete": "startup is complete",
        "lifespan.startup.failed": "the lifespan is over",
    },
    "startup is complete": {},
    "shutdown is not answered": {
        "lifespan.shutdown.complete": "the lifespan is over",
        "lifespan.shutdown.failed": "the lifespan is over",
    },
    "the lifespan is over": {},
}
STARTING, STARTED, STOPPING, OVER = ORDER
KNOWN = {kind for row in ORDER.values() for kind in row}


class LifespanRules(Rules):
    """One lifespan."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.state = STARTING

    @property
    def complete(self) -> bool:
        return self.state == OVER

    def asked(self, event: Message) -> None:
        if event["type"] == "lifespan.shutdown" and self.state == STARTED:
            self.state = STOPPING

    def accept(self, message: Message) -> Iterable[Message]:
        kind = kind_of(message)
        if kind not in ORDER[self.state]:
            raise refused(kind, KNOWN, self.state)  # ASGI-203
        if kind.endswith(".failed"):
            fields.optional(message, "message", str, "")
        self.state = ORDER[self.state][kind]
        return (message,)
