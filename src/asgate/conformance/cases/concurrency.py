"""Several things at once: receives and sends of several tasks, cancelled ones, pipelined requests, connections side by
side.

What a cancelled send had handed over may be sent or dropped, but only as a whole and only once; so
bodies are made of numbered pieces that are looked for.
"""

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone, Operation
from asgate.conformance.moves import GET, POST, called_early, in_step, kept
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Wire

UPLOAD = POST + b"content-length: %d\r\n\r\n"
PIECE = 1 << 20
CANCELLED = (
    400  # receives: where a piece and the cancelling meet by chance, 50 missed the fault in half of the runs
)


def upload(trial: Trial, size: int) -> tuple[Wire, Conversation]:
    """A request whose body has not begun, and its application."""
    wire = trial.connect()
    wire.send(UPLOAD % size)
    return wire, called_early(trial)


def content(number: int, body: bytes, more: bool = True) -> dict[str, object]:
    """A body message. `number` is for reading it in the evidence."""
    return {"type": "http.response.body", "body": body, "more_body": more, "probe.number": number}


@case("ASGI-021")
def two_receives_get_distinct_events(trial: Trial) -> None:
    """Two receives that wait at once are given different pieces of the body, together all of it."""
    wire, app = upload(trial, 8)
    pending = [app.begin_receive(), app.begin_receive()]
    app.turn()
    wire.send(b"1234")
    trial.settle()
    wire.send(b"5678")
    events = [operation.value() for operation in pending]
    bodies = sorted(event.get("body", b"") for event in events)
    if b"" in bodies:
        bodies = sorted([*bodies, app.receive().get("body", b"")])
    trial.expect(b"".join(bodies) == b"12345678", "all of the body, nothing twice", saw=bodies)
    app.respond()
    trial.expect(wire.response().status == 200, "the response")


@case("ASGI-021", "ASGI-095")
def last_event_and_disconnect_are_shared(trial: Trial) -> None:
    """Of two receives that wait for the last piece one gets it; the other waits on, for the disconnect."""
    wire, app = upload(trial, 4)
    pending = [app.begin_receive(), app.begin_receive()]
    app.turn()
    wire.send(b"body")
    trial.settle()
    done = [operation for operation in pending if operation.done()]
    trial.expect(len(done) == 1, "one of them waits on", saw=len(done))
    trial.expect(done[0].value()["body"] == b"body", "the body", saw=done[0].value())
    wire.reset()
    events = [operation.value()["type"] for operation in pending if operation is not done[0]]
    trial.expect(events == ["http.disconnect"], "http.disconnect", saw=events)


@case("ASGI-021", "ASGI-097")
def all_receives_hear_of_the_disconnect(trial: Trial) -> None:
    """When the client leaves, every receive that waits says http.disconnect."""
    wire, app = trial.request("/")
    app.receive()
    pending = [app.begin_receive() for _ in range(3)]
    app.turn()
    wire.close()
    for operation in pending:
        trial.expect(
            operation.value() == {"type": "http.disconnect"}, "http.disconnect", saw=operation.value()
        )


@case("ASGI-021", "ASGI-094")
def all_receives_hear_of_the_end(trial: Trial) -> None:
    """When the response is complete, every receive that waits says http.disconnect."""
    wire, app = trial.request("/")
    app.receive()
    pending = [app.begin_receive() for _ in range(3)]
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    wire.response()
    for operation in pending:
        trial.expect(
            operation.value() == {"type": "http.disconnect"}, "http.disconnect", saw=operation.value()
        )


@case("ASGI-021")
def another_task_sends(trial: Trial) -> None:
    """Tasks that the application started may send for it."""
    wire, app = trial.request("/")
    app.begin_send({"type": "http.response.start", "status": 201, "headers": []}).value()
    app.begin_send(content(1, b"one", more=True)).value()
    app.begin_send(content(2, b"two", more=False)).value()
    response = wire.response()
    trial.expect((response.status, response.body) == (201, b"onetwo"), "201 and 'onetwo'", saw=response)


@case("ASGI-021", "ASGI-112", seconds=6.0)
def sends_at_once_do_not_mix(trial: Trial) -> None:
    """Messages that several tasks send while the client does not read arrive each in one piece."""
    wire = trial.connect(buffer=4096)
    wire.send(GET)
    app = trial.conversation()
    app.start()
    sent = _stalled(trial, app)
    messages = [_piece(number) for number in range(len(sent) + 4)]
    sent += [app.begin_send(content(number, messages[number])) for number in range(len(sent), len(messages))]
    app.turn()
    while not all(operation.done() for operation in sent):
        trial.expect(not wire.ends_within(0.05), "all of it", saw="the end of the connection")
    last = app.begin_send(content(len(messages), b"", more=False))
    body = wire.response().body
    for operation in (*sent, last):
        operation.value()
    whole = [number for number, message in enumerate(messages) if message in body]
    trial.expect(
        len(whole) == len(messages) and len(body) == len(messages) * PIECE,
        f"each of {len(messages)} messages in one piece",
        saw=f"{whole} whole in {len(body)} bytes",
    )


