"""The lifespan conversation with real applications on both loops."""

import asyncio
import contextvars
import logging

import pytest

from asgate.errors import Exit, Failure
from asgate.server import lifespan
from asgate.server.lifespan import Lifespan

clause = pytest.mark.clause
VALUE = contextvars.ContextVar("VALUE", default="unset")


@pytest.fixture(autouse=True)
def messages(caplog):
    caplog.set_level(logging.DEBUG, "asgate")
    return caplog


def serve(run, application, mode="auto", limit=10.0, then=None):
    """Startup, `then()`, shutdown; the exit code of the shutdown and the conversation."""

    async def main():
        conversation = Lifespan(application, mode, limit)
        await conversation.startup()
        if then is not None:
            await then(conversation)
        return await conversation.shutdown(), conversation

    return run(main())


class Polite:
    """Answers both events and writes down what came."""

    def __init__(self):
        self.scope = None
        self.seen = []

    async def __call__(self, scope, receive, send):
        self.scope = scope
        self.seen.append((await receive())["type"])
        scope["state"]["pool"] = self
        await send({"type": "lifespan.startup.complete"})
        self.seen.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
        self.seen.append("returned")


@clause(
    "ASGI-190", "ASGI-191", "ASGI-193", "ASGI-199", "ASGI-200", "ASGI-202", "ASGI-005", "ASGI-006", "ASGI-007"
)
@pytest.mark.parametrize("mode", ["auto", "on"])
def test_startup_and_shutdown(run, mode):
    application = Polite()
    code, lifespan = serve(run, application, mode)
    assert code is Exit.OK
    assert application.seen == ["lifespan.startup", "lifespan.shutdown", "returned"]
    assert type(application.scope) is dict
    assert application.scope["type"] == "lifespan"
    assert application.scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}
    assert lifespan.state == {"pool": application}


@clause("ASGI-002", "ASGI-192", "ASGI-003")
def test_once_per_loop_in_a_task_of_that_loop(run):
    calls = []

    async def application(scope, receive, send):
        calls.append((asyncio.get_running_loop(), asyncio.current_task()))
        await Polite()(scope, receive, send)

    async def main():
        conversation = Lifespan(application, "auto", 10)
        await conversation.startup()
        await conversation.shutdown()
        return asyncio.get_running_loop()

    loop = run(main())
    assert [(loop, True)] == [(one, task is not None) for one, task in calls]


def test_off_calls_nothing(run):
    application = Polite()
    code, lifespan = serve(run, application, "off")
    assert (code, application.seen, lifespan.state) == (Exit.OK, [], {})


@clause("ASGI-195")
@pytest.mark.parametrize("message", ["no database", ""])
@pytest.mark.parametrize("afterwards", ["return", "raise", "wait"])
def test_startup_failed_stops_the_server(run, message, afterwards):
    async def application(scope, receive, send):
        await receive()
        event = {"type": "lifespan.startup.failed"}
        await send(event | ({"message": message} if message else {}))
        if afterwards == "raise":
            raise RuntimeError("and out")
        if afterwards == "wait":
            await receive()

    with pytest.raises(Failure) as caught:
        serve(run, application)
    assert caught.value.exit_code is Exit.STARTUP
    assert caught.value.sentence == "the application failed to start" + (f": {message}" if message else "")


async def raises_on_scope(scope, receive, send):
    raise NotImplementedError("http only")


async def raises_on_startup(scope, receive, send):
    await receive()
    raise ValueError("broken start")


async def returns_on_scope(scope, receive, send): ...


async def returns_on_startup(scope, receive, send):
    await receive()


class Base(BaseException): ...


async def raises_base(scope, receive, send):
    raise Base


async def cancels_itself(scope, receive, send):
    await receive()
    raise asyncio.CancelledError


WITHOUT = [
    raises_on_scope,
    raises_on_startup,
    returns_on_scope,
    returns_on_startup,
    raises_base,
    cancels_itself,
]


@clause("ASGI-196", "ASGI-197", "ASGI-020")
@pytest.mark.parametrize("application", WITHOUT)
def test_auto_goes_on_without_lifespan(run, application):
    code, _ = serve(run, application, "auto")
    assert code is Exit.OK


@clause("ASGI-196")
@pytest.mark.parametrize("application", WITHOUT)
def test_on_insists(run, application):
    with pytest.raises(Failure, match="--lifespan is on") as caught:
        serve(run, application, "on")
    assert caught.value.exit_code is Exit.STARTUP


def test_an_application_that_does_not_know_lifespan_is_no_error(run, messages):
    serve(run, raises_on_scope)
    assert [record.levelname for record in messages.records if record.levelno > logging.DEBUG] == ["INFO"]


