"""What a server's side of a conversation is to the core: one small interface, and its simplest form.

`conversation.py` knows queues and waiting; what a message means for the protocol is known to `http_rules.py`,
`websocket_rules.py` and `lifespan_rules.py`, which derive from `Rules`.
"""

from collections.abc import Iterable

from asgate.spec.types import Message, Scope
from asgate.testing.errors import MessageRefused


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
