"""What a server's side of a conversation is to the core: one small interface, its simplest form, and the order of
what applications send.

`conversation.py` knows queues and waiting. What may follow what is known to the machines of `asgate.spec.messages`,
which `OrderedRules` walks; what a message's fields mean is known to `http_rules.py`, `websocket_rules.py` and
`lifespan_rules.py`, which derive from it.
"""

from collections.abc import Iterable

from asgate.spec.findings import Side
from asgate.spec.tables import Protocol
from asgate.spec.types import Message, Scope
from asgate.testing.errors import MessageRefused

# The states of the machines, for people.
STATES = {
    "waiting": "nothing was sent",
    "debugged": "the debug information was sent, and no response",
    "started": "the response was started",
    "streaming": "the body is being sent",
    "trailing": "the trailers are awaited",
    "delivered": "the response is complete",
    "complete": "the response is complete",
    "connecting": "the handshake is not answered",
    "open": "the WebSocket is open",
    "denying": "a denial is being sent",
    "denied": "the WebSocket was denied",
    "responded": "the WebSocket was denied",
    "closed": "the WebSocket was closed",
    "new": "startup was not asked for",
    "starting": "startup is not answered",
    "running": "startup is complete",
    "stopping": "shutdown is not answered",
    "failed": "the lifespan is over",
    "ended": "the lifespan is over",
}


class Rules:
    """Lets everything through: for scopes of types of one's own."""

    impatient = False  # whether the farewell comes before events that are still waiting

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        version = str(scope.get("asgi", {}).get("spec_version", "2.0"))
        self.version = tuple(int(part) for part in version.split("."))
        self.farewell: dict[str, object] | None = None  # what `receive` gives again and again at the end

    def accept(self, message: Message) -> Iterable[Message] | None:
        """Checks a message of the application and gives what of it reaches the client.

        None says that it is ignored. Raises `MessageRefused` or TypeError, and then has changed nothing (ASGI-040).
        """
        return (message,)

    @property
    def complete(self) -> bool:
        """Whether the application has said all that it had to."""
        return False

    def leave(self, code: int, reason: str) -> None:
        """The client has left. `code` and `reason` are those of a WebSocket."""

    def half_close(self) -> None:
        """The client says nothing more, and still listens."""

    def asked(self, event: Message) -> None:
        """The client or the server has given the application an event."""

    def speaks_up(self) -> bool:
        """Whether `send` raises because the client has left (ASGI-110, 034)."""
        return False

    def offers(self, extension: str) -> bool:
        """Whether the scope advertises an extension."""
        return extension in (self.scope.get("extensions") or {})


class OrderedRules(Rules):
    """Walks a machine of a protocol; `state` is where the application stands."""

    protocol: Protocol

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.machine = self.protocol.answers
        self.state = self.machine.first
        self.known = {
            name
            for name, it in self.protocol.messages.items()
            if it.side is Side.APPLICATION and (not it.extension or self.offers(it.extension))
        }

    @property
    def complete(self) -> bool:
        return self.state in self.machine.final

    def after(self, message: Message, *, owing: bool = False) -> str | None:
        """The state that a message leads to, None where it is ignored. Raises `MessageRefused` out of its place."""
        kind = kind_of(message)
        if self.state in self.machine.silent:
            return None  # ASGI-111
        then = self.machine.after(self.state, message, owing=owing) if kind in self.known else None
        if then is None:
            raise refused(kind, self.known, STATES[self.state])
        return then


def kind_of(message: object) -> str:
    """The type of a message (ASGI-010, 041)."""
    if not isinstance(message, dict):
        raise TypeError(f"a message must be a dict, not {type(message).__name__} (ASGI-041)")
    kind = message.get("type")
    if kind is None:
        raise MessageRefused("the message has no type (ASGI-010)")
    if not isinstance(kind, str):
        raise TypeError(f"the type of a message must be str, not {type(kind).__name__} (ASGI-010)")
    return kind


def refused(kind: str, known: Iterable[str], state: str) -> MessageRefused:
    """The exception for a message that may not follow."""
    if kind in known:
        return MessageRefused(f"{kind} cannot follow: {state} (ASGI-037)")
    return MessageRefused(f"{kind} is unknown here, or of an extension that is not offered (ASGI-030, 223)")