def test_an_application_that_breaks_in_its_start_is_one_with_its_traceback(run, messages):
    serve(run, raises_on_startup)
    [record] = [record for record in messages.records if record.levelno == logging.ERROR]
    assert "raised in lifespan, after lifespan.startup" in record.getMessage()
    assert record.exc_info[2].tb_frame.f_code.co_name == "raises_on_startup", "none of our frames"


@clause("ASGI-198")
@pytest.mark.parametrize("how", ["return", "raise"])
def test_leaving_early_gets_no_shutdown_event(run, messages, how):
    left = asyncio.Event()

    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        left.set()
        if how == "raise":
            raise ValueError("gone")

    async def later(lifespan):
        await left.wait()

    code, _ = serve(run, application, then=later)
    assert code is Exit.OK
    assert any(record.levelno >= logging.WARNING for record in messages.records)


@clause("ASGI-201")
@pytest.mark.parametrize("message", ["pool stuck", ""])
def test_shutdown_failed_is_told(run, messages, message):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": message})

    code, _ = serve(run, application)
    assert code is Exit.SHUTDOWN
    assert f"failed to shut down{': pool stuck' if message else ''}" in messages.text


def test_raising_in_the_shutdown_is_told(run, messages):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise ValueError("cannot close")

    code, _ = serve(run, application)
    assert code is Exit.SHUTDOWN
    assert "ValueError: cannot close" in messages.text


def test_returning_from_the_shutdown_without_a_word_is_fine(run):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()

    assert serve(run, application)[0] is Exit.OK


def test_raising_after_the_last_word_is_logged(run, messages):
    async def application(scope, receive, send):
        await Polite()(scope, receive, send)
        raise ValueError("too late")

    assert serve(run, application)[0] is Exit.OK
    assert "ValueError: too late" in messages.text


@clause("ASGI-202")
def test_receive_after_shutdown_waits_until_cancelled(run, monkeypatch):
    monkeypatch.setattr(lifespan, "LAST_MOMENT", 0.05)
    ended = []

    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        try:
            await receive()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    assert serve(run, application)[0] is Exit.OK
    assert ended == ["cancelled"]


@clause("ASGI-202")
def test_two_receives_get_one_shutdown(run):
    seen = []

    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        both = {asyncio.ensure_future(receive()) for _ in range(2)}
        done, pending = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        seen.extend(task.result() for task in done)
        seen.append(len(pending))
        await send({"type": "lifespan.shutdown.complete"})
        for task in pending:
            task.cancel()

    assert serve(run, application)[0] is Exit.OK
    assert seen == [{"type": "lifespan.shutdown"}, 1]


MISUSES = [
    ({"type": "lifespan.startup.completed"}, ValueError, "got 'lifespan.startup.completed' (ASGI-203)"),
    ({"type": "http.response.start", "status": 200}, ValueError, "ASGI-203"),
    ({"type": "lifespan.shutdown.complete"}, RuntimeError, "after lifespan.startup"),
    ({}, KeyError, "expected the key 'type'"),
    ({"type": b"lifespan.startup.complete"}, TypeError, "expected a str"),
    (None, TypeError, "expected a dict"),
    ("lifespan.startup.complete", TypeError, "expected a dict"),
    ({"type": "lifespan.startup.failed", "message": b"x"}, TypeError, "expected a str as 'message'"),
]


@clause("ASGI-203", "ASGI-030", "ASGI-031", "ASGI-032", "ASGI-038", "ASGI-041")
@pytest.mark.parametrize(("message", "error", "words"), MISUSES)
def test_a_wrong_message_raises_and_changes_nothing(run, message, error, words):
    raised = []

    async def application(scope, receive, send):
        await receive()
        try:
            await send(message)
        except Exception as problem:
            raised.append(problem)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    assert serve(run, application, "on")[0] is Exit.OK
    assert type(raised[0]) is error
    assert words in str(raised[0])


@clause("ASGI-037")
def test_complete_twice_raises(run):
    raised = []

    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await send({"type": "lifespan.startup.complete"})
        except RuntimeError as problem:
            raised.append(str(problem))
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    assert serve(run, application)[0] is Exit.OK
    assert "after lifespan.startup.complete" in raised[0]


@clause("ASGI-033")
def test_extra_keys_do_no_harm(run):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete", "extra": object()})
        await receive()
        await send({"type": "lifespan.shutdown.complete", "extra": 1})

    assert serve(run, application, "on")[0] is Exit.OK


def test_answering_before_the_startup_was_received(run):
    async def application(scope, receive, send):
        await send({"type": "lifespan.startup.complete"})
        await asyncio.get_running_loop().create_future()

    async def main():
        conversation = Lifespan(application, "on", 10)
        await conversation.startup()

    run(main())


