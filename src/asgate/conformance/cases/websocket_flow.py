"""How much may be under way: a client that does not read holds up its own application, an application that does not
receive holds up its own client, messages have a size limit, and nobody else suffers.

As in `backpressure`, more than `BOUND` is never tried.
"""

import contextlib

from asgate.conformance.case import case
from asgate.conformance.cases.backpressure import BOUND, GROWTH, MEBIBYTE, memory
from asgate.conformance.cases.websocket_frames import expect_too_big
from asgate.conformance.conversation import Conversation, Operation
from asgate.conformance.moves import START, expect_oserror
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.values import Fill
from asgate.conformance.websocket import NO_CLOSE, NO_CODE, Opcode, Socket, binary, closing, frame, text
from asgate.conformance.websocket_moves import disconnected, opened, received, sending, sent, still_open
from asgate.conformance.wire import Departed

SMALL, LARGE = 100, 1 << 16  # bytes
LOST = (NO_CODE, NO_CLOSE)  # which of them is right `websocket_close` says


def pour(trial: Trial, app: Conversation, server: Server | None = None) -> tuple[Operation | None, int]:
    """Sends until a send waits, `BOUND` MiB at most: that send, and the messages of 1 MiB that were taken before."""
    for taken in range(BOUND):
        operation = app.begin_send(sending(Fill(MEBIBYTE)))
        for _ in range(3):
            if operation.done():
                break
            trial.settle(server)
        else:
            trial.note(f"send waits after {taken} MiB")
            return operation, taken
    return None, BOUND


def stalled(trial: Trial) -> tuple[Socket, Conversation, Operation, int]:
    """A client that does not read, with the send that is suspended, and the messages that were taken before."""
    socket, app = opened(trial, buffer=4096)
    operation, taken = pour(trial, app)
    if operation is None:
        trial.fail(f"send waits while the client reads nothing; it took {BOUND} MiB")
    return socket, app, operation, taken


