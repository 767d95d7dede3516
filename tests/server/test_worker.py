"""Stopping, step by step: with real requests in flight, on both loops."""

import asyncio
import logging

import pytest

import asgate
from asgate.errors import Exit
from asgate.server import worker

from .applications import Recorder, Slow, answer, logged

clause = pytest.mark.clause


@pytest.fixture(autouse=True)
def messages(caplog):
    caplog.set_level(logging.DEBUG, "asgate")
    return caplog


async def started(application, **options):
    """A server with one request in flight, and the task that waits for its answer."""
    server = asgate.Server(application, port=0, **options)
    await server.start()
    reply = asyncio.ensure_future(answer(server.addresses[0], "/slow"))
    await application.begun.wait()
    return server, reply


def test_a_running_request_is_finished(run):
    async def main():
        application = Slow()
        server, reply = await started(application)
        address = server.addresses[0]
        stopping = asyncio.ensure_future(server.stop())
        with pytest.raises(ConnectionRefusedError):
            while True:
                _, writer = await asyncio.open_connection(*address)
                writer.close()
        application.release.set()
        return await stopping, await reply

    code, reply = run(main())
    assert code is Exit.OK
    assert reply.endswith(b"ok")


def test_after_the_grace_time_it_is_cancelled_and_named(run, messages):
    async def main():
        application = Slow()
        server, reply = await started(application, graceful_timeout=0.05)
        code = await server.stop()
        await asyncio.gather(reply, return_exceptions=True)
        return code, application

    code, application = run(main())
    assert code is Exit.OK
    assert application.cancelled
    assert any(text.startswith("cancelled: GET /slow") for text in messages.messages)


def test_no_grace_at_all(run):
    async def main():
        application = Slow()
        server, reply = await started(application, graceful_timeout=0)
        await server.stop()
        await asyncio.gather(reply, return_exceptions=True)
        return application.cancelled

    assert run(main())


def test_a_second_request_to_stop_hurries(run):
    async def main():
        application = Slow()
        server, reply = await started(application)
        server.ask_to_stop()
        stopping = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)
        server.ask_to_stop()
        await stopping
        await asyncio.gather(reply, return_exceptions=True)
        return application.cancelled

    assert run(main())


def test_it_says_what_it_waits_for(run, messages, monkeypatch):
    monkeypatch.setattr(worker, "TELL_EVERY", 0.01)

    async def main():
        application = Slow()
        server, reply = await started(application)
        stopping = asyncio.ensure_future(server.stop())
        await logged("waiting for GET /slow")
        application.release.set()
        await stopping
        return await reply

    assert run(main()).endswith(b"ok")


def test_it_says_so_soon_and_what_ends_the_wait(run, messages):
    async def main():
        application = Slow()
        server, reply = await started(application)
        stopping = asyncio.ensure_future(server.stop())
        await logged("(a second CTRL+C or SIGTERM ends the wait)")
        application.release.set()
        await stopping
        return await reply

    assert run(main()).endswith(b"ok")
    [told] = [text for text in messages.messages if "waiting for" in text]
    assert told.startswith("stopping, 30 s left, waiting for GET /slow from 127.0.0.1:")


def test_it_says_nothing_of_the_kind_when_nothing_runs(run, messages, monkeypatch):
    monkeypatch.setattr(worker, "TELL_FIRST", 0)

    async def main():
        async with asgate.Server(Recorder(), port=0) as server:
            _, idle = await asyncio.open_connection(*server.addresses[0])
            await answer(server.addresses[0])
        idle.close()

    run(main())
    assert not [text for text in messages.messages if "waiting" in text]


def test_an_application_that_ignores_its_cancellation_does_not_hold_it_up(run, monkeypatch):
    monkeypatch.setattr(worker, "CANCEL_LIMIT", 0.05)
    ended = asyncio.Event()

    class Stubborn(Slow):
        async def __call__(self, scope, receive, send):
            try:
                await super().__call__(scope, receive, send)
            except asyncio.CancelledError:
                await ended.wait()
                raise

    async def main():
        server, reply = await started(Stubborn(), graceful_timeout=0)
        code = await server.stop()
        ended.set()
        await asyncio.gather(reply, return_exceptions=True)
        return code

    assert run(main()) is Exit.OK


