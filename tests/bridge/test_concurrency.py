"""`receive` and `send` from several tasks, cancelled, not awaited, and from other threads (ASGI-021 to 023)."""

import asyncio
import threading

import pytest

from .messages import bodies
from .waits import departure

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
DISCONNECT = {"type": "http.disconnect"}


@clause("ASGI-021")
async def test_two_pending_receives_get_distinct_events(serve, answer):
    events, ready, first = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        both = [asyncio.create_task(receive()), asyncio.create_task(receive())]
        for task in both:
            task.add_done_callback(lambda _: first.set())
        await asyncio.sleep(0)
        ready.set()
        events.extend(await asyncio.gather(*both))
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(UPLOAD)
        await ready.wait()
        await client.send(b"1234")
        await first.wait()
        await client.send(b"5678")
        assert (await client.response()).status == 200
    assert sorted(event["body"] for event in events) == [b"1234", b"5678"]
    assert sorted(event["more_body"] for event in events) == [False, True]


@clause("ASGI-021")
async def test_two_pending_receives_share_a_last_event_and_the_disconnect(serve):
    events, ready, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        both = [asyncio.create_task(receive()), asyncio.create_task(receive())]
        await asyncio.sleep(0)
        ready.set()
        events.extend(await asyncio.gather(*both))
        ended.set()

    async with serve(app) as site:
        client = await site.connect()
        await client.send(UPLOAD)
        await ready.wait()
        await client.send(b"12345678")
        client.close()
        async with asyncio.timeout(5):
            await ended.wait()
    assert sorted(event["type"] for event in events) == ["http.disconnect", "http.request"]


@clause("ASGI-021")
async def test_many_pending_receives_all_hear_of_the_disconnect(serve):
    events, ready, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await receive()
        many = [asyncio.create_task(receive()) for _ in range(10)]
        await asyncio.sleep(0)
        ready.set()
        events.extend(await asyncio.gather(*many))
        ended.set()

    async with serve(app) as site:
        await departure(site, ready, ended, GET)
    assert events == [DISCONNECT] * 10


@clause("ASGI-022")
@pytest.mark.parametrize("how", ["before its first step", "while it waits", "when it is ready"])
async def test_a_cancelled_receive_loses_nothing(serve, answer, how):
    pieces, waiting, arrived = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        pending = asyncio.create_task(receive())
        if how != "before its first step":
            await asyncio.sleep(0)
        waiting.set()
        if how == "when it is ready":
            await arrived.wait()
        if pending.cancel() or how != "when it is ready":
            with pytest.raises(asyncio.CancelledError):
                await pending
            pieces.extend(await bodies(receive))
        else:  # it was faster than the cancel, and has all
            pieces.append(pending.result()["body"])
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(UPLOAD)
        await waiting.wait()
        # `arrived` is set in the very turn in which the bytes come in: the cancel meets a receive that was woken.
        await client.send(b"12345678")
        arrived.set()
        assert (await client.response()).status == 200
    assert b"".join(pieces) == b"12345678"


