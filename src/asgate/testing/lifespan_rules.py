"""The server's side of the lifespan conversation (section 10 of the clauses). Here both sides share one machine."""

from collections.abc import Iterable

from asgate.spec.messages import LIFESPAN
from asgate.spec.types import Message
from asgate.testing import fields
from asgate.testing.rules import OrderedRules


class LifespanRules(OrderedRules):
    """One lifespan."""

    protocol = LIFESPAN

    def asked(self, event: Message) -> None:
        self.state = self.machine.after(self.state, event) or self.state

    def accept(self, message: Message) -> Iterable[Message]:
        then = self.after(message)  # ASGI-203
        assert then is not None, "nothing of a lifespan is ignored"
        if message["type"].endswith(".failed"):
            fields.optional(message, "message", str, "")
        self.state = then
        return (message,)
