"""What a WebSocket application may send when: every message in every state, and every wrong value. What is refused
raises a sentence that names what was expected, writes nothing and changes nothing: the next correct message works (ASGI
sections 2, 7, 8, 9 and 13).
"""

import asyncio
import contextlib
import logging

import pytest

from asgate._core import MessageError
from asgate.conformance.websocket import Opcode, closing

from .sockets import CONNECT, Peer, accept, handshake, opened, outcome, said
from .waits import soon, until

clause = pytest.mark.clause
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close", "code": 4001, "reason": "bye"}
START = {"type": "websocket.http.response.start", "status": 418}
PART = {"type": "websocket.http.response.body", "body": b"part", "more_body": True}
END = {"type": "websocket.http.response.body", "body": b"end"}
HTTP = {"type": "http.response.start", "status": 200}
MESSAGES = {"accept": ACCEPT, "send": said("a"), "close": CLOSE, "start": START, "body": END, "http": HTTP}
ANYTHING = set(MESSAGES)
# For each state: what leads there, what is legal in it, what ends it well, and what the client has seen then.
STATES = {
    "connecting": ((), {"accept", "close", "start"}, (ACCEPT,), (101, [(8, b"\x03\xe8")])),
    "open": (
        *((ACCEPT,), {"send", "close"}, (said("after"), CLOSE)),
        (101, [(1, b"after"), (8, b"\x0f\xa1bye")]),
    ),
    "closed": ((ACCEPT, CLOSE), set(), (), (101, [(8, b"\x0f\xa1bye")])),
    "forbidden": ((CLOSE,), set(), (), (403, b"Forbidden")),
    "denying": ((START,), {"body"}, (END,), (418, b"end")),
    "denial on the wire": ((START, PART), {"body"}, (END,), (418, b"partend")),
    "denied": ((START, END), {"start", "body"}, (START, END), (418, b"end")),
}
OFFER = b"sec-websocket-protocol: chat"


async def seen(client):
    """The status, and either the body or the frames (opcode and payload) up to the close, which is answered."""
    head = await client.until(b"\r\n\r\n")
    client.kept[:0] = head
    if not head.startswith(b"HTTP/1.1 101 "):
        found = await client.response()
        assert await client.rest() == b""
        return found.status, found.body
    peer, frames = Peer(client, await client.head()), []
    while not frames or frames[-1].opcode != Opcode.CLOSE:
        frames.append(await peer.frame())
    await peer.send(closing())
    assert await client.rest() == b""
    return 101, [(frame.opcode, frame.payload) for frame in frames]


@pytest.fixture
def refusals(serve):
    """What `send` raises for `messages` in a state; all of them are refused, and then all is as it should be."""

    async def take(state, messages):
        before, _, after, expected = STATES[state]
        raised, worked = [], []

        async def app(scope, receive, send):
            assert await receive() == CONNECT
            assert not any(await outcome(send, *before))
            raised.extend(await outcome(send, *messages))
            worked.extend(await outcome(send, *after))

        async with serve(app) as site:
            client = await site.connect()
            await client.send(handshake(b"/", OFFER))
            assert await seen(client) == expected
        assert worked == [None] * len(after)
        assert len(raised) == len(messages)
        assert None not in raised
        return raised

    return take


@clause("ASGI-037", "ASGI-038", "ASGI-040", "ASGI-146", "ASGI-183", "ASGI-232")
@pytest.mark.parametrize("state", STATES)
async def test_what_is_out_of_order_raises_and_changes_nothing(refusals, state):
    wrong = [MESSAGES[name] for name in sorted(ANYTHING - STATES[state][1])]
    for error in await refusals(state, wrong * 2):
        assert isinstance(error, MessageError)
        assert "ASGI-" in str(error)


@clause("ASGI-030", "ASGI-031", "ASGI-032", "ASGI-040", "ASGI-041")
@pytest.mark.parametrize("state", STATES)
async def test_what_is_no_message_raises_in_every_state(refusals, state):
    strange = [None, [], "websocket.send", {}, {"type": None}, {"type": b"websocket.send"}]
    unknown = [
        {"type": f"websocket.{name}"}
        for name in ("", "receive", "connect", "http.response.trailers", "Send", "\udcff")
    ]
    raised = await refusals(state, strange + unknown)
    kinds = [
        TypeError,
        TypeError,
        TypeError,
        MessageError,
        TypeError,
        TypeError,
        *[MessageError] * len(unknown),
    ]
    assert [type(error) for error in raised] == kinds


