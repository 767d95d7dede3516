"""`kill -TERM` in the middle of load: a response whose first byte was sent is complete, a request that is not answered
sees a clean end, and the process ends well.
"""

import importlib.util
import signal

import pytest
from harness.connection import request
from harness.load import Crowd, Question, mixed_questions
from harness.process import PATIENCE, Serve

LOOPS = [
    "asyncio",
    pytest.param(
        "uvloop",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed"
        ),
    ),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("moment", [30, 900])
def test_no_response_that_has_begun_is_lost(serve: Serve, loop: str, moment: int) -> None:
    server = serve("plain:app", "--loop", loop, "--no-access-log")
    crowd = Crowd(server.address, mixed_questions(), 24)
    crowd.start()
    crowd.wait_for_answers(moment, PATIENCE)
    server.send_signal(signal.SIGTERM)
    verdict = crowd.join(PATIENCE)
    assert verdict.broken == []
    assert verdict.answered >= moment
    assert server.wait() == 0
    server.expect("lifespan shutdown")
    assert "cancelled" not in server.log.text


def test_no_pipelined_response_is_cut(serve: Serve) -> None:
    server = serve("plain:app", "--no-access-log")
    crowd = Crowd(server.address, mixed_questions(), 12, pipeline=5)
    crowd.start()
    crowd.wait_for_answers(300, PATIENCE)
    server.send_signal(signal.SIGTERM)
    verdict = crowd.join(PATIENCE)
    assert verdict.broken == []
    assert server.wait() == 0


@pytest.mark.parametrize("kind", ["unix", "several"])
def test_the_same_on_other_sockets(serve: Serve, short_directory, kind: str) -> None:
    path = short_directory / "server.sock"
    binds = ["--bind", f"unix:{path}"] + (["--bind", "127.0.0.1:0"] if kind == "several" else [])
    server = serve("plain:app", *binds, "--no-access-log")
    addresses = [str(path)] if kind == "unix" else [str(path), _tcp(server.urls[1])]
    crowds = [Crowd(address, mixed_questions(), 10) for address in addresses]
    for crowd in crowds:
        crowd.start()
    for crowd in crowds:
        crowd.wait_for_answers(100, PATIENCE)
    server.send_signal(signal.SIGTERM)
    assert [crowd.join(PATIENCE).broken for crowd in crowds] == [[]] * len(crowds)
    assert server.wait() == 0
    assert not path.exists()


def _tcp(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def test_clients_that_close_after_each_request_lose_nothing(serve: Serve) -> None:
    """A connection that the kernel has taken but we have not yet is served, too, before the listener goes."""
    server = serve("plain:app", "--no-access-log")
    question = Question(request("GET", "/hello", "Connection: close"), b"Hello, World!")
    rounds = [Crowd(server.address, [question], 40) for _ in range(3)]
    for crowd in rounds:
        crowd.start()
    rounds[0].wait_for_answers(1, PATIENCE)
    server.send_signal(signal.SIGTERM)
    for crowd in rounds:
        # Who comes after the end is refused, which is an answer, too.
        broken = [
            what for what in crowd.join(PATIENCE).broken if not what.startswith("ConnectionRefusedError")
        ]
        assert broken == []
    assert server.wait() == 0
