# ruff: noqa: ASYNC109 (a time limit is part of what each call promises, with a transcript in its error)
"""The client: requests, streams and WebSockets to an application in the same loop, with calls like those of httpx.

`async with Client(app)` runs the lifespan. A call is built by `request.py`, its scope by `scopes.py`; it is driven by
`exchange.py` or `websocket.py`. Every conversation is known here until its application has ended, so that leaving
the block leaves no task behind.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self, Unpack

from asgate.testing.application import asgi3, validated
from asgate.testing.conversation import Conversation
from asgate.testing.cookies import Cookies
from asgate.testing.errors import ConversationError, TimedOut
from asgate.testing.exchange import Exchange
from asgate.testing.headers import HeadersGiven
from asgate.testing.http_rules import HttpRules
from asgate.testing.lifespan import Lifespan, Mode
from asgate.testing.options import USUAL, Limit, Options, Served, Usual
from asgate.testing.request import Asked, Query, Request, redirected, request
from asgate.testing.response import Response
from asgate.testing.scopes import handshake, http_scope, websocket_scope
from asgate.testing.websocket import WebSocket
from asgate.testing.websocket_rules import WebsocketRules

MOST_REDIRECTS = 20  # as browsers and httpx


class Client:
    """Talks to `app`, an ASGI application of either convention.

    `base_url`: scheme and host of the scopes. `headers`, `cookies`: sent with every request. `lifespan`: "auto", "on",
    "off". `follow_redirects`: unless a call says otherwise. `validate`: the validator stands between, and raises
    what the application does against the text. All others: see `Served`.
    """

    def __init__(
        self,
        app: Any,
        *,
        base_url: str = "http://testserver",
        headers: HeadersGiven = None,
        cookies: Mapping[str, str] | None = None,
        lifespan: Mode = "auto",
        follow_redirects: bool = False,
        validate: bool = False,
        **options: Unpack[Options],
    ) -> None:
        self.app = validated(app) if validate else asgi3(app)
        self.base_url = base_url
        self.headers = list(headers.items()) if isinstance(headers, Mapping) else list(headers or ())
        self.cookies = Cookies(cookies)
        self.follow_redirects = follow_redirects
        self.served = Served(**options)
        self.lifespan = Lifespan(self.app, lifespan, self.served)
        self._entered = False
        self._open: set[Exchange | WebSocket] = set()

    # The lifespan.

    @property
    def state(self) -> dict[str, Any]:
        """The state of the lifespan, of which each request gets a copy."""
        return self.lifespan.state

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError("a client can be entered once: make another for another lifespan")
        self._entered = True
        await self.lifespan.startup()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.aclose(patient=error is None)
        except Exception:
            if error is None:
                raise  # otherwise the test has failed already, and that is what it shall tell

    async def aclose(self, *, patient: bool = True) -> None:
        """Leaves all conversations, waits for their applications, then shuts the lifespan down.

        Raises what they raised, as a group if it is more than one.
        """
        faults: list[Exception] = []
        for conversation in list(self._open):
            try:
                await conversation.aclose(patient=patient)
            except Exception as fault:
                faults.append(fault)
        self._open.clear()
        try:
            await self.lifespan.shutdown()
        except Exception as fault:
            faults.append(fault)
        if len(faults) > 1:
            raise ExceptionGroup("several applications failed", faults)
        if faults:
            raise faults[0]

    # Whole requests.

    async def request(
        self,
        method: str,
        url: str,
        *,
        follow_redirects: bool | None = None,
        timeout: Limit = USUAL,
        **asked: Unpack[Asked],
    ) -> Response:
        """One request from its first byte to the end of the application, background work included.

        `timeout` is for all of it. When it is over the client leaves, as clients do, and `TimedOut` is raised; the
        application is not cancelled.
        """
        follow = self.follow_redirects if follow_redirects is None else follow_redirects
        asks = self._request(method, url, asked)
        history: list[Response] = []
        while True:
            response = await self._whole(asks, self.served.timeout if isinstance(timeout, Usual) else timeout)
            response.history = history
            if not (follow and response.is_redirect):
                return response
            history = [*history, response]
            asks = self._redirected(asks, response)

    async def _whole(self, asks: Request, limit: float | None) -> Response:
        exchange = self._exchange(asks)
        exchange.send_all(asks.body)
        try:
            async with asyncio.timeout(limit) as timer:
                response = await self._response(exchange, None)
                await response.read(None)
                await exchange.finish(None)
        except BaseException as error:
            exchange.disconnect()
            if isinstance(error, TimeoutError) and timer.expired():
                sentence = f"{asks.method} {asks.url} took longer than {limit:g} s: the application"
                raise TimedOut(f"{sentence} {exchange.whereabouts()}", exchange.transcript) from None
            raise
        self._open.discard(exchange)
        return response

    async def get(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("GET", url, **asked)

    async def head(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("HEAD", url, **asked)

    async def options(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("OPTIONS", url, **asked)

    async def post(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("POST", url, **asked)

    async def put(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("PUT", url, **asked)

    async def patch(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("PATCH", url, **asked)

    async def delete(self, url: str, **asked: Unpack["Calls"]) -> Response:
        return await self.request("DELETE", url, **asked)

    # Requests piece by piece.

    @asynccontextmanager
    async def stream(self, method: str, url: str, **asked: Unpack["Calls"]) -> AsyncIterator[Response]:
        """A request whose response is read by the test, as it comes. The block's end is the client's leaving."""
        follow = asked.pop("follow_redirects", None)
        follow = self.follow_redirects if follow is None else follow
        timeout = asked.pop("timeout", USUAL)
        asks = self._request(method, url, asked)
        history: list[Response] = []
        while True:
            exchange = self._exchange(asks)
            exchange.send_all(asks.body)
            async with self._kept(exchange):
                response = await self._response(exchange, timeout)
                response.history = history
                if not (follow and response.is_redirect):
                    yield response
                    return
                await response.read(timeout)
            history = [*history, response]
            asks = self._redirected(asks, response)

    @asynccontextmanager
    async def open(self, method: str, url: str, **asked: Unpack[Asked]) -> AsyncIterator[Exchange]:
        """A request in the hands of the test: `send`, `end`, `response`, `disconnect`, `half_close`, `blocked`.

        With a body given, that is sent; without one the test sends it, piece by piece.
        """
        asks = self._request(method, url, asked)
        manual = all(asked.get(way) is None for way in ("content", "json", "data", "files"))
        if manual and asks.header(b"content-length") is None:
            asks = asks.with_headers((b"transfer-encoding", b"chunked"))
        exchange = self._exchange(asks)
        if not manual:
            exchange.send_all(asks.body)
        async with self._kept(exchange):
            yield exchange

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        subprotocols: Iterable[str] = (),
        headers: HeadersGiven = None,
        params: Query | None = None,
        raise_denied: bool = True,
        timeout: Limit = USUAL,
    ) -> AsyncIterator[WebSocket]:
        """A WebSocket, open in the block. One that is denied raises `Denied`, or with `raise_denied=False` is
        given with its `response`, to be read by the test.
        """
        offered = list(subprotocols)
        asks = self._request("GET", url, {"headers": headers, "params": params})
        asks = asks.with_headers(*handshake(offered))
        scope = websocket_scope(asks.url, asks.headers, offered, self.served, self._state())
        conversation = Conversation(self.app, scope, WebsocketRules(scope), self.served)
        socket = WebSocket(conversation, asks.url)
        async with self._kept(socket):
            if not await socket.open(timeout) and raise_denied:
                raise await socket.denial()
            yield socket

    # How they are made.

    def _request(self, method: str, url: str, asked: Any) -> Request:
        made = request(method, url, self.base_url, self.headers, asked)
        return self._with_cookies(made)

    def _with_cookies(self, made: Request) -> Request:
        kept = self.cookies.header(made.url)
        extra = [(b"cookie", kept.encode("latin-1"))] if kept else []
        if "http.response.trailers" in self.served.extensions and made.header(b"te") is None:
            extra.append((b"te", b"trailers"))
        return made.with_headers(*extra)

    def _redirected(self, asks: Request, response: Response) -> Request:
        if len(response.history) >= MOST_REDIRECTS:
            raise ConversationError(f"more than {MOST_REDIRECTS} redirects", response.transcript)
        return self._with_cookies(redirected(asks, response.status_code, response.headers["location"]))

    def _exchange(self, asks: Request) -> Exchange:
        scope = http_scope(asks.method, asks.url, asks.headers, self.served, self._state())
        conversation = Conversation(self.app, scope, HttpRules(scope), self.served)
        conversation.start()
        exchange = Exchange(conversation, asks.url)
        self._open.add(exchange)
        return exchange

    def _state(self) -> Mapping[str, Any] | None:
        return self.state if self.lifespan.supported or self.served.state is not None else None

    async def _response(self, exchange: Exchange, timeout: Limit) -> Response:
        response = await exchange.response(timeout)
        self.cookies.keep(response.url, response.headers.raw)
        return response

    @asynccontextmanager
    async def _kept(self, conversation: Exchange | WebSocket) -> AsyncIterator[None]:
        """Ends a conversation with its block; a fault of the test is not hidden by what comes of it."""
        self._open.add(conversation)
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the first fault is the one to tell
                await conversation.aclose(patient=False)
            raise
        else:
            await conversation.aclose()
        finally:
            self._open.discard(conversation)


class Calls(Asked, total=False):
    """What every call takes beside its URL."""

    follow_redirects: bool | None
    timeout: Limit
