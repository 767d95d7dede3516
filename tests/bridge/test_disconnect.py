"""Clients that leave: before the start, in the middle of an upload or a download, half-closed, by reset; and what the
application hears of it (ASGI-094 to 100, ASGI-110, AMB-4, AMB-5).
"""

import asyncio

import pytest

from .waits import departure

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nsome"
CHUNKS = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n"
START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"part", "more_body": True}
END = {"type": "http.response.body", "body": b"end"}
DISCONNECT = {"type": "http.disconnect"}


class Watcher:
    """An application that receives until the disconnect, then tries to send; `begin` are sent before."""

    def __init__(self, *begin):
        self.begin = begin
        self.events = []
        self.sent = []
        self.begun = asyncio.Event()
        self.heard = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope, receive, send):
        try:
            for message in self.begin:
                await send(message)
            self.begun.set()
            while not self.events or self.events[-1] != DISCONNECT:
                self.events.append(await receive())
                self.heard.set()
            self.events.append(await receive())
            for message in (START, PART, END)[1 if self.begin else 0 :]:
                try:
                    self.sent.append(await send(message))
                except OSError as error:
                    self.sent.append(error)
        finally:
            self.ended.set()

    async def wait(self):
        async with asyncio.timeout(5):
            await self.ended.wait()


def leave(client, how):
    {"close": client.close, "reset": client.reset, "half-close": client.finish}[how]()


@clause("ASGI-095", "ASGI-096", "ASGI-097", "ASGI-099", "ASGI-110")  # section 23: disconnect repeats; OSError
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
@pytest.mark.parametrize(
    "begin", [(), (START,), (START, PART)], ids=["before start", "start held", "mid-download"]
)
async def test_after_the_request(serve, begin, how):
    app = Watcher(*begin)
    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await app.begun.wait()
        leave(client, how)
        await app.wait()
    assert app.events == [{"type": "http.request", "body": b"", "more_body": False}, DISCONNECT, DISCONNECT]
    assert app.sent
    for error in app.sent:
        assert isinstance(error, OSError)
        assert type(error) is not OSError
        assert type(error).__module__.startswith("asgate")


@clause("ASGI-095", "ASGI-100", "ASGI-088")
@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
@pytest.mark.parametrize("option", [False, True], ids=["strict", "half_close"])
@pytest.mark.parametrize("request_", [UPLOAD, CHUNKS], ids=["length", "chunked"])
async def test_in_the_middle_of_an_upload(serve, request_, option, how):
    app = Watcher()
    async with serve(app, half_close=option) as site:
        client = await site.connect()
        await client.send(request_)
        await app.begun.wait()
        await app.heard.wait()
        leave(client, how)
        await app.wait()
    assert app.events[0] == {"type": "http.request", "body": b"some", "more_body": True}
    assert app.events[1:] == [DISCONNECT, DISCONNECT]
    assert all(isinstance(error, OSError) for error in app.sent)


@clause("ASGI-097")
async def test_half_closed_by_default_counts_as_gone(serve):
    app = Watcher()
    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        client.finish()
        await app.wait()
        assert await client.end() in ("eof", "reset")
        assert client.kept == b""


