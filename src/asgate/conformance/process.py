"""Server processes: started from an adapter's words with the probe inside, waited for, asked whether they are well,
ended.

Each has a control channel, a temporary folder and a process group of its own. Whatever it leaves running goes with its
group, or is known by the address of the control channel in its environment. What it prints is kept for the evidence.
"""

import contextlib
import itertools
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from asgate.conformance.control import Control, Overdue, Watcher, left_until
from asgate.conformance.output import Output
from asgate.conformance.ports import Port
from asgate.conformance.servers import Adapter
from asgate.conformance.signals import ending, undisturbed
from asgate.conformance.wire import Malformed, Wire

START_LIMIT = 20.0  # seconds until a server must answer
STOP_LIMIT = 2.0  # seconds between SIGTERM and SIGKILL when we clean up
HEALTH_LIMIT = 3.0  # seconds for the answer that shows that a server is well
PATIENCE = 0.3  # seconds for the rest of an answer whose beginning has come
OUTPUT_LIMIT = 1 << 20  # bytes that a server may have printed before a case; older ones are dropped
SWEEPS = 10  # looks for processes that have left the group: one that is found may just have made another
PROBE = Path(__file__).parent / "probe"
# Variables by which servers are configured: a run must not depend on those of the person who starts it.
FOREIGN = (
    "ASGATE_",
    "UVICORN_",
    "GRANIAN_",
    "HYPERCORN_",
    "GUNICORN_",
    "WEB_CONCURRENCY",
    "FORWARDED_ALLOW_IPS",
)


class NotStarted(Exception):
    """The server ended, or did not accept connections in time; the message has what it printed. `hint`: what to look
    at, when that is known.
    """

    hint = ""


class Stranger(Exception):
    """Something else than the probe has answered."""


class Starter:
    """Starts servers of one adapter."""

    def __init__(self, adapter: Adapter, python: str) -> None:
        self.adapter, self.python = adapter, python

    def start(
        self,
        *,
        target: str = "app",
        unix: bool = False,
        modes: dict[str, str] | None = None,
        wait: bool = True,
        watcher: Watcher | None = None,
        **options: str,
    ) -> "Server":
        """A running server.

        `target`: a name in the probe (`app`, `asgi2`). `unix`: on a Unix socket. `modes`: of the probe, by type of
        scope. `wait`: until it serves, 20 s at most; with a lifespan that is steered, nobody can wait. `watcher`
        is told every report. `options`: by the names of `Adapter.options`.

        Raises `Unknown` when the adapter has no words for an option, `NotStarted`.
        """
        for last in (False, True):
            server: Server | None = None
            try:
                with undisturbed():
                    server = Server(self.adapter, self.python, target, unix, modes or {}, options, watcher)
                if wait:
                    server.wait_until_ready(time.monotonic() + START_LIMIT)
            except BaseException as failure:
                if server is not None:
                    server.stop()
                taken = isinstance(failure, NotStarted) and "in use" in str(failure)  # somebody was faster
                if last or not taken:
                    raise
            else:
                return server
        raise AssertionError("unreachable")


