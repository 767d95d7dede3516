"""The driver's end of the control channel: what happens inside the server under test, as reports in their order,
and commands to the probe there.

A listening socket takes every process of the server (`Peer`), which says hello first; whoever waits reads (`wait`), on
the caller's own thread and with a deadline. Nothing here blocks: commands that a process does not take yet wait with
its peer. A process that dies, or writes what no probe writes, ends all that was under way in it.
`probe/asgi_probe.py` is the other end.
"""

import json
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from asgate.conformance.values import SHAPE, decoded, encoded

Report = dict[str, Any]
RECEIVE = 1 << 18  # bytes a read takes
LOOK = 0.05  # seconds between looks at what no report tells: the end of a connection, of the server's process
LINE_LIMIT = 80 << 20  # bytes of a report; the probe makes values shorter than 64 MiB
CONNECTIONS = 256  # at a time; servers that are judged have a few processes
LOST = "lost with its process"  # how a conversation ends whose process dies


class Overdue(Exception):
    """What was waited for did not come in time; the message says what it was."""


class Never(Overdue):
    """What was waited for can come no more; the message says what it was, and why."""


def left_until(deadline: float, what: str) -> float:
    """Seconds until the deadline (monotonic). Raises `Overdue` when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise Overdue(what)
    return left


class Foul(Exception):
    """A process wrote what no probe writes."""


class Peer:
    """One process of the server under test. `number` tells processes apart whatever their pids are; it is 0 as long as
    a connection has not said hello: it may be anybody's.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.number = 0
        self.pid = 0
        self.lost = False
        self.open: dict[int, str] = {}  # conversations, and the types of their scopes
        self.waiting: set[int] = set()  # commands
        self.outgoing = bytearray()
        self._parts: list[bytes] = []
        self._held = 0  # bytes in these

    def lines(self, data: bytes) -> list[bytes]:
        """The lines that are complete with this data; half a line waits for its end. Raises `Foul` when that does not
        come.
        """
        self._parts.append(data)
        self._held += len(data)
        if b"\n" not in data:
            if self._held > LINE_LIMIT:
                raise Foul(f"a line of more than {LINE_LIMIT} bytes")
            return []
        *lines, rest = b"".join(self._parts).split(b"\n")
        self._parts, self._held = [rest], len(rest)
        return lines

    def write(self, command: Report) -> None:
        """Sends what can be sent now and keeps the rest."""
        self.outgoing += json.dumps(command).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        try:
            while self.outgoing and not self.lost:
                del self.outgoing[: self.socket.send(self.outgoing)]
        except BlockingIOError:
            return
        except OSError:  # that it is gone is noticed when it is read from
            self.outgoing.clear()

    @property
    def events(self) -> int:
        """What is to be waited for."""
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outgoing else 0)


Watcher = Callable[[Peer, Report], None]


