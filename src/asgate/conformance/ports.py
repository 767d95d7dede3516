"""Ports for servers that drivers beside each other start: those of several lanes, of several runs on one machine.

A port that was free when it was looked for may be another's before the server has come so far as to bind it. The driver
cannot hold it meanwhile, since the server must be able to. So whoever takes a port holds its deputy: a port that
stands for it, on which nobody ever listens.
"""

import errno
import secrets
import socket

HOST = "127.0.0.1"
PORTS = range(15_000, 23_000)
DEPUTY = 8_000  # so far above; all of them below those that kernels usually give to outgoing connections


class Port:
    """A port of 127.0.0.1 that nobody uses, and no other driver takes until it is closed. Raises `OSError`."""

    def __init__(self) -> None:
        while True:
            self.number = PORTS[secrets.randbelow(len(PORTS))]
            self._held = socket.socket()
            try:
                self._held.bind((HOST, self.number + DEPUTY))
                socket.create_server((HOST, self.number)).close()
            except OSError as error:
                self.close()
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return

    def close(self) -> None:
        """Leaves it to others."""
        self._held.close()
