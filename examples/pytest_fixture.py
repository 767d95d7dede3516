"""Tests against a real server on a free port; httpx brings anyio, whose pytest plugin runs the second.

pytest examples/pytest_fixture.py
"""

import httpx
import pytest
from examples.hello import app
from examples.in_a_thread import served

import asgate


@pytest.fixture(scope="session")
def url():
    """For tests without `async`: the server runs in a thread."""
    with served(app) as url:
        yield url


def test_hello(url):
    assert httpx.get(url).text == "Hello, World!"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def client(anyio_backend):
    """For `async` tests: server, client and test share one event loop."""
    async with asgate.Server(app, port=0) as server, httpx.AsyncClient(base_url=server.url) as client:
        yield client


@pytest.mark.anyio
async def test_hello_on_the_same_loop(client):
    assert (await client.get("/")).text == "Hello, World!"
