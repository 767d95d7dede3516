"""How the drive goes about it."""

import asyncio
import json

import pytest

from asgate.conformance.check.drive import drive
from asgate.conformance.check.findings import Report
from asgate.conformance.check.plan import Wish, subjects
from asgate.conformance.check.text import text
from asgate.errors import Failure

SCHEMA = {
    "paths": {
        "/items": {
            "post": {"requestBody": {"content": {"application/json": {"example": {"name": "x"}}}}},
        }
    }
}


async def body_of(receive):
    body = b""
    while (event := await receive())["type"] == "http.request":
        body += event.get("body", b"")
        if not event.get("more_body"):
            return body
    return None


async def read(receive):
    while (event := await receive())["type"] == "http.request":
        if not event.get("more_body"):
            return


def http(function):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise ValueError(scope["type"])
        await function(scope, receive, send)

    return app


def checked(app, *paths, **wish):
    report = Report("it")
    drive(app, Wish("it", tuple(subjects(paths or ("/",), ("GET",), ())), timeout=0.3, **wish), report)
    return report


async def respond(send, status, body=b""):
    await send({"type": "http.response.start", "status": status})
    await send({"type": "http.response.body", "body": body})


def test_an_application_that_always_raises_has_no_fault_for_it_and_is_not_judged():
    @http
    async def app(scope, receive, send):
        raise RuntimeError("always")

    report = checked(app, "/", "/other")
    assert report.found == {}
    assert report.seen[0].answer == "raised RuntimeError('always')"
    assert [unjudged.where for unjudged in report.unjudged] == ["GET /", "GET /other"]
    sentence = report.unjudged[0].sentence
    assert sentence.startswith("raised RuntimeError('always'), at ")
    assert "test_drive.py:" in sentence
    assert report.unjudged[0].trace[-1] == "app: raised RuntimeError('always')"


def test_an_error_page_before_the_exception_is_no_answer():
    @http
    async def app(scope, receive, send):
        await read(receive)
        await respond(send, 500)
        raise RuntimeError("always")

    assert checked(app).unjudged[0].sentence.startswith("500, then raised RuntimeError('always'), at ")


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_scope_that_the_application_takes_to_pieces_is_its_own(kind):
    async def app(scope, receive, send):
        scope.clear()
        await asyncio.sleep(60)

    report = Report("it")
    asked = subjects(("/",), ("GET",), ()) if kind == "http" else subjects((), (), ("/",))
    drive(app, Wish("it", tuple(asked), timeout=0.1), report)
    assert all(unjudged.sentence.startswith("gave no answer: it is at ") for unjudged in report.unjudged)
    assert report.unjudged


@pytest.mark.parametrize("status", [404, 405, 500])
def test_every_answer_can_be_judged(status):
    @http
    async def app(scope, receive, send):
        await read(receive)
        await respond(send, status)

    report = checked(app)
    assert (report.found, report.unjudged) == ({}, [])


def test_who_raises_in_some_scenarios_is_judged():
    @http
    async def app(scope, receive, send):
        await read(receive)
        if scope["http_version"] == "1.1":
            raise RuntimeError("old")
        await respond(send, 200)

    assert checked(app).unjudged == []


def test_an_application_that_hangs_is_left_soon():
    @http
    async def app(scope, receive, send):
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if scope["method"] == "HEAD":
                    raise

    report = checked(app)
    assert (
        len([seen for seen in report.seen if seen.where == "GET /"]) == 1
    )  # three waits in the first scenario
    (note,) = report.notes
    assert note.startswith("GET /: 38 ")
    assert " scenarios skipped: 3 times it did not answer or end in the 0.3 s of --timeout" in note
    (unjudged,) = report.unjudged
    assert unjudged.sentence.startswith("gave no answer: it is at ")
    assert "in app; events that it has not taken: 1; no answer in the one scenario" in unjudged.sentence


def test_a_slow_application_is_told_of_the_option():
    @http
    async def app(scope, receive, send):
        await read(receive)
        await asyncio.sleep(60)

    advice = {
        found.finding.advice for found in checked(app).found.values() if found.finding.clause == "ASGI-095"
    }
    assert any("--timeout" in sentence for sentence in advice)


