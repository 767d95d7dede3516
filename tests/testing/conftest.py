"""Tests that are coroutines run on a loop of their own, and must leave no task behind."""

import asyncio
import inspect

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters

    async def run():
        await pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted})
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    left = asyncio.run(run())
    assert left == [], "tasks are left"
    return True


@pytest.fixture
def echo():
    """An application that sends back what comes, piece by piece, and over WebSocket each message."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            while (event := await receive())["type"] == "http.request":
                await send(
                    {"type": "http.response.body", "body": event["body"], "more_body": event["more_body"]}
                )
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (event := await receive())["type"] == "websocket.receive":
                await send({**event, "type": "websocket.send"})
        else:
            raise NotImplementedError(scope["type"])

    return app
