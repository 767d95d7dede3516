"""One call of the probe as a case sees it: what the server gave, and one method for everything that an application
can do with it.

`receive` and `send` happen in the application's own task and wait for their result; `begin_receive` and `begin_send`
happen in tasks of their own, so that several can be under way.
"""

from collections.abc import Callable
from typing import Any

from asgate.conformance.control import Control, Peer, Report
from asgate.conformance.values import reading

Message = dict[str, Any]


class Raised(Exception):
    """What `receive` or `send` of the server raised. `kinds` are the names of its class and bases."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.type: str = report["type"]
        self.kinds: list[str] = report["kinds"]
        self.text: str = report["text"]
        super().__init__(f"{self.type}: {self.text}")


class Gone(Exception):
    """The application had ended, or its task was cancelled, before the command was carried out."""


class Operation:
    """A command under way."""

    def __init__(self, control: Control, number: int, what: str, deadline: Callable[[], float]) -> None:
        self._control, self.number, self._what, self._deadline = control, number, what, deadline

    def done(self) -> bool:
        """Whether its end has been reported so far; does not wait."""
        return self._control.result(self.number) is not None

    def value(self) -> Any:
        """Waits for the result. Raises `Raised`, `Gone`, or `Overdue` at the deadline."""
        self._control.wait(self.done, self._deadline(), self._what)
        report = self._control.result(self.number) or {}
        if "raised" in report:
            raise Raised(report["raised"])
        if "gone" in report or "cancelled" in report:
            raise Gone(
                f"{self._what}: the application was {'cancelled' if 'cancelled' in report else 'gone'}"
            )
        return report["value"]

    def raised(self) -> Raised | None:
        """Waits for the end; what it raised, or None."""
        try:
            self.value()
        except Raised as raised:
            return raised
        return None


class Conversation:
    """One call `app(scope, receive, send)` inside the server under test."""

    def __init__(self, control: Control, peer: Peer, report: Report, deadline: Callable[[], float]) -> None:
        self._control, self._peer, self._deadline = control, peer, deadline
        self.number: int = report["open"]
        self.scope: Any = report["scope"]
        self.facts: dict[str, Any] = report["facts"]

    @property
    def path(self) -> object:
        """The path in the scope; None where there is none."""
        return self.scope.get("path") if isinstance(self.scope, dict) else None

    @property
    def version(self) -> tuple[int, ...]:
        """The version of the HTTP text that the server claims; (2, 0) when it claims none."""
        with reading():
            return tuple(int(part) for part in self.scope["asgi"].get("spec_version", "2.0").split("."))

    @property
    def open(self) -> bool:
        """Whether it has not ended, as far as is known."""
        self._control.poll(0)
        return self.number in self._peer.open

    # In the application's own task.

    def receive(self) -> Any:
        """`await receive()`: the event. Raises `Raised`, `Gone`, `Overdue`."""
        return self._begin("receive", "receive() returned").value()

    def send(self, message: Any) -> None:
        """`await send(message)`. Raises `Raised`, `Gone`, `Overdue`."""
        self._begin("send", _sending(message), message=message).value()

    def refused(self, message: Any) -> Raised | None:
        """`await send(message)` that should raise: what it raised, or None if it did not."""
        return self._begin("send", _sending(message), message=message).raised()

    def start(self, status: int = 200, headers: Any = (), **more: Any) -> None:
        """Sends `http.response.start`."""
        self.send({"type": "http.response.start", "status": status, "headers": list(headers)} | more)

    def body(self, body: Any = b"", *, more: bool = False) -> None:
        """Sends `http.response.body`."""
        self.send({"type": "http.response.body", "body": body, "more_body": more})

    def respond(self, status: int = 200, body: bytes = b"ok", headers: Any = ()) -> None:
        """Sends a whole response of known length, and returns from the application."""
        length = (b"content-length", str(len(body)).encode())
        self.start(status, [*headers, length])
        self.body(body)
        self.end()

    def read(self) -> bytes:
        """Receives the whole body. Raises `Gone` when the client leaves before its end."""
        body: bytes = b""
        while True:
            event = self.receive()
            with reading():
                if event["type"] != "http.request":
                    raise Gone(f"the body ended with {event['type']}")
                body += event.get("body", b"")
                if not event.get("more_body", False):
                    return body

    def end(self) -> None:
        """Returns from the application."""
        self._begin("return", "the application returned").value()

    def fail(self, kind: str = "RuntimeError") -> None:
        """Raises out of the application: a built-in exception by its name, `CancelledError`, or `again`, what
        receive or send raised last.
        """
        self._begin("raise", "the application raised", kind=kind).value()

    def ended(self) -> str:
        """Waits until the application is over: "returned", "cancelled", "raised Name" or "lost with its process"."""
        key = (self._peer.number, self.number)
        self._control.wait(lambda: key in self._control.closed, self._deadline(), "the application ended")
        return self._control.closed[key]

    # Beside it.

    def begin_receive(self) -> Operation:
        """A `receive()` in a task of its own."""
        return self._begin("begin receive", "receive() returned")

    def begin_send(self, message: Any) -> Operation:
        """A `send(message)` in a task of its own."""
        return self._begin("begin send", _sending(message), message=message)

    def cancel(self, operation: Operation) -> None:
        """Cancels a task that `begin_…` started, and waits until it has ended."""
        self._begin("cancel", "the task was cancelled", target=operation.number).value()
        self._control.wait(operation.done, self._deadline(), "the cancelled task ended")

    def turn(self, turns: int = 20) -> None:
        """Lets the server's loop turn so often."""
        self._begin("turn", "the loop turned", turns=turns).value()

    def mutate(self, *path: str, value: Any) -> None:
        """Changes the scope in place: sets the item at the end of the path, or appends to the list there."""
        self._begin("mutate", "the scope was changed", path=list(path), value=value).value()

    def look(self) -> Any:
        """The scope as it is now."""
        return self._begin("scope", "the scope was reported").value()

    def watch(self) -> dict[str, Any]:
        """The facts as they are now, seen from the application's own task."""
        found: dict[str, Any] = self._begin("facts", "the facts were reported").value()
        return found

    def file(self, path: str) -> dict[str, Any]:
        """What became of a file that was sent as `Wrong("file", …)`: {"closed": bool, "position": int}, the position
        -1 when it is closed.
        """
        state: dict[str, Any] = self._begin("file", "the file was looked at", path=path).value()
        return state

    def close_file(self, path: str) -> None:
        """Closes such a file, as applications do when `send` has returned."""
        self._begin("close file", "the file was closed", path=path).value()

    def mark(self, value: str) -> None:
        """Sets the probe's context variable in the application's context; `facts["mark"]` has it at the start."""
        self._begin("mark", "the context variable was set", value=value).value()

    def _begin(self, do: str, what: str, **more: Any) -> Operation:
        number = self._control.command(self._peer, self.number, do, **more)
        return Operation(self._control, number, what, self._deadline)


def _sending(message: Any) -> str:
    kind = message.get("type") if isinstance(message, dict) else type(message).__name__
    return f"send({kind}) returned"
