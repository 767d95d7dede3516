"""Lifespan and its state through a running server, and ASGI 2 applications.

The lifespan conversation itself is tested in tests/server/test_lifespan.py.
"""

import asyncio
import contextvars

import pytest

import asgate

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
VALUE = contextvars.ContextVar("VALUE", default="unset")


class App:
    """Keeps lifespan events, request scopes and their order."""

    def __init__(self, state=(), answer=None):
        self.state = dict(state)
        self.answer = answer
        self.log = []
        self.scopes = []
        self.lifespan_state = None
        self.loops = set()

    async def __call__(self, scope, receive, send):
        self.loops.add(asyncio.get_running_loop())
        if scope["type"] == "lifespan":
            await self.lifespan(scope, receive, send)
            return
        self.log.append("request")
        self.scopes.append(scope)
        if self.answer is not None:
            await self.answer(scope)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": VALUE.get().encode()})
        self.log.append("answered")

    async def lifespan(self, scope, receive, send):
        self.lifespan_state = scope["state"]
        assert scope == {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self.log.append((await receive())["type"])
        VALUE.set("lifespan")
        scope["state"].update(self.state)
        await send({"type": "lifespan.startup.complete"})
        self.log.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
        self.log.append("end")


@clause(
    "ASGI-190", "ASGI-191", "ASGI-192", "ASGI-193", "ASGI-194", "ASGI-199", "ASGI-200", "ASGI-202"
)  # section 23: lifespan spec
async def test_startup_then_requests_then_shutdown_in_one_loop(serve):
    app = App()
    async with serve(app, lifespan="on") as site:
        assert app.log == ["lifespan.startup"]
        await site.ask(GET)
    assert app.log == ["lifespan.startup", "request", "answered", "lifespan.shutdown", "end"]
    assert app.loops == {asyncio.get_running_loop()}


@clause("ASGI-194", "ASGI-193")
async def test_nobody_can_connect_before_startup_is_complete(serve, tmp_path):
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            try:
                _, writer = await asyncio.open_unix_connection(path)
                writer.close()
                seen.append("connected")
            except OSError:
                seen.append("refused")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            seen.append("request")

    path = f"{tmp_path}/s"
    async with serve(app, lifespan="on", bind=[f"unix:{path}"]):
        assert seen == ["refused"]


@clause("ASGI-199", "ASGI-200")
async def test_shutdown_comes_after_the_last_response(serve):
    """A stop finishes what runs, tells it with `connection: close`, and only then ends lifespan."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def answer(scope):
        begun.set()
        await go.wait()

    app = App(answer=answer)
    async with serve(app, lifespan="on", graceful_timeout=10) as site:
        idle, client = await site.connect(), await site.connect()
        await client.send(GET)
        await begun.wait()
        stopping = asyncio.ensure_future(site.server.stop())
        assert await idle.rest() == b""
        assert app.log == ["lifespan.startup", "request"]
        go.set()
        found = await client.response()
        assert (found.status, found[b"connection"]) == (200, [b"close"])
        assert await client.rest() == b""
        client.close()
        await stopping
    assert app.log[-3:] == ["answered", "lifespan.shutdown", "end"]


@clause("ASGI-199")
async def test_a_stop_does_not_wait_for_clients_that_have_everything(serve):
    begun, go = asyncio.Event(), asyncio.Event()

    async def answer(scope):
        begun.set()
        await go.wait()

    async with serve(App(answer=answer), lifespan="on", graceful_timeout=10) as site:
        client = await site.connect()
        await client.send(GET)
        await begun.wait()
        stopping = asyncio.ensure_future(site.server.stop())
        go.set()
        assert (await client.response()).status == 200
        async with asyncio.timeout(2):
            await stopping


@clause("ASGI-199", "ASGI-025")
async def test_what_does_not_end_in_time_is_cancelled_and_answered(serve, caplog):
    begun, outcome = asyncio.Event(), []

    async def answer(scope):
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            outcome.append("cancelled")
            raise

    app = App(answer=answer)
    async with serve(app, lifespan="on", graceful_timeout=0.05) as site:
        client = await site.connect()
        await client.send(GET)
        await begun.wait()
        stopping = asyncio.ensure_future(site.server.stop())
        assert (await client.response()).status == 503
        assert await client.rest() == b""
        client.close()
        await stopping
    assert outcome == ["cancelled"]
    assert app.log[-2:] == ["lifespan.shutdown", "end"]
    assert "GET /" in caplog.text


@clause("ASGI-205", "ASGI-199")
async def test_a_request_that_the_stop_finds_does_not_run_in_its_context(serve):
    async with serve(App(), lifespan="on", graceful_timeout=10) as site:
        client = await site.connect()
        await client.send(GET)
        assert (await client.response()).body == b"unset"
        client.socket.send(GET)  # in the kernel, and the loop has no turn before the stop looks
        answered = asyncio.ensure_future(client.response())
        answered.add_done_callback(lambda _: client.close())
        VALUE.set("stopping")
        await site.server.stop()
        assert (await answered).body == b"unset"


@clause("ASGI-210", "ASGI-062", "ASGI-014")  # section 23: state
async def test_each_request_gets_a_shallow_copy(serve):
    shared = ["pool"]
    app = App({"pool": shared, "number": 1})
    async with serve(app, lifespan="on") as site:
        for _ in range(2):
            await site.ask(GET)
            app.scopes[-1]["state"]["number"] = 2
            app.scopes[-1]["state"]["own"] = 3
    states = [scope["state"] for scope in app.scopes]
    assert states[0] is not states[1]
    assert all(type(state) is dict and state["pool"] is shared for state in states)
    assert app.lifespan_state == {"pool": shared, "number": 1}


@clause("ASGI-213", "ASGI-211")
async def test_later_changes_are_seen_by_later_requests(serve):
    app = App({"number": 1})
    async with serve(app, lifespan="on") as site:
        await site.ask(GET)
        app.lifespan_state["number"] = 2
        await site.ask(GET)
        app.lifespan_state.clear()
        await site.ask(GET)
    assert [scope["state"] for scope in app.scopes] == [{"number": 1}, {"number": 2}, {}]


@clause("ASGI-212", "ASGI-062")
@pytest.mark.parametrize("mode", ["off", "auto"])
async def test_without_lifespan_the_state_is_an_empty_dict(serve, mode):
    app = App()

    async def without(scope, receive, send):
        assert scope["type"] == "http"
        await app(scope, receive, send)

    async with serve(without, lifespan=mode) as site:
        await site.ask(GET)
    assert app.scopes[0]["state"] == {}


@clause("ASGI-205")
async def test_context_variables_of_startup_are_not_seen_by_requests(serve):
    async with serve(App(), lifespan="on") as site:
        assert (await site.ask(GET)).body == b"unset"


@clause("ASGI-196", "ASGI-020")
async def test_auto_goes_on_without_an_application_that_rejects_lifespan(serve, answer):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await answer(send)

    async with serve(app, lifespan="auto") as site:
        assert (await site.ask(GET)).status == 200


@clause("ASGI-195", "ASGI-204")
async def test_a_failed_startup_is_a_failure_that_says_so(serve):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(asgate.Failure, match="no database") as failed:
        async with serve(app, lifespan="auto"):
            pass
    assert failed.value.exit_code is asgate.Exit.STARTUP


def nested(scope):
    """ASGI 2, as a function."""

    async def instance(receive, send):
        assert (await receive())["type"] == "http.request"
        await send({"type": "http.response.start", "status": 200})
        await send(
            {"type": "http.response.body", "body": f"{scope['path']} {scope['asgi']['version']}".encode()}
        )

    return instance


class Class:
    """ASGI 2, as a class."""

    def __init__(self, scope):
        self.scope = scope

    async def __call__(self, receive, send):
        await nested(self.scope)(receive, send)


@clause("ASGI-320", "ASGI-321", "ASGI-323")
@pytest.mark.parametrize("interface", ["auto", "asgi2"])
@pytest.mark.parametrize("app", [nested, Class])
async def test_asgi_2_applications(serve, app, interface):
    async with serve(app, interface=interface) as site:
        client = await site.connect()
        for path in (b"/1", b"/2"):
            await client.send(GET.replace(b"/ ", path + b" "))
            assert (await client.response()).body == path + b" 3.0"


@clause("ASGI-322", "ASGI-320")
async def test_the_interface_option_overrides_a_wrong_guess(serve):
    async def call(*arguments):
        scope = arguments[0]
        await nested(scope)(*arguments[1:])

    def vague(*arguments):
        """Looks like a double callable and is none."""
        return call(*arguments)

    async with serve(vague, interface="asgi3") as site:
        assert (await site.ask(GET)).body == b"/ 3.0"

    def vaguer(*arguments, _asgi=nested):
        return _asgi(*arguments)

    vaguer._asgi_single_callable = True
    async with serve(vaguer, interface="asgi2") as site:
        assert (await site.ask(GET)).body == b"/ 3.0"


@clause("ASGI-016", "ASGI-017", "ASGI-320")
@pytest.mark.parametrize("when", ["first call", "second call"])
async def test_an_asgi_2_application_that_fails(serve, caplog, when):
    def app(scope):
        if when == "first call":
            raise ValueError("why")

        async def instance(receive, send):
            raise ValueError("why")

        return instance

    async with serve(app, interface="asgi2") as site:
        assert (await site.ask(GET)).status == 500
    assert "why" in caplog.text
