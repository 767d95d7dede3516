"""A crowd of clients that send one byte a second each, from one thread, until they are told to finish."""

import selectors
import socket
import threading

from harness.connection import Address, Client, Response


class SlowCrowd:
    """Each client sends `start` at once, then the bytes of `rest` at the pace of one per `interval` seconds."""

    def __init__(
        self, address: Address, size: int, start: bytes, rest: bytes, *, interval: float = 1.0
    ) -> None:
        self._rest = rest
        self._interval = interval
        self.sent = 0
        self._halt = threading.Event()
        self.clients = [Client(address) for _ in range(size)]
        for client in self.clients:
            client.send(start)
        self._thread = threading.Thread(target=self._trickle)
        self._thread.start()

    def _trickle(self) -> None:
        # The pace is the point of it: one byte, and then nothing for a second.
        while not self._halt.wait(self._interval) and self.sent < len(self._rest) - 1:
            for client in self.clients:
                client.send(self._rest[self.sent : self.sent + 1])
            self.sent += 1

    def halt(self) -> None:
        self._halt.set()
        self._thread.join()

    def ended(self) -> int:
        """How many have been answered or closed so far."""
        with selectors.DefaultSelector() as ready:
            for client in self.clients:
                ready.register(client.socket, selectors.EVENT_READ)
            return len(ready.select(0))

    def finish(self) -> list[Response]:
        """Sends what is left, and gives the answers."""
        self.halt()
        for client in self.clients:
            client.send(self._rest[self.sent :])
        return [client.response() for client in self.clients]

    def close(self) -> None:
        self.halt()
        for client in self.clients:
            client.close()


def taken_until_full(sock: socket.socket, data: bytes, quiet: float = 1.0) -> int:
    """Sends until the peer has taken nothing for `quiet` seconds; gives how many bytes it took."""
    sock.settimeout(quiet)
    taken = 0
    while taken < len(data):
        try:
            taken += sock.send(memoryview(data)[taken:])
        except TimeoutError:
            break
    return taken