def flood(
    trial: Trial, socket: Socket, message: bytes = binary(b"x" * (1 << 16)), server: Server | None = None
) -> int:
    """Sends the same message again and again until the server takes no more of it, `BOUND` MiB at most: the bytes that
    it took. Whole messages, but for the last.
    """
    burst = message * max(1, (1 << 18) // len(message))
    taken, idle = 0, 0
    while idle < 3 and taken < BOUND * MEBIBYTE:
        if took := socket.wire.send_some(burst[taken % len(message) :]):
            taken, idle = taken + took, 0
        else:
            idle += 1
            trial.settle(server)
    trial.note(f"the flood stalls after {taken / MEBIBYTE:.1f} MiB")
    return taken


# Out.


@case("ASGI-168", "ASGI-118", seconds=6.0)
def send_waits_for_the_client(trial: Trial) -> None:
    """While a client does not read, send waits once a bounded amount is on its way."""
    stalled(trial)


@case("ASGI-168", seconds=8.0)
def reading_releases_send(trial: Trial) -> None:
    """A send that waits goes on when the client reads, and every message arrives whole."""
    socket, app, operation, taken = stalled(trial)
    for _ in range(taken + 1):
        value = socket.message()
        trial.expect(value == b"x" * MEBIBYTE, "a whole message of 1 MiB", saw=f"{len(value)} bytes")
    operation.value()
    still_open(trial, socket, app)


@case("ASGI-168", "ASGI-180", seconds=6.0)
def resetting_releases_send(trial: Trial) -> None:
    """A send that waits ends when the client resets: with an OSError from version 2.4 on."""
    socket, app, operation, _ = stalled(trial)
    socket.wire.reset()
    expect_oserror(trial, app, operation.raised())


@case("ASGI-168", "ASGI-175", seconds=6.0)
def receive_hears_of_a_departure_while_send_waits(trial: Trial) -> None:
    """While a send waits, a receive beside it hears that the client has left."""
    socket, app, _, _ = stalled(trial)
    pending = app.begin_receive()
    socket.wire.reset()
    disconnected(trial, pending.value(), *LOST)


@case("ASGI-168", seconds=6.0)
def messages_come_in_while_send_waits(trial: Trial) -> None:
    """While a send waits, messages of the same client are received: the two directions are apart."""
    socket, app, _, _ = stalled(trial)
    pending = app.begin_receive()
    socket.send(text("in"))
    trial.expect(pending.value().get("text") == "in", "the message")


@case("SERVER-45", "ASGI-168", seconds=6.0)
def others_are_served_beside_a_stalled_client(trial: Trial) -> None:
    """While one client does not read, other WebSockets and requests are served."""
    beside, other = opened(trial, "/beside")
    stalled(trial)
    still_open(trial, beside, other)
    still_open(trial, *opened(trial, "/later"))
    wire, app = trial.request("/plain")
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")


@case("SERVER-45", "ASGI-168", seconds=8.0)
def one_message_to_many(trial: Trial) -> None:
    """A message to ten clients, of which one does not read, reaches the nine."""
    slow, first, _, _ = stalled(trial)
    clients = [opened(trial, f"/{number}") for number in range(9)]
    waiting = first.begin_send(sending("news"))
    for _, app in clients:
        sent(app, "news")
    values = [socket.message() for socket, _ in clients]
    trial.expect(values == ["news"] * 9, "the message at each of the nine", saw=values)
    trial.expect(not waiting.done(), "that to the slow one still waits")
    slow.wire.reset()


@case("ASGI-168", seconds=25.0, alone=True)
def memory_of_a_stalled_client(trial: Trial) -> None:
    """The server's memory stays bounded while a client does not read."""
    server = trial.server()
    _, witness = opened(trial, "/witness", server=server)
    before = memory(trial, witness)
    _, app = opened(trial, server=server, buffer=4096)
    pour(trial, app, server)
    grown = memory(trial, witness) - before
    trial.note(f"memory grew by {grown} MiB")
    trial.expect(grown < GROWTH, f"less than {GROWTH} MiB more", saw=f"{grown} MiB")


# In.


def _bounded(name: str, title: str, size: int, count: int) -> None:
    """A case: `count` of the messages of `size` bytes are received, to see that they are whole."""

    def check(trial: Trial) -> None:
        message, content = binary(b"x" * size), b"x" * size
        socket, app = opened(trial)
        taken = flood(trial, socket, message)
        trial.expect(
            taken < BOUND * MEBIBYTE, "the socket is left unread at some point", saw=f"{BOUND} MiB taken"
        )
        whole = min(taken // len(message), count)
        values = [received(trial, app) for _ in range(whole)]
        trial.expect(all(value == content for value in values), f"{whole} messages, each whole")

    check.__name__, check.__doc__ = name, title
    case("ASGI-168", seconds=10.0)(check)


_bounded(
    "small_messages_wait_for_the_application",
    "While nobody receives, no more than a bounded number of small messages is read; none of them is lost.",
    SMALL,
    200,
)
_bounded(
    "large_messages_wait_for_the_application",
    "While nobody receives, no more than a bounded number of large messages is read; none of them is lost.",
    LARGE,
    20,
)


@case("ASGI-168", seconds=25.0, alone=True)
def memory_of_a_flood(trial: Trial) -> None:
    """The server's memory stays bounded while an application does not receive what its client sends."""
    server = trial.server()
    _, witness = opened(trial, "/witness", server=server)
    before = memory(trial, witness)
    socket, _ = opened(trial, server=server)
    flood(trial, socket, server=server)
    grown = memory(trial, witness) - before
    trial.note(f"memory grew by {grown} MiB")
    trial.expect(grown < GROWTH, f"less than {GROWTH} MiB more", saw=f"{grown} MiB")


@case("SERVER-45", "ASGI-168", seconds=8.0)
def others_are_served_beside_a_flood(trial: Trial) -> None:
    """While one application does not receive a flood of messages, other WebSockets and requests are served."""
    beside, other = opened(trial, "/beside")
    socket, _ = opened(trial)
    flood(trial, socket)
    still_open(trial, beside, other)
    wire, app = trial.request("/plain")
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")


@case("ASGI-168", "ASGI-175", seconds=8.0)
def departure_behind_a_flood(trial: Trial) -> None:
    """An application that goes on to receive after its client has left a flood hears of the end at last."""
    socket, app = opened(trial)
    flood(trial, socket)
    socket.wire.reset()
    while (event := app.receive()).get("type") == "websocket.receive":
        pass
    disconnected(trial, event, *LOST)


# The size of a message.


def poured(trial: Trial, socket: Socket, pending: Operation, data: bytes) -> None:
    """Sends the same bytes again and again until the server refuses them. Fails the case when it takes three times
    `BOUND` MiB.
    """
    taken = 0
    with contextlib.suppress(Departed):
        while not pending.done() and socket.wire.drained():
            trial.expect(taken < 3 * BOUND * MEBIBYTE, f"an end within {3 * BOUND} MiB")
            took = socket.wire.send_some(data[taken % len(data) :])
            taken += took
            trial.shared.control.poll(0)
            if not took:
                trial.settle()
    trial.note(f"refused after {taken / MEBIBYTE:.1f} MiB")


@case("ASGI-168", rfc="RFC 6455 7.4.1", seconds=12.0)
def announced_message_too_big(trial: Trial) -> None:
    """A message that announces 1 TiB is refused at once with 1009, and not waited for."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    socket.send(frame(Opcode.BINARY, announced=1 << 40))
    trial.settle()
    late = not pending.done() and socket.wire.drained()
    poured(trial, socket, pending, b"x" * MEBIBYTE)
    expect_too_big(trial, socket, app, pending)
    if late:
        trial.differs("it is refused when more has come than may, not when that is announced")


@case("ASGI-168", rfc="RFC 6455 7.4.1", seconds=12.0)
def fragments_too_big(trial: Trial) -> None:
    """A message in fragments without end is stopped with 1009: what counts is the whole message."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    socket.send(frame(Opcode.BINARY, final=False))
    poured(trial, socket, pending, frame(0, b"x" * MEBIBYTE, final=False))
    expect_too_big(trial, socket, app, pending)


@case("ASGI-168", seconds=12.0, alone=True)
def configured_limit(trial: Trial) -> None:
    """A message of the configured limit is taken; one that is larger is refused with 1009."""
    server = trial.server(message_limit="1000")
    socket, app = opened(trial, server=server)
    socket.send(binary(b"x" * 1000))
    value = received(trial, app)
    trial.expect(value == b"x" * 1000, "the message of 1000 bytes", saw=value)
    pending = app.begin_receive()
    socket.send(binary(b"x" * 1001))
    expect_too_big(trial, socket, app, pending, server)


# Keeping alive.


@case("ASGI-164", seconds=START, alone=True)
def server_pings(trial: Trial) -> None:
    """The server pings a client that is silent; one that answers stays."""
    server = trial.server(ping_interval="1")
    socket, app = opened(trial, server=server)
    for _ in range(2):
        found = socket.maybe_frame()
        trial.expect(found is not None and found.opcode == Opcode.PING, "a ping", saw=found)
        socket.send(frame(Opcode.PONG, found.payload if found else b""))
    still_open(trial, socket, app)


@case("ASGI-164", "ASGI-177", seconds=START, alone=True)
def client_that_does_not_answer_pings(trial: Trial) -> None:
    """A client that does not answer pings is given up: the application hears of its end."""
    server = trial.server(ping_interval="1", ping_timeout="1")
    _, app = opened(trial, server=server)
    event = app.receive()
    trial.expect(event.get("type") == "websocket.disconnect", "websocket.disconnect", saw=event)
    trial.expect(event.get("code") in (*LOST, 1011), "the code of no normal end", saw=event)


@case("SERVER-45", "ASGI-016", seconds=10.0)
def a_hundred_at_a_time(trial: Trial) -> None:
    """A hundred WebSockets are open at the same time, and each gets its own messages."""
    clients = [opened(trial, f"/{number}") for number in range(100)]
    for number, (socket, _) in enumerate(clients):
        socket.send(text(str(number)))
    for number, (_, app) in enumerate(clients):
        value = received(trial, app)
        trial.expect(value == str(number), f"{number}", saw=value)
        sent(app, f"re: {number}")
    for number, (socket, _) in enumerate(clients):
        value = socket.message()
        trial.expect(value == f"re: {number}", f"re: {number}", saw=value)
        socket.send(closing())
