"""How the drive goes about it."""

import asyncio

from asgate.conformance.check.drive import drive
from asgate.conformance.check.plan import Wish, subjects
from asgate.conformance.check.text import text


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
    return drive(app, Wish("it", tuple(subjects(paths or ("/",), ("GET",), ())), timeout=0.3, **wish))


async def respond(send, status, body=b""):
    await send({"type": "http.response.start", "status": status})
    await send({"type": "http.response.body", "body": body})


def test_an_application_that_always_fails_has_no_fault_for_it():
    @http
    async def app(scope, receive, send):
        raise RuntimeError("always")

    verdict = checked(app)
    assert verdict.found == {}
    assert verdict.seen[0].answer == "raised RuntimeError('always')"


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

    verdict = checked(app)
    assert (
        {found.finding.sentence for found in verdict.faults}
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

    verdict = checked(app)
    assert verdict.faults == []
    assert verdict.seen[0].answer == "no answer"


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
        await respond(send, 200, b'{"paths": {"/seen": {"get": {}}}}')

    assert "GET /seen" in {seen.where for seen in checked(app, openapi="/openapi.json").seen}


def test_old_applications_are_checked_too():
    def app(scope):
        async def instance(receive, send):
            if scope["type"] != "http":
                raise ValueError(scope["type"])
            await read(receive)
            await respond(send, 200)

        return instance

    verdict = checked(app)
    assert verdict.found == {}
    assert verdict.seen[0].answer == "200"


def test_the_same_again_is_counted():
    @http
    async def app(scope, receive, send):
        await read(receive)
        await send({"type": "http.response.start", "status": 200, "headers": 5})

    found = checked(app, "/", "/other").faults[0]
    assert found.count > 20
    assert found.places == ["http GET /", "http GET /other"]
    assert "http GET /, http GET /other  (plain," in text(checked(app, "/", "/other"))