@clause("ASGI-147", "ASGI-149", "ASGI-150", "ASGI-116", "ASGI-040")
@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"subprotocol": b"chat"}, TypeError),
        ({"subprotocol": ["chat"]}, TypeError),
        ({"subprotocol": "other"}, MessageError),
        ({"subprotocol": ""}, MessageError),
        ({"subprotocol": "chat\ud800"}, MessageError),
        ({"headers": None}, TypeError),
        ({"headers": "a"}, TypeError),
        ({"headers": [("a", b"b")]}, TypeError),
        ({"headers": [(b"a", b"b\r\nc: d")]}, MessageError),
        ({"headers": [(b"ok", b"1"), (b"a b", b"c")]}, MessageError),
        ({"headers": [(b":status", b"200")]}, MessageError),
        ({"headers": [(b"sec-websocket-protocol", b"chat")]}, MessageError),
        ({"headers": [(b"Sec-WebSocket-Protocol", b"chat")]}, MessageError),
        ({"headers": [(b"sec-websocket-accept", b"x")]}, MessageError),
        ({"headers": [(b"sec-websocket-extensions", b"permessage-deflate")]}, MessageError),
    ],
)
async def test_wrong_values_in_an_accept(refusals, keys, kind):
    (error,) = await refusals("connecting", [ACCEPT | keys])
    assert type(error) is kind


@clause("ASGI-161", "ASGI-165", "ASGI-032", "ASGI-040")
@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({}, MessageError),
        ({"text": None, "bytes": None}, MessageError),
        ({"text": "a", "bytes": b"a"}, MessageError),
        ({"text": "", "bytes": b""}, MessageError),
        ({"text": b"a"}, TypeError),
        ({"text": 1}, TypeError),
        ({"bytes": "a"}, TypeError),
        ({"bytes": [1]}, TypeError),
        ({"text": "a\ud800"}, MessageError),
    ],
)
async def test_wrong_values_in_a_send(refusals, keys, kind):
    (error,) = await refusals("open", [{"type": "websocket.send"} | keys])
    assert type(error) is kind
    assert "websocket.send" in str(error)


@clause("ASGI-181", "ASGI-186", "ASGI-032", "ASGI-040")
@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        *(
            ({"code": code}, MessageError)
            for code in (-1, 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1 << 70)
        ),
        *(({"code": code}, TypeError) for code in ("1000", 1000.0, True, None, b"")),
        ({"reason": b"bye"}, TypeError),
        ({"reason": 0}, TypeError),
        ({"reason": "a" * 124}, MessageError),
        ({"reason": "é" * 62}, MessageError),
        ({"reason": "a\ud800"}, MessageError),
    ],
)
async def test_wrong_values_in_a_close(refusals, keys, kind):
    (error,) = await refusals("open", [{"type": "websocket.close"} | keys])
    assert type(error) is kind


@clause("ASGI-231", "ASGI-104", "ASGI-115", "ASGI-116", "ASGI-040")
@pytest.mark.parametrize(
    ("state", "message", "kind"),
    [
        *(
            ("connecting", START | {"status": status}, kind)
            for status, kind in (
                ("200", TypeError),
                (99, MessageError),
                (101, MessageError),
                (1000, MessageError),
            )
        ),
        ("connecting", {"type": START["type"]}, MessageError),
        ("connecting", START | {"headers": [(b"a", "b")]}, TypeError),
        ("connecting", START | {"headers": [(b"a", b"b\n")]}, MessageError),
        ("connecting", START | {"headers": [(b"content-length", b"x")]}, MessageError),
        ("denying", END | {"body": "end"}, TypeError),
        ("denying", END | {"body": None}, TypeError),
        ("denying", END | {"more_body": 1}, TypeError),
    ],
)
async def test_wrong_values_in_a_denial(refusals, state, message, kind):
    (error,) = await refusals(state, [message])
    assert type(error) is kind


