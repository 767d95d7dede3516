"""Backpressure both ways: what waits for a WebSocket application is bounded and TCP holds the client back; a client
that does not read stalls the sends to itself alone (ASGI-168). A Unix socket's own buffers are small and constant, so
that the bounds can be asserted.
"""

import asyncio
import logging

import pytest

from asgate.conformance.websocket import Opcode, binary, closing, frame, text

from .sockets import accept, disconnect, handshake, opened, received, said, told
from .waits import Rounds, soon, until

clause = pytest.mark.clause
KERNEL = 1 << 19  # more than the kernel keeps for one Unix socket
MESSAGE = binary(b"x" * 4096)


async def fill(peer, data, limit):
    """Sends `data` again and again until the socket takes no more for a good while; the bytes sent."""
    sent, refused = 0, 0
    while refused < 100:
        try:
            sent += peer.client.socket.send(data[sent % len(data) :])
            refused = 0
        except BlockingIOError:
            refused += 1
        await asyncio.sleep(0)
        assert sent < limit, "the server reads on although nobody takes the messages"
    return sent


class Taker:
    """An application that takes as many messages as `turns` says, then everything."""

    def __init__(self):
        self.turns = asyncio.Queue()
        self.events = []
        self.ended = asyncio.Event()

    async def __call__(self, scope, receive, send):
        await accept(receive, send)
        while count := await self.turns.get():
            for _ in range(count):
                self.events.append(await receive())
        self.events += await told(receive)
        self.ended.set()


@clause("ASGI-167", "ASGI-168")
@pytest.mark.parametrize(
    "options",
    [
        {"ws_max_queue": 1},
        {"ws_max_queue": 7},
        {"ws_max_queue": 32},
        {"ws_max_queue": 65_535, "limit_read_buffer": 10_000},
    ],
)
async def test_a_slow_application_stalls_the_client_and_loses_nothing(serve, unix, options):
    app, sent = Taker(), 0
    options = {"limit_read_buffer": 1 << 20, "limit_pipeline_size": 1024} | options
    async with serve(app, bind=unix, **options) as site:
        peer = await opened(site)
        for taken in (1, 3, 20):
            sent += await fill(peer, MESSAGE[sent % len(MESSAGE) :] + MESSAGE[: sent % len(MESSAGE)], KERNEL)
            app.turns.put_nowait(taken)
            await until(lambda: app.turns.empty())
        app.turns.put_nowait(0)
        await peer.send(MESSAGE[sent % len(MESSAGE) :] if sent % len(MESSAGE) else b"", closing(4000))
        assert await peer.closed() == (4000, "")
        await soon(app.ended)
    count = -(-sent // len(MESSAGE))
    assert len(app.events) == count + 1
    assert app.events == [received(b"x" * 4096)] * count + [disconnect(4000)]


@clause("ASGI-168")
async def test_small_messages_do_not_make_room_for_large_ones_behind_them(serve, unix):
    """A queue that is full of bytes stays full while the application takes what has none."""
    app, small, size = Taker(), 31, 100_000
    async with serve(app, bind=unix, limit_read_buffer=65_536) as site:
        peer = await opened(site)
        stream, sent = text("") * small + binary(bytes(size)) * 40, 0
        for _ in range(small):
            sent += await fill(peer, stream[sent:], KERNEL + 65_536 + 2 * size - sent)
            app.turns.put_nowait(1)
            await until(lambda: app.turns.empty())
        app.turns.put_nowait(0)
        await peer.send(stream[sent:], closing())
        assert await peer.closed() == (1000, "")
        await soon(app.ended)
    assert app.events == [received("")] * small + [received(bytes(size))] * 40 + [disconnect(1000)]


@clause("ASGI-168")
@pytest.mark.parametrize("queue", [1, 5])
async def test_no_more_messages_than_the_queue_has_room_for_are_taken_off_the_wire(serve, queue):
    """All of them came in one piece; while the application takes none, no ping behind them is answered."""
    app = Taker()
    async with serve(app, ws_max_queue=queue) as site:
        peer = await opened(site)
        numbers = [text(str(number)) for number in range(4 * queue)]
        await peer.send(*numbers[:queue], frame(Opcode.PING, b"behind"), *numbers[queue:])
        app.turns.put_nowait(queue)
        assert (await peer.frame()).payload == b"behind"
        app.turns.put_nowait(0)
        await peer.send(closing())
        assert await peer.closed() == (1000, "")
        await soon(app.ended)
    assert app.events == [received(str(number)) for number in range(4 * queue)] + [disconnect(1000)]


@clause("ASGI-168", "ASGI-175", "ASGI-177")
@pytest.mark.parametrize("how", ["close", "half-close", "close frame"])
async def test_who_leaves_behind_a_full_queue_has_said_everything(serve, how):
    app = Taker()
    async with serve(app, ws_max_queue=2) as site:
        peer = await opened(site)
        numbers = [text(str(number)) for number in range(20)]
        await peer.send(*numbers, *([closing(4000, "bye")] if how == "close frame" else []))
        if how == "close":
            peer.client.close()
        elif how == "half-close":
            peer.client.finish()
        app.turns.put_nowait(0)
        await soon(app.ended)
    end = disconnect(4000, "bye") if how == "close frame" else disconnect(1006)
    assert app.events == [*(received(str(number)) for number in range(20)), end]


@clause("ASGI-014", "ASGI-168")
@pytest.mark.parametrize("how", ["reset", "close", "half-close", "close frame"])
async def test_a_departed_client_frees_its_place_although_nobody_takes_what_it_said(serve, how, caplog):
    caplog.set_level(logging.INFO, "asgate")
    cancelled = asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        if scope["path"] == "/next":
            return
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serve(app, ws_max_queue=1, timeout_disconnect=0.05, limit_websockets=1) as site:
        peer = await opened(site)
        await peer.send(*[text("a")] * 10, *([closing(4000)] if how == "close frame" else []))
        leave = {"reset": peer.client.reset, "half-close": peer.client.finish}.get(how, peer.client.close)
        leave()
        await soon(cancelled)
        await until(lambda: not [task for task in asyncio.all_tasks() if task.cancelling()])
        assert await (await opened(site, b"/next")).farewell() == (1000, "")
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "left and the application did not notice: cancelled" in line]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@clause("ASGI-168")
@pytest.mark.parametrize(("letter", "count"), [("a", 20), ("é", 20), ("€", 10), ("😀", 5)])
async def test_texts_that_wait_count_as_many_bytes_as_they_take(serve, letter, count):
    """A letter beyond Latin-1 makes all of a text twice or four times as large. Only what waits outlives a reset."""
    begun, go, events = asyncio.Event(), asyncio.Event(), []

    async def app(scope, receive, send):
        if scope["path"] == "/other":
            return
        await accept(receive, send)
        begun.set()
        await go.wait()
        events.extend(await told(receive))
        begun.clear()

    async def turn(site):
        client = await site.connect()
        await client.send(handshake(b"/other"))
        await client.rest()

    message = letter + "a" * 999
    async with serve(app, limit_read_buffer=20_000, ws_max_queue=1000, limit_pipeline_size=1 << 20) as site:
        peer = await opened(site)
        await soon(begun)
        await peer.send(text(message) * 50)
        await turn(site)
        peer.client.reset()
        await turn(site)
        go.set()
        await until(lambda: events)
    assert events == [received(message)] * count + [disconnect(1006)]


