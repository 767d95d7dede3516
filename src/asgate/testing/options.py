"""How an application is served in a test: the one table of what `Client`, the transport and the communicators take.

`Options` is the same table for the type checker; `tests/testing/test_options.py` holds the two together.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextvars import Context
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypedDict

from asgate.spec.messages import HTTP, WEBSOCKET

SPEC_VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5")
HTTP_EXTENSIONS, WEBSOCKET_EXTENSIONS = (
    tuple(sorted({message.extension for message in protocol.messages.values() if message.extension}))
    for protocol in (HTTP, WEBSOCKET)
)
ALL_EXTENSIONS = HTTP_EXTENSIONS + WEBSOCKET_EXTENSIONS
Extensions = Iterable[str] | Mapping[str, dict[str, Any]]


class Usual(Enum):
    """The default of a time limit: what the client was made with."""

    USUAL = "usual"


USUAL = Usual.USUAL
Limit = float | Usual | None  # seconds; None waits for ever


class Options(TypedDict, total=False):
    """The keywords of `Served`."""

    timeout: float | None
    spec_version: str
    extensions: Extensions
    http_version: str
    root_path: str
    client: tuple[str, int] | None
    state: Mapping[str, Any] | None
    buffer: int
    backlog: int
    context: Literal["copy", "same"] | Context
    raise_app_exceptions: bool


@dataclass(frozen=True, slots=True)
class Served:
    """How an application is served.

    `timeout`: seconds that each wait may take. `extensions`: names of those that the scope advertises, or a mapping of
    name to its entry. `client`: address in the scope. `state`: what the lifespan state begins with, or is without
    a lifespan. `buffer`: bytes that the application may send ahead of a client that does not read; with 0 each
    `send` waits until its bytes are read. `backlog`: events that the client may send ahead of the application.
    `context`: "copy" runs the application in a copy of the caller's context, so that it sees the variables that the
    test has set; "same" (Python 3.12) also lets the test see what the application sets; or a Context of your own.
    `raise_app_exceptions`: raise in the test what the application raises; otherwise the client gets a 500.
    """

    timeout: float | None = 5.0
    spec_version: str = "2.5"
    extensions: Extensions = ("http.response.debug", "websocket.http.response")
    http_version: str = "1.1"
    root_path: str = ""
    client: tuple[str, int] | None = ("127.0.0.1", 50000)
    state: Mapping[str, Any] | None = None
    buffer: int = 65536  # what asyncio's transports hold by default
    backlog: int = 16
    context: Literal["copy", "same"] | Context = "copy"
    raise_app_exceptions: bool = True

    def __post_init__(self) -> None:
        self._check_limits()
        self._check_extensions()
        if self.spec_version not in SPEC_VERSIONS:
            raise ValueError(f"spec_version is one of {', '.join(SPEC_VERSIONS)}, not {self.spec_version!r}")
        if not isinstance(self.context, Context) and self.context not in ("copy", "same"):
            raise ValueError(f'context is "copy", "same" or a Context, not {self.context!r}')
        if self.context == "same" and not hasattr(asyncio.Task, "get_context"):
            raise ValueError('context="same" needs Python 3.12; run the test in a Context and give that')

    def _check_limits(self) -> None:
        if self.timeout is not None and not (isinstance(self.timeout, int | float) and self.timeout >= 0):
            raise ValueError(f"timeout is seconds, or None for no limit, not {self.timeout!r}")
        for name, least in (("buffer", 0), ("backlog", 1)):
            given = getattr(self, name)
            if not isinstance(given, int) or given < least:
                raise ValueError(f"{name} is a whole number from {least} on, not {given!r}")

    def _check_extensions(self) -> None:
        given = self.extensions
        if isinstance(given, Mapping):
            return
        if isinstance(given, str):
            raise ValueError(f"extensions are several names, such as [{given!r}]")
        if not isinstance(given, Iterable):
            raise ValueError(f"extensions are names, or a mapping of name to entry, not {given!r}")
        object.__setattr__(self, "extensions", tuple(given))  # an iterator can be read once
        if unknown := [str(name) for name in self.extensions if name not in (*ALL_EXTENSIONS, "tls")]:
            raise ValueError(f"unknown extensions: {', '.join(sorted(unknown))}")

    def advertised(self, known: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        """The `extensions` of a scope: fresh dicts; of the names that we know only those of its protocol."""
        given = self.extensions
        entries = dict(given) if isinstance(given, Mapping) else {name: {} for name in given}
        others = set(ALL_EXTENSIONS) - set(known)
        return {name: dict(entry) for name, entry in entries.items() if name not in others}

    def task_context(self) -> Context | None:
        """The context of the application's task; None is asyncio's default, a copy."""
        if isinstance(self.context, Context):
            return self.context
        if self.context == "copy":
            return None
        task = asyncio.current_task()
        assert task is not None, "only coroutines call applications"
        found: Context = task.get_context()  # type: ignore[attr-defined,unused-ignore]
        return found
