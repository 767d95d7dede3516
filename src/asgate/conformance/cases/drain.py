"""A stop by SIGTERM: no new connections, what runs is finished, what idles is closed, and the process ends.

Every case has a server of its own with a request that holds the stop up. That the stop has begun shows when a new
connection is refused, closed or left alone (`moves.stop`), so nothing here depends on how long a signal takes.
"""

import contextlib
import signal

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone
from asgate.conformance.moves import GET, POST, START, answer, called, called_early, ended, kept, stop
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.values import Fill
from asgate.conformance.wire import Malformed, Wire

STREAM = {"type": "http.response.body", "body": b"piece\n", "more_body": True}


def running(trial: Trial, **options: str) -> tuple[Server, Wire, Conversation]:
    """A server with one request whose application has been called and has read it."""
    server = trial.server(**options)
    wire, app = trial.request("/", server=server)
    app.receive()
    return server, wire, app


def outlast(trial: Trial, server: Server, app: Conversation) -> None:
    """A stop that the application outlasts. It may have been ended: some servers take connections to the last."""
    with contextlib.suppress(Gone):
        stop(trial, server, app)


@case("SERVER-01", seconds=START, alone=True)
def idle_server_ends(trial: Trial) -> None:
    """A server without requests ends on SIGTERM, with exit code 0."""
    server = trial.server()
    code = ended_by(trial, server, signal.SIGTERM)
    trial.expect(code == 0, "exit code 0", saw=code)


def ended_by(trial: Trial, server: Server, number: signal.Signals) -> int:
    """The exit code after this signal. Ends the case when it is that of the signal."""
    server.terminate(number)
    code = ended(trial, server)
    if code == -number:
        trial.differs(
            "after its good end it lets the signal end the process, which supervisors take for clean"
        )
    return code


@case("SERVER-02", seconds=START, alone=True)
def interrupt_ends_it_too(trial: Trial) -> None:
    """A server without requests ends on SIGINT as on SIGTERM, with exit code 0."""
    server = trial.server()
    code = ended_by(trial, server, signal.SIGINT)
    if code != 0:
        trial.differs(f"it ends with exit code {code} after SIGINT")


@case("SERVER-03", seconds=START, alone=True)
def no_new_connections(trial: Trial) -> None:
    """Once a stop has begun, no new connection reaches the application, though a request still runs."""
    server, wire, app = running(trial)
    try:
        stop(trial, server, app)
    except Gone:
        trial.differs("it ends at once, without waiting for the request that runs; judged by other cases")
    for _ in range(3):
        late = trial.knock(server)
        if late is not None:
            with contextlib.suppress(OSError):
                late.send(GET)
        app.turn(100)
    trial.expect(not called(server), "no call for a new connection")
    answer(app)
    trial.expect(wire.response().status == 200, "the running request is answered")


@case("SERVER-04", seconds=START, alone=True)
def unanswered_request_is_answered(trial: Trial) -> None:
    """A request that the stop finds is answered by its application, whole."""
    server, wire, app = running(trial)
    stop(trial, server, app)
    answer(app, 201, b"whole")
    response = wire.response()
    trial.expect(
        (response.status, response.body) == (201, b"whole"), "the answer of the application", saw=response
    )
    ended(trial, server)


@case("SERVER-04", seconds=START, alone=True)
def running_response_is_finished(trial: Trial) -> None:
    """A response that the stop finds begun comes to its end."""
    server, wire, app = running(trial)
    app.start()
    app.send(STREAM)
    wire.read_until(b"piece\n\r\n")
    stop(trial, server, app)
    app.send(STREAM)
    app.body(b"end")
    with contextlib.suppress(Gone):
        app.end()
    rest = wire.read_until(b"0\r\n\r\n")
    trial.expect(rest == b"6\r\npiece\n\r\n3\r\nend\r\n0\r\n\r\n", "the rest of the response", saw=rest)
    ended(trial, server)


@case("SERVER-04", seconds=START, alone=True)
def running_upload_is_finished(trial: Trial) -> None:
    """A request whose body still arrives when the stop begins is read to its end and answered."""
    server = trial.server()
    wire = trial.connect(server)
    wire.send(POST + b"content-length: 8\r\n\r\nhalf")
    app = called_early(trial, server)
    app.receive()
    stop(trial, server, app)
    wire.send(b"full")
    body = app.read()
    trial.expect(body == b"full", "the rest of the body", saw=body)
    answer(app)
    trial.expect(wire.response().status == 200, "the answer")
    ended(trial, server)


@case("SERVER-05", seconds=START, alone=True, rfc="RFC 9112 9.6")
def answers_say_close(trial: Trial) -> None:
    """An answer that is begun after the stop says connection: close, and the connection is closed after it."""
    server, wire, app = running(trial)
    stop(trial, server, app)
    answer(app)
    response = wire.response()
    trial.expect(wire.ended() == "FIN", "the connection closed after the answer", saw=wire.ended())
    values = [value.lower() for value in response.values("connection")]
    if "close" not in values:
        trial.differs("the connection closes without having said so; RFC 9112 only says SHOULD")