@clause("ASGI-097")
@pytest.mark.parametrize("count", [1, 3])
async def test_half_closed_with_the_option_still_gets_every_answer(serve, count):
    async def app(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        await asyncio.sleep(0)
        await send(START)
        await send(PART)
        await asyncio.sleep(0)
        await send(END)
        assert await receive() == DISCONNECT

    async with serve(app, half_close=True) as site:
        client = await site.connect()
        await client.send(GET * count)
        client.finish()
        for _ in range(count):
            assert (await client.response()).body == b"partend"
        assert await client.rest() == b""


@clause("ASGI-095")
@pytest.mark.parametrize("how", ["close", "half-close"])
async def test_request_and_end_in_one_packet(serve, how):
    """An application that answers at once has answered before it could hear of anything."""
    outcomes, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        outcomes.append(await receive())
        outcomes.append(await send(START))
        outcomes.append(await send(END))
        outcomes.append(await receive())
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        client.socket.send(GET)
        leave(client, how)
        async with asyncio.timeout(5):
            await ended.wait()
        if how == "half-close":
            assert (await client.response()).body == b"end"
    assert outcomes == [{"type": "http.request", "body": b"", "more_body": False}, None, None, DISCONNECT]


@clause("ASGI-110")
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_an_application_that_only_sends_finds_out(serve, how):
    errors, begun, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        try:
            await send(START)
            while True:
                await send(PART)
                begun.set()
                await asyncio.sleep(0)
        except OSError as error:
            errors.append(error)
        finally:
            ended.set()

    async with serve(app) as site:
        await departure(site, begun, ended, GET, lambda client: leave(client, how))
    assert len(errors) == 1


@clause("ASGI-110", "ASGI-118")
@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_send_that_waits_is_released_by_the_disconnect(serve, unix, how):
    errors, stuck, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        sending = asyncio.ensure_future(send(PART | {"body": bytes(1 << 22)}))
        await asyncio.sleep(0)
        assert not sending.done()
        stuck.set()
        try:
            await sending
        except OSError as error:
            errors.append(error)
        ended.set()

    async with serve(app, bind=unix) as site:
        await departure(site, stuck, ended, GET, lambda client: leave(client, how))
    assert len(errors) == 1


@clause("ASGI-034", "ASGI-007")
async def test_with_version_2_3_a_late_send_does_nothing(serve):
    app = Watcher(START, PART)
    async with serve(app, spec_version="2.3") as site:
        client = await site.connect()
        await client.send(GET)
        await app.begun.wait()
        client.close()
        await app.wait()
    assert app.events[-2:] == [DISCONNECT, DISCONNECT]
    assert app.sent == [None, None]


@clause("ASGI-034", "ASGI-111", "ASGI-110")
async def test_messages_after_a_complete_response_are_ignored_also_when_the_client_is_gone(serve):
    outcomes, gone, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await send(START)
        await send(END)
        await gone.wait()
        outcomes.append(await receive())
        for message in (START, PART, END, {"type": "http.response.trailers"}, {"type": "what"}, None):
            outcomes.append(await send(message))
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await client.response()
        client.reset()
        gone.set()
        async with asyncio.timeout(5):
            await ended.wait()
    assert outcomes == [DISCONNECT] + [None] * 6


@clause("ASGI-094", "ASGI-096")  # section 23: receive after the response
async def test_after_the_response_receive_says_disconnect_though_the_client_is_there(serve, answer):
    events, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        if scope["path"] == "/next":
            await answer(send, body=b"next")
            return
        await answer(send)
        for _ in range(5):
            events.append(await receive())
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await client.response()
        await ended.wait()
        await client.send(GET.replace(b"/ ", b"/next "))
        assert (await client.response()).body == b"next"
    assert events == [DISCONNECT] * 5


@clause("ASGI-094")
async def test_a_receive_that_waits_ends_with_the_response(serve):
    events, ended = [], asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        listening = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await send(START)
        await send(END)
        events.append(await listening)
        ended.set()

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"end"
        async with asyncio.timeout(5):
            await ended.wait()
    assert events == [DISCONNECT]


@clause("ASGI-015", "ASGI-095")
async def test_an_application_is_not_killed_because_its_client_left_before_the_start(serve):
    left, cleaned = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        left.set()
        assert await receive() == DISCONNECT
        for _ in range(100):
            await asyncio.sleep(0)
        cleaned.set()

    async with serve(app, timeout_disconnect=0.001) as site:
        client = await site.connect()
        await client.send(GET)
        await left.wait()
        client.close()
        async with asyncio.timeout(5):
            await cleaned.wait()


@clause("ASGI-095", "ASGI-087")
async def test_what_arrived_before_the_end_is_still_received(serve):
    app = Watcher()
    async with serve(app) as site:
        client = await site.connect()
        await client.send(UPLOAD + b"x" * 50)
        client.close()
        await app.wait()
    events = app.events[:-2]
    assert b"".join(event["body"] for event in events) == b"some" + b"x" * 50
    assert all(event["more_body"] for event in events)


@clause("ASGI-002", "ASGI-090")
@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET", b"GET / HTTP/1.1\r\nhost: a\r\n"])
async def test_without_a_whole_head_the_application_is_not_called(serve, answer, sent):
    called = []

    async def app(scope, receive, send):
        called.append(scope["path"])
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        if sent:
            await client.send(sent)
        client.finish()
        assert await client.end() == "eof"
        assert client.kept == b""
        await site.get(b"/real")
    assert called == ["/real"]