@clause("ASGI-022")
async def test_asking_for_a_disconnect_as_starlette_does(serve, answer):
    """`is_disconnected` cancels its receive at once, each time."""
    answers = []

    async def app(scope, receive, send):
        async def disconnected():
            done = []
            asking = asyncio.ensure_future(receive())
            asking.add_done_callback(done.append)
            await asyncio.sleep(0)
            if asking.cancel():
                return False
            return asking.result()["type"] == "http.disconnect"

        assert (await receive())["body"] == b"body"
        for _ in range(100):
            answers.append(await disconnected())
        await answer(send)

    async with serve(app) as site:
        assert (await site.ask(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody")).status == 200
    assert answers == [False] * 100


@clause("ASGI-023")
async def test_a_cancelled_send_neither_loses_nor_repeats_bytes(serve, unix):
    stuck = asyncio.Event()
    pieces = [bytes([65 + number]) * 300_000 for number in range(4)]

    async def app(scope, receive, send):
        await send(START)
        for piece in pieces:
            sending = asyncio.ensure_future(
                send({"type": "http.response.body", "body": piece, "more_body": True})
            )
            await asyncio.sleep(0)
            if not sending.done():
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
                stuck.set()
        await send({"type": "http.response.body", "body": b"end"})

    async with serve(app, bind=unix) as site:
        client = await site.connect(room=4096)
        await client.send(GET)
        await stuck.wait()
        assert (await client.response()).body == b"".join(pieces) + b"end"


@clause("ASGI-023")
async def test_a_send_that_is_not_awaited_is_sent_nevertheless(serve):
    async def app(scope, receive, send):
        send(START)
        for part in (b"a", b"b", b"c"):
            send({"type": "http.response.body", "body": part, "more_body": True})
        send({"type": "http.response.body"})

    async with serve(app) as site:
        assert (await site.ask(GET)).body == b"abc"


@clause("ASGI-021")
async def test_tasks_of_the_application_may_speak_for_it(serve):
    async def app(scope, receive, send):
        async with asyncio.TaskGroup() as group:
            event = await group.create_task(receive())
            await group.create_task(send(START))
        body = {"type": "http.response.body", "body": event["body"], "more_body": True}
        await asyncio.gather(*(asyncio.create_task(send(body)) for _ in range(5)))
        await asyncio.wait_for(send({"type": "http.response.body"}), 5)

    async with serve(app) as site:
        found = await site.ask(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nxy")
    assert found.body == b"xy" * 5


@clause("ASGI-021")
async def test_a_task_may_outlive_the_call_of_the_application(serve):
    """The response that its task wanted to send is not owed any more: the call returned without one (ASGI-018)."""
    outcomes, go, ended = [], asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        async def later():
            await go.wait()
            outcomes.append(await receive())
            outcomes.append(await send(START))
            ended.set()

        app.task = asyncio.create_task(later())

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 500
        go.set()
        async with asyncio.timeout(5):
            await ended.wait()
    assert outcomes == [DISCONNECT, None]


@clause("ASGI-009")
async def test_awaiting_twice(serve, answer):
    async def app(scope, receive, send):
        asked = receive()
        assert (await asked)["type"] == "http.request"
        with pytest.raises(RuntimeError):
            await asked
        done = send(START)
        await done
        await send({"type": "http.response.body"})

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200


@clause("ASGI-003", "ASGI-041")
@pytest.mark.parametrize("what", ["send", "receive"])
async def test_another_thread_gets_a_clear_error(serve, answer, what):
    errors = []

    async def app(scope, receive, send):
        def foreign():
            try:
                asyncio.run(speak())
            except RuntimeError as error:
                errors.append(str(error))

        async def speak():
            await (send(START) if what == "send" else receive())

        thread = threading.Thread(target=foreign)
        thread.start()
        thread.join()
        await answer(send)

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200
    assert len(errors) == 1
    assert "thread" in errors[0]
    assert "run_coroutine_threadsafe" in errors[0]


@clause("ASGI-003")
async def test_what_the_error_advises_works(serve):
    async def app(scope, receive, send):
        loop = asyncio.get_running_loop()

        def foreign():
            event = asyncio.run_coroutine_threadsafe(receive(), loop).result(5)
            assert event["type"] == "http.request"
            asyncio.run_coroutine_threadsafe(send(START), loop).result(5)
            asyncio.run_coroutine_threadsafe(send({"type": "http.response.body"}), loop).result(5)

        await asyncio.to_thread(foreign)

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200


@clause("ASGI-002", "ASGI-073")
async def test_many_connections_at_once(serve):
    together = asyncio.Barrier(50)

    async def app(scope, receive, send):
        await together.wait()
        await send(START)
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async with serve(app) as site:
        found = await asyncio.gather(*(site.get(b"/%d" % number) for number in range(50)))
    assert [one.body for one in found] == [b"/%d" % number for number in range(50)]


@clause("ASGI-111", "ASGI-034")
async def test_references_that_are_kept_for_ever_do_no_harm(serve, answer):
    kept = []

    async def app(scope, receive, send):
        kept.append((receive, send))
        await answer(send)

    async with serve(app) as site:
        await site.ask(GET)
    receive, send = kept[0]
    assert await receive() == DISCONNECT
    assert await send(START) is None
    assert await send({"type": "nonsense"}) is None