class Control:
    """What the probes of one server report, and the way to steer them."""

    def __init__(self, modes: dict[str, str] | None = None, watcher: Watcher | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        host, port = self._listener.getsockname()
        self.address = f"{host}:{port}"  # what the probe finds in its environment
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self)
        self._connections: set[Peer] = set()
        self._peers: list[Peer] = []  # those that have said hello, also when they have ended
        self._commands = 0
        self._results: dict[int, Report] = {}
        self._watchers: list[Watcher] = [] if watcher is None else [watcher]
        self.modes = {"http": "steered", "websocket": "steered", "lifespan": "serve"} | (modes or {})
        self._first_modes = self.modes
        self.broken: list[int] = []  # pids of processes that ended in the middle of a request
        self.fault = ""  # what a process did to this channel that no probe does
        self.opened: deque[tuple[Peer, Report]] = deque()
        self.closed: dict[tuple[int, int], str] = {}
        self.echoes: dict[tuple[int, int], Report] = {}
        self.kinds: set[object] = set()  # types of scope that the application was called with
        # Path of a request of our own -> how it ended, "" as long as it has not.
        self.aside: dict[str, str] = {}
        self._asides: dict[tuple[int, int], str] = {}

    @property
    def lost(self) -> list[int]:
        """The pids of the processes that have ended."""
        return [peer.pid for peer in self._peers if peer.lost]

    @property
    def peers(self) -> list[Peer]:
        """The processes that live."""
        return [peer for peer in self._peers if not peer.lost]

    def close(self) -> None:
        self._selector.close()
        for peer in self._connections:
            peer.socket.close()
        self._listener.close()

    def abandon(self, seconds: float = 1.0) -> bool:
        """Cancels all applications except lifespans. False if one of them did not end in time."""
        for peer in self.peers:
            for number in _passing(peer):
                self.command(peer, number, "abandon")
        try:
            over = time.monotonic() + seconds
            self.wait(lambda: not any(map(_passing, self.peers)), over, "the applications ended")
        except Overdue:
            return False
        return True

    def forget(self) -> None:
        """Drops what was reported so far."""
        self.opened.clear()
        for memory in (self._results, self.closed, self.echoes, self.aside, self._asides):
            memory.clear()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Has every command and report told to `watcher` until the returned function is called."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def switch(self, deadline: float, **modes: str) -> None:
        """The mode of conversations to come; it is in effect in every process when this returns."""
        self.modes = self.modes | modes
        sent = [self._send(peer, {"modes": self.modes}) for peer in self.peers]
        self.wait(lambda: all(n in self._results for n in sent), deadline, "the probe took the mode")

    def restore(self, deadline: float) -> None:
        """The modes of the beginning, if a case has left others. Raises `Overdue`."""
        if self.modes != self._first_modes:
            self.switch(deadline, **self._first_modes)

    def command(self, peer: Peer, conversation: int, do: str, **more: Any) -> int:
        """Sends one command and returns its number."""
        command = {"conversation": conversation, "do": do} | more
        for name in ("message", "value"):
            if name in more:
                command[name] = encoded(more[name])
        number = self._send(peer, command)
        self._tell(peer, command | {"op": number} | more)
        return number

    def result(self, number: int) -> Report | None:
        """The report that ended a command; None as long as there is none. Takes in what has come."""
        self.poll(0)
        return self._results.get(number)

    def wait(
        self, ready: Callable[[], object], deadline: float, what: str, never: Callable[[], str] = str
    ) -> None:
        """Takes reports in until `ready()` is true. `never` says why that cannot come about any more, "" as long as it
        can. Raises `Overdue` at the deadline (monotonic seconds), `Never`.
        """
        while not ready():
            if (why := never()) and not ready():
                raise Never(f"{what}: {why}")
            self.poll(min(LOOK, left_until(deadline, what)))

    def ready(self, connection: socket.socket, events: int, deadline: float, what: str) -> None:
        """Waits for another socket and takes reports in meanwhile: a probe that cannot report would stall the
        server. Raises `Overdue` at the deadline.
        """
        self._selector.register(connection, events)
        try:
            while not self.poll(left_until(deadline, what)):
                pass
        finally:
            self._selector.unregister(connection)

    def poll(self, seconds: float) -> bool:
        """Takes in what is there, waiting at most so long for something. True if a socket that is not ours is
        ready.
        """
        foreign = False
        for key, events in self._selector.select(seconds):
            if key.fileobj is self._listener:
                self._welcome()
            elif key.data is None:
                foreign = True
            else:
                if events & selectors.EVENT_WRITE:
                    key.data.flush()
                    self._selector.modify(key.fileobj, key.data.events, key.data)
                if events & selectors.EVENT_READ:
                    self._read(key.data)
        return foreign

    def _send(self, peer: Peer, command: Report) -> int:
        self._commands += 1
        if peer.lost:
            self._results[self._commands] = {"op": self._commands, "gone": True}
            return self._commands
        peer.waiting.add(self._commands)
        self._write(peer, command | {"op": self._commands})
        return self._commands

    def _write(self, peer: Peer, command: Report) -> None:
        peer.write(command)
        self._selector.modify(peer.socket, peer.events, peer)

    def _welcome(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:  # it has left again; or no descriptor is free, and it waits
            return
        if len(self._connections) >= CONNECTIONS:
            connection.close()
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(connection)
        self._connections.add(peer)
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def _read(self, peer: Peer) -> None:
        try:
            data = peer.socket.recv(RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(peer)
            return
        try:
            for line in peer.lines(data):
                self._tell(peer, self._taken(peer, line))
        except Foul as foul:
            if peer.number:  # others are not the server's probe: whoever they are, they are not heard
                self.fault = self.fault or f"the server broke the control channel: {foul}"
            self._lose(peer)

    def _lose(self, peer: Peer) -> None:
        """The process has ended, perhaps in the middle of a line: so has everything in it."""
        self._selector.unregister(peer.socket)
        self._connections.discard(peer)
        peer.socket.close()
        peer.lost = True
        if _passing(peer):
            self.broken.append(peer.pid)
        for number in sorted(peer.waiting):
            self._results[number] = gone = {"op": number, "gone": True}
            self._tell(peer, gone)
        peer.waiting.clear()
        for number in sorted(peer.open):
            self._close(peer, number, LOST)
            self._tell(peer, {"closed": number, "how": LOST})

    def _taken(self, peer: Peer, line: bytes) -> Report:
        """The report of a line, with what follows from it. Raises `Foul`."""
        try:
            report: Report = json.loads(line)
            if not peer.number:
                self._know(peer, report["hello"])
            else:
                self._take(peer, report)
        except (*SHAPE, RecursionError) as error:
            raise Foul(f"a line that is no report ({type(error).__name__})") from error
        return report

    def _know(self, peer: Peer, pid: object) -> None:
        if type(pid) is not int:
            raise TypeError("a pid is an int")
        self._peers.append(peer)
        peer.number, peer.pid = len(self._peers), pid
        self._write(peer, {"modes": self.modes})

    def _take(self, peer: Peer, report: Report) -> None:
        for name in ("scope", "value", "body"):
            if name in report:
                report[name] = decoded(report[name])
        if "open" in report:
            self._open(peer, report)
        elif "closed" in report:
            self._close(peer, report["closed"], report["how"])
        elif "echo" in report:
            self.echoes[peer.number, report["echo"]] = report
        else:
            peer.waiting.discard(report["op"])
            self._results[report["op"]] = report

    def _open(self, peer: Peer, report: Report) -> None:
        scope = report["scope"]
        kind = scope.get("type") if isinstance(scope, dict) else None
        peer.open[report["open"]] = str(kind)
        self.kinds.add(str(kind))
        if report["mode"] == "aside":
            path = str(report["aside"])
            self.aside[path] = ""
            self._asides[peer.number, report["open"]] = path
        else:
            self.opened.append((peer, report))

    def _close(self, peer: Peer, number: int, how: str) -> None:
        peer.open.pop(number, None)
        self.closed[peer.number, number] = how
        if path := self._asides.pop((peer.number, number), ""):
            self.aside[path] = how

    def _tell(self, peer: Peer, report: Report) -> None:
        for watcher in list(self._watchers):
            watcher(peer, report)


def _passing(peer: Peer) -> list[int]:
    """Conversations that are no lifespan."""
    return [number for number, kind in peer.open.items() if kind != "lifespan"]
