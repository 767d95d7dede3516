"""How the application is called: arguments, task, context, and what a scope is made of (ASGI sections 1 and 3)."""

import asyncio
import contextvars
import threading

import anyio
import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
TWICE = b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n"
VALUE = contextvars.ContextVar("VALUE", default="unset")


@clause("ASGI-001", "ASGI-002", "ASGI-004", "ASGI-005", "ASGI-011")
async def test_called_once_per_request_with_three_positional_arguments(serve, answer):
    calls = []

    async def app(*arguments, **named):
        calls.append((arguments, named))
        await answer(arguments[2])

    async with serve(app) as site:
        for _ in range(3):
            assert (await site.ask(GET)).status == 200
    assert len(calls) == 3
    for arguments, named in calls:
        scope, receive, send = arguments
        assert named == {}
        assert type(scope) is dict
        assert all(type(key) is str for key in scope)
        assert scope["type"] == "http"
        assert callable(receive)
        assert callable(send)


@clause("ASGI-001")
@pytest.mark.parametrize("kind", ["function", "method", "callable", "awaitable", "lambda"])
async def test_every_kind_of_single_callable(serve, answer, kind):
    async def function(scope, receive, send):
        await answer(send, body=kind.encode())

    class Application:
        async def method(self, scope, receive, send):
            await function(scope, receive, send)

        async def __call__(self, scope, receive, send):
            await function(scope, receive, send)

    class Awaitable:
        def __init__(self, *arguments):
            self.arguments = arguments

        def __await__(self):
            return function(*self.arguments).__await__()

    app = {
        "function": function,
        "method": Application().method,
        "callable": Application(),
        "awaitable": lambda scope, receive, send: Awaitable(scope, receive, send),
        "lambda": lambda scope, receive, send: function(scope, receive, send),
    }[kind]
    async with serve(app) as site:
        assert (await site.ask(GET)).body == kind.encode()


@clause("ASGI-001", "ASGI-016", "ASGI-017")
async def test_an_application_that_returns_nothing_to_await_is_told_why(serve, caplog):
    def app(scope, receive, send):
        return 5

    async with serve(app, interface="asgi3") as site:
        assert (await site.ask(GET)).status == 500
    assert "cannot be awaited" in caplog.text


@clause("ASGI-003")
async def test_runs_on_the_loops_thread_in_a_real_task_of_its_own(serve, answer):
    seen = []

    async def app(scope, receive, send):
        task = asyncio.current_task()
        seen.append((threading.get_ident(), asyncio.get_running_loop(), task))
        assert isinstance(task, asyncio.Task)
        assert task in asyncio.all_tasks()
        await answer(send)

    async with serve(app) as site:
        await site.ask(GET)
        await site.ask(GET)
    (thread, loop, task), (_, _, other) = seen
    assert thread == threading.get_ident()
    assert loop is asyncio.get_running_loop()
    assert task is not other
    assert task is not asyncio.current_task()


@clause("ASGI-003")
@pytest.mark.parametrize(
    "how", ["asyncio.timeout", "wait_for", "task group", "anyio", "anyio group", "thread"]
)
async def test_the_tools_of_tasks_work(serve, answer, how):
    async def app(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        never = asyncio.get_running_loop().create_future
        done = []
        if how == "asyncio.timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await receive()
        elif how == "wait_for":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receive(), 0.01)
        elif how == "task group":
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(0)).add_done_callback(done.append)
            assert done
        elif how == "anyio":
            with anyio.move_on_after(0.01) as limit:
                await never()
            assert limit.cancelled_caught
        elif how == "anyio group":
            async with anyio.create_task_group() as group:
                group.start_soon(receive)
                await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        else:
            assert await anyio.to_thread.run_sync(threading.get_ident) != threading.get_ident()
        await answer(send)

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200


@clause("ASGI-003")
async def test_contextvars_do_not_leak_between_requests_or_from_the_embedding_program(serve, answer):
    seen = []

    async def app(scope, receive, send):
        seen.append(VALUE.get())
        VALUE.set(scope["path"])
        await asyncio.sleep(0)
        assert VALUE.get() == scope["path"]
        await answer(send)
        assert VALUE.get() == scope["path"]

    VALUE.set("program")
    async with serve(app) as site:
        VALUE.set("later")
        client = await site.connect()
        await client.send(TWICE)
        await client.response()
        await client.response()
        await site.get(b"/3")
    assert len(set(seen)) == 1
    assert not {"/1", "/2", "/3"} & set(seen)
    assert VALUE.get() == "later"


