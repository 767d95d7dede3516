import asyncio

import pytest

from asgate.testing import Client, ConversationError, TimedOut
from asgate.testing.exchange import each

START = {"type": "http.response.start", "status": 200}


async def test_both_directions_go_piece_by_piece(echo):
    async with Client(echo) as client, client.open("POST", "/") as exchange:
        response = await exchange.response()
        for piece in (b"one", b"two"):
            await exchange.send(piece)
            assert await response.chunk() == piece
        await exchange.end()
        assert await response.chunk() is None
        with pytest.raises(ConversationError, match="ended already"):
            await exchange.send(b"more")


async def test_an_upload_runs_no_further_ahead_than_the_backlog():
    asked = []

    async def app(scope, receive, send):
        await hold.wait()
        while (await receive()).get("more_body"):
            pass
        await send(START)
        await send({"type": "http.response.body"})

    def pieces():
        for number in range(100):
            asked.append(number)
            yield b"%d" % number

    hold = asyncio.Event()
    client = Client(app, backlog=3)
    async with client.open("POST", "/", content=pieces()) as exchange:
        with pytest.raises(TimedOut):
            await exchange.response(0.01)
        assert len(asked) == 4  # three queued, one in hand
        hold.set()
        await exchange.response()
        assert len(asked) == 100


async def test_an_answer_before_the_whole_body_ends_the_upload():
    closed = []

    async def app(scope, receive, send):
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"enough"})
        assert (await receive())["type"] == "http.disconnect"

    async def endless():
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    response = await Client(app).post("/", content=endless())
    assert response.content == b"enough"
    assert closed == [True]
    async with Client(app).open("POST", "/") as exchange:
        await exchange.send(b"a")
        await (await exchange.response()).read()
        await exchange.send(b"nobody reads it")


async def test_a_body_that_breaks_is_a_disconnect_and_told_to_the_test():
    seen = []

    async def app(scope, receive, send):
        while (event := await receive())["type"] == "http.request":
            seen.append(event["body"])
        seen.append(event["type"])

    async def broken():
        yield b"one"
        await asyncio.sleep(0)
        raise LookupError("the body broke")

    with pytest.raises(LookupError, match="the body broke"):
        await Client(app).post("/", content=broken())
    async with Client(app) as client:
        with pytest.raises(LookupError, match="the body broke"):
            async with client.stream("POST", "/", content=broken()):
                pass
    assert seen[-1] == "http.disconnect"


async def test_a_disconnect_in_the_middle_of_a_body(echo):
    async with Client(echo).open("POST", "/") as exchange:
        await exchange.send(b"half")
        response = await exchange.response()
        await response.chunk()
        exchange.disconnect()
        await exchange.ended()
        with pytest.raises(ConversationError, match="left"):
            await exchange.send(b"more")
    assert exchange.transcript[-2:] == ("client: http.disconnect", "   app: returned")


async def test_a_half_closed_client_still_reads():
    async def app(scope, receive, send):
        await send(START)
        first, second = await receive(), await receive()
        told = f"{first['type']} {second['type']}".encode()
        await send({"type": "http.response.body", "body": told})

    async with Client(app).open("POST", "/") as exchange:
        await exchange.send(b"half")
        response = await exchange.response()
        assert await exchange.blocked() == "receive"
        exchange.half_close()
        assert await response.read() == b"http.request http.disconnect"


async def test_a_stall_is_seen_and_ends_with_reading():
    async def app(scope, receive, send):
        await send(START)
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
        await send({"type": "http.response.body"})

    async with Client(app, buffer=500).open("GET", "/") as exchange:
        response = await exchange.response()
        assert await exchange.blocked() == "send"
        assert len(await response.read()) == 3000
        assert await exchange.blocked() == "ended"


async def test_each_kind_of_iterable_is_read():
    async def pieces():
        yield b"a"

    class Plain:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise StopAsyncIteration

    assert [piece async for piece in each(pieces())] == [b"a"]
    assert [piece async for piece in each([b"a", b"b"])] == [b"a", b"b"]
    assert [piece async for piece in each(Plain())] == []
