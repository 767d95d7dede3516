"""Fixtures of the e2e tests. Every server is a process of its own on a free port; every test ends the ones that
it started.

The installed `asgate` is tested, not the sources: `make test` installs it first.
"""

import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `harness`, in whichever way pytest was started

from harness.process import Command, Process, Serve, Serving


@pytest.fixture(scope="session", autouse=True)
def enough_descriptors() -> None:
    """Crowds of clients, and the servers that inherit the limit, need more than the usual 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def _serve_in(stack: ExitStack) -> Serve:
    def serve(target: str, *options: str, **around: object) -> Serving:
        directory = Path(tempfile.mkdtemp(prefix="asgate-"))  # short: paths of Unix sockets are limited
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = Serving(target, options, directory=directory, **around)
        stack.callback(server.end)
        return server

    return serve


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve("plain:app", "--loop", "asyncio")` starts a server; the end of the test stops it."""
    with ExitStack() as stack:
        yield _serve_in(stack)


@pytest.fixture(scope="module")
def serve_all() -> Iterator[Serve]:
    """The same for servers that the tests of a module share."""
    with ExitStack() as stack:
        yield _serve_in(stack)


@pytest.fixture
def command(short_directory: Path) -> Iterator[Command]:
    """`command("run", "x:y")` starts a command that need not become a server."""
    with ExitStack() as stack:

        def start(*arguments: str, **around: object) -> Process:
            process = Process(arguments, directory=short_directory, **around)  # type: ignore[arg-type]
            stack.callback(process.end)
            return process

        yield start


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose path is short enough for Unix sockets."""
    with tempfile.TemporaryDirectory(prefix="asgate-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def plain(serve_all: Serve) -> Serving:
    """A server of apps/plain.py that the tests of a module share."""
    return serve_all("plain:app")
