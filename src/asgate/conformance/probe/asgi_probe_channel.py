"""The control channel of the probe: a stream of JSON lines.

A thread reads it and hands commands to the loop; reports are written at once from where they arise, so that they
leave in their true order even when the loop stalls next. Each process has its own, also after a fork. `control.py` of
the kit is the other end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgate.conformance.probe.asgi_probe import Conversation

ADDRESS = "ASGI_PROBE"  # the variable with the driver's address: unix:PATH or HOST:PORT
ORPHAN = "ASGI_PROBE_ORPHAN"  # "end": the server ends, with its process group, when its driver has gone
_channel: Channel | None = None
_opening = threading.Lock()


class Channel:
    """This process's end of the control channel."""

    def __init__(self, address: str) -> None:
        if address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(address[5:])
        else:
            host, _, port = address.rpartition(":")
            self.socket = socket.create_connection((host, int(port)))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.conversations: dict[int, Conversation] = {}
        self.opened = 0
        self.rest = b""
        self.report({"hello": self.pid})
        self.modes: dict[str, str] = json.loads(self.line())["modes"]
        threading.Thread(target=self._read, name="probe", daemon=True).start()

    def join(self, conversation: Conversation) -> int:
        """Takes a conversation in and gives its number."""
        with self.lock:
            self.opened += 1
            self.conversations[self.opened] = conversation
            return self.opened

    def report(self, report: dict[str, Any]) -> None:
        line = json.dumps(report).encode() + b"\n"
        with self.lock, contextlib.suppress(OSError):  # the driver may have left: nobody is to be told
            self.socket.sendall(line)

    def line(self) -> bytes:
        """The next line; empty at the end."""
        parts = [self.rest]
        while b"\n" not in parts[-1]:
            try:
                parts.append(self.socket.recv(1 << 16))
            except OSError:
                return b""
            if not parts[-1]:
                return b""
        line, _, self.rest = b"".join(parts).partition(b"\n")
        return line

    def leave(self) -> None:
        """In the child of a fork: the parent keeps the channel. No method of the socket is safe here: the fork may have
        come between any two steps of the reading thread.
        """
        os.close(self.socket.detach())

    def _read(self) -> None:
        while line := self.line():
            command = json.loads(line)
            if "modes" in command:
                self.modes = command["modes"]
                self.report({"op": command["op"], "value": None})
                continue
            conversation = self.conversations.get(command["conversation"])
            try:
                if conversation is None:
                    raise RuntimeError("it has ended")
                conversation.loop.call_soon_threadsafe(
                    conversation.command, command, context=conversation.context.copy()
                )
            except RuntimeError:  # or the loop is closed
                self.report({"op": command["op"], "gone": True})
        if os.environ.get(ORPHAN) == "end":
            os.killpg(os.getpgrp(), signal.SIGKILL)


def channel() -> Channel:
    """The channel of this process, opened when it is first needed (a server may fork after it has imported)."""
    global _channel
    with _opening:
        if _channel is None:
            _channel = Channel(os.environ[ADDRESS])
        return _channel


def _forked() -> None:
    global _channel, _opening
    _opening = threading.Lock()
    if _channel is not None:
        _channel.leave()
        _channel = None


os.register_at_fork(after_in_child=_forked)
