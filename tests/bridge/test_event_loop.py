"""An event loop that refuses what it is asked for, once: nothing stands still for ever because of that."""

import asyncio
import sys

import pytest

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}


class Refused(Exception):
    """As a signal handler may raise in the middle of the loop's own code."""


@pytest.fixture
def refuse(monkeypatch):
    """`refuse(name)` makes a method of the running loop raise, the next time that the server calls it."""

    def once(name):
        loop = asyncio.get_running_loop()
        method = getattr(loop, name)

        def refusing(*arguments, **keywords):
            if any(getattr(argument, "__name__", "") in ("turn", "_turn") for argument in arguments):
                monkeypatch.setattr(loop, name, method)
                raise Refused(name)
            return method(*arguments, **keywords)

        monkeypatch.setattr(loop, name, refusing)

    return once


@pytest.fixture
def unraisable(monkeypatch):
    """What was raised where nobody could be told."""
    caught = []
    monkeypatch.setattr(sys, "unraisablehook", lambda hook: caught.append(hook.exc_type))
    return caught


async def test_call_soon_is_asked_again(serve, refuse):
    """What a stream has collected leaves although the turn that was to write it was never planned."""
    end, raised = asyncio.Event(), []

    async def app(scope, receive, send):
        await asyncio.sleep(0)  # out of the turn that has read the request
        await send(START)
        refuse("call_soon")
        try:
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
        except Refused as error:
            raised.append(error)
        await send({"type": "http.response.body", "body": b"second", "more_body": True})
        await end.wait()
        await send({"type": "http.response.body"})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(GET)
        await client.until(b"second")
        end.set()
        await client.until(b"\r\n0\r\n\r\n")
    assert len(raised) == 1


async def test_call_later_is_asked_again(serve, answer, refuse):
    """The deadline of a head is kept although the timer was refused at first."""
    heard = []

    async def app(scope, receive, send):
        await answer(send)

    async with serve(app, timeout_head=0.3) as site:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: heard.append(context["exception"])
        )
        refuse("call_later")
        client = await site.connect()
        while not heard:
            await asyncio.sleep(0)
        await client.send(b"GET")
        assert (await client.response()).status == 408
    assert [type(error) for error in heard] == [Refused]


async def test_what_one_connection_meets_does_not_end_a_graceful_stop(serve, answer, refuse, unraisable):
    begun, go = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        if scope["path"] == "/slow":
            begun.set()
            await go.wait()
        await answer(send)

    async with serve(app, graceful_timeout=10) as site:
        unlucky, slow = await site.connect(), await site.connect()
        await unlucky.send(GET)
        await unlucky.response()
        await slow.send(GET.replace(b"/ ", b"/slow "))
        await begun.wait()
        answered = asyncio.ensure_future(slow.response())
        answered.add_done_callback(lambda _: slow.close())
        # In the kernel, and the loop has no turn before the stop looks; its answer needs a timer for the linger.
        unlucky.socket.send(b"no request\r\n\r\n")
        refuse("call_later")
        asyncio.get_running_loop().call_soon(go.set)
        await site.server.stop()
        assert (await answered).body == b"ok"
    assert unraisable == [Refused]
