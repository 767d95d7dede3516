"""`asgate.Server`: one application on the running loop, for programs that embed it; the command uses it too.

It captures no signals, configures no logging and reads no environment: that is `command.py`'s matter. Several
servers may run in one loop.
"""

import asyncio
import dataclasses
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from asgate.config.load import from_keywords
from asgate.config.settings import Settings
from asgate.errors import Exit, Failure
from asgate.observe import access
from asgate.observe.logs import escaped
from asgate.observe.tracebacks import place
from asgate.server.importer import call_factory, described, import_target
from asgate.server.interface import as_asgi3
from asgate.server.sockets import Listener, open_sockets
from asgate.spec.types import ASGI2Application, ASGIApplication
from asgate.version import version

if TYPE_CHECKING:
    from asgate.server.worker import Worker

log = logging.getLogger("asgate")


class Server:
    """Serves an application inside a running program.

        async with asgate.Server(app, port=0) as server:
            print(server.url)
            await server.wait()

    `app` is an application or a target (`package.module:app`); the options are those of the command, as
    keywords. Leaving the block stops gracefully. Raises `asgate.Failure` when an option, the target, an
    address or the startup is wrong.
    """

    def __init__(
        self, app: ASGIApplication | ASGI2Application | str | None = None, /, **options: Any
    ) -> None:
        self._prepare(app, from_keywords(options))

    @classmethod
    def with_settings(cls, app: Any, settings: Settings, *, take_over: bool = False) -> Self:
        """A server whose settings are there already; `take_over` as in `open_sockets`."""
        server = cls.__new__(cls)
        server._prepare(app, settings)
        server._take_over = take_over
        return server

    def _prepare(self, app: Any, settings: Settings) -> None:
        self._app: Any = settings.target if app is None else app
        if self._app is None:
            raise Failure(Exit.USAGE, "there is no target to serve", 'name it: asgate.run("main:app")')
        self._settings = settings
        self._take_over = False
        self._stopped = False
        self._starting: asyncio.Task[None] | None = None
        self._listeners: list[Listener] = []
        self._worker: Worker | None = None
        self._asked = asyncio.Event()
        self._hurry = asyncio.Event()
        self._why = ""
        self._quit_error: BaseException | None = None
        self._application: ASGIApplication | None = None
        self.description = ""

    @property
    def addresses(self) -> tuple[tuple[str, int] | str, ...]:
        """`(host, port)` or a path for each socket, while it serves; port 0 shows as the port it became."""
        return tuple(listener.address for listener in self._listeners)

    @property
    def urls(self) -> tuple[str, ...]:
        """`http://host:port` or `unix:path` for each socket."""
        return tuple(listener.url for listener in self._listeners)

    @property
    def url(self) -> str:
        """The first of `urls`. Raises RuntimeError when it does not serve."""
        if not self._listeners:
            raise RuntimeError("the server is not running, so it has no address")
        return self.urls[0]

    @property
    def websockets(self) -> int:
        """How many WebSockets are open, with those whose handshake waits for its answer; 0 when it does not serve."""
        return 0 if self._worker is None else self._worker.websockets

    def load(self) -> None:
        """Imports the target and checks that it is an application; `start` does it otherwise."""
        settings, found = self._settings, self._app
        if isinstance(found, str):
            name = found
            found = import_target(found, factory=settings.factory, app_dir=settings.app_dir)
        else:
            name = described(found)
            found = call_factory(found, name) if settings.factory else found
        self._application, version = as_asgi3(found, settings.interface, name)
        self.description = f"{name} (ASGI {version})"

    async def start(self) -> None:
        """Binds, runs lifespan startup and accepts. Raises `Failure`, also when it is stopped meanwhile; nothing
        is left open then.
        """
        try:
            await self._begin()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._stopped or (task is not None and task.cancelling()):
                raise
            raise Failure(Exit.INTERRUPTED, "the server was stopped before it had started") from None

    def _begin(self) -> asyncio.Task[None]:
        """A start in a task of its own, so that `stop` can end it wherever it is."""
        if self._worker is not None or (self._starting is not None and not self._starting.done()):
            raise RuntimeError("the server runs already")
        if self._stopped:
            self._asked, self._hurry, self._stopped = asyncio.Event(), asyncio.Event(), False
        if self._application is None:
            self.load()
        assert self._application is not None
        self._starting = asyncio.ensure_future(self._open(self._application))
        return self._starting

    async def _open(self, application: ASGIApplication) -> None:
        from asgate.server.worker import Worker

        collected = self._settings.access_log and access.enabled()
        settings = dataclasses.replace(self._settings, access_log=collected)
        self._listeners = open_sockets(settings.bind, mode=settings.uds_mode, take_over=self._take_over)
        try:
            worker = Worker(application, settings, self._quit)
            await worker.start(self._listeners)
        except BaseException:
            self._close()
            raise
        self._worker = worker

    async def stop(self) -> Exit:
        """Stops gracefully: requests are finished within `graceful_timeout`, then lifespan shutdown runs. A start
        that is under way is broken off.
        """
        self._asked.set()
        self._stopped = True
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        worker, self._worker = self._worker, None
        # Ours go first: then the reactor's duplicates are the last, and draining refuses clients at once.
        self._close()
        return Exit.OK if worker is None else await worker.stop(self._hurry)

    def _close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    def ask_to_stop(self, why: str = "") -> None:
        """Makes `wait` and `serve` return; called a second time, it hurries the stop. Only on the loop's own
        thread.
        """
        if not self._asked.is_set():
            self._why = why
            log.info("stopping%s", f" ({why})" if why else "")
            self._asked.set()
        elif not self._hurry.is_set():
            log.info("stopping at once%s", f" ({why})" if why else "")
            self._hurry.set()

    async def wait(self) -> None:
        """Until somebody asks it to stop."""
        await self._asked.wait()

    async def serve(self, *, note: str = "") -> Exit:
        """Starts, serves until it is asked to stop or cancelled, and stops.

        An application that raises SystemExit or KeyboardInterrupt stops it, and gets its way afterwards
        (ASGI-025). INTERRUPTED when SIGINT is why it stopped before it served.
        """
        if not await self._start_unless_asked():
            log.info("stopped before it served")
            return Exit.INTERRUPTED if self._why == "SIGINT" else Exit.OK
        log.info("asgate %s serves %s on %s%s", version(), self.description, ", ".join(self.urls), note)
        try:
            await self.wait()
        finally:
            outcome = await self.stop()
        self._raise_quit()
        if outcome is Exit.OK:
            log.info("stopped")
        return outcome

    async def _start_unless_asked(self) -> bool:
        """Starts; False when a stop was asked for before that was done."""
        starting = self._begin()
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
        if starting.cancelled():
            return False
        starting.result()
        return True

    def _quit(self, error: BaseException) -> None:
        if error is self._quit_error:
            return  # raised by a task, and again by the one that waited for it
        self._quit_error = error
        where = place(error.__traceback__)
        self.ask_to_stop(
            escaped(f"{error!r} raised at {where}" if where else f"the application raised {error!r}")
        )

    def _raise_quit(self) -> None:
        error, self._quit_error = self._quit_error, None
        if error is not None:
            raise error

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
        if error is None:
            self._raise_quit()