@case("SERVER-05", seconds=START, alone=True)
def idle_connections_are_closed(trial: Trial) -> None:
    """An idle kept-alive connection is closed when the stop begins, and does not wait for the requests that run."""
    server = trial.server()
    idle, first = trial.request("/idle", server=server)
    first.respond()
    kept(trial, idle.response())
    wire, app = trial.request("/", server=server)
    stop(trial, server, app)
    trial.expect(idle.ended(), "the end of the idle connection")
    answer(app)
    trial.expect(wire.response().status == 200, "the running request is answered")
    ended(trial, server)


@case("SERVER-05", seconds=START, alone=True)
def clients_that_keep_their_connection_do_not_hold_it_up(trial: Trial) -> None:
    """After the last answer the server ends, although its clients have not closed their connections."""
    server = trial.server()
    idle, first = trial.request("/idle", server=server)
    first.respond()
    idle.response()
    silent = trial.connect(server)
    wire, app = trial.request("/", server=server)
    stop(trial, server, app)
    answer(app)
    wire.response()
    ended(trial, server)
    for other in (idle, silent):
        trial.expect(other.ended(), "the end of a connection without a request")


@case("SERVER-06", seconds=START, alone=True)
def half_a_head_does_not_hold_it_up(trial: Trial) -> None:
    """A client that has sent half a request head does not keep the server from ending within its grace."""
    server = trial.server(grace="2")
    half = trial.connect(server)
    half.send(b"GET / HTTP/1.1\r\nhost: pro")
    wire, app = trial.request("/", server=server)
    stop(trial, server, app)
    answer(app)
    wire.response()
    ended(trial, server)


@case("SERVER-06", "ASGI-019", seconds=START, alone=True)
def stream_longer_than_the_grace_is_cut(trial: Trial) -> None:
    """A stream that is longer than the grace is cut so that the client can see it, and the server ends."""
    server, wire, app = running(trial, grace="1")
    app.start()
    app.send(STREAM)
    outlast(trial, server, app)
    response = wire.response()
    trial.expect(not response.complete, "a response without an end", saw=response.body)
    ended(trial, server)


@case("SERVER-06", "ASGI-018", seconds=START, alone=True)
def request_longer_than_the_grace_ends(trial: Trial) -> None:
    """A request that is not answered within the grace is answered with a 5xx or closed, and the server ends."""
    server, wire, app = running(trial, grace="1")
    outlast(trial, server, app)
    trial.expect_cut(wire)
    ended(trial, server)


@case("SERVER-06", "ASGI-199", "ASGI-200", seconds=START, alone=True)
def shutdown_follows_the_grace(trial: Trial) -> None:
    """When the grace is over, lifespan.shutdown is sent all the same, after the requests have been ended."""
    trial.lifespan_offered()
    server = trial.server(modes={"lifespan": "steered"}, wait=False, grace="1")
    life = trial.conversation(server, "lifespan")
    life.receive()
    life.send({"type": "lifespan.startup.complete"})
    server.wait_until_ready(trial.deadline())
    trial.request("/", server=server)
    pending = life.begin_receive()
    server.terminate()
    event = pending.value()
    trial.expect(event == {"type": "lifespan.shutdown"}, "lifespan.shutdown", saw=event)
    life.send({"type": "lifespan.shutdown.complete"})
    ended(trial, server)


@case("SERVER-06", "ASGI-118", seconds=START, alone=True)
def client_that_does_not_read_does_not_hold_it_up(trial: Trial) -> None:
    """A client that does not read its response does not keep the server from ending within its grace."""
    server = trial.server(grace="1")
    wire = trial.connect(server, buffer=4096)
    wire.send(GET)
    app = trial.conversation(server)
    app.start()
    app.begin_send({"type": "http.response.body", "body": Fill(32 << 20), "more_body": True})
    app.turn(100)
    server.terminate()
    ended(trial, server)


@case("SERVER-07", "ASGI-095", seconds=START, alone=True)
def application_hears_of_its_end(trial: Trial) -> None:
    """An application that waits when the grace is over hears http.disconnect, or is cancelled."""
    server, wire, app = running(trial, grace="1")
    pending = app.begin_receive()
    server.terminate()
    try:
        event = pending.value()
    except Gone as gone:
        trial.note(str(gone))
    else:
        trial.expect(event == {"type": "http.disconnect"}, "http.disconnect", saw=event)
        with contextlib.suppress(Gone):
            app.end()
    with contextlib.suppress(Malformed):
        wire.response()
    ended(trial, server)
