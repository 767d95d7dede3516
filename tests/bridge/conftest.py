"""What every bridge test stands on: coroutine tests on both loops, `serve` (a running server on a free port) and a raw
client that sees each byte. Nothing here retries or sleeps; every wait of the client has one limit.
"""

import asyncio
import contextlib
import inspect
import os
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop

import asgate

PATIENCE = 10.0  # seconds until a client's wait counts as "for ever"
LIMIT = 50.0  # seconds of a whole test: uvloop does not let the alarm of pytest's own limit through
QUIET = {"bind": ["127.0.0.1:0"], "lifespan": "off", "access_log": False, "graceful_timeout": 0}


@pytest.fixture(
    autouse=True, params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def loop_factory(request):
    """Each test runs on each kind of loop."""
    return request.param


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def test_…` on a new loop; what the loop's exception handler hears of fails the test."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    heard = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
        async with asyncio.timeout(LIMIT):
            await pyfuncitem.obj(**arguments)

    with asyncio.Runner(loop_factory=pyfuncitem.funcargs["loop_factory"]) as runner:
        runner.run(main())
    assert not heard
    return True


@dataclass
class Response:
    """A response as it came over the wire; names and values are untouched bytes."""

    status: int
    reason: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    interim: list["Response"] = field(default_factory=list)

    def __getitem__(self, name):
        """All values of a field."""
        return [value for found, value in self.fields if found.lower() == name]


class Truncated(Exception):
    """The connection ended inside a message. `args`: how ("eof" or "reset") and what of the body had come."""

    def __str__(self):
        return f"{self.args[0]} after {len(self.args[1])} bytes, the first of them {self.args[1][:99]!r}"


class Client:
    """A socket without manners: `send` and the reading methods wait, at most `PATIENCE` seconds."""

    def __init__(self, address, room=None):
        if isinstance(address, str):
            family = socket.AF_UNIX
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if room is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.address = address
        self.kept = bytearray()

    async def connect(self):
        await self._wait(asyncio.get_running_loop().sock_connect(self.socket, self.address))
        return self

    async def _wait(self, operation):
        async with asyncio.timeout(PATIENCE):
            return await operation

    async def send(self, data):
        await self._wait(asyncio.get_running_loop().sock_sendall(self.socket, data))

    async def _more(self):
        """Reads on; "eof" or "reset" when nothing will come."""
        try:
            data = await self._wait(asyncio.get_running_loop().sock_recv(self.socket, 1 << 18))
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        self.kept += data
        return None if data else "eof"

    def _take(self, count):
        found = bytes(self.kept[:count])
        del self.kept[:count]
        return found

    async def until(self, mark):
        """Everything up to and with `mark`."""
        searched = 0
        while (at := self.kept.find(mark, searched)) < 0:
            searched = max(0, len(self.kept) - len(mark) + 1)
            if (end := await self._more()) is not None:
                raise Truncated(end, bytes(self.kept))
        return self._take(at + len(mark))

    async def exactly(self, count):
        while len(self.kept) < count:
            if (end := await self._more()) is not None:
                raise Truncated(end, bytes(self.kept))
        return self._take(count)

    async def rest(self):
        """What comes until the server closes. A reset raises."""
        while (end := await self._more()) is None:
            pass
        if end == "reset":
            raise Truncated(end, bytes(self.kept))
        return self._take(len(self.kept))

    async def end(self):
        """How the connection ends: "eof" or "reset"."""
        while (end := await self._more()) is None:
            pass
        return end

    async def response(self, *, head=False):
        """The next response, decoded strictly; interim ones are kept in it. `head`: it answers a HEAD."""
        interim = []
        while True:
            found = await self.head()
            if found.status >= 200:
                break
            interim.append(found)
        found.interim = interim
        if head or found.status in (204, 304):
            return found
        lengths = found[b"content-length"]
        if found[b"transfer-encoding"] == [b"chunked"]:
            assert not lengths
            await self._chunks(found)
        elif lengths:
            assert len(lengths) == 1
            found.body = await self.exactly(int(lengths[0]))
        else:
            found.body = await self.rest()
        return found

    async def head(self):
        """The next head, without what follows it."""
        lines = (await self.until(b"\r\n\r\n"))[:-4].split(b"\r\n")
        version, status, reason = lines[0].split(b" ", 2)
        assert version == b"HTTP/1.1"
        assert len(status) == 3
        return Response(int(status), reason, [tuple(line.split(b": ", 1)) for line in lines[1:]])

    async def _chunks(self, found):
        body = bytearray()
        try:
            while size := int((await self.until(b"\r\n"))[:-2], 16):
                body += await self.exactly(size)
                assert await self.exactly(2) == b"\r\n"
            found.body = bytes(body)
            while (line := await self.until(b"\r\n")) != b"\r\n":
                found.trailers.append(tuple(line[:-2].split(b": ", 1)))
        except Truncated as error:
            raise Truncated(error.args[0], bytes(body)) from None

    def finish(self):
        """Half-close: nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class Site:
    """A running server and the clients that the test makes of it."""

    def __init__(self, server):
        self.server = server
        self.address = server.addresses[0]
        self.clients = []

    async def connect(self, room=None):
        """A connected client. `room`: bytes of its socket buffers."""
        client = Client(self.address, room)
        self.clients.append(client)
        return await client.connect()

    async def ask(self, request, *, head=False):
        """Sends `request` on a connection of its own and reads one response."""
        client = await self.connect()
        await client.send(request)
        found = await client.response(head=head)
        client.close()
        return found

    async def get(self, target=b"/", *lines):
        """`ask` with a GET."""
        fields = b"".join(line + b"\r\n" for line in (b"host: a", *lines))
        return await self.ask(b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n")


@pytest.fixture
def serve():
    """`async with serve(app, **options) as site`: a server in this loop, on a free port unless `bind` says."""

    @contextlib.asynccontextmanager
    async def running(app, **options):
        async with asgate.Server(app, **(QUIET | options)) as server:
            site = Site(server)
            try:
                yield site
            finally:
                for client in site.clients:
                    client.close()

    return running


@pytest.fixture
def unix(tmp_path):
    """A `bind` on a Unix socket: its buffers are small and do not grow."""
    return [f"unix:{tmp_path}/s"]


async def plain(send, status=200, body=b"ok"):
    """A whole response."""
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def answer():
    return plain


@pytest.fixture
def truncated():
    """The exception of the client for a message that was cut short."""
    return Truncated


@pytest.fixture
def path(tmp_path):
    """A file of a million bytes that differ from place to place."""
    made = tmp_path / "file"
    made.write_bytes(b"".join(b"%07d\n" % number for number in range(125_000)))
    return made


@pytest.fixture
def file(path):
    with path.open("rb") as opened:
        yield opened


@pytest.fixture
def sparse(tmp_path):
    """Three GiB, of which the disk sees a few bytes beyond the second."""
    made = tmp_path / "sparse"
    with made.open("wb") as opened:
        os.truncate(opened.fileno(), 3 << 30)
        os.pwrite(opened.fileno(), b"far away", 2 << 30)
    return made


@pytest.fixture
def refusals(serve):
    """What `send` raises for each message after `before`; then a correct response must still reach the client.

    "this file" as the value of `file` stands for an open file.
    """

    async def take(messages, *before, request=b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", also=(), body=b"fine"):
        raised = []

        async def app(scope, receive, send):
            for message in before:
                await send(message)
            for message in messages:
                try:
                    await send(with_file(message, file))
                except BaseException as error:
                    raised.append(error)
                else:
                    raised.append(None)
            if not before:
                headers = [(b"content-length", b"%d" % len(body))]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            for message in also:
                await send(message)

        with Path(__file__).open("rb") as file:
            async with serve(app) as site:
                found = await site.ask(request)
        assert found.status == 200
        assert found.body.endswith(body)
        return raised, found

    return take


def with_file(message, file):
    """The message with an open file where it says "this file"."""
    if isinstance(message, dict) and message.get("file") == "this file":
        return message | {"file": file}
    return message
