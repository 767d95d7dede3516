"""Every example runs: each is served by a real server on a free port and answers what its text promises."""

import asyncio
import hashlib
import logging
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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


async def talk_to_proxy_headers(caller: httpx.AsyncClient) -> None:
    told = [("x-forwarded-for", "192.0.2.66, 192.0.2.7"), ("x-forwarded-proto", "https")]
    assert (await caller.get("/")).text == "http from 127.0.0.1\n"
    assert (await caller.get("/", headers=told)).text == "https from 192.0.2.7\n"
    forged = [("x-forwarded-for", "192.0.2.66"), *told, ("x-forwarded-proto", "gopher")]
    assert (await caller.get("/", headers=forged)).text == "http from 192.0.2.7\n"
    for headers, text in (
        ([], "ws from 127.0.0.1\n"),
        (told, "wss from 192.0.2.7\n"),
        (forged, "ws from 192.0.2.7\n"),
    ):
        assert await message_at(caller, headers) == text
    assert await message_at(caller, [("x-forwarded-proto", "http")]) == "ws from 127.0.0.1\n"
    assert await message_at(caller, [("x-forwarded-proto", "wss")]) == "wss from 127.0.0.1\n"


async def message_at(caller: httpx.AsyncClient, headers: list[tuple[str, str]]) -> str | bytes:
    """The first message of a WebSocket."""
    websockets = pytest.importorskip("websockets", reason="websockets is not installed")
    url = str(caller.base_url).replace("http://", "ws://")
    async with websockets.connect(url, additional_headers=headers, proxy=None) as socket:
        return await socket.recv()


async def talk_to_denial(caller: httpx.AsyncClient) -> None:
    websockets = pytest.importorskip("websockets", reason="websockets is not installed")
    url = str(caller.base_url).replace("http://", "ws://")
    with pytest.raises(websockets.InvalidStatus) as denied:
        await websockets.connect(url, proxy=None)
    answer = denied.value.response
    assert (answer.status_code, bytes(answer.body)) == (401, b"The token is wrong.\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    offers: list[tuple[list[str], str | None]] = [(["echo.v1", "echo.v2"], "echo.v2"), (["other"], None)]
    for offered, chosen in offers:
        async with websockets.connect(f"{url}?token=secret", subprotocols=offered, proxy=None) as socket:
            assert socket.subprotocol == chosen
            for message in ("Grüße", b"\x00\xff"):
                await socket.send(message)
                assert await socket.recv() == message


# Example -> what is served of it, its options, the talk with it.
SERVED: dict[str, tuple[str, dict[str, Any], Talk]] = {
    "hello": ("app", {}, talk_to_hello),
    "streaming": ("app", {}, talk_to_streaming),
    "upload": ("app", {}, talk_to_upload),
    "file": ("app", {}, talk_to_file),
    "asgi2": ("Application", {}, talk_to_asgi2),
    "lifespan_state": ("app", {"lifespan": "on"}, talk_to_lifespan_state),
    "proxy_headers": ("app", {}, talk_to_proxy_headers),
    "denial": ("app", {}, talk_to_denial),
}
LOCAL: dict[str, Any] = {"app_dir": str(ROOT), "port": 0, "graceful_timeout": 5}
SCRIPTS = {"embedding", "in_a_thread", "launcher", "notebook", "own_program", "pytest_fixture"}
TAUGHT = {"testing_client", "testing_sync"}  # run by tests/testing/pages
BROWSED = {"chat"}  # tests/e2e/test_websocket_chat.py


@clause("ASGI-086", "ASGI-150", "ASGI-210", "ASGI-231", "ASGI-260", "ASGI-320")
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


@pytest.mark.parametrize(("proxy", "believed"), [("192.0.2.1", False), (None, False), ("127.0.0.1", True)])
def test_only_the_named_proxy_is_believed(proxy: str | None, believed: bool) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "proxy_headers.py"))

    async def main() -> str:
        behind = example["Forwarded"](example["who"], proxy)
        async with asgate.Server(behind, port=0) as server, client(server) as caller:
            return (await caller.get("/", headers={"x-forwarded-for": "192.0.2.7"})).text

    assert asyncio.run(main()) == f"http from {'192.0.2.7' if believed else '127.0.0.1'}\n"