@clause("ASGI-168", "ASGI-118")
@pytest.mark.parametrize("piece", [100, 5_000, 3_000_000])
async def test_a_slow_client_stalls_its_own_send_and_no_other(serve, unix, piece):
    sent, stuck = [], asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        if scope["path"] == "/quick":
            while (event := await receive())["type"] == "websocket.receive":
                await send(event | {"type": "websocket.send"})
            return
        while True:
            sending = asyncio.ensure_future(send(said(b"x" * piece)))
            sent.append(piece)
            for _ in range(5):
                await asyncio.sleep(0)
            if not sending.done():
                stuck.set()
            await sending
            if stuck.is_set():
                return

    async with serve(app, bind=unix, limit_write_buffer=64 * 1024) as site:
        slow, quick = await opened(site, room=4096), await opened(site, b"/quick")
        await soon(stuck)
        assert sum(sent) < KERNEL + piece
        for number in range(20):
            await quick.send(text(str(number)))
            assert await quick.message() == str(number)
        for size in sent:
            assert await slow.message() == b"x" * size
        assert await slow.farewell() == (1000, "")


@clause("ASGI-110", "ASGI-168", "ASGI-180")
@pytest.mark.parametrize("how", ["close", "reset", "close frame"])
async def test_a_send_that_waits_is_released_when_the_client_goes(serve, unix, how):
    errors, stuck, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        sending = asyncio.ensure_future(send(said(bytes(1 << 22))))
        await asyncio.sleep(0)
        assert not sending.done()
        stuck.set()
        try:
            await sending
        except OSError as error:
            errors.append(error)
        ended.set()

    async with serve(app, bind=unix) as site:
        peer = await opened(site, room=4096)
        await soon(stuck)
        if how == "close frame":
            await peer.send(closing(4000))
        else:
            {"close": peer.client.close, "reset": peer.client.reset}[how]()
        await soon(ended)
    assert len(errors) == 1