def test_what_fails_once_is_not_laid_at_the_scenario_s_door():
    calls = []

    @http
    async def app(scope, receive, send):
        await read(receive)
        calls.append(1)
        await respond(send, 500 if "client" not in scope and len(calls) < 11 else 200)

    assert checked(app).faults == []


def test_an_endless_stream_is_no_fault():
    @http
    async def app(scope, receive, send):
        await read(receive)
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": b"tick", "more_body": True})

    report = checked(app)
    assert (
        {found.finding.sentence for found in report.faults}
        == {
            "the application goes on sending after the client has left"  # below spec version 2.4, send raises nothing
        }
    )


def test_a_long_poll_is_no_fault():
    @http
    async def app(scope, receive, send):
        await read(receive)
        leaving = asyncio.ensure_future(receive())
        await asyncio.wait(
            [leaving, asyncio.ensure_future(asyncio.Event().wait())], return_when="FIRST_COMPLETED"
        )

    report = checked(app)
    assert report.faults == []
    assert report.seen[0].answer == "no answer"


def test_an_answer_that_is_never_the_same_is_not_compared():
    answers = iter(range(1000))

    @http
    async def app(scope, receive, send):
        await read(receive)
        await respond(send, 200, b"%d" % next(answers))

    assert checked(app).found == {}


def test_the_schema_is_asked_for():
    @http
    async def app(scope, receive, send):
        await read(receive)
        await respond(send, 200, b'{"paths": {"/seen": {"get": {}, "post": {}}}}')

    report = checked(app, openapi="/openapi.json")
    assert "GET /seen" in {seen.where for seen in report.seen}
    assert report.notes == ["POST /seen: left out, --unsafe asks for them, too"]


def test_a_body_of_the_schema_is_sent():
    bodies = set()

    @http
    async def app(scope, receive, send):
        if scope["path"] == "/openapi.json":
            await respond(send, 200, json.dumps(SCHEMA).encode())
            return
        body = await body_of(receive)
        headers = dict(scope["headers"])
        if body is not None:
            assert int(headers[b"content-length"]) == len(body)
            bodies.add((scope["method"], headers[b"content-type"], body))
        await respond(send, 200 if body else 422)

    report = checked(app, openapi="/openapi.json", unsafe=True)
    assert report.faults == []
    assert [note for note in report.notes if "left out" in note] == []
    whole = ("POST", b"application/json", b'{"name": "x"}')
    assert whole in bodies
    assert {seen.answer for seen in report.seen if seen.where == "POST /items"} == {"200", "no answer"}


def test_old_applications_are_checked_too():
    def app(scope):
        async def instance(receive, send):
            if scope["type"] != "http":
                raise ValueError(scope["type"])
            await read(receive)
            await respond(send, 200)

        return instance

    report = checked(app)
    assert report.found == {}
    assert report.seen[0].answer == "200"


def test_the_same_again_is_counted():
    @http
    async def app(scope, receive, send):
        await read(receive)
        await send({"type": "http.response.start", "status": 200, "headers": 5})

    found = checked(app, "/", "/other").faults[0]
    assert found.count > 20
    assert found.places == ["http GET /", "http GET /other"]
    told = text(checked(app, "/", "/other"))
    assert "http GET /, http GET /other  (" in told
    assert " times, first: plain)" in told


def ticking(seconds, told=lambda _: None):
    """A sound stream of server-sent events: it looks after its client before each one."""

    @http
    async def app(scope, receive, send):
        told(scope)
        await read(receive)
        leaving = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200})
        try:
            while not leaving.done():
                await send({"type": "http.response.body", "body": b"tick", "more_body": True})
                await asyncio.sleep(seconds)
        except OSError:
            pass
        finally:
            leaving.cancel()

    return app


