"""Back-pressure: a client that does not read holds up the application that sends to it, an application that does not
receive holds up the client that sends to it, memory stays bounded, and nobody else suffers.

How much a connection takes before it stalls is measured and noted: sockets of the kernel hold a few megabytes, a
sound server adds little. More than `BOUND` is never tried, so everything here ends.
"""

from pathlib import Path

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Operation
from asgate.conformance.moves import GET
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.values import Fill
from asgate.conformance.wire import Wire

MEBIBYTE = 1 << 20
BOUND = 48  # MiB; more than kernels hold on both sides of a connection
SOME = 16 << 20  # bytes of an upload that is to arrive
GROWTH = 24  # MiB that the server's memory may grow for one stalled connection
PIECE = b"x" * (1 << 16)


def stalled_download(trial: Trial) -> tuple[Wire, Conversation, Operation, int]:
    """A response to a client that does not read: with the send that is suspended, and the MiB that were taken before.
    Fails the case when nothing stops the application.
    """
    wire, app = slow_client(trial)
    operation, taken = pour(trial, app)
    if operation is None:
        trial.fail(f"send waits while the client reads nothing; it took {BOUND} MiB")
    return wire, app, operation, taken


def slow_client(trial: Trial, server: Server | None = None) -> tuple[Wire, Conversation]:
    """A client that does not read, and its application, which has started to answer."""
    wire = trial.connect(server, buffer=4096)
    wire.send(GET)
    app = trial.conversation(server)
    app.receive()
    app.start()
    return wire, app


def pour(trial: Trial, app: Conversation, server: Server | None = None) -> tuple[Operation | None, int]:
    """Sends until a send waits, `BOUND` MiB at most: that send, and the MiB that were taken before."""
    for taken in range(BOUND):
        operation = app.begin_send({"type": "http.response.body", "body": Fill(MEBIBYTE), "more_body": True})
        for _ in range(3):
            if operation.done():
                break
            trial.settle(server)
        else:
            trial.note(f"send waits after {taken} MiB")
            return operation, taken
    return None, BOUND


def stalled_upload(trial: Trial, *, chunked: bool = False) -> tuple[Wire, Conversation, int]:
    """An upload to an application that does not receive: with the bytes of the body that were taken. Fails the
    case when nothing stops the client.
    """
    framing = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % (BOUND * MEBIBYTE)
    wire = trial.connect()
    wire.send(b"POST / HTTP/1.1\r\nhost: probe\r\n" + framing + b"\r\n\r\n")
    if chunked:
        wire.send(b"%x\r\n" % (BOUND * MEBIBYTE))
    taken, idle = 0, 0
    while idle < 3:
        if took := wire.send_some(PIECE):
            taken, idle = taken + took, 0
        else:
            idle += 1
            trial.settle()
        if taken > (BOUND - 1) * MEBIBYTE:
            trial.fail(f"the socket is not read while nobody receives; {BOUND} MiB were taken")
    trial.note(f"the upload stalls after {taken / MEBIBYTE:.1f} MiB")
    return wire, trial.conversation(), taken


def memory(trial: Trial, app: Conversation) -> int:
    """MiB of memory that the application's process holds. Ends the case where that cannot be told."""
    status = Path(f"/proc/{app.facts['pid']}/status")
    if not status.exists():
        trial.not_offered("the memory of a process cannot be read here")
    return int(status.read_text().partition("VmRSS:")[2].split()[0]) // 1024


@case("ASGI-118", "ASGI-109", seconds=5.0)
def send_waits_for_the_client(trial: Trial) -> None:
    """While a client does not read its response, send waits once a bounded amount is on its way."""
    stalled_download(trial)


@case("ASGI-118", seconds=5.0)
def reading_releases_send(trial: Trial) -> None:
    """A send that waits for a slow client goes on when the client reads, and the response arrives whole."""
    wire, app, operation, taken = stalled_download(trial)
    total = (taken + 1) * MEBIBYTE
    wire.head()
    body = bytearray()
    while len(body) < total:
        size = int(wire.read_until(b"\r\n"), 16)
        body += wire.read_exactly(size)
        wire.read_exactly(2)
    operation.value()
    app.body(b"end")
    trial.expect(body == b"x" * total, f"{total} bytes")
    trial.expect(wire.read_until(b"\r\n0\r\n\r\n") == b"3\r\nend\r\n0\r\n\r\n", "the end of the response")