@clause("ASGI-200")
@pytest.mark.parametrize("grace", [0.0, 30.0])
def test_lifespan_shutdown_always_runs(run, grace):
    class Both(Slow):
        def __init__(self):
            super().__init__()
            self.recorder = Recorder()

        async def __call__(self, scope, receive, send):
            await (self.recorder if scope["type"] == "lifespan" else super().__call__)(scope, receive, send)

    async def main():
        application = Both()
        server, reply = await started(application, graceful_timeout=grace)
        if grace:
            application.release.set()
        await server.stop()
        await asyncio.gather(reply, return_exceptions=True)
        return application.recorder.seen

    assert run(main()) == ["lifespan", "shutdown"]


def test_a_hurried_stop_cuts_a_lifespan_shutdown_short(run, messages):
    reached = asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        reached.set()
        await asyncio.get_running_loop().create_future()

    async def main():
        server = asgate.Server(application, port=0)
        await server.start()
        server.ask_to_stop()
        stopping = asyncio.ensure_future(server.stop())
        await reached.wait()
        server.ask_to_stop()
        return await stopping

    assert run(main()) is Exit.SHUTDOWN
    assert "cut short" in messages.text


@clause("ASGI-016", "ASGI-017")
def test_an_application_that_raises_is_logged_without_our_frames(run, messages):
    async def application(scope, receive, send):
        raise ValueError("broken")

    async def main():
        async with asgate.Server(application, port=0, lifespan="off") as server:
            return await answer(server.addresses[0], "/where")

    assert run(main()).startswith(b"HTTP/1.1 500 ")
    [record] = [record for record in messages.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "the application raised ValueError on GET /where"
    assert record.exc_info[2].tb_frame.f_code.co_name == "application"


def test_access_lines_reach_the_logging_of_the_program(run, messages):
    async def main():
        async with asgate.Server(Recorder(), port=0) as server:
            await answer(server.addresses[0], "/seen?q=1")

    run(main())
    [record] = [record for record in messages.records if record.name == "asgate.access"]
    assert '"GET /seen?q=1 HTTP/1.1" 200 5 B' in record.getMessage()
    assert (record.status, record.outcome) == (200, "complete")


def test_only_one_descriptor_is_watched():
    async def main():
        registered = asyncio.get_running_loop()._selector.get_map()
        before = len(registered)
        async with asgate.Server(Recorder(), port=0) as server:
            kept = [await asyncio.open_connection(*server.addresses[0]) for _ in range(5)]
            for _, writer in kept:
                writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            for reader, _ in kept:
                assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            while_serving = len(registered)
            for _, writer in kept:
                writer.close()
        return while_serving - before - len(kept)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(main()) == 1


def test_it_says_that_it_waits_for_lifespan_shutdown(run, messages, monkeypatch):
    monkeypatch.setattr(worker, "TELL_EVERY", 0.01)
    release = asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await release.wait()
        await send({"type": "lifespan.shutdown.complete"})

    async def main():
        server = asgate.Server(application, port=0)
        await server.start()
        stopping = asyncio.ensure_future(server.stop())
        await logged("waiting for the application's lifespan shutdown")
        release.set()
        return await stopping

    assert run(main()) is Exit.OK


def test_a_path_forges_no_line_in_what_a_stop_tells(run, messages, monkeypatch):
    monkeypatch.setattr(worker, "TELL_FIRST", 0.01)

    async def main():
        application = Slow()
        server = asgate.Server(application, port=0, graceful_timeout=0.1)
        await server.start()
        reply = asyncio.ensure_future(answer(server.addresses[0], "/slow%0aCRITICAL%20forged"))
        await application.begun.wait()
        await server.stop()
        await asyncio.gather(reply, return_exceptions=True)

    run(main())
    told = [message for message in messages.messages if "forged" in message and "/slow" in message]
    assert {text.split(" ")[0] for text in told} >= {"stopping,", "cancelled:"}
    assert not [text for text in told if "\n" in text]
