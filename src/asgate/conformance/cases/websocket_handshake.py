"""The handshake: what a client may send, what its answer looks like, who leaves meanwhile, and which handshakes the
application never sees.
"""

from asgate.conformance.case import case
from asgate.conformance.moves import expect_oserror
from asgate.conformance.trial import Trial
from asgate.conformance.websocket import NO_CLOSE, Socket, frame, text
from asgate.conformance.websocket_moves import (
    ACCEPT,
    CONNECT,
    KEY,
    PROOF,
    called,
    connected,
    disconnected,
    handshake,
    offered,
    opened,
    still_open,
    switched,
)

PATIENT = "RFC 6455 4.1 has the client wait for the answer"
UNSPOKEN = "99"  # a version that nobody speaks: 8 was one of the drafts, which some servers still know

# The answer.


@case("ASGI-145", rfc="RFC 6455 4.2.2")
def upgrade(trial: Trial) -> None:
    """An accept becomes 101 Switching Protocols, with Upgrade, Connection and the proof of the client's key."""
    wire, app = connected(trial)
    app.send(ACCEPT)
    response = switched(trial, wire)
    upgrades = [value.lower() for value in response.values("upgrade")]
    trial.expect(upgrades == ["websocket"], "upgrade: websocket", saw=upgrades)
    trial.expect("upgrade" in response.options, "connection: upgrade", saw=response.options)
    proof = response.values("sec-websocket-accept")
    trial.expect(proof == [PROOF], f"sec-websocket-accept: {PROOF}", saw=proof)


@case("SERVER-40", rfc="RFC 6455 4.2.2")
def nothing_unasked(trial: Trial) -> None:
    """The answer names no subprotocol and no extension where the client offered none, and has no body's length."""
    wire, app = connected(trial)
    app.send(ACCEPT)
    response = switched(trial, wire)
    for name in ("sec-websocket-protocol", "sec-websocket-extensions", "content-length", "transfer-encoding"):
        trial.expect(not response.values(name), f"no {name}", saw=response.values(name))


@case("ASGI-145")
def connect_comes_first(trial: Trial) -> None:
    """The first event is websocket.connect, without other keys."""
    _, app = called(trial)
    event = app.receive()
    trial.expect_same(event, CONNECT, "the first event")


@case("ASGI-145")
def waits_for_the_answer(trial: Trial) -> None:
    """Nothing is sent to the client before the application has answered."""
    wire, app = connected(trial)
    trial.settle()
    trial.expect(wire.drained(), "nothing on the wire", saw=bytes(wire.received))
    app.send(ACCEPT)
    switched(trial, wire)


@case("ASGI-002")
def called_once(trial: Trial) -> None:
    """The application is called once for a WebSocket, however many messages come."""
    socket, app = opened(trial)
    for _ in range(3):
        still_open(trial, socket, app)
    calls = trial.calls()
    trial.expect(not calls, "no other call", saw=calls)


@case("ASGI-145")
def two_at_a_time(trial: Trial) -> None:
    """Two handshakes are two calls, and each gets its own answer."""
    (one, first), (two, second) = (
        connected(trial, f"/{name}", f"sec-websocket-protocol: {name}\r\n") for name in ("one", "two")
    )
    second.send(ACCEPT | {"subprotocol": "two"})
    first.send(ACCEPT | {"subprotocol": "one"})
    for wire, app, name in ((one, first, "one"), (two, second, "two")):
        values = switched(trial, wire).values("sec-websocket-protocol")
        trial.expect(values == [name], f"the answer to the handshake {name}", saw=values)
        still_open(trial, Socket(trial, wire), app)


# What the client may write in other ways.


def _read(name: str, title: str, request: bytes) -> None:
    def check(trial: Trial) -> None:
        offered(trial)
        wire = trial.connect()
        wire.send(request)
        trial.expect([scope["type"] for scope in trial.calls()] == ["websocket"], "a call for a websocket")
        app = trial.conversation(kind="websocket")
        app.receive()
        app.send(ACCEPT)
        switched(trial, wire)
        still_open(trial, Socket(trial, wire), app)

    check.__name__, check.__doc__ = name, title
    case("SERVER-40", rfc="RFC 6455 4.2.1")(check)


_read(
    "tokens_in_any_case",
    "WebSocket and upgrade are tokens: their case does not matter, nor that of the names of fields.",
    handshake().replace(b"upgrade: websocket", b"UPGRADE: WebSocket").replace(b"Upgrade\r", b"uPGRADE\r"),
)
_read(
    "options_beside_upgrade",
    "Connection may have other options beside upgrade, as browsers send it.",
    handshake().replace(b"connection: Upgrade", b"connection: keep-alive, Upgrade"),
)
_read(
    "upgrade_in_a_second_field",
    "Connection may come in two fields.",
    handshake(headers="connection: keep-alive\r\n")
    .replace(b"connection: Upgrade\r\n", b"", 1)
    .replace(b"connection: keep-alive", b"connection: keep-alive\r\nconnection: Upgrade"),
)
_read(
    "other_extensions_are_passed_over",
    "An extension that the server does not know is no reason to refuse.",
    handshake(headers="sec-websocket-extensions: x-of-another-world; a=1, x-more\r\n"),
)


@case("ASGI-145")
def byte_by_byte(trial: Trial) -> None:
    """A handshake that arrives byte by byte is one handshake."""
    offered(trial)
    wire = trial.connect()
    for place, byte in enumerate(handshake("/slow")):
        wire.send(bytes([byte]))
        if place == 20:
            trial.settle()  # so that the server has read these alone
    app = trial.conversation(kind="websocket", path="/slow")
    app.receive()
    app.send(ACCEPT)
    switched(trial, wire)
    still_open(trial, Socket(trial, wire), app)


