"""Embedding: real servers on both loops, talked to over real sockets."""

import asyncio
import logging
import signal
import socket

import pytest

import asgate
from asgate.errors import Exit

from .applications import Recorder, Slow, answer, logged

pytest.importorskip("asgate._core")
clause = pytest.mark.clause


@clause("ASGI-192", "ASGI-194", "ASGI-199", "ASGI-210")
def test_a_server_in_a_block(run):
    application = Recorder()

    async def main():
        async with asgate.Server(application, port=0) as server:
            [address] = server.addresses
            assert server.url == f"http://127.0.0.1:{address[1]}"
            reply = await answer(address, "/hello")
        with pytest.raises(ConnectionRefusedError):
            await answer(address)
        with pytest.raises(RuntimeError, match="not running"):
            _ = server.url
        return reply

    reply = run(main())
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\n/hello")
    assert application.seen == ["lifespan", "http", "shutdown"]
    assert application.states == [{"pool": "open"}]


def test_several_servers_in_one_loop(run, tmp_path):
    async def main():
        first = asgate.Server(Recorder(), port=0)
        second = asgate.Server(Recorder(), bind=["127.0.0.1:0", f"unix:{tmp_path / 'a.sock'}"])
        async with first, second:
            replies = await asyncio.gather(
                *(answer(address) for server in (first, second) for address in server.addresses)
            )
            assert second.urls[1] == f"unix:{tmp_path / 'a.sock'}"
        return replies

    assert [reply[:15] for reply in run(main())] == [b"HTTP/1.1 200 OK"] * 3
    assert not (tmp_path / "a.sock").exists()


def test_no_signal_is_captured_and_no_logging_configured(run):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def main():
        inside = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        async with asgate.Server(Recorder(), port=0):
            assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == inside

    run(main())
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_serve_ends_when_it_is_asked(run, caplog):
    caplog.set_level(logging.INFO, "asgate")

    async def main():
        server = asgate.Server(Recorder(), port=0)
        serving = asyncio.ensure_future(server.serve())
        await logged(" serves ")
        assert await answer(server.addresses[0])
        server.ask_to_stop()
        return await serving

    assert run(main()) is Exit.OK


def test_serve_ends_when_it_is_cancelled(run, caplog):
    caplog.set_level(logging.INFO, "asgate")
    application = Recorder()

    async def main():
        server = asgate.Server(application, port=0)
        serving = asyncio.ensure_future(server.serve())
        await logged(" serves ")
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    run(main())
    assert application.seen[-1] == "shutdown"


@clause("ASGI-195")
def test_a_failed_start_leaves_nothing_open(run, tmp_path):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def main():
        async with asgate.Server(application, uds=str(tmp_path / "a.sock")):
            raise AssertionError("not reached")

    with pytest.raises(asgate.Failure, match="failed to start: no database"):
        run(main())
    assert not (tmp_path / "a.sock").exists()


def test_a_port_that_was_taken_meanwhile_still_ends_lifespan(run):
    application = Recorder()

    async def main():
        with socket.socket() as other:
            server = asgate.Server(application, port=0)
            original = application.__call__

            async def taken(scope, receive, send):
                if scope["type"] == "lifespan":
                    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    other.bind(server.addresses[0])
                    other.listen(1)
                await original(scope, receive, send)

            server = asgate.Server(taken, port=0)
            with pytest.raises(asgate.Failure, match="the address is in use"):
                await server.start()

    run(main())
    assert application.seen == ["lifespan", "shutdown"]


@pytest.mark.parametrize(
    ("app", "options", "words"),
    [
        (None, {}, "there is no target to serve"),
        ("no_such_module:app", {}, "no module named no_such_module"),
        (5, {}, "is not callable"),
        (Recorder(), {"prot": 1}, "prot from the keywords is not an option"),
        (Recorder(), {"port": "x"}, "port is 'x'"),
        (Recorder(), {"workers": 2}, "is not in asgate yet"),
    ],
)
def test_what_is_wrong_is_a_failure(run, app, options, words):
    async def main():
        await asgate.Server(app, **options).start()

    with pytest.raises(asgate.Failure, match=words):
        run(main())


def test_a_target_by_name(run, project):
    project(
        "by_name.py",
        "from functools import partial\nasync def app(s, r, send): ...\ndef make(): return app\n",
    )

    async def main():
        server = asgate.Server("by_name:make", factory=True, port=0)
        async with server:
            return server.description

    assert run(main()) == "by_name:make (ASGI 3)"


def test_starting_twice_is_a_mistake(run):
    async def main():
        async with asgate.Server(Recorder(), port=0) as server:
            with pytest.raises(RuntimeError, match="runs already"):
                await server.start()

    run(main())


class Stuck:
    """Never comes to the end of its startup, except by force; calls `meanwhile` before."""

    def __init__(self, meanwhile=None):
        self.begun = asyncio.Event()
        self.meanwhile = meanwhile
        self.ended = False

    async def __call__(self, scope, receive, send):
        await receive()
        self.begun.set()
        try:
            if self.meanwhile is not None:
                await self.meanwhile()
            await asyncio.get_running_loop().create_future()
        finally:
            self.ended = True


