"""What monitors, debuggers and frameworks ask of a request's task: while it runs, after its end and from other threads;
and that all of an application, its synchronous beginning too, happens in that task (ASGI-003).
"""

import asyncio
import contextvars
import inspect
import io
import threading

import pytest

from .waits import until

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
FINISHED = {"cr_running": False, "cr_frame": None, "cr_await": None}
tag = contextvars.ContextVar("tag", default="nobody")


def everything(task, coroutine):
    """All that is commonly asked of a task; what raises fails the test.

    `coroutine`: its own, asked for while it ran: Python 3.12.1 crashes in `get_coro` of a task that its eager start has
    completed, whatever it ran; 3.13 gives None.
    """
    printed = io.StringIO()
    task.print_stack(file=printed)
    asked = {name: getattr(coroutine, name) for name in FINISHED}
    names = (coroutine.__name__, coroutine.__qualname__, task.get_name())
    return {
        "texts": (repr(task), repr(coroutine), str(task), printed.getvalue(), *names),
        "stack": [frame.f_code.co_name for frame in task.get_stack()],
        "asked": asked,
        "state": (task.done(), task.cancelled(), inspect.isawaitable(coroutine)),
    }


def in_a_thread(work):
    """What `work()` returns in a thread that is not the loop's; the loop stands still meanwhile."""
    results = []

    def run():
        try:
            results.append(work())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert results, "the thread hangs"
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def here(work):
    return work()


WHERE = pytest.mark.parametrize("where", [here, in_a_thread], ids=["same thread", "other thread"])


@clause("ASGI-003")
@WHERE
async def test_a_waiting_application_shows_its_own_frame(serve, answer, where):
    tasks, go = [], asyncio.Event()

    async def waits_for_go(scope, receive, send):
        tasks.append(asyncio.current_task())
        await go.wait()
        await answer(send)

    async with serve(waits_for_go) as site:
        client = await site.connect()
        await client.send(GET)
        await until(lambda: tasks and tasks[0].get_coro().cr_await is not None)
        found = where(lambda: everything(tasks[0], tasks[0].get_coro()))
        all_tasks = where(lambda: asyncio.all_tasks(tasks[0].get_loop()))
        go.set()
        assert (await client.response()).status == 200
    assert found["stack"] == ["waits_for_go"]
    assert "waits_for_go" in found["texts"][3]
    assert found["asked"]["cr_running"] is False
    assert found["asked"]["cr_frame"].f_code is waits_for_go.__code__
    assert "wait" in repr(found["asked"]["cr_await"])
    assert found["state"] == (False, False, True)
    assert tasks[0] in all_tasks


@clause("ASGI-003")
@WHERE
async def test_a_running_application_may_be_looked_at(serve, answer, where):
    """Also within `receive` and `send`: these threads ask while the loop's one is in our code or the application's."""
    found = []

    async def app(scope, receive, send):
        task = asyncio.current_task()
        found.append(where(lambda: everything(task, task.get_coro())))
        await receive()
        await asyncio.sleep(0)
        found.append(where(lambda: everything(task, task.get_coro())))
        await answer(send)
        found.append(where(lambda: everything(task, task.get_coro())))

    async with serve(app) as site:
        assert (await site.get()).body == b"ok"
    assert len(found) == 3
    for look in found:
        assert look["asked"]["cr_frame"].f_code is app.__code__
        assert look["asked"]["cr_running"] is True
        assert look["state"][:2] == (False, False)


async def ends(send, answer):
    await answer(send)


async def ends_later(send, answer):
    await asyncio.sleep(0)
    await answer(send)


async def raises(send, answer):
    await asyncio.sleep(0)
    raise ValueError("as asked")


async def cancelled(send, answer):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


@clause("ASGI-003", "ASGI-016")
@WHERE
@pytest.mark.parametrize("end", [ends, ends_later, raises, cancelled])
async def test_a_finished_task_answers_like_any_other(serve, answer, end, where):
    tasks, coroutines, found, called = [], [], [], asyncio.Event()

    def done(task):
        found.append(
            where(lambda: everything(task, coroutines[0]))
        )  # what raises here reaches the loop's exception handler
        called.set()

    async def app(scope, receive, send):
        tasks.append(asyncio.current_task())
        coroutines.append(tasks[-1].get_coro())
        tasks[-1].add_done_callback(done)
        await end(send, answer)

    async with serve(app) as site:
        assert (await site.get()).status == (200 if end in (ends, ends_later) else 500)
        async with asyncio.timeout(5):
            await called.wait()
        found.append(where(lambda: everything(tasks[0], coroutines[0])))
        assert (await site.ask(GET)).status in (200, 500)  # a second one; the first is no part of any state
    found.append(where(lambda: everything(tasks[0], coroutines[0])))  # and after the server's end
    assert len(found) >= 3
    for look in found:
        assert look["asked"] == FINISHED
        assert look["stack"] == []
        assert look["state"][0] is True
        assert look["texts"][0].startswith("<Task finished")


