"""Messages both ways: several tasks of one application, waits that are cancelled, what comes early, and orders that
must hold (ASGI-021 to 023, 146, 160 to 167).
"""

import asyncio
import threading
import zlib

import anyio
import pytest

from asgate import ClientDisconnected
from asgate.conformance.websocket import Opcode, binary, closing, frame, text

from .sockets import CONNECT, accept, disconnect, handshake, opened, outcome, received, said, told
from .waits import soon

clause = pytest.mark.clause
LARGE = 1 << 20


@pytest.fixture
def echo(serve):
    """A server that says again what it hears."""

    async def app(scope, receive, send):
        await accept(receive, send)
        while (event := await receive())["type"] == "websocket.receive":
            await send(event | {"type": "websocket.send"})

    return lambda **options: serve(app, **options)


@clause("ASGI-160", "ASGI-161", "ASGI-162", "ASGI-166", "ASGI-167")
async def test_every_kind_of_message_there_and_back_in_order(echo):
    said = ["", b"", "Grüße\0", bytes(range(256)), "x" * 126, b"y" * 65_536, "é" * 70_000]
    async with echo() as site:
        peer = await opened(site)
        for content in said:
            await peer.send(text(content) if isinstance(content, str) else binary(content))
        assert [await peer.message() for _ in said] == said


