"""One case against one server: what the case's function is given. It hands out connections and conversations, keeps
the evidence in order, holds everything to the case's deadline and cleans up behind it.
"""

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from asgate.conformance.case import Case
from asgate.conformance.control import Overdue, Peer, Report
from asgate.conformance.conversation import Conversation, Gone, Raised
from asgate.conformance.evidence import Evidence, brief
from asgate.conformance.process import Server, Starter
from asgate.conformance.values import reading, same
from asgate.conformance.wire import Malformed, Wire

# What poll tells of a connection whose other end has said that it sends no more; macOS tells less.
ENDED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
LATE = 1.0  # seconds for a call after the end of its connection, where a server no longer answers others
UNSEEN: Any = object()  # nothing to tell of what was seen; None may well be what was


class Failed(Exception):
    """The server does not do what the case asks; the message says what was expected and what came."""


class Differs(Exception):
    """It does something else that the text allows; the message says why."""


class NotOffered(Exception):
    """It does not offer what the case is about; the message says how that shows."""


class Trial:
    """What a case works with."""

    def __init__(self, case: Case, server: Server, starter: Starter) -> None:
        self.case = case
        self.evidence = Evidence()
        self._shared = server
        self._starter = starter
        self._deadline = time.monotonic() + case.seconds
        self._wires: list[tuple[Wire, Server]] = []
        self._conversations: list[Conversation] = []
        self._servers: list[Server] = []
        self._printed = server.printed
        self._unwatch = server.control.watch(self.evidence.report)

    def deadline(self) -> float:
        """When the case must have ended (monotonic seconds)."""
        return self._deadline

    @property
    def shared(self) -> Server:
        """The server that all cases share, except those that start their own."""
        return self._shared

    # What the case does.

    def server(self, **options: Any) -> Server:
        """A server process of the case's own; it is ended with the case. See `Starter.start` for the options. The
        time of its start, 20 s at most, does not count as the case's.

        Raises `Unknown` when the adapter knows no way to say such an option, `NotStarted`.
        """
        began = time.monotonic()
        try:
            server = self._starter.start(watcher=self.evidence.report, **options)
        finally:
            self._deadline += time.monotonic() - began
        self._servers.append(server)
        return server

    def connect(self, server: Server | None = None, *, buffer: int | None = None) -> Wire:
        """A new connection. `buffer`: a small receive buffer, for clients that are slow to read."""
        server = server or self._shared
        return self._wire(server.connect(self._deadline, buffer=buffer), server)

    def _wire(self, connection: socket.socket, server: Server) -> Wire:
        number = len(self._wires) + 1

        def tell(direction: str, data: bytes) -> None:
            self.evidence.wire(direction.replace("wire", f"wire {number}"), data)

        wire = Wire(connection, server.control, tell, self.deadline)
        self._wires.append((wire, server))
        return wire

    def knock(self, server: Server) -> Wire | None:
        """One attempt to connect; None when the server does not listen."""
        connection = server.knock()
        return None if connection is None else self._wire(connection, server)

    def conversation(
        self, server: Server | None = None, kind: str = "http", *, path: str | None = None
    ) -> Conversation:
        """The next call of the application with a scope of this type, and this path if one is named. Raises `Overdue`;
        `Never` as soon as the server has ended, or all connections of the case to it.
        """
        server = server or self._shared
        control = server.control
        found: list[Conversation] = []

        def take() -> bool:
            if found:  # it is asked again when the call came while `_cut_off` looked
                return True
            for entry in control.opened:
                peer, report = entry
                scope = report["scope"]
                if (
                    report["mode"] == "steered"
                    and isinstance(scope, dict)
                    and scope.get("type") == kind
                    and path in (None, scope.get("path"))
                ):
                    control.opened.remove(entry)
                    found.append(Conversation(control, peer, report, self.deadline))
                    return True
            return False

        what = f"the application was called with a scope of type {kind}"
        control.wait(take, self._deadline, what, lambda: self._cut_off(server, kind))
        self._conversations.append(found[0])
        return found[0]

    def _cut_off(self, server: Server, kind: str) -> str:
        """Why the application can be called no more; "" while it can. No connection is needed for lifespan."""
        if over := server.over():
            server.control.poll(0)  # its last reports
            return over
        wires = [wire for wire, its in self._wires if its is server and wire.descriptor >= 0]
        if kind == "lifespan" or not wires or not all(map(_closed, wires)):
            return ""
        for wire in wires:
            wire.ended()  # what came before the end is evidence
        with contextlib.suppress(Overdue, Gone, Malformed, OSError), self._within(LATE):
            self.settle(server)  # a server may close first and call then, or end
        return server.over() or "the server had closed the connection"

    @contextlib.contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Inside, every wait of the case ends after so long, if not before."""
        whole, self._deadline = self._deadline, min(self._deadline, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._deadline = whole

    def request(
        self, target: str = "/", *, method: str = "GET", headers: str = "", body: bytes = b"", **options: Any
    ) -> tuple[Wire, Conversation]:
        """A new connection with one plain request on it, and the conversation that it caused."""
        wire = self.connect(**options)
        length = f"content-length: {len(body)}\r\n" if body else ""
        wire.send(
            f"{method} {target} HTTP/1.1\r\nhost: probe\r\n{length}{headers}\r\n".encode("latin-1") + body
        )
        return wire, self.conversation(options.get("server"))

    def uncalled(self, server: Server | None = None) -> bool:
        """Whether no conversation has begun that the case has not taken, once the server has answered another
        request after everything sent so far.
        """
        return not self.calls(server)

    def calls(self, server: Server | None = None) -> list[Any]:
        """The scopes of the conversations that the case has not taken, once the server has settled."""
        self.settle(server)
        control = (server or self._shared).control
        return [report["scope"] for _, report in control.opened if report["mode"] == "steered"]

    def settle(self, server: Server | None = None) -> None:
        """Gives the server the time to do what it will do: twice a request and its answer on another
        connection, and turns of its loop between them. Nobody sleeps.
        """
        server = server or self._shared
        for _ in range(2):
            server.echo(self._deadline)
            self.evidence.write("driver another request was served")
            for conversation in self._conversations[-1:]:
                if conversation.open:
                    conversation.turn()

    @contextlib.contextmanager
    def echoing(self) -> Iterator[list[Report]]:
        """Inside, the probe answers every request by itself, and the list takes what it reports of them."""
        reports: list[Report] = []
        control = self._shared.control

        def take(_: Peer, report: Report) -> None:
            if report.get("mode") != "aside":
                reports.append(report)

        unwatch = control.watch(take)
        try:
            control.switch(self._deadline, http="echo")
            yield reports
        finally:
            unwatch()
        control.switch(self._deadline, http="steered")  # after an error the runner does it

    def expect(self, truth: object, expected: str, *, saw: object = UNSEEN) -> None:
        """Fails the case unless `truth`."""
        if not truth:
            self.fail(expected, saw=saw)

    def expect_raised(self, raised: Raised | None, message: str) -> None:
        """Fails the case unless `send` raised: no error is a lie to the application."""
        self.expect(raised is not None, f"send raises for {message}", saw="it returned")

    def expect_cut(self, wire: Wire) -> None:
        """Fails the case unless the next answer is a 5xx, or the connection ends before a response is whole."""
        try:
            response = wire.response()
        except Malformed as malformed:
            self.expect(wire.ended(), "an HTTP response", saw=malformed)
            return
        whole = response.complete and response.status < 500
        self.expect(
            not whole, "a 5xx, or a visibly cut response", saw=f"{response.status} {response.body!r}, whole"
        )

    def expect_same(self, saw: object, expected: object, what: str) -> None:
        """Fails the case unless both are equal and of the same types all the way down: 0 is not False here."""
        if not same(saw, expected):
            self.fail(f"{what}: {brief(expected)}", saw=brief(repr(saw)))

    def printed(self, server: Server | None = None) -> str:
        """The end of what the server has printed since the case began."""
        return self._shared.output(self._printed) if server is None else server.output()

    def fail(self, expected: str, *, saw: object = UNSEEN) -> NoReturn:
        """Ends the case: the server is at fault."""
        raise Failed(f"expected: {expected}" + ("" if saw is UNSEEN else f"; saw: {brief(saw)}"))

    def differs(self, why: str) -> NoReturn:
        """Ends the case: not what the kit prefers, but allowed."""
        raise Differs(why)

    def not_offered(self, why: str) -> NoReturn:
        """Ends the case: an optional feature that is not there."""
        raise NotOffered(why)

    def lifespan_offered(self) -> None:
        """Ends the case when the shared server has served without ever calling the application for lifespan."""
        self.settle()
        if "lifespan" not in self._shared.control.kinds:
            raise NotOffered("the application is not called with a scope of type lifespan")

    def file(self, content: bytes) -> str:
        """The absolute path of a new file."""
        path = self._shared.folder / f"file {time.monotonic_ns()}"
        path.write_bytes(content)
        return str(path)

    def note(self, line: str) -> None:
        """Adds something that was measured to the evidence."""
        self.evidence.write(f"note   {line}")

    def offered(self, conversation: Conversation, extension: str) -> dict[str, Any]:
        """The extension's entry in the scope. Ends the case when it is not advertised."""
        with reading():
            extensions = conversation.scope.get("extensions") or {}
            if extension in extensions:
                return dict(extensions[extension] or {})
        raise NotOffered(f"{extension} is not in scope['extensions']")

    # What the runner does.

    @property
    def given(self) -> bool:
        """Whether the server has given the case anything: a call of the application, or bytes."""
        return self.evidence.called or any(wire.received for wire, _ in self._wires)

    def clean(self) -> tuple[str, list[str]]:
        """Ends what the case has left behind. How a server of the case's own crashed, or "", and the lines that such
        servers printed last.
        """
        self._unwatch()
        for wire, _ in self._wires:
            wire.close()
        crashes = [crash for server in self._servers if (crash := server.crashed())]
        printed = [line for server in self._servers for line in server.output().splitlines()]
        for server in self._servers:
            server.stop(grace=0)  # what follows the case is of no interest
        return crashes[0] if crashes else "", printed


def _closed(wire: Wire) -> bool:
    """Whether the server has ended the connection; what it sent before is left unread."""
    poll = select.poll()
    poll.register(wire.descriptor, ENDED)
    return bool(poll.poll(0))