def _released(trial: Trial, app: Conversation, operation: Operation) -> None:
    raised = operation.raised()
    trial.expect(
        raised is None or "OSError" in raised.kinds, "send ends, if with an error then an OSError", saw=raised
    )
    trial.expect(
        raised is not None or app.version < (2, 4), "an OSError, as version 2.4 says", saw="send returned"
    )


@case("ASGI-118", "ASGI-110", seconds=5.0)
def closing_releases_send(trial: Trial) -> None:
    """A send that waits for a slow client ends when the client closes: with an OSError from version 2.4 on."""
    wire, app, operation, _ = stalled_download(trial)
    wire.close()
    _released(trial, app, operation)


@case("ASGI-118", "ASGI-110", seconds=5.0)
def resetting_releases_send(trial: Trial) -> None:
    """A send that waits for a slow client ends when the client resets: with an OSError from version 2.4 on."""
    wire, app, operation, _ = stalled_download(trial)
    wire.reset()
    _released(trial, app, operation)


@case("ASGI-097", "ASGI-118", seconds=5.0)
def receive_hears_of_a_departure_while_send_waits(trial: Trial) -> None:
    """While a send waits, a receive beside it hears that the slow client has left."""
    wire, app, _, _ = stalled_download(trial)
    pending = app.begin_receive()
    wire.reset()
    event = pending.value()
    trial.expect(event == {"type": "http.disconnect"}, "http.disconnect", saw=event)


@case("ASGI-118", seconds=6.0)
def two_sends_are_both_released(trial: Trial) -> None:
    """Two tasks that wait in send for the same slow client are both released when it leaves."""
    wire, app, first, _ = stalled_download(trial)
    second = app.begin_send({"type": "http.response.body", "body": Fill(MEBIBYTE), "more_body": True})
    app.turn()
    wire.close()
    _released(trial, app, first)
    _released(trial, app, second)


@case("ASGI-118", seconds=20.0, alone=True)
def memory_of_a_stalled_download(trial: Trial) -> None:
    """The server's memory stays bounded while a client does not read a big response."""
    server = trial.server()  # what other cases have left behind would hide some of the growth
    _, witness = trial.request("/witness", server=server)
    before = memory(trial, witness)
    _, app = slow_client(trial, server)
    pour(trial, app, server)
    grown = memory(trial, app) - before
    trial.note(f"memory grew by {grown} MiB")
    trial.expect(grown < GROWTH, f"less than {GROWTH} MiB more", saw=f"{grown} MiB")


@case("ASGI-093", seconds=20.0, alone=True)
def memory_of_a_stalled_upload(trial: Trial) -> None:
    """The server's memory stays bounded while an application does not receive a big upload."""
    server = trial.server()
    _, witness = trial.request("/witness", server=server)
    before = memory(trial, witness)
    wire = trial.connect(server)
    wire.send(b"POST / HTTP/1.1\r\nhost: probe\r\ncontent-length: %d\r\n\r\n" % (BOUND * MEBIBYTE))
    taken, idle = 0, 0
    while idle < 3 and taken < (BOUND - 1) * MEBIBYTE:
        took = wire.send_some(PIECE)
        taken, idle = taken + took, 0 if took else idle + 1
        if not took:
            trial.settle(server)
    grown = memory(trial, witness) - before
    trial.note(f"memory grew by {grown} MiB for {taken / MEBIBYTE:.1f} MiB")
    trial.expect(grown < GROWTH, f"less than {GROWTH} MiB more", saw=f"{grown} MiB")


@case("ASGI-093", seconds=5.0)
def upload_waits_for_the_application(trial: Trial) -> None:
    """While the application does not receive, no more than a bounded part of an upload is read."""
    stalled_upload(trial)