@clause("ASGI-194")
@pytest.mark.parametrize("own", [False, True], ids=["by another task", "by the application"])
def test_a_stop_during_the_start_ends_it(run, own):
    async def main():
        application = Stuck()
        server = asgate.Server(application, port=0)
        if own:
            application.meanwhile = server.stop
        starting = asyncio.ensure_future(server.start())
        await application.begun.wait()
        [address] = server.addresses
        if not own:
            assert await server.stop() is Exit.OK
            assert application.ended
        with pytest.raises(asgate.Failure, match="stopped before it had started"):
            await asyncio.wait_for(starting, 5)
        assert application.ended
        assert not server.addresses
        with pytest.raises(ConnectionRefusedError):
            await answer(address)
        assert not server.addresses

    run(main())


def test_a_stop_while_serve_starts_ends_it_as_asked(run):
    async def main():
        application = Stuck()
        server = asgate.Server(application, port=0)
        serving = asyncio.ensure_future(server.serve())
        await application.begun.wait()
        with pytest.raises(RuntimeError, match="runs already"):
            await asyncio.wait_for(server.start(), 5)
        assert await server.stop() is Exit.OK
        return await asyncio.wait_for(serving, 5)

    assert run(main()) is Exit.OK


def test_a_start_that_is_cancelled_is_cancelled(run):
    async def main():
        application = Stuck()
        server = asgate.Server(application, port=0)
        starting = asyncio.ensure_future(server.start())
        await application.begun.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert application.ended
        assert not server.addresses

    run(main())


@clause("ASGI-025")
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_an_application_that_wants_to_end_it_all(run, caplog, error):
    caplog.set_level(logging.INFO, "asgate")

    async def application(scope, receive, send):
        if scope["type"] == "http":
            raise error
        await Recorder()(scope, receive, send)

    async def main():
        server = asgate.Server(application, port=0)
        await server.start()
        await answer(server.addresses[0])
        await server.wait()
        await server.__aexit__(None, None, None)

    with pytest.raises(type(error)):
        run(main())
    line = application.__code__.co_firstlineno + 2
    assert f"stopping ({error!r} raised at test_server.py:{line})" in caplog.messages


def test_an_application_cannot_break_the_line_about_its_end(run, caplog):
    class Code:
        def __repr__(self):
            return "3\nforged"

    caplog.set_level(logging.INFO, "asgate")

    async def application(scope, receive, send):
        raise SystemExit(Code())

    async def main():
        server = asgate.Server(application, port=0, lifespan="off")
        await server.start()
        await answer(server.addresses[0])
        await server.wait()
        await server.__aexit__(None, None, None)

    with pytest.raises(SystemExit):
        run(main())
    assert any("stopping (SystemExit(3\\nforged) raised at " in text for text in caplog.messages)


def test_the_open_websockets_are_counted_and_leave_a_line_each(run, caplog):
    """`close_code` is an attribute of the record; the count is what `limit_websockets` bounds."""
    client = pytest.importorskip("websockets.asyncio.client", reason="websockets is not installed")
    caplog.set_level(logging.INFO, "asgate")

    async def application(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    async def main():
        server = asgate.Server(application, port=0, lifespan="off")
        assert server.websockets == 0
        async with server:
            url = server.url.replace("http://", "ws://")
            async with client.connect(f"{url}/first", proxy=None):
                assert server.websockets == 1
                async with client.connect(f"{url}/second", proxy=None) as second:
                    assert server.websockets == 2
                    line = asyncio.ensure_future(logged("/second"))
                    await asyncio.sleep(0)  # it listens
                    await second.close(4000)
                    await line
                assert server.websockets == 1
        assert server.websockets == 0

    run(main())
    codes = {record.path: record.close_code for record in caplog.records if record.name == "asgate.access"}
    assert codes == {"/first": 1000, "/second": 4000}


def test_the_version_is_there():
    assert asgate.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = asgate.nothing


def test_the_exceptions_that_an_application_meets():
    assert issubclass(asgate.ClientDisconnected, OSError)
    assert issubclass(asgate.MessageError, RuntimeError)
    assert not issubclass(asgate.MessageError, OSError)


def test_slow_is_what_it_says(run):
    """The application of `test_worker.py` answers once it is let go."""

    async def main():
        application = Slow()
        async with asgate.Server(application, port=0) as server:
            reply = asyncio.ensure_future(answer(server.addresses[0]))
            await application.begun.wait()
            application.release.set()
            return await reply

    assert run(main()).endswith(b"ok")


def test_a_server_can_serve_again(run):
    async def main():
        server = asgate.Server(Recorder(), port=0)
        for _ in range(2):
            async with server:
                waiting = asyncio.ensure_future(server.wait())
                assert b"200" in await answer(server.addresses[0])
                assert not waiting.done()
                server.ask_to_stop()
                await waiting

    run(main())


def test_the_command_has_no_place_on_a_running_loop(run):
    async def main():
        asgate.run(Recorder(), port=0)

    with pytest.raises(RuntimeError, match="runs already: use `async with asgate"):
        run(main())
