"""The core: queues, waits, the end. What messages mean is tested with the rules."""

import asyncio
import contextlib
import contextvars

import pytest

from asgate.testing.conversation import Conversation
from asgate.testing.errors import ApplicationEnded, ClientGone, ConversationError, TimedOut
from asgate.testing.http_rules import HttpRules
from asgate.testing.options import Served
from asgate.testing.rules import Rules
from asgate.testing.scopes import http_scope

START = {"type": "http.response.start", "status": 200}
variable = contextvars.ContextVar("variable", default="unset")


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def begun(app, **options):
    served = Served(**options)
    scope = http_scope("GET", "http://a/", [], served, None)
    conversation = Conversation(app, scope, HttpRules(scope), served)
    conversation.start()
    return conversation


def own(app, **options):
    """Without rules."""
    conversation = Conversation(app, {"type": "own"}, Rules({"type": "own"}), Served(**options))
    conversation.start()
    return conversation


async def test_a_wait_that_takes_too_long_cancels_nothing_and_loses_nothing():
    go = asyncio.Event()

    async def app(scope, receive, send):
        await go.wait()
        await send(START)
        await send(body(b"late"))

    conversation = begun(app)
    for _ in range(3):
        with pytest.raises(TimedOut, match=r"within 0\.001 s: the application is at .*in app"):
            await conversation.take(0.001)
    go.set()
    assert (await conversation.take())["status"] == 200
    assert (await conversation.take())["body"] == b"late"
    await conversation.close()


async def test_a_cancelled_wait_of_the_client_loses_nothing(echo):
    conversation = begun(echo)
    await conversation.take()
    waiting = asyncio.create_task(conversation.take())
    assert await conversation.blocked() == "receive"
    conversation.put({"type": "http.request", "body": b"x", "more_body": False})
    waiting.cancel()  # before it can run
    await asyncio.wait([waiting])
    assert (await conversation.take())["body"] == b"x"
    await conversation.close()


async def test_a_cancelled_receive_loses_nothing():
    async def app(scope, receive, send):
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await send({"type": "asked"})
        await send(await receive())

    conversation = own(app)
    assert (await conversation.take())["type"] == "asked"
    await conversation.give({"type": "event"})
    assert (await conversation.take())["type"] == "event"
    await conversation.close()


async def test_two_receives_get_an_event_each():
    async def app(scope, receive, send):
        for event in await asyncio.gather(receive(), receive()):
            await send(event)

    conversation = own(app)
    for number in range(2):
        await conversation.give({"type": "event", "number": number})
    assert [(await conversation.take())["number"] for _ in range(2)] == [0, 1]
    await conversation.close()


async def test_a_client_that_does_not_read_stalls_send():
    sent = []

    async def app(scope, receive, send):
        await send(START)
        for number in range(4):
            await send(body(b"x" * 10, more=True))
            sent.append(number)
        await send(body())

    conversation = begun(app, buffer=15)
    assert await conversation.blocked() == "send"
    assert sent == [0]
    await conversation.take()
    assert await conversation.blocked() == "send"
    await conversation.take()
    assert await conversation.blocked() == "send"
    assert sent == [0, 1]
    await conversation.close()


async def test_without_a_buffer_send_waits_for_the_reader():
    steps = []

    async def app(scope, receive, send):
        await send(START)
        await send(body(b"a", more=True))
        steps.append("a was read")
        await send(body(b"b"))

    conversation = begun(app, buffer=0)
    await conversation.take()
    await conversation.blocked()
    assert steps == []
    await conversation.take()
    await conversation.blocked()
    assert steps == ["a was read"]
    await conversation.take()
    await conversation.close()


async def test_the_client_waits_for_an_application_that_takes_nothing():
    hold = asyncio.Event()

    async def app(scope, receive, send):
        await hold.wait()
        for _ in range(3):
            await receive()

    conversation = own(app, backlog=2)
    for _ in range(2):
        await conversation.give({"type": "event"})
    with pytest.raises(TimedOut, match=r"took no event .* events that it has not taken: 2"):
        await conversation.give({"type": "event"}, 0.001)
    hold.set()
    await conversation.give({"type": "event"})
    await conversation.ended()


