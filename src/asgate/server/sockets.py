"""Opens the addresses of `config/binds.py`: bound sockets that do not listen yet, so that nobody waits on a
starting app.

`open_sockets` binds, `Listener.listen` starts the queue, `Listener.close` closes and removes a Unix socket's
file. The extension duplicates the descriptors and accepts; nothing here accepts.
"""

import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgate.config.binds import Bind, Descriptor, Tcp, Unix
from asgate.errors import Exit, Failure

_EVERYWHERE = ("", "::", "0.0.0.0")  # noqa: S104 (what the user asked for)
_ABSENT_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


@dataclass
class Listener:
    """One bound socket. `address` is `(host, port)` or a path; `url` is what to type."""

    socket: socket.socket
    bind: Bind
    made: tuple[int, int] | None = field(
        default=None, repr=False
    )  # device and inode of a Unix socket that we made

    @property
    def address(self) -> tuple[str, int] | str:
        name = self.socket.getsockname()
        if self.socket.family in (socket.AF_INET, socket.AF_INET6):
            return name[0], name[1]
        return f"@{os.fsdecode(name[1:])}" if isinstance(name, bytes) else str(name)

    @property
    def url(self) -> str:
        address = self.address
        if isinstance(address, str):
            return f"unix:{address}"
        host, port = address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def listen(self, backlog: int) -> None:
        """Lets clients queue; an inherited socket that listens already keeps its queue. Raises `Failure`
        (ADDRESS).
        """
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return
        try:
            self.socket.listen(backlog)
        except OSError as error:
            raise _refused(self.bind, error) from None

    def close(self) -> None:
        """Closes our descriptor and removes the file of a Unix socket, if it is still the one that
        we made.
        """
        address = self.address
        self.socket.close()
        if self.made is not None and isinstance(address, str):
            with contextlib.suppress(OSError):
                found = os.stat(address)  # noqa: PTH116 (a path of the kernel's, as it is)
                if (found.st_dev, found.st_ino) == self.made:
                    os.unlink(address)  # noqa: PTH108


def open_sockets(binds: Iterable[Bind], *, mode: int = 0o666, take_over: bool = False) -> list[Listener]:
    """Binds every address; a host name may give several sockets, an empty host one for IPv4 and IPv6.

    `take_over`: nobody else in this process uses the inherited descriptors, so that their numbers are closed;
    otherwise they go on listening when the listener is closed. Raises `Failure` (ADDRESS) for the first that
    cannot be had, and leaves nothing open then.
    """
    wanted = list(binds)
    listeners: list[Listener] = []
    try:
        for bind in wanted:
            if isinstance(bind, Descriptor):
                listeners.append(_inherited(bind))
            elif isinstance(bind, Unix):
                listeners.append(_unix(bind, mode))
            else:
                listeners.extend(_tcp(bind, wanted))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    if take_over:
        for number in {bind.number for bind in wanted if isinstance(bind, Descriptor)}:
            _let_go(number)
    return listeners


def _tcp(bind: Tcp, wanted: list[Bind]) -> list[Listener]:
    if bind.host in ("", "::") and not _shares_port(bind, wanted):
        with contextlib.suppress(OSError):
            probe = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            return [_bound(probe, ("::", bind.port), bind, dual=True)]
    listeners: list[Listener] = []
    port = bind.port
    trouble: OSError | None = None
    for family, address in _resolved(bind):
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
            listeners.append(_bound(sock, (address[0], port, *address[2:]), bind, dual=False))
            port = listeners[0].socket.getsockname()[1]
        except OSError as error:
            if error.errno in _ABSENT_FAMILY:
                trouble = error
                continue
            for listener in listeners:
                listener.close()
            raise _refused(bind, error) from None
    if not listeners and trouble is not None:
        raise _refused(bind, trouble)
    return listeners


def _shares_port(bind: Tcp, wanted: list[Bind]) -> bool:
    """True when IPv4 on the same port is asked for separately: then `[::]` must be IPv6 only."""
    return any(other == Tcp("0.0.0.0", bind.port) for other in wanted if bind.port)  # noqa: S104


def _resolved(bind: Tcp) -> list[tuple[int, tuple[Any, ...]]]:
    try:
        found = socket.getaddrinfo(
            bind.host or None,
            bind.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
            proto=socket.IPPROTO_TCP,
        )
    except (OSError, UnicodeError):
        raise Failure(
            Exit.ADDRESS,
            f"the host {bind.host} of {bind} is not known",
            "use an address, or a name that resolves here",
        ) from None
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _bound(sock: socket.socket, address: tuple[str | int, ...], bind: Bind, *, dual: bool) -> Listener:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return Listener(sock, bind)


def _unix(bind: Unix, mode: int) -> Listener:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if bind.path.startswith("@") and sys.platform == "linux":
            sock.bind("\0" + bind.path[1:])
            return Listener(sock, bind)
        _remove_stale(bind)
        sock.bind(bind.path)
        path = Path(bind.path)
        path.chmod(mode)
        found = path.stat()
        return Listener(sock, bind, made=(found.st_dev, found.st_ino))
    except OSError as error:
        sock.close()
        raise _refused(bind, error) from None
    except BaseException:
        sock.close()
        raise


def _remove_stale(bind: Unix) -> None:
    """Removes a socket file that nobody listens on any more; anything else that stands there is
    left alone.
    """
    try:
        found = os.stat(bind.path)  # noqa: PTH116
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Failure(
            Exit.ADDRESS,
            f"cannot listen on {bind}: a file that is no socket stands there",
            "choose another path",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(bind.path)
        except ConnectionRefusedError:
            os.unlink(bind.path)  # noqa: PTH108
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody is there
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _inherited(bind: Descriptor) -> Listener:
    try:
        sock = socket.socket(fileno=os.dup(bind.number))
    except OSError as error:
        what = "is not open" if error.errno == errno.EBADF else "is not a socket"
        raise Failure(
            Exit.ADDRESS,
            f"cannot listen on {bind}: descriptor {bind.number} {what}",
            "the parent process must pass it",
        ) from None
    if sock.type != socket.SOCK_STREAM:
        sock.close()
        raise Failure(Exit.ADDRESS, f"cannot listen on {bind}: it is not a stream socket")
    return Listener(sock, bind)


def _let_go(number: int) -> None:
    """Closes an inherited descriptor. Standard input and output lead nowhere then: a free number would be taken
    by whatever is opened next.
    """
    if number > 2:
        os.close(number)
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _refused(bind: Bind, error: OSError) -> Failure:
    reason, hint = {
        errno.EADDRINUSE: ("the address is in use", "stop the other process, or choose another port or path"),
        errno.EACCES: (
            "permission denied",
            "ports below 1024 need a privilege, a Unix socket a writable directory",
        ),
        errno.EADDRNOTAVAIL: ("the address does not belong to this machine", "use :PORT for every address"),
        errno.ENOENT: ("the directory does not exist", "make it first"),
    }.get(error.errno or 0, (error.strerror or str(error), ""))
    return Failure(Exit.ADDRESS, f"cannot listen on {bind}: {reason}", hint)
