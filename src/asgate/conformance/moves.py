"""Moves that cases of several groups make: a request and its answer, the next request on a connection, a call before
the body is there, a server that stops.

A server may close each connection after its answer (RFC 9112 9.3). So what follows an answer on its connection is
asked for here only, and `Response.last` says whether there can be any.
"""

import contextlib
import time

from asgate.conformance.control import Overdue
from asgate.conformance.conversation import Conversation, Gone, Raised
from asgate.conformance.corpus.verdict import CLOSES
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Response, Wire

GET = b"GET / HTTP/1.1\r\nhost: probe\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: probe\r\n"  # a head without its end
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
BEFORE_2_4 = "it claims a version before 2.4, in which a late send did nothing"
COMPLETE = {"type": "lifespan.startup.complete"}
START = 10.0  # seconds: a server of its own must start and stop in that time
# Seconds for which a server that is told to stop may leave a connection alone before it counts as not served.
UNSERVED = 0.5


# A request, and the next one.


def answered(trial: Trial, wire: Wire, request: bytes, **respond: object) -> Response:
    """Sends a request that the application answers with "ok"."""
    wire.send(request)
    trial.conversation().respond(**respond)  # type: ignore[arg-type]
    return wire.response()


def kept(trial: Trial, response: Response) -> Response:
    """The response, after which there can be another one. Ends the case when the server says that it closes."""
    if response.last:
        trial.not_offered(CLOSES)
    return response


def next_call(trial: Trial, wire: Wire, response: Response) -> tuple[Wire, Conversation]:
    """The next request and its call: on this connection, or on another one where the server closes each."""
    wire = trial.connect() if response.last else wire
    wire.send(GET.replace(b"/", b"/next", 1))
    return wire, trial.conversation(path="/next")


def in_step(trial: Trial, wire: Wire, response: Response) -> None:
    """Fails the case unless nothing is left of this answer: the next request on its connection gets its own answer,
    or the connection ends, as was said.
    """
    if response.last:
        rest = wire.read_rest()
        trial.expect(not rest, "nothing after the response", saw=rest)
        return
    wire, app = next_call(trial, wire, response)
    app.respond(body=b"next")
    trial.expect(wire.response().body == b"next", "the answer to the next request", saw=bytes(wire.received))


def expect_uncalled(trial: Trial) -> None:
    """Fails the case unless what was sent calls nothing, where a plain request calls the application and is answered:
    a server that calls it for no request at all has shown nothing.
    """
    trial.expect(trial.uncalled(), "no call of the application")
    wire = trial.connect()
    wire.send(GET.replace(b"/", b"/plain", 1))
    trial.conversation(path="/plain").respond()
    trial.expect(wire.response().status == 200, "a plain request is answered")


def called_early(trial: Trial, server: Server | None = None) -> Conversation:
    """The call of the application before its body is there. Some servers wait for the body, which ends the case."""
    if trial.uncalled(server):
        trial.differs("the application is not called before its whole body is there")
    return trial.conversation(server)


def expect_oserror(trial: Trial, app: Conversation, raised: Raised | None) -> None:
    """Fails the case unless a send to a client that had left raised a kind of OSError (ASGI-110). It differs where the
    server claims a version before 2.4, in which such a send did nothing.
    """
    trial.expect(raised is None or "OSError" in raised.kinds, "no error but an OSError", saw=raised)
    if raised is None and app.version < (2, 4):
        trial.differs(BEFORE_2_4)
    trial.expect(raised is not None, "an OSError", saw="send returned")


# A server of the case's own: it starts, and it stops.


def starting(trial: Trial) -> tuple[Server, Conversation]:
    """A server whose lifespan has been called and has done nothing yet."""
    trial.lifespan_offered()
    server = trial.server(modes={"lifespan": "steered"}, wait=False)
    return server, trial.conversation(server, "lifespan")


def served(trial: Trial, server: Server) -> Conversation:
    """Fails the case unless a request is answered; its conversation."""
    server.wait_until_ready(trial.deadline())
    wire, app = trial.request("/", server=server)
    app.respond()
    trial.expect(wire.response().status == 200, "a request is answered")
    return app


def stop(trial: Trial, server: Server, app: Conversation) -> None:
    """SIGTERM, and until the stop shows: the server refuses a new connection, closes it, or leaves it alone for
    `UNSERVED` seconds. `app` still runs, or the case fails.
    """
    server.terminate()
    while (wire := trial.knock(server)) is not None and _served(trial, server, wire):
        app.turn()
    app.turn()


def _served(trial: Trial, server: Server, wire: Wire) -> bool:
    """Whether a new connection still reaches the application. Answers it then."""
    with contextlib.suppress(OSError):
        wire.send(GET.replace(b"/", b"/late", 1))
    limit = time.monotonic() + UNSERVED
    with contextlib.suppress(Overdue):
        server.control.wait(lambda: called(server) or not wire.drained(), limit, "a call, or the end")
    if not called(server):
        return False
    answer(trial.conversation(server))
    wire.close()
    return True


def called(server: Server) -> bool:
    """Whether there is a call of the application that the case has not taken."""
    return any(report["mode"] == "steered" for _, report in server.control.opened)


def answer(app: Conversation, status: int = 200, body: bytes = b"ok") -> None:
    """Responds. The server may end before the application has returned."""
    with contextlib.suppress(Gone):
        app.respond(status, body)


def ended(trial: Trial, server: Server) -> int:
    """Waits until the server has ended; its exit code."""
    code = server.exit_code(trial.deadline())
    trial.note(f"the server ended with {code}")
    return code
