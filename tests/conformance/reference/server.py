"""The server: start, serve, stop in good order."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from .connection import Changed, Connection
from .lifespan import Lifespan, StartupFailed
from .plants import planted
from .websocket_frames import MESSAGE_LIMIT

STARTUP_FAILED = 3  # exit code
Application = Callable[..., Awaitable[None]]


class Server:
    """`path` is that of a Unix socket, `body_limit` in bytes (0: none), `message_limit` of WebSockets in
    bytes, `ping_interval` (0: none), `ping_timeout` and `grace` in seconds.
    """

    def __init__(
        self,
        application: Application,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        path: str | None = None,
        root_path: str = "",
        grace: float = 10.0,
        lifespan: str = "auto",
        body_limit: int = 0,
        message_limit: int = MESSAGE_LIMIT,
        ping_interval: float = 0.0,
        ping_timeout: float = 10.0,
    ) -> None:
        self.application = application
        self.path, self.root_path = path, root_path
        self.body_limit = 0 if planted("body_limit_ignored") else body_limit
        self.message_limit = message_limit
        self.ping_interval, self.ping_timeout = ping_interval, ping_timeout
        self._host, self._port, self._grace = host, port, grace
        self.lifespan = Lifespan(self, lifespan)
        self.stopping = False
        self.refused = False  # a handshake was; for a planted fault
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.changed = Changed()

    async def run(self) -> int:
        """Serves until a signal comes; the exit code."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        signalled = loop.create_task(stop.wait())
        listener = await self._listen() if planted("served_before_startup") else None
        starting = loop.create_task(self.lifespan.start())
        await asyncio.wait((signalled, starting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return 0
        try:
            starting.result()
        except StartupFailed as failed:
            if not planted("failure_not_printed"):
                print(f"startup failed: {failed}", file=sys.stderr)
            return 0 if planted("failure_without_exit_code") else STARTUP_FAILED
        listener = listener or await self._listen()
        await signalled
        if not (planted("accepts_while_stopping") or planted("ws_accepted_while_stopping")):
            listener.close()
        await self._drain()
        return 1 if planted("stop_with_exit_code") else 0

    async def _listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        if self.path is not None:
            return await loop.create_unix_server(lambda: Connection(self), self.path)
        return await loop.create_server(lambda: Connection(self), self._host, self._port, backlog=512)

    async def _drain(self) -> None:
        """Lets what is under way finish within the grace, then ends it, then lifespan (ASGI-199)."""
        self.stopping = not planted("accepts_while_stopping")
        if planted("shutdown_before_drain"):
            await self.lifespan.stop()
        with contextlib.suppress(TimeoutError):
            endless = planted("grace_without_end") or planted("idle_kept_when_stopping")
            async with asyncio.timeout(None if endless else self._grace):
                await self._finished()
        if planted("killed_after_the_grace") and self.tasks:
            os._exit(0)
        for task in self.tasks:
            task.cancel()
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        await self.lifespan.stop()

    async def _finished(self) -> None:
        for connection in list(self.connections):
            connection.drain()
        while self.connections or self.tasks:
            await self.changed.wait()