@clause("ASGI-003")
async def test_a_finished_coroutine_cannot_be_run_again(serve, answer):
    coroutines = []

    async def app(scope, receive, send):
        coroutines.append(asyncio.current_task().get_coro())
        await answer(send)

    async with serve(app) as site:
        await site.get()
        coroutine = coroutines[0]
        with pytest.raises(RuntimeError, match="cannot reuse"):
            coroutine.send(None)
        with pytest.raises(RuntimeError, match="cannot reuse"):
            coroutine.throw(ValueError("late"))
        assert coroutine.close() is None
        with pytest.raises(AttributeError, match="nonsense"):
            _ = coroutine.nonsense
        assert (await site.get()).body == b"ok"


@clause("ASGI-001", "ASGI-003")
@pytest.mark.parametrize("kind", ["function", "object", "class instance method"])
async def test_the_synchronous_part_runs_in_the_requests_task(serve, answer, kind):
    seen, loop = [], asyncio.get_running_loop()

    async def rest(send):
        seen.append((asyncio.current_task(), tag.get(), None))
        await answer(send)

    def begin(scope, receive, send):
        seen.append((asyncio.current_task(), tag.get(), asyncio.get_running_loop()))
        tag.set("begin")
        return rest(send)

    class Application:
        def __call__(self, scope, receive, send):
            return begin(scope, receive, send)

        def serve(self, scope, receive, send):
            return begin(scope, receive, send)

    app = {"function": begin, "object": Application(), "class instance method": Application().serve}[kind]
    async with serve(app) as site:
        for _ in range(2):
            assert (await site.get()).body == b"ok"
    assert len(seen) == 4
    for (first, before, where), (second, after, _) in (seen[:2], seen[2:]):
        assert first is second
        assert isinstance(first, asyncio.Task)
        assert where is loop
        assert (before, after) == ("nobody", "begin")  # the next request sees nothing of it
    assert seen[0][0] is not seen[2][0]
    assert tag.get() == "nobody"


@clause("ASGI-001", "ASGI-003")
async def test_the_synchronous_part_may_use_the_tools_of_tasks(serve, answer):
    """`create_task` takes the request's context along, and a done callback of the current task is called."""
    children, called = [], asyncio.Event()

    async def child():
        await asyncio.sleep(0)
        return tag.get()

    def app(scope, receive, send):
        tag.set(scope["path"])
        children.append(asyncio.create_task(child()))
        asyncio.current_task().add_done_callback(lambda _: called.set())
        return answer(send)

    async with serve(app) as site:
        await asyncio.gather(site.get(b"/a"), site.get(b"/b"))
        async with asyncio.timeout(5):
            assert sorted(await asyncio.gather(*children)) == ["/a", "/b"]
            await called.wait()


@clause("ASGI-016")
async def test_what_the_synchronous_part_raises_is_a_500_and_leaves_a_finished_task(serve, answer):
    tasks = []

    def app(scope, receive, send):
        task = asyncio.current_task()
        tasks.append((task, task.get_coro()))
        if len(tasks) == 1:
            raise ValueError("before any coroutine")
        return answer(send)

    async with serve(app) as site:
        assert (await site.get()).status == 500
        assert (await site.get()).status == 200
    for task, coroutine in tasks:
        assert everything(task, coroutine)["asked"] == FINISHED
        assert task.exception() is None


async def test_the_synchronous_part_may_be_cancelled(serve, answer):
    """The cancellation comes at the first wait, as for every task."""
    seen = []

    async def rest(send):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            seen.append("cancelled")
        await answer(send)

    def app(scope, receive, send):
        asyncio.current_task().cancel()
        return rest(send)

    async with serve(app) as site:
        assert (await site.get()).body == b"ok"
    assert seen == ["cancelled"]
