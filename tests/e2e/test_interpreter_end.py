"""Objects of the application that send or receive while the interpreter ends must not abort the process."""

import signal

import pytest
from harness.connection import Client, fetch, request
from harness.process import Serve

BOTH = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@pytest.mark.clause("ASGI-111")
@BOTH
@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT"])
def test_send_from_a_finalizer_at_the_very_end(serve: Serve, loop: str, ending: str) -> None:
    server = serve("forks:app", "--loop", loop)
    assert fetch(server.address, "/farewell").body == b"parent"
    server.expect("^kept$")
    assert server.stop(signal.Signals[ending]) == 0
    assert server.log.count("^farewell: send (returned|raised)") >= 2
    assert server.log.count("^farewell: receive (returned|raised)") >= 2
    assert server.log.count("Fatal Python error|Segmentation|panic") == 0


@BOTH
def test_send_from_a_finalizer_of_a_response_that_never_came(serve: Serve, loop: str) -> None:
    server = serve("forks:app", "--loop", loop, "--graceful-timeout", "0")
    with Client(server.address) as client:
        client.send(request("GET", "/farewell_unanswered"))
        server.expect("^kept$")
        assert server.stop() == 0
    assert server.log.count("^farewell: send (returned|raised)") >= 2
    assert server.log.count("Fatal Python error|Segmentation|panic") == 0
