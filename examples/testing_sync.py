"""Tests without `async`, and the fixture of the pytest plugin that holds an application to the ASGI text.

pytest examples/testing_sync.py
"""

import pytest
from examples.hello import app as hello
from examples.lifespan_state import app as counter

from asgate.testing import SyncClient


@pytest.fixture
def client():
    with SyncClient(counter, lifespan="on") as client:
        yield client


def test_the_lifespan_runs_with_the_block(client):
    assert client.get("/").text == "visit 1\n"


def test_hello(validated):
    with SyncClient(validated(hello)) as client:
        assert client.get("/").text == "Hello, World!"


async def echo(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    while (event := await receive())["type"] == "http.request":
        await send({"type": "http.response.body", "body": event["body"], "more_body": event["more_body"]})


def test_question_and_answer():
    with SyncClient(echo, lifespan="off") as client, client.open("POST", "/") as exchange:
        response = exchange.response()
        exchange.send(b"one")
        assert response.chunk() == b"one"
        exchange.end()