def test_an_endless_stream_is_read_for_the_time_limit_and_then_only_begun():
    sent = []

    @http
    async def app(scope, receive, send):
        sent.append(0)
        await read(receive)
        leaving = asyncio.ensure_future(receive())
        await send({"type": "http.response.start", "status": 200})
        while not leaving.done():
            sent[-1] += 1
            await send({"type": "http.response.body", "body": b"tick", "more_body": True})
            await asyncio.wait([leaving], timeout=0.02)

    report = checked(app)
    assert (report.faults, report.unjudged) == ([], [])
    assert {seen.answer for seen in report.seen if seen.where == "GET /"} == {"200", "no answer"}
    assert sent[0] < 100  # MOST_MESSAGES is no limit for a stream that takes its time
    assert sorted(sent)[len(sent) // 2] < 5
    assert (
        "GET /: its response does not end in the 0.3 s of --timeout: the others were left soon"
        in report.notes
    )


def test_a_stream_that_notices_the_end_at_its_next_tick_is_no_fault():
    assert checked(ticking(0.7)).faults == []  # longer than the time limit


def test_the_schema_may_be_endless():
    app = ticking(0.02)
    report = Report("it")
    drive(app, Wish("it", tuple(subjects(["/"], ["GET"], ())), timeout=0.3, openapi="/openapi.json"), report)
    assert (report.faults, report.unjudged) == ([], [])


def test_what_belongs_to_requests_at_once_is_not_mixed_up():
    kept = {}

    @http
    async def app(scope, receive, send):
        kept["query"] = scope["query_string"]
        await read(receive)
        await asyncio.sleep(0)
        await respond(send, 200, kept["query"])

    (found,) = checked(app).faults
    assert found.finding.clause == "ASGI-073"
    assert found.finding.sentence.startswith("the answer to one request has what belongs to another")


def test_a_body_that_is_kept_for_all_is_found():
    kept = {}

    @http
    async def app(scope, receive, send):
        kept["body"] = await body_of(receive)
        await asyncio.sleep(0)
        await respond(send, 200, kept["body"] or b"")

    report = Report("it")
    asked = [subject.with_body(b'{"a": 1}', "application/json") for subject in subjects(["/"], ["POST"], ())]
    drive(app, Wish("it", tuple(asked), timeout=0.3), report)
    assert "ASGI-073" in {found.finding.clause for found in report.faults}


def test_an_answer_about_other_requests_is_not_mixed_up():
    """A list of the last visitors, and a cache of the first answer: both have the marks of others."""
    seen = []

    @http
    async def last(scope, receive, send):
        await read(receive)
        await respond(send, 200, b" ".join(seen))
        seen.append(scope["query_string"])

    @http
    async def cached(scope, receive, send):
        first.append(scope["query_string"])
        await read(receive)
        await respond(send, 200, first[0])

    first = []
    assert checked(last).faults == []
    assert checked(cached).faults == []


def test_one_cause_is_told_once():
    @http
    async def app(scope, receive, send):
        await read(receive)
        if not scope.get("client"):
            raise RuntimeError("no client")
        await respond(send, 200)

    (found,) = checked(app).faults
    assert (found.finding.clause, found.count) == ("ASGI-060", 2)


def test_a_loop_in_the_loop_has_advice():
    @http
    async def app(scope, receive, send):
        coroutine = read(receive)
        try:
            asyncio.run(coroutine)
        finally:
            coroutine.close()

    assert "; await it: the event loop of the server runs already; " in checked(app).unjudged[0].sentence


def test_who_takes_the_connect_for_a_message_has_advice():
    async def app(scope, receive, send):
        if scope["type"] != "websocket":
            raise ValueError(scope["type"])
        await send({"type": "websocket.accept"})
        (await receive())["text"]

    report = Report("it")
    drive(app, Wish("it", tuple(subjects((), (), ("/",))), timeout=0.3), report)
    assert "; the first event is websocket.connect, and has its type alone; " in report.unjudged[0].sentence


LEAVING = {"type": "lifespan.shutdown.failed", "message": "cancelled"}


@pytest.mark.parametrize("how", ["interrupted", "stopped"])
def test_what_comes_of_taking_an_application_down_is_no_finding(how):
    async def app(scope, receive, send):
        if scope["type"] != "lifespan":
            if how == "interrupted":
                raise KeyboardInterrupt
            asyncio.get_running_loop().stop()
            await asyncio.Event().wait()
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except BaseException:
            await send(LEAVING)
            raise

    report = Report("it")
    with pytest.raises((KeyboardInterrupt, Failure)):
        drive(app, Wish("it", tuple(subjects(["/"], ["GET"], ())), timeout=0.3), report)
    assert "ASGI-037" not in {found.finding.clause for found in report.faults}
