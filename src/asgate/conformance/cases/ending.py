"""What becomes of the request when the application raises, returns too early, or does not take the scope.

A client must always learn of it: by a 5xx, or by a response that is visibly cut. Whether the server lives on is
asked by the runner after every case.
"""

import contextlib
import signal
import time

from asgate.conformance.case import case
from asgate.conformance.control import Overdue, left_until
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Cut, Malformed, Wire


def _raises(kind: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        app.fail(kind)
        _expect_500(trial, wire)

    check.__name__ = f"raises_{kind.lower()}"
    check.__doc__ = f"An application that raises {kind} before its response gets its client a 500."
    case("ASGI-017", *(["ASGI-025"] if kind in ("CancelledError", "GeneratorExit") else ["ASGI-016"]))(check)


for _kind in ("RuntimeError", "KeyError", "OSError", "TimeoutError", "CancelledError", "GeneratorExit"):
    _raises(_kind)


@case("ASGI-017", "ASGI-016")
def raises_after_reading(trial: Trial) -> None:
    """An application that raises after it has read the body gets its client a 500."""
    wire, app = trial.request(method="POST", body=b"body")
    app.read()
    app.fail()
    _expect_500(trial, wire)


@case("ASGI-016")
def raises_ten_times(trial: Trial) -> None:
    """Ten applications that raise leave a server that serves the eleventh request."""
    calls = [trial.request() for _ in range(10)]
    for _, app in calls:
        app.fail()
    for wire, _ in calls:
        trial.expect_cut(wire)
    wire, app = trial.request()
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")


@case("ASGI-016", "ASGI-019")
def raises_after_the_start(trial: Trial) -> None:
    """An application that raises after the start of its response gets a 5xx, or a visibly cut response."""
    wire, app = trial.request()
    app.start()
    app.fail()
    trial.expect_cut(wire)


@case("ASGI-019")
def raises_in_a_chunked_body(trial: Trial) -> None:
    """An application that raises in a body of unknown length gets no last chunk: the client sees the cut."""
    wire, app = trial.request()
    app.start()
    app.body(b"first half", more=True)
    app.fail()
    trial.expect_cut(wire)


@case("ASGI-019")
def raises_in_a_body_of_known_length(trial: Trial) -> None:
    """An application that raises in a body of known length gets no filling: the connection ends before."""
    wire, app = trial.request()
    app.start(headers=[(b"content-length", b"20")])
    app.body(b"first half", more=True)
    app.fail()
    trial.expect_cut(wire)


@case("SERVER-26", "ASGI-019", rfc="RFC 9112 8")
def raises_in_a_body_up_to_the_close(trial: Trial) -> None:
    """An application that raises in a body that ends with the connection gets a reset, the only visible cut."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.0\r\nhost: probe\r\n\r\n")
    app = trial.conversation()
    app.start()
    app.body(b"first half", more=True)
    app.fail()
    if wire.response().complete:
        trial.differs(
            "the connection is closed in good order: an HTTP/1.0 client takes the half for the whole"
        )


@case("ASGI-016")
def raises_after_the_response(trial: Trial) -> None:
    """An application that raises after a whole response has not spoilt it."""
    wire, app = trial.request()
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    app.fail()
    response = wire.response()
    trial.expect(response.status == 200 and response.body == b"ok", "the response", saw=response)


@case("ASGI-018")
def returns_without_a_response(trial: Trial) -> None:
    """An application that returns without a response gets its client a 500."""
    wire, app = trial.request()
    app.end()
    _expect_500(trial, wire)


@case("ASGI-018", "ASGI-105")
def returns_after_the_start(trial: Trial) -> None:
    """An application that returns after the start gets a 5xx, or a visibly cut response: nothing stays open."""
    wire, app = trial.request()
    app.start()
    app.end()
    trial.expect_cut(wire)


@case("ASGI-018")
def returns_in_a_chunked_body(trial: Trial) -> None:
    """An application that returns in a body of unknown length gets no last chunk: the client sees the cut."""
    wire, app = trial.request()
    app.start()
    app.body(b"first half", more=True)
    app.end()
    trial.expect_cut(wire)


@case("ASGI-018")
def returns_in_a_body_of_known_length(trial: Trial) -> None:
    """An application that returns in a body of known length has its connection ended before the length."""
    wire, app = trial.request()
    app.start(headers=[(b"content-length", b"20")])
    app.body(b"first half", more=True)
    app.end()
    trial.expect_cut(wire)


def _stops(kind: str) -> None:
    def check(trial: Trial) -> None:
        server = trial.server()
        wire, app = trial.request(server=server)
        app.fail(kind)
        trial.expect(_over(wire), "an answer or the end of the connection")
        trial.expect(
            _serves_or_ends(server, trial), "a server that serves on or has ended", saw=server.output()
        )

    check.__name__ = f"raises_{kind.lower()}"
    check.__doc__ = f"An application that raises {kind} costs its connection, or stops the server cleanly."
    case("ASGI-025", seconds=10, alone=True)(check)


for _kind in ("SystemExit", "KeyboardInterrupt"):
    _stops(_kind)


@case("ASGI-020", "ASGI-016")
def rejects_websocket(trial: Trial) -> None:
    """An application that raises for the websocket scope costs that connection and nothing else."""
    wire = trial.connect()
    wire.send(
        b"GET / HTTP/1.1\r\nhost: probe\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    if not [scope for scope in trial.calls() if scope["type"] == "websocket"]:
        trial.not_offered("an upgrade to WebSocket does not call the application with a websocket scope")
    trial.conversation(kind="websocket").fail("ValueError")
    with contextlib.suppress(Cut):  # closed without an answer
        status = wire.response().status
        trial.expect(status >= 400, "a refusal", saw=status)


def _expect_500(trial: Trial, wire: Wire) -> None:
    try:
        response = wire.response()
    except Malformed:
        trial.fail("status 500", saw=f"{bytes(wire.received)!r}, then {wire.ended()}")
    trial.expect(response.status == 500, "status 500", saw=response.status)
    trial.expect(response.complete, "a complete response", saw=response)


def _over(wire: Wire) -> bool:
    try:
        return bool(wire.response().status)
    except Cut:
        return bool(wire.ended())


def _serves_or_ends(server: Server, trial: Trial) -> bool:
    while server.running:
        with contextlib.suppress(Overdue, Malformed, OSError):
            server.echo(time.monotonic() + 0.3)
            return True
        left_until(trial.deadline(), "the server serves on or ends")
    # A Python that nobody stops from it answers KeyboardInterrupt with SIGINT to itself.
    return server.exit_code(trial.deadline()) not in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS)
