"""The client for tests without `async`: the same calls, on an event loop that runs in a thread of its own.

Application and client live on that loop for as long as the client is open, and the application sees the caller's
context variables. Each call here waits for its result. A body that is an ordinary iterable is read in another
thread, so that it may block.
"""

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from asgate.testing.client import Calls, Client
from asgate.testing.errors import Closed
from asgate.testing.exchange import Exchange
from asgate.testing.options import USUAL, Limit
from asgate.testing.request import Asked
from asgate.testing.response import Response
from asgate.testing.websocket import WebSocket

Result = TypeVar("Result")
STOPPING = 10.0  # seconds for the thread's end, after all applications have ended


class LoopThread:
    """An event loop in a thread, which starts with the first call."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._starting = threading.Lock()

    def call(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine there and waits for it; an interrupt of the wait cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._thread is None:
                begun = threading.Event()
                self._thread = threading.Thread(
                    target=lambda: asyncio.run(self._live(begun)), name="asgate.testing", daemon=True
                )
                self._thread.start()
                begun.wait()
            assert self._loop is not None, "it has begun"
            return self._loop

    async def _live(self, begun: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        begun.set()
        await self._ended.wait()

    def stop(self) -> None:
        """Ends the loop and the thread; the next call would start another."""
        if self._thread is None or self._loop is None or self._ended is None:
            return
        self._loop.call_soon_threadsafe(self._ended.set)
        if threading.current_thread() is not self._thread:  # a finalizer may run anywhere
            self._thread.join(STOPPING)
        self._thread = None


class SyncClient:
    """`with SyncClient(app) as client:` takes what `Client` takes, and runs the lifespan. Outside of a `with`, call
    `close()` at the end.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        self.asynchronous = Client(app, **options)
        self._thread = LoopThread()
        self._finalizer = weakref.finalize(self, self._thread.stop)

    @property
    def cookies(self) -> Any:
        return self.asynchronous.cookies

    @property
    def headers(self) -> Any:
        return self.asynchronous.headers

    @property
    def state(self) -> dict[str, Any]:
        return self.asynchronous.state

    def __enter__(self) -> Self:
        try:
            self._thread.call(self.asynchronous.__aenter__())
        except BaseException:
            self._finalizer()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._thread.call(self.asynchronous.__aexit__(kind, error, trace))
        finally:
            self._finalizer()

    def close(self) -> None:
        """Ends all conversations and the thread."""
        self.__exit__(None, None, None)

    # Whole requests.

    def request(self, method: str, url: str, **asked: Unpack[Calls]) -> Response:
        """As `Client.request`."""
        return self._thread.call(self.asynchronous.request(method, url, **in_threads(asked)))

    def get(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("GET", url, **asked)

    def head(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("HEAD", url, **asked)

    def options(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("OPTIONS", url, **asked)

    def post(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("POST", url, **asked)

    def put(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("PUT", url, **asked)

    def patch(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("PATCH", url, **asked)

    def delete(self, url: str, **asked: Unpack[Calls]) -> Response:
        return self.request("DELETE", url, **asked)

    # Piece by piece.

    @contextmanager
    def stream(self, method: str, url: str, **asked: Unpack[Calls]) -> Iterator["SyncResponse"]:
        """As `Client.stream`."""
        with self._entered(self.asynchronous.stream(method, url, **in_threads(asked))) as response:
            yield SyncResponse(response, self._thread)

    @contextmanager
    def open(self, method: str, url: str, **asked: Unpack[Asked]) -> Iterator["SyncExchange"]:
        """As `Client.open`."""
        with self._entered(self.asynchronous.open(method, url, **in_threads(asked))) as exchange:
            yield SyncExchange(exchange, self._thread)

    @contextmanager
    def websocket(self, url: str, **options: Any) -> Iterator["SyncWebSocket"]:
        """As `Client.websocket`."""
        with self._entered(self.asynchronous.websocket(url, **options)) as socket:
            yield SyncWebSocket(socket, self._thread)

    @contextmanager
    def _entered(self, block: AbstractAsyncContextManager[Result]) -> Iterator[Result]:
        value = self._thread.call(_enter(block))
        try:
            yield value
        except BaseException as error:
            if not self._thread.call(_leave(block, error)):
                raise
        else:
            self._thread.call(_leave(block, None))


async def _enter(block: AbstractAsyncContextManager[Result]) -> Result:
    return await block.__aenter__()


async def _leave(block: AbstractAsyncContextManager[Any], error: BaseException | None) -> bool:
    if error is None:
        return bool(await block.__aexit__(None, None, None))
    return bool(await block.__aexit__(type(error), error, error.__traceback__))


def in_threads(asked: Any) -> Any:
    """The same request, with a body in pieces that does not block the loop."""
    content = asked.get("content")
    if isinstance(content, Iterable) and not isinstance(content, str | bytes | bytearray | memoryview):
        return {**asked, "content": _read_in_threads(iter(content))}
    return asked


async def _read_in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    end = object()
    while (piece := await asyncio.to_thread(next, pieces, end)) is not end:
        assert isinstance(piece, bytes), "a body consists of bytes"
        yield piece


class SyncResponse:
    """A streamed `Response`; attributes that are not here are the response's own."""

    def __init__(self, response: Response, thread: LoopThread) -> None:
        self.asynchronous = response
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self.asynchronous, name)

    def chunk(self, timeout: Limit = USUAL) -> bytes | None:
        return self._thread.call(self.asynchronous.chunk(timeout))

    def read(self, timeout: Limit = USUAL) -> bytes:
        return self._thread.call(self.asynchronous.read(timeout))

    def stream(self, timeout: Limit = USUAL) -> Iterator[bytes]:
        while (piece := self.chunk(timeout)) is not None:
            yield piece

    def lines(self, timeout: Limit = USUAL) -> Iterator[str]:
        lines = self.asynchronous.lines(timeout)
        while (line := self._thread.call(_following(lines))) is not None:
            yield line


async def _following(lines: AsyncIterator[str]) -> str | None:
    return await anext(lines, None)


class SyncExchange:
    """An `Exchange` in the hands of a test without `async`."""

    def __init__(self, exchange: Exchange, thread: LoopThread) -> None:
        self.asynchronous = exchange
        self._thread = thread

    @property
    def transcript(self) -> tuple[str, ...]:
        return self.asynchronous.transcript

    def send(self, body: bytes, *, more: bool = True, timeout: Limit = USUAL) -> None:
        self._thread.call(self.asynchronous.send(body, more=more, timeout=timeout))

    def end(self, timeout: Limit = USUAL) -> None:
        self._thread.call(self.asynchronous.end(timeout))

    def response(self, timeout: Limit = USUAL) -> SyncResponse:
        return SyncResponse(self._thread.call(self.asynchronous.response(timeout)), self._thread)

    def disconnect(self) -> None:
        self._thread.call(_on_the_loop(self.asynchronous.disconnect))

    def half_close(self) -> None:
        self._thread.call(_on_the_loop(self.asynchronous.half_close))

    def blocked(self, timeout: Limit = USUAL) -> str:
        return self._thread.call(self.asynchronous.blocked(timeout))

    def ended(self, timeout: Limit = USUAL) -> None:
        self._thread.call(self.asynchronous.ended(timeout))


async def _on_the_loop(function: Any) -> None:
    function()


class SyncWebSocket:
    """A `WebSocket` in the hands of a test without `async`; attributes that are not here are the socket's own."""

    def __init__(self, socket: WebSocket, thread: LoopThread) -> None:
        self.asynchronous = socket
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self.asynchronous, name)

    def send(self, data: str | bytes, timeout: Limit = USUAL) -> None:
        self._thread.call(self.asynchronous.send(data, timeout))

    def send_text(self, data: str, timeout: Limit = USUAL) -> None:
        self.send(data, timeout)

    def send_bytes(self, data: bytes, timeout: Limit = USUAL) -> None:
        self.send(data, timeout)

    def send_json(self, data: Any, timeout: Limit = USUAL) -> None:
        self._thread.call(self.asynchronous.send_json(data, timeout))

    def receive(self, timeout: Limit = USUAL) -> str | bytes:
        return self._thread.call(self.asynchronous.receive(timeout))

    def receive_text(self, timeout: Limit = USUAL) -> str:
        return self._thread.call(self.asynchronous.receive_text(timeout))

    def receive_bytes(self, timeout: Limit = USUAL) -> bytes:
        return self._thread.call(self.asynchronous.receive_bytes(timeout))

    def receive_json(self, timeout: Limit = USUAL) -> Any:
        return self._thread.call(self.asynchronous.receive_json(timeout))

    def receive_close(self, timeout: Limit = USUAL) -> Closed:
        return self._thread.call(self.asynchronous.receive_close(timeout))

    def __iter__(self) -> Iterator[str | bytes]:
        while True:
            try:
                data = self.receive()
            except Closed:
                return
            yield data

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        self._thread.call(self.asynchronous.close(code, reason))

    def drop(self) -> None:
        self._thread.call(self.asynchronous.drop())

    def blocked(self, timeout: Limit = USUAL) -> str:
        return self._thread.call(self.asynchronous.blocked(timeout))

    def ended(self, timeout: Limit = USUAL) -> None:
        self._thread.call(self.asynchronous.ended(timeout))
