"""What the applications of every framework have in common, so that one set of tests fits all.

Routes: GET /hello/{name}?greeting=…, GET /stream/{count}, POST /upload, GET /file, GET /ticking, GET /silent,
GET /state, GET /boom. `Watched` adds /-/sent (message types of the last response to a path) and /-/departed
(waits until a stream has noticed that its client left).
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs

FILE_CONTENT = b"".join(b"%07d\n" % number for number in range(40_000))  # 320 000 bytes
FILE = Path("served.bin").resolve()  # the working directory is the server's own
TICK = 0.005  # seconds between two pieces of an endless stream
LIMIT = 20.0  # seconds that /-/departed waits at most

departed: list[str] = []
waiters: list[asyncio.Event] = []


def write_file() -> None:
    FILE.write_bytes(FILE_CONTENT)


def greeting(name: str, words: str | None) -> dict[str, str | None]:
    return {"hello": name, "greeting": words}


class Checksum:
    """Counts and hashes an upload."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._size = 0
        self._pieces = 0

    def update(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._size += len(piece)
        self._pieces += bool(piece)

    def result(self) -> dict[str, str | int]:
        return {"sha256": self._hash.hexdigest(), "bytes": self._size, "pieces": self._pieces}


async def lines(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"line %d\n" % number
        await asyncio.sleep(0)


async def ticking() -> AsyncIterator[bytes]:
    """Sends again and again: it ends at a send, or by being cancelled, once the client has left."""
    while True:
        yield b"tick\n"
        await asyncio.sleep(TICK)


async def silent() -> AsyncIterator[bytes]:
    """Begins and then says nothing more: somebody else has to notice."""
    yield b"begun\n"
    await asyncio.Event().wait()


class Watched:
    """The application, and a window into what it sent and noticed."""

    def __init__(self, application):
        self._application = application
        self._sent: dict[str, list[str]] = {}
        write_file()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self._application(scope, receive, send)
        elif scope["path"].startswith("/-/"):
            await self._window(scope, send)
        else:
            kinds = self._sent[scope["path"]] = []

            async def watched_send(message):
                kinds.append(message["type"])
                await send(message)

            try:
                await self._application(scope, receive, watched_send)
            finally:
                # An endless stream ends only so. (Its generator may end later: Django leaves that to the collector.)
                departed.append(scope["path"].removeprefix("/"))
                for waiting in waiters:
                    waiting.set()

    async def _window(self, scope, send):
        query = parse_qs(scope["query_string"].decode())
        if scope["path"] == "/-/sent":
            return await answer_json(send, self._sent.get(query["path"][0], []))
        name = query["name"][0]
        waiters.append(news := asyncio.Event())
        try:
            async with asyncio.timeout(LIMIT):
                while name not in departed:
                    news.clear()
                    await news.wait()
        except TimeoutError:
            return await answer_json(send, {"departed": False}, status=504)
        return await answer_json(send, {"departed": True})


async def answer_json(send, content, status=200):
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