@case("ASGI-093", seconds=5.0)
def chunked_upload_waits_for_the_application(trial: Trial) -> None:
    """While the application does not receive, no more than a bounded part of one big chunk is read."""
    stalled_upload(trial, chunked=True)


@case("ASGI-093", "ASGI-087", seconds=8.0)
def receiving_takes_the_upload_up_again(trial: Trial) -> None:
    """An upload that had stalled goes on as the application receives, and arrives whole."""
    received, rest = 0, SOME
    wire = trial.connect()
    wire.send(b"POST / HTTP/1.1\r\nhost: probe\r\ncontent-length: %d\r\n\r\n" % SOME)
    while rest and (taken := wire.send_some(PIECE[: min(rest, len(PIECE))])):
        rest -= taken
    trial.settle()
    trial.note(f"the upload stalls with {rest / MEBIBYTE:.1f} MiB to come")
    app: Conversation | None = None
    more = True
    while more:
        rest -= wire.send_some(PIECE[: min(rest, len(PIECE))]) if rest else 0
        app = app or (None if trial.uncalled() else trial.conversation())
        if app is None:
            continue
        event = app.receive()
        trial.expect(event["type"] == "http.request", "http.request", saw=event["type"])
        received, more = received + len(event["body"]), event["more_body"]
    trial.expect(received == SOME, f"{SOME} bytes", saw=received)
    if app is not None:
        app.respond()
    trial.expect(wire.response().status == 200, "the response")


@case("ASGI-093", "ASGI-095", seconds=5.0)
def departure_from_a_stalled_upload(trial: Trial) -> None:
    """An application that goes on to receive hears that the client has left its stalled upload."""
    wire, app, _ = stalled_upload(trial)
    wire.reset()
    while (event := app.receive())["type"] == "http.request":
        trial.expect(event["more_body"], "no end of a body that never ended", saw=event["more_body"])
    trial.expect(event == {"type": "http.disconnect"}, "http.disconnect", saw=event)


@case("ASGI-098", "ASGI-121", seconds=5.0)
def answer_to_a_stalled_upload(trial: Trial) -> None:
    """An application that answers without having received anything ends a stalled upload with its answer."""
    wire, app, _ = stalled_upload(trial)
    app.respond(413, b"too large")
    response = wire.response()
    trial.expect(response.status == 413 and response.complete, "the 413, whole", saw=response.status)


@case("ASGI-118", "ASGI-003", seconds=5.0)
def others_are_served_beside_a_stalled_download(trial: Trial) -> None:
    """While one client does not read its response, others are served."""
    stalled_download(trial)
    for number in range(3):
        wire, app = trial.request(f"/{number}")
        app.start()
        app.body(Fill(MEBIBYTE))
        trial.expect(len(wire.response().body) == MEBIBYTE, "a whole response of 1 MiB")


@case("ASGI-093", "ASGI-003", seconds=5.0)
def others_are_served_beside_a_stalled_upload(trial: Trial) -> None:
    """While one application does not receive its upload, others are served."""
    stalled_upload(trial)
    for number in range(3):
        wire, app = trial.request(f"/{number}", method="POST", body=PIECE)
        trial.expect(app.read() == PIECE, "the whole body")
        app.respond()
        trial.expect(wire.response().status == 200, "status 200")


@case("ASGI-112", "ASGI-118", seconds=6.0)
def one_big_body_to_a_slow_reader(trial: Trial) -> None:
    """One body of 16 MiB arrives whole at a client that reads late, whatever the sockets hold."""
    wire = trial.connect(buffer=4096)
    wire.send(GET)
    app = trial.conversation()
    app.start(headers=[(b"content-length", b"%d" % (16 * MEBIBYTE))])
    operation = app.begin_send({"type": "http.response.body", "body": Fill(16 * MEBIBYTE)})
    trial.settle()
    response = wire.response()
    operation.value()
    trial.expect(response.body == b"x" * (16 * MEBIBYTE), "16 MiB", saw=f"{len(response.body)} bytes")