@clause("ASGI-161", "ASGI-166")
@pytest.mark.parametrize("size", [4096, 4097, 100 << 10, 5 << 20])
@pytest.mark.parametrize(
    "sign", ["a", "é", "✓", "😀"], ids=["ASCII", "two bytes", "three bytes", "four bytes"]
)
@pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])
async def test_texts_are_sent_as_they_are_whatever_their_size(echo, unix, sign, size, slow):
    """`size` is that of the frame's payload, by which it is decided how the text travels. The application keeps none of
    them: a text of which much is not written yet must live on.
    """
    texts = [letter + sign * ((size - 1) // len(sign.encode())) for letter in "xyz"]
    texts = [content.ljust(len(content) + size - len(content.encode()), "-") for content in texts]
    assert {len(content.encode()) for content in texts} == {size}
    async with echo(**({"bind": unix} if slow else {})) as site:
        peer = await opened(site, room=4096 if slow else None)
        sending = asyncio.ensure_future(peer.send(*map(text, texts)))
        assert [await peer.message() for _ in texts] == texts
        await sending


@clause("ASGI-160", "ASGI-162", "ASGI-163")
async def test_the_application_sees_whole_messages_with_one_key_and_no_pings(serve):
    events, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        events.extend(await told(receive))
        ended.set()

    async with serve(app) as site:
        peer = await opened(site)
        parts = (
            *(frame(Opcode.TEXT, b"\xc3", final=False), frame(Opcode.PING, b"1")),
            *(frame(0, b"\xa9", final=False), frame(Opcode.PONG, b"?"), frame(0)),
        )
        for part in parts:
            await peer.send(part)
        await peer.send(binary(b"b"), frame(Opcode.PING, b"2"), closing(4000, "é"))
        answers = [await peer.frame() for _ in range(3)]
        assert [(it.opcode, it.payload) for it in answers[:2]] == [(Opcode.PONG, b"1"), (Opcode.PONG, b"2")]
        await soon(ended)
    assert events == [received("é"), received(b"b"), disconnect(4000, "é")]


@clause("ASGI-146")
@pytest.mark.parametrize("apart", [False, True], ids=["with the handshake", "later"])
async def test_what_the_client_sends_early_waits_for_the_accept(serve, apart):
    events, asked, go, ended = [], asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        assert await receive() == CONNECT
        waiting = asyncio.ensure_future(receive())
        asked.set()
        await go.wait()
        assert not waiting.done()
        await send({"type": "websocket.accept"})
        events.append(await waiting)
        events.extend(await told(receive))
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        early = text("a") + binary(b"b") + closing(4000)
        await client.send(handshake() + (b"" if apart else early))
        await soon(asked)
        if apart:
            await client.send(early)
        go.set()
        assert (await client.head()).status == 101
        await soon(ended)
    assert events == [received("a"), received(b"b"), disconnect(4000)]


@clause("ASGI-021", "ASGI-146")
async def test_receives_of_several_tasks_get_each_message_once_and_all_of_them_the_end(serve):
    events, ready, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        tasks = [asyncio.create_task(told(receive)) for _ in range(3)]
        await asyncio.sleep(0)
        ready.set()
        events.extend(await asyncio.gather(*tasks))
        ended.set()

    async with serve(app) as site:
        peer = await opened(site)
        await soon(ready)
        for number in range(20):
            await peer.send(text(str(number)))
        await peer.send(closing(4001, "bye"))
        assert await peer.closed() == (4001, "bye")
        await soon(ended)
    messages = [event for task in events for event in task[:-1]]
    assert sorted(int(event["text"]) for event in messages) == list(range(20))
    assert [task[-1] for task in events] == [disconnect(4001, "bye")] * 3


async def by_task(receive):
    task = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    return None if task.cancelled() else task.result()


async def by_scope(receive):
    with anyio.CancelScope() as scope:
        scope.cancel()
        return await receive()


@clause("ASGI-022", "ASGI-167")
@pytest.mark.parametrize("cancel", [by_task, by_scope])
async def test_a_cancelled_receive_loses_nothing(serve, cancel):
    """Cancelled while it waits, and cancelled in the turn in which something comes."""
    found, go = [], asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        assert await cancel(receive) is None
        go.set()
        while len(found) < 300:
            if (event := await cancel(receive)) is not None:
                found.append(event)
            await asyncio.sleep(0)
        await send(said("done"))

    async with serve(app) as site:
        peer = await opened(site)
        await soon(go)
        for number in range(300):
            await peer.send(text(str(number)))
        assert await peer.message() == "done"
    assert [int(event["text"]) for event in found] == list(range(300))


@clause("ASGI-021", "ASGI-167", "ASGI-168")
async def test_several_tasks_send_at_once_to_a_client_that_is_slow(serve, unix):
    """Frames are whole, and each task's own are in order, whichever of them had to wait."""
    sizes = (3, 200, 70_000, 300_000)
    blocked, done = asyncio.Event(), []

    async def speak(send, name, size):
        for number in range(8):
            await send(said(f"{name}{number}".ljust(size)))
        done.append(name)

    async def app(scope, receive, send):
        await accept(receive, send)
        tasks = [
            asyncio.create_task(speak(send, name, size)) for name, size in zip("abcd", sizes, strict=True)
        ]
        await asyncio.sleep(0)
        blocked.set()
        await asyncio.gather(*tasks)
        await send({"type": "websocket.close"})

    async with serve(app, bind=unix) as site:
        peer = await opened(site, room=4096)
        await soon(blocked)
        assert "d" not in done
        messages = [await peer.message() for _ in range(32)]
        assert await peer.farewell() == (1000, "")
    for name, size in zip("abcd", sizes, strict=True):
        own = [message for message in messages if message[0] == name]
        assert [message.rstrip() for message in own] == [f"{name}{number}" for number in range(8)]
        assert {len(message) for message in own} == {size}


@clause("ASGI-022", "ASGI-168")
async def test_a_send_that_is_cancelled_while_it_waits_was_sent_once_and_whole(serve, unix):
    cancelled = asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        for number in range(6):
            sending = asyncio.ensure_future(send(said(str(number) * LARGE)))
            await asyncio.sleep(0)
            sending.cancel()
            await asyncio.wait({sending})
            assert sending.cancelled()
        cancelled.set()
        await send(said("end"))

    async with serve(app, bind=unix) as site:
        peer = await opened(site, room=4096)
        await soon(cancelled)
        messages = [await peer.message() for _ in range(7)]
        assert await peer.farewell() == (1000, "")
    assert messages[:-1] == [str(number) * LARGE for number in range(6)]
    assert messages[-1] == "end"


@clause("ASGI-167", "ASGI-168")
async def test_messages_and_pings_come_in_while_a_send_waits(serve, unix):
    events, stuck, heard = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        sending = asyncio.ensure_future(send(said(b"x" * 4 * LARGE)))
        await asyncio.sleep(0)
        assert not sending.done()
        stuck.set()
        events.extend([await receive(), await receive()])
        assert not sending.done()
        heard.set()
        await sending

    async with serve(app, bind=unix) as site:
        peer = await opened(site, room=4096)
        await soon(stuck)
        await peer.send(text("a"), binary(b"b"))
        await soon(heard)
        assert await peer.message() == b"x" * 4 * LARGE
        assert await peer.farewell() == (1000, "")
    assert events == [received("a"), received(b"b")]


@clause("ASGI-023")
async def test_a_task_may_outlive_the_application_and_hears_of_its_end(serve):
    found, ended = [], asyncio.Event()

    async def afterwards(receive, send):
        found.append(await receive())
        found.extend(await outcome(send, said("late")))
        ended.set()

    tasks = []

    async def app(scope, receive, send):
        await accept(receive, send)
        tasks.append(asyncio.create_task(afterwards(receive, send)))
        await asyncio.sleep(0)

    async with serve(app) as site:
        peer = await opened(site)
        assert await peer.farewell() == (1000, "")
        await soon(ended)
    assert found[0] == disconnect(1000)
    assert isinstance(found[1], ClientDisconnected)


@clause("ASGI-023")
async def test_another_thread_gets_a_clear_error_and_nothing_is_sent(serve):
    errors = []

    async def app(scope, receive, send):
        await accept(receive, send)

        def elsewhere():
            for call in (lambda: send(said("wrong")).send(None), lambda: receive().send(None)):
                try:
                    call()
                except RuntimeError as error:
                    errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        await send(said("right"))

    async with serve(app) as site:
        peer = await opened(site)
        assert await peer.message() == "right"
        assert await peer.farewell() == (1000, "")
    assert len(errors) == 2
    assert all("thread" in str(error) for error in errors)


@clause("ASGI-167")
@pytest.mark.parametrize("takeover", [False, True])
async def test_compressed_and_plain_messages_keep_their_order(serve, takeover):
    """What the client inflates is what several tasks have sent, in the order in which they sent it."""
    sent = []

    async def speak(send, name, *sizes):
        for size in sizes:
            content = (name * 7 + str(size)) * size
            sent.append(content)
            await send(said(content))
            await asyncio.sleep(0)

    async def app(scope, receive, send):
        await accept(receive, send)
        await asyncio.gather(speak(send, "a", 1, 50, 3, 4000), speak(send, "b", 900, 2, 60, 1))

    offer = b"sec-websocket-extensions: permessage-deflate"
    async with serve(app, ws_deflate_takeover=takeover) as site:
        peer = await opened(site, b"/", offer)
        frames = [await peer.frame() for _ in range(8)]
        assert await peer.farewell() == (1000, "")
    assert {frame.reserved for frame in frames} == {0, 4}
    assert [content(frame) for content, frame in zip(inflating(takeover), frames, strict=False)] == sent


def inflating(takeover):
    """For frame after frame, what makes the text of it."""
    inflater = zlib.decompressobj(-15)

    def content(frame):
        if not frame.reserved:
            return frame.payload.decode()
        return inflater.decompress(frame.payload + b"\x00\x00\xff\xff").decode()

    while True:
        yield content
        if not takeover:
            inflater = zlib.decompressobj(-15)