@clause("ASGI-204")
def test_a_startup_that_takes_too_long(run):
    cancelled = []

    async def application(scope, receive, send):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(Failure, match=r"did not start within 0.01 s \(raise --timeout-lifespan\)") as caught:
        serve(run, application, limit=0.01)
    assert caught.value.exit_code is Exit.STARTUP
    assert cancelled


@clause("ASGI-200")
def test_a_shutdown_that_takes_too_long(run, messages):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.get_running_loop().create_future()

    code, _ = serve(run, application, limit=0.01)
    assert code is Exit.SHUTDOWN
    assert "did not finish its lifespan shutdown within 0.01 s" in messages.text


@clause("ASGI-205")
def test_context_variables_stay_in_lifespan(run):
    async def application(scope, receive, send):
        await receive()
        VALUE.set("of lifespan")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        assert VALUE.get() == "of lifespan"
        await send({"type": "lifespan.shutdown.complete"})

    seen = []

    async def later(lifespan):
        seen.append(VALUE.get())

    assert serve(run, application, then=later)[0] is Exit.OK
    assert seen == ["unset"]


def test_a_cancelled_start_cancels_the_application(run):
    ended = []

    async def application(scope, receive, send):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    async def main():
        starting = asyncio.ensure_future(Lifespan(application, "auto", 10).startup())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(main())
    assert ended


async def tells_what_stopped_it(scope, receive, send):
    """As Starlette does."""
    await receive()
    try:
        await asyncio.get_running_loop().create_future()
    except BaseException as error:
        await send({"type": "lifespan.startup.failed", "message": f"stopped by {error!r}"})
        raise


async def wraps_what_stopped_it(scope, receive, send):
    await receive()
    try:
        await asyncio.get_running_loop().create_future()
    except BaseException as error:
        raise RuntimeError("no start") from error


@clause("ASGI-204")
@pytest.mark.parametrize("application", [tells_what_stopped_it, wraps_what_stopped_it])
def test_a_cancelled_start_is_not_the_applications_error(run, messages, application):
    with pytest.raises(Failure, match="did not start within"):
        serve(run, application, limit=0.01)
    assert [record for record in messages.records if record.levelno > logging.DEBUG] == []


def test_but_an_error_in_its_cleaning_up_is(run, messages):
    async def application(scope, receive, send):
        await receive()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise ValueError("cannot close")

    with pytest.raises(Failure, match="did not start within"):
        serve(run, application, limit=0.01)
    [record] = [record for record in messages.records if record.levelno > logging.DEBUG]
    assert record.getMessage() == "the application raised in lifespan, after it was cancelled"
    assert "ValueError: cannot close" in messages.text


def test_a_cancelled_shutdown_is_not_the_applications_error_either(run, messages):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await asyncio.get_running_loop().create_future()
        except BaseException as error:
            await send({"type": "lifespan.shutdown.failed", "message": f"stopped by {error!r}"})
            raise

    code, _ = serve(run, application, limit=0.01)
    assert code is Exit.SHUTDOWN
    told = [record.getMessage() for record in messages.records if record.levelno > logging.DEBUG]
    assert told == ["the application did not finish its lifespan shutdown within 0.01 s"]


@clause("ASGI-201")
def test_a_traceback_that_a_framework_tells_is_summed_up(run, messages):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        message = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: pool\n'
        await send({"type": "lifespan.shutdown.failed", "message": message})

    assert serve(run, application)[0] is Exit.SHUTDOWN
    [record] = [record for record in messages.records if record.levelno == logging.ERROR]
    first, second, *_ = record.getMessage().splitlines()
    assert first == "the application failed to shut down: ValueError: pool"
    assert second == "Traceback (most recent call last):"


@pytest.mark.parametrize("application", [raises_on_scope, returns_on_scope, returns_on_startup])
def test_on_never_says_that_it_is_served_without(run, messages, application):
    with pytest.raises(Failure, match="--lifespan is on"):
        serve(run, application, "on")
    assert "served without" not in messages.text


def test_a_generator_exit_is_an_error_like_any_other(run):
    async def application(scope, receive, send):
        await receive()
        raise GeneratorExit

    with pytest.raises(Failure, match="raised GeneratorExit in its lifespan"):
        serve(run, application, "on")


@clause("ASGI-202")
def test_a_receive_too_many_is_told(run, messages):
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        while True:
            await receive()

    code, _ = serve(run, application, limit=0.01)
    assert code is Exit.SHUTDOWN
    assert "receive() again after lifespan.shutdown" in messages.text