class Server:
    """One server under test, with the probe in it."""

    def __init__(
        self,
        adapter: Adapter,
        python: str,
        target: str,
        unix: bool,
        modes: dict[str, str],
        options: dict[str, str],
        watcher: Watcher | None = None,
    ) -> None:
        self._prefix = options.get("root_path", "")
        self._host = options.get("ipv6", "127.0.0.1")
        self._asides = itertools.count(1)
        self._ending = False  # whether we have asked it to end
        self._told_target = "{target}" in " ".join(adapter.command)
        self._folder = tempfile.TemporaryDirectory(prefix="asgate-conform-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self._output = Output(self.folder, OUTPUT_LIMIT)
        self.control = Control(modes, watcher)
        self.path = str(self.folder / "server.sock") if unix else None
        self._port = None if unix else Port()
        self.port = self._port.number if self._port else 0
        try:
            self.command = adapter.words(python, f"asgi_probe:{target}", self.port, self.path, options)
            self._process = self._begun(adapter)
        except BaseException:
            self._dispose()
            raise

    def _begun(self, adapter: Adapter) -> subprocess.Popen[bytes]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        environ |= {
            "ASGI_PROBE": self.control.address,
            "ASGI_PROBE_ORPHAN": "end",
            "PYTHONPATH": _import_path(environ.get("PYTHONPATH")),
            "PYTHONUNBUFFERED": "1",
        }
        try:
            return subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**environ, **adapter.environment},
                stdin=subprocess.DEVNULL,
                stdout=self._output.file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise NotStarted(f"{self.command[0]} cannot be run: {error.strerror or error}") from None

    def wait_until_ready(self, deadline: float) -> None:
        """Returns when it serves; with a lifespan that is steered, when it accepts connections. Raises `NotStarted`."""
        while True:
            with contextlib.suppress(OSError):
                self._open().close()
                break
            where = self.path or f"{self._host} port {self.port}"
            self._wait_for_start(deadline, f"it accepted no connections on {where}")
        if self.control.modes["lifespan"] == "steered":
            return
        while True:
            try:
                self._expect_probe(min(deadline, time.monotonic() + HEALTH_LIMIT))
            except Stranger:
                self._wait_out_stranger(deadline)
            except (Overdue, Malformed, OSError) as error:
                self._wait_for_start(deadline, f"it did not answer a plain request ({error})")
            else:
                return

    def _wait_for_start(self, deadline: float, trouble: str) -> None:
        if (code := self._process.poll()) is not None:
            raise NotStarted(f"it ended with {ending(code)}{self._said()}")
        if time.monotonic() > deadline:
            raise NotStarted(f"in {START_LIMIT:g} s {trouble}{self._said()}")
        self._output.trim(printing=True)
        self.control.poll(0.01)  # takes reports in; a server that starts has no event to wait for

    def _wait_out_stranger(self, deadline: float) -> None:
        """It may be a page that a server shows while it starts, but not where it was never told of the probe."""
        trouble = "it answered, but the probe was never called"
        if not self._told_target:
            failure = NotStarted(f"{trouble}{self._said()}")
            failure.hint = "is {target} in the command?"
            raise failure
        self._wait_for_start(deadline, trouble)

    def _said(self) -> str:
        """What it printed, or that it did not, and how it was started: the rest of a sentence."""
        printed = self.output().strip()
        return (
            f": {printed}" if printed else " and printed nothing"
        ) + f" (started as: {shlex.join(self.command)})"

    def connect(self, deadline: float, *, buffer: int | None = None) -> socket.socket:
        """A connection to it. `buffer`: bytes of its receive buffer. Raises `Overdue`."""
        what = "the server accepted a connection"
        while True:
            with contextlib.suppress(OSError):
                return self._open(buffer, max(0.01, left_until(deadline, what)))
            left_until(deadline, what)
            if not self.running:
                raise Overdue(f"{what} (its process has ended)")
            self.control.poll(0.01)

    def knock(self) -> socket.socket | None:
        """One attempt to connect; None when nobody listens."""
        try:
            return self._open()
        except OSError:
            return None

    def _expect_probe(self, deadline: float) -> None:
        """An echo of a server that starts. Raises `Stranger` as soon as it is clear."""
        since: list[float] = []  # when something came: the report of the probe may be on its way

        def stranger(wire: Wire) -> str:
            if not since and not wire.drained():
                since.append(time.monotonic())
            if since and time.monotonic() - since[0] > PATIENCE:
                wire.answered()
                if wire.received:
                    raise Stranger
            return self.over()

        self.echo(deadline, stranger)

    def echo(self, deadline: float, never: Callable[[Wire], str] | None = None) -> None:
        """One request on a connection of its own, answered by the probe without steering: it must reach the
        application and be answered. What the answer says is for cases to judge. `never`: as in `Control.wait`.
        Raises `Overdue`, `OSError`.
        """
        name, limit = str(next(self._asides)), deadline
        wire = Wire(self.connect(deadline), self.control, lambda *_: None, lambda: limit)
        over = self.over if never is None else partial(never, wire)
        try:
            wire.send(
                f"GET {self._prefix}/~aside/{name} HTTP/1.1\r\nhost: probe\r\nx-aside: {name}\r\n\r\n".encode()
            )
            self.control.wait(
                lambda: self.control.aside.get(name), deadline, "a plain request was served", over
            )
            wire.answered()
            limit = min(deadline, time.monotonic() + PATIENCE)
            with contextlib.suppress(Overdue, Malformed):  # we leave politely, when all has come
                wire.read_until(b"aside")
        finally:
            wire.close()

    def over(self) -> str:
        """Why nothing can be awaited of it any more; "" while it runs."""
        return "" if self.running else "the server process had ended"

    def well(self) -> str:
        """ "" when it lives and answers, else what is wrong."""
        self.control.poll(0)
        if death := self._death():
            return death
        try:
            self.echo(time.monotonic() + HEALTH_LIMIT)
        except (Overdue, Malformed, OSError) as error:
            return self._death() or f"the server no longer answers a plain request ({error})"
        self._output.trim()
        return self._death()

    def _death(self) -> str:
        if self.control.fault:
            return self.control.fault
        if (code := self._process.poll()) is not None:
            return f"the server process ended with {ending(code)}"
        return "a process of the server died" if self.control.broken else ""

    def crashed(self) -> str:
        """ "" unless its main process was ended by a signal that nobody sent, or another of its processes was gone in
        the middle of a request. SIGINT is none: a Python process that an unexpected KeyboardInterrupt ends sends it to
        itself. A process that ends with no request in it may have had its reasons, such as a failed startup.
        """
        if self._ending:
            return ""
        self.control.poll(0)
        if self.control.fault:
            return self.control.fault
        code = self._process.poll()
        if code is not None and code < 0 and code != -signal.SIGINT:
            return f"the server process ended with {ending(code)}"
        return "a process of the server died" if code is None and self.control.broken else ""

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends its main process a signal."""
        self._ending = True
        self._process.send_signal(number)

    def exit_code(self, deadline: float) -> int:
        """Waits until it has ended. Raises `Overdue`."""
        while (code := self._process.poll()) is None:
            left_until(deadline, "the server ended")
            self.control.poll(0.01)
        self.control.poll(0)
        return code

    @property
    def running(self) -> bool:
        """Whether its main process lives."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its main process."""
        return self._process.pid

    @property
    def printed(self) -> int:
        """How many bytes it has printed."""
        return self._output.size

    def output(self, since: int | None = None) -> str:
        """The end of what it printed, or of that from a place that `printed` gave."""
        return self._output.text(since)

    def ending(self, most: int) -> str:
        """The end of what it printed as one text of so many characters; "…" stands for what is left out."""
        printed = self.output().strip()
        return printed if len(printed) <= most else f"…{printed[1 - most :]}"

    def stop(self, grace: float = STOP_LIMIT) -> None:
        """Ends it and all that it started. `grace`: seconds for a good end; 0 for none."""
        try:
            if grace and self._process.poll() is None:
                self.terminate()
                with contextlib.suppress(Overdue):
                    self.exit_code(time.monotonic() + grace)
        finally:  # also when the driver is interrupted meanwhile
            with undisturbed():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
                end_strays(self.control.address)
                self._dispose()

    def _dispose(self) -> None:
        self.control.close()
        self._output.close()
        self._folder.cleanup()
        if self._port:
            self._port.close()

    def _open(self, buffer: int | None = None, seconds: float = 1.0) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        connection = socket.socket(socket.AF_UNIX if self.path else family)
        try:
            if buffer is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            connection.settimeout(seconds)
            connection.connect(self.path or (self._host, self.port))
            if not self.path:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            connection.close()
            raise
        return connection


def end_strays(address: str) -> None:
    """Ends the processes that were started with this address of a control channel in their environment, wherever
    they have gone: those of sessions of their own. Where there is no /proc, nobody finds them.
    """
    mark = f"ASGI_PROBE={address}".encode()
    for _ in range(SWEEPS):
        found = [
            int(place.parent.name) for place in Path("/proc").glob("[0-9]*/environ") if _has(place, mark)
        ]
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _has(environ: Path, variable: bytes) -> bool:
    try:
        return variable in environ.read_bytes().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return False


def _import_path(given: str | None) -> str:
    """PYTHONPATH for a server in a folder of its own: the probe, then what the user has, from where the user is."""
    places = [] if given is None else [Path(place).absolute() for place in given.split(os.pathsep)]
    return os.pathsep.join(map(str, [PROBE, *places]))
