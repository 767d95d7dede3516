import asyncio

import pytest

from asgate.testing import Client, LifespanFailed, TimedOut
from asgate.testing.lifespan import Lifespan
from asgate.testing.options import Served


def app_of(startup="complete", shutdown="complete", log=None):
    """`startup` and `shutdown`: "complete", "failed", an exception, "return", "hang"."""

    async def half(name, way, send):
        if isinstance(way, Exception):
            raise way
        if way == "hang":
            await asyncio.Event().wait()
        told = {"message": "no database"} if way == "failed" else {}
        await send({"type": f"lifespan.{name}.{way}", **told})

    async def app(scope, receive, send):
        if scope["type"] == "http":
            log.append(dict(scope["state"]) if "state" in scope else None)
            scope["state"]["mine"] = True
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})
            return
        log.append((await receive())["type"])
        if startup == "return":
            return
        scope["state"]["pool"] = pool
        await half("startup", startup, send)
        log.append((await receive())["type"])
        await half("shutdown", shutdown, send)

    pool = []
    log = [] if log is None else log
    return app


async def test_startup_requests_shutdown():
    log = []
    async with Client(app_of(log=log)) as client:
        for _ in range(2):
            await client.get("/")
        assert client.state == {"pool": []}  # each request had a copy
    assert log == ["lifespan.startup", {"pool": []}, {"pool": []}, "lifespan.shutdown"]


@pytest.mark.parametrize("startup", ["return", LookupError("does not know it")])
async def test_without_support_auto_goes_on_and_on_does_not(startup):
    app = app_of(startup)
    async with Client(app, lifespan="auto") as client:
        assert not client.lifespan.supported
        assert client.lifespan.unsupported_because is (startup if isinstance(startup, Exception) else None)
    with pytest.raises(LifespanFailed, match="does not support") as failed:
        async with Client(app, lifespan="on"):
            pass
    assert failed.value.__cause__ is (startup if isinstance(startup, Exception) else None)


async def test_off_sends_nothing():
    log = []
    async with Client(app_of(log=log), lifespan="off", state={"given": 1}) as client:
        await client.get("/")
    assert log == [{"given": 1}]


@pytest.mark.parametrize("mode", ["auto", "on"])
async def test_a_startup_that_fails_is_told(mode):
    with pytest.raises(LifespanFailed, match="startup failed: no database"):
        async with Client(app_of("failed"), lifespan=mode):
            pass


@pytest.mark.parametrize(
    ("shutdown", "error"), [("failed", LifespanFailed), (LookupError("at the end"), LookupError)]
)
async def test_a_shutdown_that_fails_is_told(shutdown, error):
    with pytest.raises(error, match=r"no database|at the end"):
        async with Client(app_of(shutdown=shutdown)):
            pass


async def test_what_hangs_is_ended():
    with pytest.raises(TimedOut, match="startup was not answered"):
        async with Client(app_of("hang"), timeout=0.01):
            pass
    with pytest.raises(TimedOut, match="shutdown was not answered"):
        async with Client(app_of(shutdown="hang"), timeout=0.01):
            pass


async def test_an_application_that_asks_again_after_the_shutdown_is_ended():
    async def app(scope, receive, send):
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})

    async with Client(app):
        pass


async def test_one_that_ended_in_between_is_not_asked():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        if scope["state"].get("break"):
            raise LookupError

    async with Client(app):
        pass
    with pytest.raises(LookupError):
        async with Client(app, state={"break": True}) as client:
            await client.lifespan._conversation.blocked()


async def test_the_modes_are_three():
    with pytest.raises(ValueError, match="'maybe'"):
        Lifespan(app_of(), "maybe", Served())
