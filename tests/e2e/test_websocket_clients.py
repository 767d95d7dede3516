"""Clients that others wrote speak with a server: each of them the same tests.

Node's `ws` is installed with npm into a temporary directory. Where a client is not to be had its tests are skipped and
say why.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar
from urllib.parse import quote

import httpx
import pytest
from harness.process import PATIENCE, Serve, Serving

for package in ("aiohttp", "picows", "websockets", "wsproto"):
    pytest.importorskip(package, reason=f"{package} is not installed")
from harness import chromium_client, node_client  # noqa: E402
from harness.websocket_clients import (  # noqa: E402
    Connect,
    Talk,
    with_aiohttp,
    with_picows,
    with_websockets,
    with_wsproto,
)

IN_PYTHON = {
    "websockets": with_websockets,
    "wsproto": with_wsproto,
    "aiohttp": with_aiohttp,
    "picows": with_picows,
}
WITHOUT_DEFLATE = {"picows"}
WITHOUT_PING = {"chromium"}
TEXT = "Grüße, 世界 🌍\0\n"
LINES = "".join(f"line {number} of a text that shrinks\n" for number in range(40_000))[: 1 << 20]
MESSAGES = {
    "text": TEXT,
    "empty text": "",
    "one byte": b"\x00",
    "every byte": bytes(range(256)),
    "empty bytes": b"",
    "125 bytes": b"a" * 125,
    "126 bytes": b"b" * 126,
    "65535 bytes": b"c" * 65535,
    "65536 bytes": b"d" * 65536,
    "1 MiB of text": LINES,
    "1 MiB of bytes": bytes(range(256)) * 4096,
}
Result = TypeVar("Result")
pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # selenium leaves the driver's output open
]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Connect:
    try:
        return node_client.install(tmp_path_factory.mktemp("node"))
    except node_client.NoNode as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Connect]:
    pytest.importorskip("selenium", reason="selenium is not installed")
    if chromium_client.CHROMIUM is None or chromium_client.DRIVER is None:
        pytest.skip("chromium or chromedriver is not installed")
    with chromium_client.browser() as driver:
        yield chromium_client.client(driver)


@pytest.fixture(scope="module", params=[*IN_PYTHON, "node", "chromium"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def connect(request: pytest.FixtureRequest, name: str) -> Connect:
    return IN_PYTHON.get(name) or request.getfixturevalue(name)


@pytest.fixture(scope="module")
def server(serve_all: Serve) -> Serving:
    return serve_all("websockets_plain:app")


def at(server: Serving, path: str) -> str:
    return server.url.replace("http://", "ws://") + path


def spoken(
    connect: Connect, url: str, talk: Callable[[Talk], Awaitable[Result]], subprotocols: tuple[str, ...] = ()
) -> Result:
    """What the talk gives; one that does not come to an end is a failure."""

    async def main() -> Result:
        async with asyncio.timeout(PATIENCE), connect(url, subprotocols) as open_talk:
            return await talk(open_talk)

    return asyncio.run(main())


async def echoed(talk: Talk, message: str | bytes) -> str | bytes:
    await talk.send(message)
    return await talk.receive()


@pytest.mark.clause("ASGI-160", "ASGI-161", "ASGI-166")
@pytest.mark.parametrize("message", MESSAGES.values(), ids=list(MESSAGES))
def test_a_message_comes_back_as_it_was(connect: Connect, server: Serving, message: str | bytes) -> None:
    async def talk(open_talk: Talk) -> str | bytes:
        return await echoed(open_talk, message)

    assert spoken(connect, at(server, "/echo"), talk) == message


@pytest.mark.clause("ASGI-167")
def test_many_messages_keep_their_order(connect: Connect, server: Serving, name: str) -> None:
    count = 20 if name == "chromium" else 300  # each takes the driver a turn
    sent = [f"message {number}" if number % 2 else b"%d" % number * 50 for number in range(count)]

    async def talk(open_talk: Talk) -> list[str | bytes]:
        for message in sent:
            await open_talk.send(message)
        return [await open_talk.receive() for _ in sent]

    assert spoken(connect, at(server, "/echo"), talk) == sent


def test_messages_that_were_sent_before_the_close_arrive(connect: Connect, server: Serving) -> None:
    async def talk(open_talk: Talk) -> tuple[list[str | bytes], tuple[int, str]]:
        return [await open_talk.receive() for _ in range(50)], await open_talk.ended()

    expected = [f"message {number}" for number in range(50)]
    assert spoken(connect, at(server, "/burst/50"), talk) == (expected, (1000, ""))


@pytest.mark.clause("ASGI-163")
@pytest.mark.parametrize("payload", [b"", b"ping", bytes(range(125))], ids=["empty", "short", "longest"])
def test_a_ping_is_answered_with_its_own_bytes(
    connect: Connect, server: Serving, name: str, payload: bytes
) -> None:
    if name in WITHOUT_PING:
        pytest.skip("a page has no ping")

    async def talk(open_talk: Talk) -> str | bytes:
        await open_talk.ping(payload)
        return await echoed(open_talk, "still there")

    assert spoken(connect, at(server, "/echo"), talk) == "still there"


@pytest.mark.clause("ASGI-181")
@pytest.mark.parametrize(
    ("code", "reason"),
    [(1000, ""), (1000, "bye"), (1008, "not today"), (1011, ""), (3000, "registered"), (4999, "Grüße " * 14)],
)
def test_the_application_s_close_arrives_as_it_said(
    connect: Connect, server: Serving, code: int, reason: str
) -> None:
    async def talk(open_talk: Talk) -> tuple[int, str]:
        await open_talk.send("now")
        return await open_talk.ended()

    url = at(server, f"/close?code={code}&reason={quote(reason)}")
    assert spoken(connect, url, talk) == (code, reason)


@pytest.mark.clause("ASGI-176", "ASGI-178")
@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (3001, "bye"), (4321, "Grüße, 世界")])
def test_the_client_s_close_reaches_the_application(
    connect: Connect, server: Serving, name: str, code: int, reason: str
) -> None:
    path = f"/{name}-{code}"

    async def talk(open_talk: Talk) -> tuple[int, str]:
        await open_talk.close(code, reason)
        return await open_talk.ended()

    answered, _ = spoken(connect, at(server, f"/echo{path}"), talk)
    told = httpx.get(f"{server.url}/ended{path}", trust_env=False).json()
    assert answered == code
    assert (told["code"], told["reason"] or "") == (code, reason)


@pytest.mark.clause("ASGI-140", "ASGI-147")
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ((), None),
        (("chat.v1",), "chat.v1"),
        (("other", "chat.v1", "chat.v2"), "chat.v2"),
        (("CHAT.V1",), None),
    ],
)
def test_the_subprotocol_is_the_application_s_choice(
    request: pytest.FixtureRequest,
    connect: Connect,
    server: Serving,
    name: str,
    offered: tuple[str, ...],
    chosen: str | None,
) -> None:
    if offered and chosen is None and name in ("chromium", "node"):
        pytest.skip("this client insists on one of the subprotocols that it offered")

    async def talk(open_talk: Talk) -> str | None:
        assert await echoed(open_talk, TEXT) == TEXT
        return open_talk.subprotocol

    assert spoken(connect, at(server, "/echo"), talk, offered) == chosen


@pytest.mark.clause("ASGI-169")
@pytest.mark.parametrize(
    ("options", "compressed"),
    [
        ((), True),
        (("--ws-deflate-takeover",), True),
        (("--ws-deflate-takeover", "--ws-deflate-window-bits", "9"), True),
        (("--ws-deflate-window-bits", "15", "--ws-deflate-level", "9", "--ws-deflate-threshold", "0"), True),
        (("--no-ws-per-message-deflate",), False),
    ],
    ids=["default", "takeover", "small window", "all of it", "off"],
)
def test_compression_is_what_was_agreed(
    connect: Connect, serve: Serve, name: str, options: tuple[str, ...], compressed: bool
) -> None:
    server = serve("websockets_plain:app", *options)
    messages = [
        TEXT,
        LINES,
        "",
        LINES[:5000],
        LINES[:5000],
        bytes(range(256)) * 20,
        LINES[7:5007],
        b"x" * 200,
    ]

    async def talk(open_talk: Talk) -> tuple[bool, list[str | bytes]]:
        return open_talk.deflate, [await echoed(open_talk, message) for message in messages]

    expected = compressed and name not in WITHOUT_DEFLATE
    assert spoken(connect, at(server, "/echo"), talk) == (expected, messages)