@clause("ASGI-008", "ASGI-010", "ASGI-012", "ASGI-013")
async def test_receive_takes_no_argument_and_gives_a_fresh_dict_of_plain_types(serve, answer):
    events = []

    async def app(scope, receive, send):
        with pytest.raises(TypeError):
            await receive(1)
        events.append(await receive())
        await answer(send)
        events.append(await receive())
        events.append(await receive())

    async with serve(app) as site:
        await site.ask(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody")
    assert [event["type"] for event in events] == ["http.request", "http.disconnect", "http.disconnect"]
    assert events[1] is not events[2]
    assert all(type(event) is dict and all(type(key) is str for key in event) for event in events)
    assert type(events[0]["type"]) is str
    assert type(events[0]["body"]) is bytes
    assert type(events[0]["more_body"]) is bool


@clause("ASGI-008")
async def test_receive_waits_for_an_event(serve, answer):
    sent = asyncio.Event()

    async def app(scope, receive, send):
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        sent.set()
        assert await waiting == {"type": "http.request", "body": b"late", "more_body": False}
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n")
        await sent.wait()
        await client.send(b"late")
        assert (await client.response()).status == 200


@clause("ASGI-009")
async def test_send_takes_its_message_positionally(serve, answer):
    async def app(scope, receive, send):
        for call in (lambda: send(event={}), lambda: send(message={}), lambda: send(), lambda: send({}, {})):
            with pytest.raises(TypeError):
                await call()
        assert await send({"type": "http.response.start", "status": 200}) is None
        assert await send({"type": "http.response.body"}) is None

    async with serve(app) as site:
        assert (await site.ask(GET)).status == 200


@clause("ASGI-014", "ASGI-073")
async def test_what_one_request_changes_the_next_does_not_see(serve, answer):
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
        assert scope["extensions"]["http.response.pathsend"] == {}
        assert "mine" not in scope
        assert "mine" not in scope["state"]
        assert (b"mine", b"") not in scope["headers"]
        scope["mine"] = scope["state"]["mine"] = scope["asgi"]["version"] = 1
        scope["extensions"]["http.response.pathsend"]["mine"] = 1
        scope["extensions"].pop("http.response.early_hint")
        scope["headers"].append((b"mine", b""))
        scope["server"] = scope["client"] = None
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        for _ in range(3):
            await client.send(GET)
            assert (await client.response()).status == 200
    assert len({id(scope) for scope in scopes}) == 3
    for key in ("asgi", "extensions", "headers", "state"):
        assert len({id(scope[key]) for scope in scopes}) == 3


@clause("ASGI-015")
async def test_an_application_may_go_on_after_its_response_and_after_the_connection(serve, answer):
    closed, cleaned = asyncio.Event(), asyncio.Event()

    async def app(scope, receive, send):
        await answer(send)
        await closed.wait()
        assert scope["path"] == "/"
        assert await receive() == {"type": "http.disconnect"}
        await asyncio.sleep(0)
        cleaned.set()

    async with serve(app, timeout_disconnect=0.001) as site:
        client = await site.connect()
        await client.send(GET + b"junk\x00")
        assert (await client.response()).status == 200
        client.reset()
        closed.set()
        async with asyncio.timeout(5):
            await cleaned.wait()


@clause("ASGI-024")
async def test_extras_of_ours_live_under_extensions_only(serve, answer):
    keys = set()

    async def app(scope, receive, send):
        keys.update(scope)
        await answer(send)

    async with serve(app) as site:
        await site.ask(GET)
    assert keys == {
        *(
            "type",
            "asgi",
            "http_version",
            "method",
            "scheme",
            "path",
            "raw_path",
            "query_string",
            "root_path",
        ),
        *("headers", "client", "server", "state", "extensions"),
    }


@clause("ASGI-007")
@pytest.mark.parametrize("version", ["2.5", "2.3"])
async def test_the_claimed_version_is_an_option_and_parses_as_frameworks_do(serve, answer, version):
    seen = []

    async def app(scope, receive, send):
        seen.append(tuple(map(int, scope["asgi"]["spec_version"].split("."))))
        await answer(send)

    async with serve(app, spec_version=version) as site:
        await site.ask(GET)
    assert seen == [tuple(map(int, version.split(".")))]