@clause("ASGI-163", "ASGI-168")
async def test_who_pings_and_never_reads_is_not_owed_every_pong(serve, unix):
    """What waits for such a client stays bounded, and it is still heard."""
    app = Taker()
    app.turns.put_nowait(0)
    async with serve(app, bind=unix, limit_write_buffer=64 * 1024) as site:
        peer = await opened(site, room=4096)
        ping = frame(Opcode.PING, b"p" * 125)
        for _ in range(400):
            await peer.send(ping * 50)
        await peer.send(text("still here"), closing(4000))
        await soon(app.ended)
        pongs = 0
        while (found := await peer.frame()).opcode == Opcode.PONG:
            assert found.payload == b"p" * 125
            pongs += 1
        assert found.opcode == Opcode.CLOSE
    assert 0 < pongs * 127 < KERNEL
    assert app.events == [received("still here"), disconnect(4000)]


@clause("ASGI-168")
async def test_an_endless_stream_of_messages_lets_other_tasks_run(serve):
    """Received and sent without a single wait: the loop still gets its turns."""
    rounds, ended = Rounds(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        for _ in range(40):
            for _ in range(16):
                await send(said(b"x" * 4096))
        ended.set()

    async with serve(app, limit_write_buffer=1 << 24) as site:
        counting = asyncio.create_task(rounds.until(ended))
        peer = await opened(site)
        for _ in range(640):
            await peer.message()
        assert await peer.farewell() == (1000, "")
        await counting
    assert rounds.count > 2


@clause("ASGI-163")
@pytest.mark.parametrize("count", [1, 5])
async def test_a_ping_behind_a_large_message_is_answered_when_the_client_has_read_that_far(
    serve, unix, count
):
    """Of several the newest is, at least (RFC 6455 section 5.5.3); also when nothing comes behind it any more."""
    content, stuck, heard, ended = bytes(1 << 22), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        sending = asyncio.ensure_future(send(said(content)))
        await asyncio.sleep(0)
        stuck.set()
        assert await receive() == received("behind")
        assert not sending.done()
        heard.set()
        await sending
        await told(receive)
        ended.set()

    async with serve(app, bind=unix, limit_write_buffer=64 * 1024) as site:
        peer = await opened(site, room=4096)
        await soon(stuck)
        await peer.send(*[frame(Opcode.PING, b"%d" % number) for number in range(count)], text("behind"))
        await soon(heard)
        assert await peer.message() == content
        await peer.send(frame(Opcode.PING, b"last"), closing(4000))
        pongs = []
        while (found := await peer.frame()).opcode == Opcode.PONG:
            pongs.append(found.payload)
        assert found.opcode == Opcode.CLOSE
        await soon(ended)
    assert pongs[-2:] == [b"%d" % (count - 1), b"last"]


SHARE = 64  # messages or pings of one connection before the others get their turn
FRAMES = 256  # frames that come to neither
FLOOD = 4096


@clause("ASGI-168")
@pytest.mark.parametrize(
    ("flood", "share"),
    [
        (text("") * FLOOD, SHARE),
        (frame(Opcode.PING) * FLOOD, SHARE),
        (frame(Opcode.PONG) * FLOOD, FRAMES),
        (frame(Opcode.TEXT, final=False) + frame(0, final=False) * (FLOOD - 2) + frame(0), FRAMES),
    ],
    ids=["messages", "pings", "pongs", "fragments"],
)
async def test_a_flood_of_tiny_frames_in_one_piece_lets_other_tasks_run(serve, flood, share):
    """The rounds of the loop are counted from what the client said before the flood to what it said behind it."""
    rounds, marks, ended = Rounds(), [], asyncio.Event()

    async def app(scope, receive, send):
        await accept(receive, send)
        for mark in ("first", "last"):
            while await receive() != received(mark):
                pass
            marks.append(rounds.count)
        ended.set()

    async with serve(app, limit_write_buffer=1 << 20) as site:
        counting = asyncio.create_task(rounds.until(ended))
        peer = await opened(site)
        whole = text("first") + flood + text("last")
        assert peer.client.socket.send(whole) == len(whole)
        await soon(ended)
        await counting
    assert marks[1] - marks[0] >= FLOOD // share - 1