async def test_leaving_frees_a_stalled_send_and_is_told_again_and_again():
    seen = []

    async def app(scope, receive, send):
        await send(START)
        for _ in range(2):
            try:
                await send(body(b"x", more=True))
            except OSError as error:
                seen.append(type(error))
        seen.extend([(await receive())["type"] for _ in range(3)])

    conversation = begun(app, buffer=0)
    assert await conversation.blocked() == "send"
    await conversation.close()
    assert seen == [ClientGone, ClientGone, *["http.disconnect"] * 3]


async def test_below_version_2_4_send_is_silent():
    async def app(scope, receive, send):
        await receive()
        await send(START)
        await send(body(b"x", more=True))

    await begun(app, spec_version="2.3").close()


@pytest.mark.parametrize("spec_version", ["2.3", "2.5"])
async def test_an_application_that_only_asks_or_sends_does_not_stop_the_loop(spec_version):
    async def app(scope, receive, send):
        while True:
            await receive()
            with contextlib.suppress(OSError):
                await send(body(more=True))

    conversation = begun(app, timeout=0.01, spec_version=spec_version)
    with pytest.raises(TimedOut, match="did not end"):
        await conversation.close()
    assert conversation.over


async def test_what_the_application_raises_is_raised_with_its_traceback():
    async def app(scope, receive, send):
        raise LookupError("mine")

    conversation = begun(app)
    with pytest.raises(LookupError, match="mine") as caught:
        await conversation.take()
    assert caught.traceback[-1].name == "app"
    await conversation.close()  # not twice


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()])
async def test_ends_that_are_no_exceptions_do_not_stop_the_loop(error):
    async def app(scope, receive, send):
        raise error

    conversation = begun(app)
    with pytest.raises((SystemExit, ApplicationEnded)):
        await conversation.take()
    await conversation.close()


async def test_an_application_that_says_nothing():
    async def app(scope, receive, send):
        pass

    conversation = begun(app)
    with pytest.raises(ApplicationEnded, match="returned before a message came"):
        await conversation.take()
    with pytest.raises(ApplicationEnded):
        await conversation.give({"type": "http.request"})
    await conversation.close()


async def test_an_error_that_only_comes_of_leaving_is_not_told():
    async def app(scope, receive, send):
        await receive()
        try:
            await send(START)
        except OSError as error:
            raise RuntimeError("the framework's own") from error

    await begun(app).close()


async def test_other_errors_after_leaving_are():
    async def app(scope, receive, send):
        await receive()
        raise RuntimeError("in the clean-up")

    with pytest.raises(RuntimeError, match="clean-up"):
        await begun(app).close()


async def test_an_application_that_does_not_end_is_cancelled_and_named():
    async def app(scope, receive, send):
        await asyncio.Event().wait()

    conversation = begun(app, timeout=0.001)
    with pytest.raises(TimedOut, match="the client has left, and the application did not end"):
        await conversation.close()
    assert conversation.over
    patient = begun(app)
    await patient.close(patient=False)
    assert patient.over


async def test_after_leaving_nothing_is_read():
    async def app(scope, receive, send):
        await send(START)
        await receive()

    conversation = begun(app)
    assert await conversation.blocked() == "receive"
    conversation.leave()
    with pytest.raises(ConversationError, match="the client left"):
        await conversation.take()
    await conversation.close()


async def test_the_application_sees_the_variables_of_the_test_in_a_copy():
    async def app(scope, receive, send):
        await send({"type": "seen", "value": variable.get()})
        variable.set("by the application")

    variable.set("by the test")
    conversation = own(app)
    assert (await conversation.take())["value"] == "by the test"
    await conversation.ended()
    assert variable.get() == "by the test"


async def test_a_context_may_be_shared():
    async def app(scope, receive, send):
        variable.set("by the application")

    context = contextvars.copy_context()
    await own(app, context=context).ended()
    assert context[variable] == "by the application"
    if hasattr(asyncio.Task, "get_context"):
        await own(app, context="same").ended()
        assert variable.get() == "by the application"


async def test_a_message_that_is_refused_may_be_put_right(echo):
    async def app(scope, receive, send):
        with pytest.raises(RuntimeError):
            await send(body())
        with pytest.raises(TypeError):
            await send({**START, "status": "200"})
        await send(START)
        await send(body(b"right"))

    conversation = begun(app)
    await conversation.take()
    assert (await conversation.take())["body"] == b"right"
    assert "(was refused)" in "\n".join(conversation.transcript.lines())
    await conversation.close()
