"""What goes wrong in a conversation, and whose fault it is.

Errors for the test are `AssertionError`s and end with the conversation so far, so that a failing test shows what
was said. Errors for the application come out of its `send`, with the classes a strict server uses: `OSError` for a
client that has left (ASGI-110), `RuntimeError` for a message out of order (ASGI-037), TypeError for a wrong type.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asgate.testing.response import Response


class ConversationError(AssertionError):
    """The application did not do what the test waits for. `transcript` is what was said, a line each."""

    def __init__(self, sentence: str, transcript: tuple[str, ...] = ()) -> None:
        said = "\n  ".join(("the conversation so far:", *transcript)) if transcript else ""
        super().__init__(f"{sentence}\n{said}" if said else sentence)
        self.sentence = sentence
        self.transcript = transcript


class TimedOut(ConversationError, TimeoutError):
    """Something took longer than the time limit. The application goes on and no message is lost."""


class ApplicationEnded(ConversationError):
    """The application returned, or was cancelled, before it had said what the test waits for."""


class Incomplete(ConversationError):
    """The response was cut short: the application ended, or sent less than its content-length (ASGI-018, 115)."""


class UnexpectedMessage(ConversationError):
    """The application sent something else than the test asked for, such as text where bytes were expected."""


class LifespanFailed(ConversationError):
    """The application sent `lifespan.startup.failed` or `lifespan.shutdown.failed`, or its lifespan broke."""


class StatusError(ConversationError):
    """`raise_for_status` of a response with status 400 or above, which is `response`."""

    def __init__(self, response: "Response", sentence: str, transcript: tuple[str, ...]) -> None:
        super().__init__(sentence, transcript)
        self.response = response


class Denied(ConversationError):
    """The application refused the WebSocket; `response` is what the client gets (ASGI-151, 231)."""

    def __init__(self, response: "Response", transcript: tuple[str, ...]) -> None:
        super().__init__(f"the WebSocket was refused with status {response.status_code}", transcript)
        self.response = response


class Closed(ConversationError):
    """The application closed the WebSocket. `code` and `reason` are those of its close (ASGI-181)."""

    def __init__(self, code: int, reason: str, transcript: tuple[str, ...] = ()) -> None:
        told = f" ({reason})" if reason else ""
        super().__init__(f"the application closed the WebSocket with code {code}{told}", transcript)
        self.code = code
        self.reason = reason


class ClientGone(ConnectionError):
    """Out of the application's `send`: the client has left (ASGI-110, 180, spec version 2.4)."""


class MessageRefused(RuntimeError):
    """Out of the application's `send`: unknown, incomplete or out of order (ASGI-030, 031, 037)."""


def caused_by_leaving(error: BaseException) -> bool:
    """True for `ClientGone` and for what an application makes of it: servers ignore both (ASGI-035)."""
    return _leads_to_leaving(error, set())


def _leads_to_leaving(error: BaseException | None, seen: set[int]) -> bool:
    # `seen` is shared: an exception inside a group may have that group as its context.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ClientGone):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(_leads_to_leaving(inner, seen) for inner in error.exceptions)
        error = error.__cause__ or error.__context__
    return False
