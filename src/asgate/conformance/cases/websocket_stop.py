"""A stop by SIGTERM while WebSockets are open: they are closed so that clients come again, after their applications had
the chance to do so, and the server ends.

That the stop has begun shows as in `drain`, by a request that is held up.
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone, Raised
from asgate.conformance.moves import START, ended
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.websocket import NORMAL, Opcode, Socket, closing
from asgate.conformance.websocket_moves import (
    CLOSE,
    connected,
    disconnected,
    handshake,
    opened,
    sending,
)

GOING_AWAY, RESTART = 1001, 1012
GRACE = "2"


def running(trial: Trial) -> tuple[Server, Socket, Conversation]:
    """A server with one WebSocket that is open."""
    server = trial.server(grace=GRACE)
    socket, app = opened(trial, server=server)
    return server, socket, app


def closed(socket: Socket) -> int:
    """Waits for the server's close and answers it; its code, 1006 when the connection ends without one."""
    code, _ = socket.end()
    with contextlib.suppress(OSError):
        socket.send(closing(NORMAL))
    return code


@case("ASGI-187", seconds=START, alone=True)
def client_is_told(trial: Trial) -> None:
    """A WebSocket that is open when the stop begins is closed with 1001 or 1012."""
    server, socket, app = running(trial)
    app.begin_receive()
    server.terminate()
    code = closed(socket)
    trial.expect(code in (GOING_AWAY, RESTART), "a close frame with 1001 or 1012", saw=code)
    trial.expect(socket.wire.ended(), "the end of the connection")


@case("ASGI-187", "ASGI-175", seconds=START, alone=True)
def application_is_told(trial: Trial) -> None:
    """Its application hears websocket.disconnect."""
    server, socket, app = running(trial)
    pending = app.begin_receive()
    server.terminate()
    closed(socket)
    try:
        disconnected(trial, pending.value(), GOING_AWAY, RESTART, 1005, 1006)
    except Gone as gone:
        trial.differs(f"it is cancelled instead: {gone}")


@case("ASGI-187", "SERVER-06", seconds=START, alone=True)
def server_ends(trial: Trial) -> None:
    """The server ends, although the WebSocket's client and application would go on."""
    server, socket, _app = running(trial)
    server.terminate()
    closed(socket)
    code = ended(trial, server)
    trial.expect(code in (0, -15), "a good end", saw=code)


@case("ASGI-187", "SERVER-06", seconds=START, alone=True)
def client_that_does_not_answer_does_not_hold_it_up(trial: Trial) -> None:
    """A client that does not answer the close does not keep the server from ending within its grace."""
    server, socket, _ = running(trial)
    server.terminate()
    socket.end()
    ended(trial, server)


@case("ASGI-187", "SERVER-06", seconds=START, alone=True)
def client_that_does_not_read_does_not_hold_it_up(trial: Trial) -> None:
    """A client that does not read does not keep the server from ending within its grace."""
    server = trial.server(grace=GRACE)
    _, app = opened(trial, server=server, buffer=4096)
    for _ in range(64):
        app.begin_send(sending(b"x" * (1 << 19)))
    app.turn(100)
    server.terminate()
    ended(trial, server)


@case("SERVER-06", "ASGI-153", seconds=START, alone=True)
def unanswered_handshake_does_not_hold_it_up(trial: Trial) -> None:
    """A handshake that its application does not answer is refused or closed at the end of the grace."""
    server = trial.server(grace=GRACE)
    wire, _ = connected(trial, server=server)
    server.terminate()
    trial.expect_cut(wire)
    ended(trial, server)


@case("SERVER-03", "ASGI-187", seconds=START, alone=True)
def no_new_handshakes(trial: Trial) -> None:
    """Once the stop has begun, a new handshake reaches no application."""
    server, socket, _app = running(trial)
    server.terminate()
    closed(socket)
    late = trial.knock(server)
    if late is not None:
        with contextlib.suppress(OSError):
            late.send(handshake("/late"))
        late.answered()
    calls = [report["scope"].get("path") for _, report in server.control.opened]
    trial.expect("/late" not in calls, "no call for it", saw=calls)
    ended(trial, server)


@case("ASGI-187", "SERVER-07", seconds=START, alone=True)
def application_may_close_itself(trial: Trial) -> None:
    """An application that closes by itself when it hears of the stop is not disturbed."""
    server, socket, app = running(trial)
    pending = app.begin_receive()
    server.terminate()
    closed(socket)
    with contextlib.suppress(Gone, Raised):
        pending.value()
        raised = app.refused(CLOSE)
        trial.expect(raised is None or "OSError" in raised.kinds, "no error but an OSError", saw=raised)
        app.end()
    ended(trial, server)


@case("ASGI-187", "ASGI-199", seconds=START, alone=True)
def shutdown_follows(trial: Trial) -> None:
    """lifespan.shutdown comes after the WebSockets have been ended."""
    trial.lifespan_offered()
    server = trial.server(modes={"lifespan": "steered"}, wait=False, grace=GRACE)
    life = trial.conversation(server, "lifespan")
    life.receive()
    life.send({"type": "lifespan.startup.complete"})
    server.wait_until_ready(trial.deadline())
    socket, app = opened(trial, server=server)
    waiting = app.begin_receive()
    pending = life.begin_receive()
    server.terminate()
    server.control.wait(
        lambda: pending.done() or not socket.wire.drained(), trial.deadline(), "the WebSocket was closed"
    )
    early = pending.done() and socket.wire.drained()
    trial.expect(not early, "no lifespan.shutdown before the WebSocket is closed")
    closed(socket)
    event = pending.value()
    trial.expect(event == {"type": "lifespan.shutdown"}, "lifespan.shutdown", saw=event)
    trial.expect(waiting.done(), "the end of the WebSocket before it")
    life.send({"type": "lifespan.shutdown.complete"})
    ended(trial, server)


@case("SERVER-43", "ASGI-187", rfc="RFC 6455 5.5.1", seconds=START, alone=True)
def no_message_after_the_close(trial: Trial) -> None:
    """After the server's close frame no message of the application is sent any more."""
    server, socket, app = running(trial)
    server.terminate()
    socket.end()
    with contextlib.suppress(Gone):
        app.refused(sending("late"))
    with contextlib.suppress(OSError):
        socket.send(closing(NORMAL))
    found = socket.maybe_frame()
    trial.expect(found is None or found.opcode == Opcode.PONG, "no message", saw=found)
