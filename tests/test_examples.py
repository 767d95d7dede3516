"""Every example runs: each is served by a real server on a free port and answers what its text promises."""

import asyncio
import hashlib
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import asgate

pytest.importorskip("asgate._core")
clause = pytest.mark.clause
ROOT = Path(__file__).parents[1]
EXAMPLES = {path.stem for path in (ROOT / "examples").glob("*.py")} - {"__init__"}

Talk = Callable[[httpx.AsyncClient], Awaitable[None]]


def client(server: asgate.Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, trust_env=False)


async def talk_to_hello(caller: httpx.AsyncClient) -> None:
    answer = await caller.get("/")
    assert (answer.status_code, answer.text) == (200, "Hello, World!")


async def talk_to_streaming(caller: httpx.AsyncClient) -> None:
    async with caller.stream("GET", "/?count=3&pause=0.01") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        events = [line async for line in answer.aiter_lines() if line]
    assert events == ["data: 0", "data: 1", "data: 2"]


async def talk_to_upload(caller: httpx.AsyncClient) -> None:
    body = bytes(range(256)) * 4096
    answer = await caller.put("/", content=body)
    assert answer.text == f"{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()}\n"


async def talk_to_file(caller: httpx.AsyncClient) -> None:
    answer = await caller.get("/")
    assert answer.content == (ROOT / "examples" / "file.py").read_bytes()


async def talk_to_asgi2(caller: httpx.AsyncClient) -> None:
    answer = await caller.get("/some/where")
    assert answer.text == "You asked for /some/where\n"


async def talk_to_lifespan_state(caller: httpx.AsyncClient) -> None:
    answers = [await caller.get("/") for _ in range(2)]
    assert [answer.text for answer in answers] == ["visit 1\n", "visit 2\n"]


# Example -> what is served of it, its options, the talk with it.
SERVED: dict[str, tuple[str, dict[str, Any], Talk]] = {
    "hello": ("app", {}, talk_to_hello),
    "streaming": ("app", {}, talk_to_streaming),
    "upload": ("app", {}, talk_to_upload),
    "file": ("app", {}, talk_to_file),
    "asgi2": ("Application", {}, talk_to_asgi2),
    "lifespan_state": ("app", {"lifespan": "on"}, talk_to_lifespan_state),
}
LOCAL: dict[str, Any] = {"app_dir": str(ROOT), "port": 0, "graceful_timeout": 5}
SCRIPTS = {"embedding"}


@clause("ASGI-086", "ASGI-210", "ASGI-260", "ASGI-320")
@pytest.mark.parametrize("name", SERVED)
def test_example(name: str, caplog: pytest.LogCaptureFixture) -> None:
    attribute, options, talk = SERVED[name]

    async def main() -> None:
        served = asgate.Server(f"examples.{name}:{attribute}", **LOCAL, **options)
        async with served as server, client(server) as caller:
            await talk(caller)

    asyncio.run(main())
    assert warnings(caplog) == []


@clause("ASGI-110")
def test_streaming_ends_when_the_client_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        served = asgate.Server("examples.streaming:app", **LOCAL)
        path = "/?count=1000&pause=0.01"
        async with served as server, client(server) as caller, caller.stream("GET", path) as answer:
            await anext(answer.aiter_lines())
        # The block is left only when no application runs any more.

    asyncio.run(main())
    assert warnings(caplog) == []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the server complained about: an application that had to be cancelled at the end is one thing."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "asgate" and record.levelno >= logging.WARNING
    ]


def test_embedding_is_a_program() -> None:
    script = str(ROOT / "examples" / "embedding.py")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    first, *others = ended.stdout.splitlines()
    assert first.startswith("serving on http://127.0.0.1:")
    assert others == ["Hello from inside", "stopped"]


def test_no_example_is_forgotten() -> None:
    assert set(SERVED) | SCRIPTS == EXAMPLES


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_short_and_says_how_to_run_it(name: str) -> None:
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    assert f"asgate run examples.{name}:" in text or f"python examples/{name}.py" in text
