"""A transport for httpx that streams in both directions, unlike httpx's own, which collects the whole response.

`httpx.AsyncClient(transport=ASGITransport(app))`: the response begins with the application's first body message, the
request's body is read as the application takes it, and closing the response is a disconnect. Entering the client
runs the lifespan.
"""

import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Self, Unpack, cast

import httpx

from asgate.testing.application import asgi3
from asgate.testing.conversation import Conversation
from asgate.testing.errors import Incomplete, TimedOut
from asgate.testing.exchange import Exchange
from asgate.testing.http_rules import HttpRules
from asgate.testing.lifespan import Lifespan, Mode
from asgate.testing.options import Limit, Options, Served
from asgate.testing.response import Response
from asgate.testing.scopes import http_scope

HTTPX_DEFAULT = httpx.Timeout(5.0).as_dict()  # what httpx gives along when nobody has said anything


class ASGITransport(httpx.AsyncBaseTransport):
    """Takes what httpx's transport takes, `lifespan`, and the options of `Served`.

    The time limit of a wait is the read timeout that httpx was asked for, by the client or the call. Where httpx has
    only its default, it is `timeout`. `TimedOut` becomes `ReadTimeout`, a response that is cut short
    `RemoteProtocolError`. What the application raises is raised, unless `raise_app_exceptions=False`. Trailers
    and early hints are in `response.extensions` as "trailers" (filled at the end) and "early_hints".
    """

    def __init__(self, app: Any, *, lifespan: Mode = "auto", **options: Unpack[Options]) -> None:
        self._app = asgi3(app)
        self._served = Served(**options)
        self._lifespan = Lifespan(self._app, lifespan, self._served)
        self._entered = False
        self._open: dict[Exchange, httpx.Request] = {}

    async def __aenter__(self) -> Self:
        if not self._entered:
            self._entered = True
            await self._lifespan.startup()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        try:
            await self._close(patient=exc_value is None)
        except Exception:
            if exc_value is None:
                raise  # otherwise the block has failed already, and that is what it shall tell

    async def aclose(self) -> None:
        """Leaves what is still open, waits for the applications' ends and shuts the lifespan down."""
        await self._close(patient=True)

    async def _close(self, *, patient: bool) -> None:
        async with AsyncExitStack() as stack:  # goes on to the last, whatever is raised
            stack.push_async_callback(self._lifespan.shutdown)
            for exchange, request in self._open.items():
                stack.push_async_callback(_leave, exchange, request, patient=patient)
            self._open = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request; the response is given when its head is there."""
        asked = request.extensions.get("timeout", HTTPX_DEFAULT)
        limit: Limit = self._served.timeout if asked == HTTPX_DEFAULT else asked.get("read")
        url = str(request.url)
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        state = self._lifespan.state if self._lifespan.supported else self._served.state
        scope = http_scope(request.method.upper(), url, headers, self._served, state)
        scope["query_string"] = request.url.query
        conversation = Conversation(self._app, scope, HttpRules(scope), self._served)
        conversation.start()
        exchange = Exchange(conversation, url)
        self._open[exchange] = request
        exchange.send_all(_body(request))
        try:
            with translated(request):
                response = await exchange.response(limit)
        except BaseException:
            exchange.disconnect()
            raise
        stream = ResponseStream(response, exchange, request, limit, self._forget)
        return httpx.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=stream,
            extensions={
                "http_version": f"HTTP/{self._served.http_version}".encode(),
                "trailers": response.trailers.raw,
                "early_hints": response.early_hints,
            },
        )

    def _forget(self, exchange: Exchange) -> None:
        self._open.pop(exchange, None)


def _body(request: httpx.Request) -> bytes | AsyncIterable[bytes]:
    """What httpx holds as bytes goes as one event."""
    try:
        return request.content
    except httpx.RequestNotRead:
        return cast("AsyncIterable[bytes]", request.stream)


class ResponseStream(httpx.AsyncByteStream):
    """The body as it comes; closing it leaves the conversation and waits for the application's end."""

    def __init__(
        self,
        response: Response,
        exchange: Exchange,
        request: httpx.Request,
        limit: Limit,
        forget: Callable[[Exchange], None],
    ) -> None:
        self._response = response
        self._exchange = exchange
        self._request = request
        self._limit = limit
        self._forget = forget
        self._handled = sys.exception()  # by whoever calls: no fault of this response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with translated(self._request):
            while (piece := await self._response.chunk(self._limit)) is not None:
                yield piece

    async def aclose(self) -> None:
        # httpx closes what has failed, too; then the failure is what it shall tell.
        if sys.exception() not in (None, self._handled):
            with suppress(Exception):
                await self._exchange.aclose(patient=False)
        else:
            with translated(self._request):
                if self._response.complete:
                    await self._exchange.finish(self._limit)
                await self._exchange.aclose()
        self._forget(self._exchange)


async def _leave(exchange: Exchange, request: httpx.Request, *, patient: bool) -> None:
    with translated(request):
        await exchange.aclose(patient=patient)


@contextmanager
def translated(request: httpx.Request) -> Iterator[None]:
    """Our errors as httpx names them."""
    try:
        yield
    except TimedOut as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except Incomplete as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