@case("ASGI-146")
def early_message_waits(trial: Trial) -> None:
    """A message that the client sends with its handshake is given after the accept, and not before."""
    offered(trial)
    wire = trial.connect()
    wire.send(handshake() + text("early"))
    if not trial.calls():
        trial.differs(f"it is refused; {PATIENT}")
    app = trial.conversation(kind="websocket")
    app.receive()
    pending = app.begin_receive()
    trial.settle()
    trial.expect(not pending.done(), "no event before the accept", saw=pending.done() and pending.value())
    raised = app.refused(ACCEPT)
    if raised is not None or (status := wire.response().status) >= 400:
        trial.differs(f"it is refused with {raised or status}; {PATIENT}")
    trial.expect(status == 101, "status 101", saw=status)
    wire.send(text("late"))
    event = pending.value()
    if event.get("text") == "late":
        trial.differs(f"the early message is lost; {PATIENT}")
    trial.expect(event.get("text") == "early", "the early message", saw=event)


@case("ASGI-158")
def origin_is_passed_on(trial: Trial) -> None:
    """Origin is the application's to judge: whatever it says, the handshake reaches it with the field."""
    _, app = connected(trial, headers="origin: http://elsewhere.example\r\n")
    values = [value for name, value in app.scope["headers"] if name.lower() == b"origin"]
    trial.expect(values == [b"http://elsewhere.example"], "the field", saw=values)


# A client that leaves.


@case("ASGI-154")
def client_closes_before_accept(trial: Trial) -> None:
    """When the client leaves before the accept, receive says websocket.disconnect with 1006."""
    wire, app = connected(trial)
    pending = app.begin_receive()
    wire.close()
    disconnected(trial, pending.value(), NO_CLOSE)


@case("ASGI-154")
def client_resets_before_accept(trial: Trial) -> None:
    """When the client resets before the accept, receive says websocket.disconnect with 1006."""
    wire, app = connected(trial)
    pending = app.begin_receive()
    wire.reset()
    disconnected(trial, pending.value(), NO_CLOSE)


@case("ASGI-154", "ASGI-180", since="2.4")
def accept_after_departure(trial: Trial) -> None:
    """An accept after the client has left raises an OSError."""
    wire, app = connected(trial)
    pending = app.begin_receive()
    wire.reset()
    pending.value()
    expect_oserror(trial, app, app.refused(ACCEPT))


# Handshakes that are none.


def _bad(name: str, title: str, request: bytes, *, version: bool = False, ignored: bool = False) -> None:
    """A case: no call for a WebSocket. `version`: the answer names the version that is spoken. `ignored`: it may as
    well be served as a plain request.
    """

    def check(trial: Trial) -> None:
        offered(trial)
        wire = trial.connect()
        wire.send(request)
        kinds = [scope["type"] for scope in trial.calls()]
        trial.expect("websocket" not in kinds, "no call for a WebSocket", saw=kinds)
        if kinds:
            app = trial.conversation()
            app.respond()
            status = wire.response().status
            trial.expect(status == 200, "the answer of the application, if it is a plain request", saw=status)
            if not ignored:
                trial.differs("it is served as a plain request")
            return
        response = wire.response()
        trial.expect(400 <= response.status < 500, "an answer of 4xx", saw=response.status)
        if version:
            spoken = [
                word.strip()
                for value in response.values("sec-websocket-version")
                for word in value.split(",")
            ]
            trial.expect("13" in spoken, "sec-websocket-version: 13", saw=response.headers)
            if response.status != 426:
                trial.differs(f"the status is {response.status}; 426 says best what is wrong")

    check.__name__, check.__doc__ = name, title
    case("ASGI-155", rfc="RFC 6455 4.2.1")(check)


_bad(
    "version_unknown",
    "A version that is not spoken is refused, and the answer says which one is.",
    handshake(version=UNSPOKEN),
    version=True,
)
_bad(
    "version_missing",
    "A handshake without a version is refused.",
    handshake().replace(b"sec-websocket-version: 13\r\n", b""),
)
_bad(
    "key_missing",
    "A handshake without a key is refused.",
    handshake().replace(f"sec-websocket-key: {KEY}\r\n".encode(), b""),
)
_bad("key_too_short", "A key of less than 16 bytes is refused.", handshake(key="c2hvcnQ="))
_bad("key_not_base64", "A key that is no base64 is refused.", handshake(key="?" * 24))
_bad("key_twice", "Two keys are refused.", handshake(headers=f"sec-websocket-key: {KEY}\r\n"))
_bad("method_post", "A handshake is a GET: a POST is none.", handshake(method="POST"), ignored=True)
_bad(
    "http_1_0",
    "HTTP/1.0 has no upgrade: the field is passed over.",
    handshake().replace(b"HTTP/1.1", b"HTTP/1.0"),
    ignored=True,
)
_bad(
    "connection_without_upgrade",
    "Without upgrade in Connection it is a plain request.",
    handshake().replace(b"connection: Upgrade", b"connection: keep-alive"),
    ignored=True,
)
_bad(
    "upgrade_to_something_else",
    "An upgrade to another protocol is a plain request.",
    handshake().replace(b"upgrade: websocket", b"upgrade: x-sockets"),
    ignored=True,
)


@case("ASGI-155", rfc="RFC 9110 7.8")
def plain_request_beside(trial: Trial) -> None:
    """A plain request after a refused handshake, on another connection, is served: nothing has stuck."""
    offered(trial)
    bad = trial.connect()
    bad.send(handshake(version=UNSPOKEN) + frame(1, b"x"))
    trial.settle()
    wire, app = trial.request("/plain")
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")