@clause("ASGI-033", "ASGI-147", "ASGI-165", "ASGI-181")
async def test_extra_keys_none_and_subclasses_do_no_harm(serve):
    class Message(dict):
        """Still a dict."""

    class Text(str):
        """Still a str."""

    messages = (
        Message(ACCEPT, subprotocol=None, headers=(), extra=1),
        Message(type=Text("websocket.send"), text=Text("a"), bytes=None),
        {"type": "websocket.send", "text": None, "bytes": b"b", "more": True},
        {"type": "websocket.send", "bytes": bytearray(b"c")},
        {"type": "websocket.send", "bytes": memoryview(b"d")},
        Message(CLOSE, reason=None),
    )

    async def app(scope, receive, send):
        assert await outcome(send, *messages) == [None] * len(messages)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(handshake())
        frames = [(1, b"a"), (2, b"b"), (2, b"c"), (2, b"d"), (8, b"\x0f\xa1")]
        assert await seen(client) == (101, frames)


@clause("ASGI-040")
@pytest.mark.parametrize("inner", ["accept", "close", "start"])
@pytest.mark.parametrize("outer", ["accept", "start"])
async def test_headers_that_speak_while_they_are_read(serve, outer, inner):
    """An iterable that answers the handshake itself: behind a denial that has begun it comes too late and spoils it,
    and before an accept it comes first.
    """
    given = []

    async def app(scope, receive, send):
        def headers():
            send(MESSAGES[inner])
            yield (b"x-from", b"outer")

        try:
            await send(MESSAGES[outer] | {"headers": headers()})
        except RuntimeError as error:
            given.append(error)
        given.extend(await outcome(send, END, said("a"), CLOSE))

    async with serve(app) as site:
        client = await site.connect()
        await client.send(handshake())
        found = await seen(client)
    expected = {
        "accept": (101, [(1, b"a"), (8, b"\x0f\xa1bye")]),
        "close": (403, b"Forbidden"),
        "start": (418, b"end"),
    }
    assert found == expected["close" if outer == "start" else inner]
    assert isinstance(given[0], MessageError)


ANSWERS = {"accept": (ACCEPT,), "accept and close": (ACCEPT, CLOSE), "close": (CLOSE,), "deny": (START, END)}


class Speaking:
    """A key like "type" that speaks as soon as it is compared, and is another one after all."""

    def __init__(self, speak):
        self.speak = speak

    def __hash__(self):
        return hash("type")

    def __eq__(self, other):
        speak, self.speak = self.speak, None
        if speak is not None:
            speak()
        return False


def by_key(message, speak):
    """The message, which lets `speak` speak while its type is looked up."""
    key = Speaking(None)
    made = {key: 1} | message
    key.speak = speak
    return made


def by_headers(message, speak):
    """The message, which lets `speak` speak while its headers are read."""

    def headers():
        speak()
        yield b"x-from", b"within"

    return message | {"headers": headers()}


@clause("ASGI-040", "ASGI-153", "ASGI-184", "ASGI-185")
@pytest.mark.parametrize("error", [None, ValueError("why")], ids=["returns", "raises"])
@pytest.mark.parametrize("inner", sorted(ANSWERS))
@pytest.mark.parametrize(
    ("within", "outer"),
    [(by_key, ACCEPT), (by_key, CLOSE), (by_key, START), (by_headers, ACCEPT), (by_headers, START)],
)
async def test_what_speaks_while_a_message_is_read_leaves_nothing_open(
    serve, caplog, within, outer, inner, error
):
    """Whatever becomes of either: the application's end is the connection's, and it has one line in the access log."""
    caplog.set_level(logging.INFO, "asgate.access")
    running = set()

    async def app(scope, receive, send):
        if scope["path"] == "/next":
            await accept(receive, send)
            return
        running.add(asyncio.current_task())

        def speak():
            for message in ANSWERS[inner]:
                with contextlib.suppress(RuntimeError):
                    send(message)

        await outcome(send, within(outer, speak))
        if error is not None:
            raise error

    async with serve(app, access_log=True, limit_websockets=1, ws_close_timeout=60) as site:
        client = await site.connect()
        await client.send(handshake())
        await seen(client)
        assert await (await opened(site, b"/next")).farewell() == (1000, "")
        await until(lambda: all(task.done() for task in running))
    records = [record for record in caplog.records if record.name == "asgate.access"]
    assert [record.path for record in records if record.outcome != "opened"] == ["/", "/next"]


@clause("ASGI-040", "ASGI-185")
async def test_a_send_that_closes_while_it_is_read_is_refused(serve):
    raised, asked = [], asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        raised.extend(await outcome(send, by_key(said("late"), lambda: send(CLOSE))))
        asked.set()

    async with serve(app) as site:
        peer = await opened(site)
        assert await peer.farewell() == (4001, "bye")
        await soon(asked)
    assert [type(error) for error in raised] == [MessageError]
