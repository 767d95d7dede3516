"""The reference server with a habit that HTTP allows: `python -m habits closing asgi_probe:app --port 8000`.

A judge must not take it for a fault. `test_habits.py` says which cases are asked.
"""

import sys

from reference import __main__, connection, exchange, server, websocket


class Closing(exchange.Exchange):
    """Closes each connection after its answer, and says so (RFC 9112 9.3)."""

    def _may_keep(self) -> bool:
        return False


class Wordy(connection.Connection):
    """Its own error answers have a body, whose length begins with the digit that a case sends as a value."""

    def answer(self, status: int) -> None:
        body = b"error".ljust(111)
        head = f"HTTP/1.1 {status} Error\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.write(head.encode() + body)


class Patient(websocket.WebSocket):
    """Its `send` of a close returns when the client has answered, and not before (RFC 6455 7.1.2 and 7.1.4)."""

    async def send(self, message: websocket.Message) -> None:
        await super().send(message)
        if message.get("type") == "websocket.close":
            await self.connection.until(lambda: self._state != "closing" or self.connection.gone)


def main() -> int:
    """Serves with the habit that the first argument names."""
    match sys.argv.pop(1):
        case "closing":
            connection.Exchange = Closing
        case "wordy":
            server.Connection = Wordy
        case "patient":
            connection.WebSocket = Patient
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