@case("ASGI-021", "ASGI-091")
def receiving_and_sending_at_once(trial: Trial) -> None:
    """An application may answer piece by piece while the body still arrives."""
    wire, app = upload(trial, 4)
    pending = app.begin_receive()
    app.start()
    app.body(b"early", more=True)
    trial.expect(wire.head().status == 200, "the head before the body")
    trial.expect(b"early" in wire.read_until(b"early\r\n"), "the first piece before the body")
    wire.send(b"body")
    event = pending.value()
    trial.expect(event.get("body") == b"body", "the body", saw=event)
    app.body(b"late")
    trial.expect(wire.read_until(b"\r\n0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n", "the last piece")


@case("ASGI-021", "ASGI-118", seconds=5.0)
def receiving_while_a_send_waits(trial: Trial) -> None:
    """The body is received though a send waits for the client to read."""
    wire = trial.connect(buffer=4096)
    wire.send(UPLOAD % 4)
    app = called_early(trial)
    app.start()
    _stalled(trial, app)
    pending = app.begin_receive()
    wire.send(b"body")
    event = pending.value()
    trial.expect(event.get("body") == b"body", "the body", saw=event)


def _stalled(trial: Trial, app: Conversation) -> list[Operation]:
    """Numbered pieces, each as a send of its own, the last of them waiting for the client."""
    sent = []
    for number in range(48):
        sent.append(app.begin_send(content(number, _piece(number))))
        for _ in range(3):
            if sent[-1].done():
                break
            trial.settle()
        else:
            return sent
    return trial.differs("send does not wait for the client; judged as back-pressure")


def _piece(number: int) -> bytes:
    """The body of such a piece: one octet, again and again."""
    return bytes([65 + number]) * PIECE


@case("ASGI-022")
def cancelled_receive_loses_nothing(trial: Trial) -> None:
    """A receive that is cancelled before the body came leaves it to the next one."""
    wire, app = upload(trial, 4)
    pending = app.begin_receive()
    app.turn()
    app.cancel(pending)
    wire.send(b"body")
    body = app.read()
    trial.expect(body == b"body", "the whole body", saw=body)
    app.respond()
    trial.expect(wire.response().status == 200, "the response")


@case("ASGI-022", seconds=6.0)
def receives_cancelled_at_once_lose_nothing(trial: Trial) -> None:
    """An application that asks and cancels at once, again and again, still receives the whole body."""
    pieces = [b"%04d" % number for number in range(CANCELLED)]
    whole = b"".join(pieces)
    wire, app = upload(trial, len(whole))
    body = b""
    for number, piece in enumerate(pieces):
        if number % 2:  # the piece and the cancelling meet in several ways
            wire.send(piece)
        operation = app.begin_receive()
        if number % 3:
            app.turn()
        if not number % 2:
            wire.send(piece)
        app.cancel(operation)
        if report := _outcome(operation):
            body += report.get("body", b"")
    while len(body) < len(whole):
        event = app.receive()
        trial.expect(event["type"] == "http.request", "the rest of the body", saw=event)
        body += event["body"]
    trial.expect(body == whole, "every piece, in order", saw=body)


def _outcome(operation: Operation) -> dict[str, bytes] | None:
    """What a receive gave although it was to be cancelled; None if it was."""
    try:
        event: dict[str, bytes] = operation.value()
    except Gone:
        return None
    return event


@case("ASGI-022", "ASGI-097")
def cancelled_receive_does_not_use_up_the_disconnect(trial: Trial) -> None:
    """After a cancelled receive the next one still says that the client has left."""
    wire, app = trial.request("/")
    app.receive()
    pending = app.begin_receive()
    app.turn()
    app.cancel(pending)
    wire.close()
    event = app.receive()
    trial.expect(event == {"type": "http.disconnect"}, "http.disconnect", saw=event)


@case("ASGI-022", "ASGI-008")
def is_disconnected_as_frameworks_ask(trial: Trial) -> None:
    """Receives that are begun and cancelled while a response runs disturb neither it nor the next request."""
    wire, app = trial.request("/")
    app.receive()
    app.start(headers=[(b"content-length", b"10")])
    for number in range(5):
        app.cancel(app.begin_receive())
        app.body(b"%02d" % number, more=number < 4)
    response = wire.response()
    trial.expect(response.body == b"0001020304", "the response", saw=response)
    in_step(trial, wire, response)


@case("ASGI-023", seconds=6.0)
def cancelled_send_keeps_chunks_sound(trial: Trial) -> None:
    """A send that is cancelled while it waits is sent as a whole or not at all, and the chunks stay sound."""
    wire = trial.connect(buffer=4096)
    wire.send(GET)
    app = trial.conversation()
    app.start()
    sent = _stalled(trial, app)
    app.cancel(sent[-1])
    last = app.begin_send(content(99, b"end", more=False))
    body = wire.response().body
    last.value()
    pieces = b"".join(map(_piece, range(len(sent) - 1)))
    cancelled = _piece(len(sent) - 1)
    trial.expect(
        body in (pieces + b"end", pieces + cancelled + b"end"),
        "every piece once, the cancelled one whole or not at all",
        saw=f"{len(body)} bytes for {len(sent)} pieces",
    )


@case("ASGI-023", seconds=6.0)
def cancelled_send_is_not_written_twice(trial: Trial) -> None:
    """A cancelled send of a response of known length is never repeated: what arrives is what was said, once, or cut."""
    wire = trial.connect(buffer=4096)
    wire.send(GET)
    app = trial.conversation()
    app.start(headers=[(b"content-length", b"%d" % (48 * PIECE))])
    sent = _stalled(trial, app)
    app.cancel(sent[-1])
    app.fail()
    response = wire.response()
    pieces = b"".join(map(_piece, range(len(sent))))
    trial.expect(not response.complete, "a response that is visibly cut", saw=len(response.body))
    trial.expect(pieces.startswith(response.body), "the beginning of what was sent", saw=len(response.body))


def _pipelined(trial: Trial, count: int) -> None:
    wire = trial.connect()
    wire.send(
        b"".join(
            b"POST /%d HTTP/1.1\r\nhost: probe\r\ncontent-length: 2\r\n\r\n%02d" % (number, number)
            for number in range(count)
        )
    )
    scopes = set()
    for number in range(count):
        app = trial.conversation()
        scopes.add(app.number)
        trial.expect(app.path == f"/{number}", f"request {number} in its turn", saw=app.path)
        body = app.read()
        trial.expect(body == b"%02d" % number, "its own body", saw=body)
        app.respond(body=b"answer %d" % number)
        answer = kept(trial, wire.response()).body
        trial.expect(answer == b"answer %d" % number, f"answer {number}", saw=answer)


@case("ASGI-073", rfc="RFC 9112 9.3.2")
def two_pipelined_requests(trial: Trial) -> None:
    """Two requests in one packet are two calls of the application, each with its own body, answered in order."""
    _pipelined(trial, 2)


@case("ASGI-073", rfc="RFC 9112 9.3.2")
def ten_pipelined_requests(trial: Trial) -> None:
    """Ten requests in one packet are ten calls of the application, each with its own body, answered in order."""
    _pipelined(trial, 10)


@case("ASGI-073", "ASGI-002", rfc="RFC 9112 9.3.2")
def pipelined_answers_keep_their_order(trial: Trial) -> None:
    """While the first of two pipelined requests is not answered, nothing of the second answer is on the wire."""
    wire = trial.connect()
    wire.send(b"GET /first HTTP/1.1\r\nhost: probe\r\n\r\nGET /second HTTP/1.1\r\nhost: probe\r\n\r\n")
    first = trial.conversation()
    if not trial.uncalled():  # both run at once: allowed, if the answers keep their order
        second = trial.conversation()
        second.begin_send({"type": "http.response.start", "status": 202, "headers": []})
        second.begin_send(content(1, b"second", more=False))
        trial.settle()
        trial.expect(wire.drained(), "nothing on the wire yet")
        first.respond(body=b"first")
        answer = wire.response().body
    else:
        first.respond(body=b"first")
        answer = kept(trial, wire.response()).body
        trial.conversation().respond(202, b"second")
    answers = [answer, wire.response().body]
    trial.expect(answers == [b"first", b"second"], "first, then second", saw=answers)


@case("ASGI-003", "ASGI-073")
def connections_run_at_once(trial: Trial) -> None:
    """Requests on ten connections are ten calls that run at once; they may be answered in any order."""
    wires = [trial.connect() for _ in range(10)]
    for number, wire in enumerate(wires):
        wire.send(b"GET /%d HTTP/1.1\r\nhost: probe\r\n\r\n" % number)
    apps = {str(app.path): app for app in [trial.conversation() for _ in wires]}
    for number in reversed(range(10)):
        apps[f"/{number}"].respond(body=b"%d" % number)
        answer = wires[number].response().body
        trial.expect(answer == b"%d" % number, "each its own answer", saw=answer)


@case("SERVER-25", "ASGI-015")
def next_request_beside_background_work(trial: Trial) -> None:
    """The next request of a connection is served though the application of the first one has not returned yet."""
    wire, app = trial.request("/first")
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    kept(trial, wire.response())
    wire.send(b"GET /second HTTP/1.1\r\nhost: probe\r\n\r\n")
    if trial.uncalled():
        app.end()
        trial.conversation().respond()
        trial.expect(wire.response().status == 200, "the second answer")
        trial.differs("the next request of a connection waits until the application of the first returns")
    second = trial.conversation()
    second.respond(body=b"second")
    trial.expect(wire.response().body == b"second", "the second answer")
    app.end()
    trial.expect(app.ended() == "returned", "the first application returned", saw=app.ended())