def test_the_proxy_on_a_unix_socket_has_no_address() -> None:
    example = runpy.run_path(str(ROOT / "examples" / "proxy_headers.py"))

    async def main() -> str:
        behind = example["Forwarded"](example["who"], None)
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/s"
            transport = httpx.AsyncHTTPTransport(uds=path)
            async with asgate.Server(behind, uds=path), httpx.AsyncClient(transport=transport) as caller:
                return (await caller.get("http://x/", headers={"x-forwarded-for": "192.0.2.7"})).text

    assert asyncio.run(main()) == "http from 192.0.2.7\n"


def ended(*command: str, **around: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, **around
    )


def script(name: str) -> str:
    return str(ROOT / "examples" / f"{name}.py")


def test_embedding_is_a_program() -> None:
    done = ended(script("embedding"))
    assert (done.returncode, done.stderr) == (0, "")
    first, *others = done.stdout.splitlines()
    assert first.startswith("serving on http://127.0.0.1:")
    assert others == ["Hello from inside", "stopped"]


def test_a_thread_serves_a_program_without_a_loop() -> None:
    done = ended(script("in_a_thread"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello from a thread\nstopped\n", "")


def test_a_server_that_does_not_start_leaves_no_thread() -> None:
    served = runpy.run_path(script("in_a_thread"))["served"]
    before = threading.active_count()
    for wrong in ({"lifespan": "on"}, {"prot": 1}):  # at the start, and before it
        with pytest.raises(asgate.Failure), served("examples.hello:app", app_dir=str(ROOT), **wrong):
            pass
    assert threading.active_count() == before


def test_the_cells_of_the_notebook_run_one_after_the_other() -> None:
    done = ended("-m", "asyncio", input=Path(script("notebook")).read_text(encoding="utf-8"))
    assert "Traceback" not in done.stderr
    assert re.search(r"http://127\.0\.0\.1:\d+\n.*Hello, World!\n.*Exit\.OK", done.stdout, re.DOTALL)


def test_the_fixtures_are_tests() -> None:
    done = ended("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", script("pytest_fixture"))
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@contextmanager
def running(*command: str) -> Iterator["subprocess.Popen[str]"]:
    """A program whose messages are read; SIGTERM ends it and what it has started, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def address(process: "subprocess.Popen[str]") -> str:
    """Of the next line that says where it serves: from then on it does."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r" on (http://[\d.:]+)", line):
            return found[1]
    raise AssertionError("it ended without serving")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_program_of_its_own(number: signal.Signals) -> None:
    with running(script("own_program")) as process:
        url = address(process)
        assert httpx.get(url, trust_env=False).text == "Hello from inside\n"
        process.send_signal(number)
        _, messages = process.communicate()
    assert process.returncode == 0
    assert f"stopping ({number.name})" in messages
    assert messages.rstrip().endswith("stopped")


def test_the_program_of_the_readme_stops_when_it_is_interrupted(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "main.py").write_text(snippets[0])
    (tmp_path / "program.py").write_text(snippets[-1])
    with running("-u", str(tmp_path / "program.py")) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(url, trust_env=False).text == "Hello, World!\n"
        process.send_signal(signal.SIGINT)
        out, messages = process.communicate()
    assert (process.returncode, out) == (0, "stopped\n")
    assert "stopping" in messages
    assert "Traceback" not in messages


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_launcher_takes_its_workers_with_it(number: signal.Signals) -> None:
    arguments = ["examples.hello:app", "127.0.0.1", "0", "2"]
    with running(script("launcher"), *arguments) as process:
        url, same = address(process), address(process)
        assert url == same
        assert httpx.get(url, trust_env=False).text == "Hello, World!"
        process.send_signal(number)
        _, messages = process.communicate()  # ends when nobody can write any more: launcher and workers
    assert process.returncode == 0
    assert messages.count(f"stopping ({number.name})") == 2
    assert messages.count("stopped") == 2
    assert "Traceback" not in messages
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_the_launcher_ends_with_the_exit_code_of_its_workers() -> None:
    done = ended(script("launcher"), "examples.hello:nothing", "127.0.0.1", "0", "2")
    assert done.returncode == asgate.Exit.TARGET
    assert done.stderr.count("has no attribute nothing") == 2


def test_no_example_is_forgotten() -> None:
    assert set(SERVED) | SCRIPTS | TAUGHT | BROWSED == EXAMPLES


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_short_and_says_how_to_run_it(name: str) -> None:
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 60
    calls = f"asgate run examples.{name}:", f"python examples/{name}.py", f"pytest examples/{name}.py"
    assert any(call in text for call in calls) or name == "notebook"
