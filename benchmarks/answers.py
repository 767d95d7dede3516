"""One request and the answer it must get, asked over a fresh connection before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

PATIENCE = 10.0


class WrongAnswerError(Exception):
    """The server answered, but not what it must."""


@dataclass(frozen=True)
class Exchange:
    """A request and the body of the 200 that must come; nginx answers some scenarios with its constant."""

    path: str
    expected: bytes
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    also_right: bytes | None = None

    def ask(self, port: int) -> None:
        """Raises `WrongAnswerError`, or `OSError` where the server does not answer at all."""
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(self.method, self.path, self.body, dict(self.headers))
            response = connection.getresponse()
            body = response.read()
        except HTTPException as error:
            raise OSError(f"no HTTP answer: {error!r}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise WrongAnswerError(f"status {response.status}")
        if body not in (self.expected, self.also_right):
            raise WrongAnswerError(
                f"{len(body)} bytes instead of {len(self.expected)}, beginning {body[:40]!r}"
            )
