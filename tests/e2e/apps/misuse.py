"""Everything an application can do wrong: GET /name does it. What `send` raised is said on stderr as `name: Type`.

`/ok` is a correct answer: the worker has survived.
"""

import asyncio
import contextlib
import gc
import sys
import threading

from misuse_messages import END, OK, PIECE, WRONG, WRONG_BODIES

kept = []


class Stop(BaseException):
    """Neither an Exception nor one of Python's own."""


class Odd(dict):
    """A dict that answers strangely."""

    def get(self, *_):
        raise RuntimeError("odd get")

    def __getitem__(self, key):
        raise RuntimeError("odd item")


async def attempt(send, message, name):
    """Sends what must be refused; the application carries on."""
    try:
        await send(message)
    except Exception as error:
        print(f"{name}: {type(error).__name__}", file=sys.stderr, flush=True)
    else:
        print(f"{name}: accepted", file=sys.stderr, flush=True)


async def ok(scope, receive, send):
    await send(OK)
    await send(END)


# ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def returns_at_once(scope, receive, send):
    pass


async def returns_after_start(scope, receive, send):
    await send(OK)


async def returns_half_way(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send(PIECE)


async def too_short(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    await send(PIECE)


async def raises_at_once(scope, receive, send):
    raise ValueError("as asked")


async def raises_after_start(scope, receive, send):
    await send(OK)
    raise ValueError("as asked")


async def raises_half_way(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send(PIECE)
    raise ValueError("as asked")


async def raises_afterwards(scope, receive, send):
    await ok(scope, receive, send)
    raise ValueError("as asked")


async def raises_base_exception(scope, receive, send):
    raise Stop("as asked")


async def raises_generator_exit(scope, receive, send):
    raise GeneratorExit


async def raises_stop_iteration(scope, receive, send):
    raise StopAsyncIteration


async def raises_cancelled(scope, receive, send):
    raise asyncio.CancelledError


async def cancels_itself(scope, receive, send):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def recurses(scope, receive, send):
    await recurses(scope, receive, send)


async def raises_unprintable(scope, receive, send):
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    raise Unprintable


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def refused_then_right(scope, receive, send):
    """The wrong message is refused and the right one still works (ASGI-040)."""
    name = scope["path"].rpartition("/")[2]
    if name in WRONG:
        await attempt(send, WRONG[name], name)
        await send(OK)
    else:
        await send(OK)
        await attempt(send, WRONG_BODIES[name], name)
    await send(END)


# ── use of receive, send and scope ────────────────────────────────────────────────────────────────────────────────────


async def receives_on_and_on(scope, receive, send):
    await receive()
    await ok(scope, receive, send)
    for _ in range(5):
        assert await receive() == {"type": "http.disconnect"}
    print("received on and on", file=sys.stderr, flush=True)


async def sends_on_and_on(scope, receive, send):
    await ok(scope, receive, send)
    for _ in range(5):
        await send(END)
    await send({"type": "http.response.start", "status": 500})
    print("sent on and on", file=sys.stderr, flush=True)


async def keeps_its_channels(scope, receive, send):
    kept.append((receive, send))
    await ok(scope, receive, send)


async def uses_channels_of_others(scope, receive, send):
    for other_receive, other_send in kept:
        await other_send(END)
        assert (await other_receive())["type"] == "http.disconnect"
    await ok(scope, receive, send)


async def awaits_twice(scope, receive, send):
    waiting = receive()
    await waiting
    for _ in range(2):
        try:
            await waiting
        except RuntimeError as error:
            print(f"awaits_twice: {type(error).__name__}", file=sys.stderr, flush=True)
    await ok(scope, receive, send)


async def never_awaits(scope, receive, send):
    receive()
    send(OK)
    receive().close()
    send(END)


async def receives_at_once(scope, receive, send):
    """Two at the same time: one gets the request, the other the disconnect at the end (ASGI-021)."""
    tasks = [asyncio.create_task(receive()) for _ in range(3)]
    await asyncio.sleep(0)
    await ok(scope, receive, send)
    kinds = [(await task)["type"] for task in tasks]
    print("received at once", kinds.count("http.request"), file=sys.stderr, flush=True)


async def sends_at_once(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await asyncio.gather(
        *(send({"type": "http.response.body", "body": b"x", "more_body": True}) for _ in range(99))
    )
    await send({"type": "http.response.body"})


async def cancels_receive(scope, receive, send):
    for _ in range(20):
        task = asyncio.create_task(receive())
        task.cancel()
        await asyncio.wait([task])
    assert (await receive())["type"] == "http.request"
    await ok(scope, receive, send)


async def sends_from_a_thread(scope, receive, send):
    def work():
        try:
            send(OK)
            asyncio.run(_await(receive()))
        except BaseException as error:
            print(f"sends_from_a_thread: {type(error).__name__}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise RuntimeError("the end")


async def _await(awaitable):
    return await awaitable


async def wrecks_the_scope(scope, receive, send):
    scope["headers"].clear()
    scope["asgi"].clear()
    scope["extensions"].clear()
    scope.clear()
    await ok(scope, receive, send)


async def wrecks_the_request_event(scope, receive, send):
    event = await receive()
    event.clear()
    await ok(scope, receive, send)


async def changes_its_buffer(scope, receive, send):
    """What was sent is sent as it was (ASGI-113)."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"400000")]})
    buffer = bytearray(b"a" * 400_000)
    await send({"type": "http.response.body", "body": memoryview(buffer)})
    buffer[:] = b"b" * 400_000
    del buffer
    gc.collect()


async def sends_within_headers(scope, receive, send):
    """The iterable of headers itself uses `send` while it is read."""

    def headers():
        yield (b"content-length", b"2")
        send({"type": "http.response.start", "status": 204})

    await attempt(send, {**OK, "headers": headers()}, "sends_within_headers")
    await send({"type": "http.response.body"})


async def headers_that_raise(scope, receive, send):
    def headers():
        yield (b"x-a", b"b")
        raise KeyError("half way")

    await attempt(send, {**OK, "headers": headers()}, "headers_that_raise")
    await ok(scope, receive, send)


async def odd_dict(scope, receive, send):
    await send(Odd(OK))
    await send(Odd(END))


async def many_headers(scope, receive, send):
    headers = [(b"x-%d" % number, b"v" * 100) for number in range(5000)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def makes_cycles(scope, receive, send):
    scope["self"] = scope
    scope["receive"], scope["send"] = receive, send
    asyncio.current_task().scope = scope
    await ok(scope, receive, send)
    gc.collect()


async def swallows_its_cancellation(scope, receive, send):
    asyncio.current_task().cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    await ok(scope, receive, send)


async def awaits_a_stranger(scope, receive, send):
    """Something that yields what no task can wait for."""

    class Stranger:
        def __await__(self):
            yield 42

    await Stranger()


def returns_no_coroutine(scope, receive, send):
    return 42


def raises_when_called(scope, receive, send):
    raise ValueError("as asked")


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    name = scope["path"].strip("/")
    route = refused_then_right if "/" in name else globals()[name]
    result = route(scope, receive, send)
    return await result
