"""A server under test for the framework's own tests: one small file, so that nothing of the servers that are judged
decides whether the kit is right. What goes wrong in it is chosen by the request's path.
"""

import sys

import pytest

from asgate.conformance.case import Case
from asgate.conformance.process import Starter
from asgate.conformance.runner import Run
from asgate.conformance.servers import Adapter, custom
from asgate.spec.clauses import Level

SERVER = """
import asyncio, os, signal, subprocess, sys, time

PORT, TARGET, STYLE = int(sys.argv[1]), sys.argv[2], sys.argv[3]


async def call(app, scope, reader, writer):
    held = []

    async def receive():
        if not held:
            held.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}
        await reader.read()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            lines = b"".join(b"%s: %s\\r\\n" % pair for pair in message["headers"])
            writer.write(b"HTTP/1.1 %d OK\\r\\n%s\\r\\n" % (message["status"], lines))
        else:
            writer.write(message.get("body", b""))
        await writer.drain()

    await app(scope, receive, send)


async def serve(app, reader, writer):
    try:
        head = await reader.readuntil(b"\\r\\n\\r\\n")
    except asyncio.IncompleteReadError:  # somebody looked whether we listen
        writer.close()
        return
    path = head.split()[1].decode()
    if path == "/die":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/last-words":
        print("these are my last words")
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/exit":
        os._exit(0)
    if path == "/close":
        writer.write(b"HTTP/1.1 418 No\\r\\n\\r\\n")
        writer.close()
        return
    if path == "/close-and-call":
        writer.close()
        for _ in range(3):
            await asyncio.sleep(0)
    if path == "/hang":
        time.sleep(60)
    if path == "/nap":
        writer.write(b"zzzz")
        time.sleep(2)
    if path == "/print":
        print("printed " * 1_000_000)
    headers = [tuple(line.split(b": ")) for line in head.split(b"\\r\\n")[1:-2]]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": path, "headers": headers}
    try:
        await call(app, scope, reader, writer)
    finally:
        writer.close()
    if len(sys.argv) > 4:  # a file that somebody waits for
        with open(sys.argv[4] + ".new", "w") as file:
            file.write(str(PORT))
        os.rename(sys.argv[4] + ".new", sys.argv[4])


async def main():
    import asgi_probe

    app = getattr(asgi_probe, TARGET.partition(":")[2])
    server = await asyncio.start_server(lambda *pair: serve(app, *pair), "127.0.0.1", PORT)
    await server.serve_forever()


if STYLE == "ends":
    sys.exit("it does not want to")
if STYLE == "silent":
    sys.exit()
if STYLE == "deaf":
    time.sleep(60)
if STYLE == "late":
    time.sleep(0.3)
if STYLE == "parent":  # keeps a worker that it does not start again
    subprocess.run([sys.executable, __file__, str(PORT), TARGET, "worker"])
    time.sleep(60)
if STYLE == "fork":  # the application is imported, and called, before the workers are there
    import asgi_probe
    asgi_probe.channel()
    if os.fork():
        os.wait()
        sys.exit()
asyncio.run(main())
"""


@pytest.fixture(scope="session")
def small_server(tmp_path_factory):
    """The path of the small server."""
    path = tmp_path_factory.mktemp("small") / "small_server.py"
    path.write_text(SERVER)
    return path


@pytest.fixture
def small(small_server):
    """Makes adapters of the small server: `small("parent")`."""

    def make(style: str = "plain") -> Adapter:
        return custom(f"{sys.executable} {small_server} {{port}} {{target}} {style}")

    return make


@pytest.fixture
def running(small):
    """Starts runs of the small server; they are ended with the test."""
    runs = []

    def start(style: str = "plain") -> Run:
        runs.append(Run(Starter(small(style), sys.executable)))
        return runs[-1]

    yield start
    for run in runs:
        run.stop()


@pytest.fixture
def case():
    """Makes a case of a function, without registering it."""

    def make(function, *, seconds: float = 3.0, alone: bool = False, name: str = "") -> Case:
        name = f"test/{name or function.__name__}"
        return Case(name, "test", "A title.", ("ASGI-001",), "", Level.MUST, "", "", seconds, alone, function)

    return make
