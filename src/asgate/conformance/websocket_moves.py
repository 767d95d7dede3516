"""Moves that the WebSocket cases make: a handshake, a connection that is open, messages both ways, an end.

A server need not have WebSocket. Whether it has is found out once for each server, by a plain handshake (`offered`):
it does not when the application is not called with a websocket scope.
"""

import contextlib
import re
from typing import Any

from asgate.conformance.conversation import Conversation, Gone, Operation, Raised
from asgate.conformance.moves import BEFORE_2_4
from asgate.conformance.moves import called as reached
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial
from asgate.conformance.values import Odd
from asgate.conformance.websocket import Socket, text
from asgate.conformance.wire import Cut, Response, Wire

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PROOF = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of this key (RFC 6455 1.3)
CONNECT = {"type": "websocket.connect"}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
DENIAL = "websocket.http.response"
ABSENT = "a WebSocket handshake does not call the application with a websocket scope"
Message = dict[str, Any]


def handshake(
    target: str = "/", headers: str = "", *, key: str = KEY, version: str = "13", method: str = "GET"
) -> bytes:
    """A sound handshake, or one with another key, version or method. `headers`: more field lines."""
    lines = f"{method} {target} HTTP/1.1\r\nhost: probe\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    lines += f"sec-websocket-key: {key}\r\nsec-websocket-version: {version}\r\n{headers}\r\n"
    return lines.encode("latin-1")


# Is it there at all?


def offered(trial: Trial) -> None:
    """Ends the case when the shared server does not call the application for a plain handshake."""
    control = trial.shared.control
    if "websocket" in control.kinds:
        return
    wire = trial.connect()
    wire.send(handshake("/offered"))
    trial.settle()
    if "websocket" not in control.kinds:
        trial.not_offered(ABSENT)
    with contextlib.suppress(Raised, Gone):
        trial.conversation(kind="websocket").send(CLOSE)
    wire.close()


# A handshake, and what it leads to.


def called(
    trial: Trial,
    target: str = "/",
    headers: str = "",
    *,
    server: Server | None = None,
    buffer: int | None = None,
) -> tuple[Wire, Conversation]:
    """A connection with a handshake, and the application that was called for it."""
    offered(trial)
    wire = trial.connect(server, buffer=buffer)
    wire.send(handshake(target, headers))
    asked = server or trial.shared
    asked.control.wait(
        lambda: reached(asked) or not wire.drained(), trial.deadline(), "the application was called"
    )
    if not reached(asked):
        with contextlib.suppress(Cut):
            trial.fail("a call of the application", saw=f"status {wire.response().status}")
    return wire, trial.conversation(server, "websocket")


def connected(trial: Trial, *arguments: Any, **options: Any) -> tuple[Wire, Conversation]:
    """The same, and the application has received `websocket.connect`."""
    wire, app = called(trial, *arguments, **options)
    event = app.receive()
    trial.expect(event == CONNECT, f"{CONNECT} first", saw=event)
    return wire, app


def opened(
    trial: Trial,
    target: str = "/",
    headers: str = "",
    *,
    accept: Message | None = None,
    server: Server | None = None,
    buffer: int | None = None,
) -> tuple[Socket, Conversation]:
    """An open connection. `accept`: keys of the message besides its type."""
    wire, app = connected(trial, target, headers, server=server, buffer=buffer)
    app.send(ACCEPT | (accept or {}))
    switched(trial, wire)
    return Socket(trial, wire), app


def switched(trial: Trial, wire: Wire) -> Response:
    """The answer to a handshake that was accepted."""
    response = wire.response()
    trial.expect(response.status == 101, "status 101", saw=response.status)
    return response


def expect_no_upgrade(trial: Trial, wire: Wire) -> None:
    """Fails the case if the next answer has what belongs to a 101."""
    response = wire.response()
    for name in ("upgrade", "sec-websocket-accept", "sec-websocket-protocol", "sec-websocket-extensions"):
        trial.expect(not response.values(name), f"no {name}", saw=response.values(name))
    trial.expect("upgrade" not in response.options, "no connection: upgrade", saw=response.options)


# Messages.


def received(trial: Trial, app: Conversation) -> str | bytes:
    """The content of the next event, which must be a message."""
    return content(trial, app.receive())


def content(trial: Trial, event: Any) -> str | bytes:
    """What a `websocket.receive` holds. Fails the case for other events, and for both keys or none (ASGI-160)."""
    trial.expect(isinstance(event, dict) and event.get("type") == "websocket.receive", "a message", saw=event)
    given = [event[key] for key in ("text", "bytes") if event.get(key) is not None]
    trial.expect(len(given) == 1, "exactly one of text and bytes", saw=event)
    value = given[0]
    right = str if event.get("text") is not None else bytes
    trial.expect(type(value) is right, f"exactly {right.__name__}", saw=value)
    return value  # type: ignore[no-any-return]


def sent(app: Conversation, value: str | bytes) -> None:
    """`websocket.send` of a text or of bytes."""
    app.send(sending(value))


def sending(value: Any) -> Message:
    """That message."""
    return {"type": "websocket.send", "text" if isinstance(value, str) else "bytes": value}


def still_open(trial: Trial, socket: Socket, app: Conversation) -> None:
    """Fails the case unless a message goes each way."""
    socket.send(text("still there?"))
    value = received(trial, app)
    trial.expect(value == "still there?", "the next message of the client", saw=value)
    sent(app, "here")
    answer = socket.message()
    trial.expect(answer == "here", "the next message of the application", saw=answer)


# The end.


def closes(trial: Trial, socket: Socket, app: Conversation, **keys: Any) -> Operation:
    """The application's close, as soon as something of it has come to the client. A server may let `send` wait for the
    client's answer, so what `send` says is asked for later. Raises `Raised` where nothing comes because it raised.
    """
    operation = app.begin_send(CLOSE | keys)
    until_seen(trial, socket, operation)
    if operation.done() and socket.wire.drained():
        operation.value()
    return operation


def expect_late_refusal(trial: Trial, app: Conversation, raised: Raised | None, what: str) -> None:
    """Fails the case unless a message after the application's own close raised. It differs where the server claims a
    version before 2.4: such a message did nothing then.
    """
    if raised is None and app.version < (2, 4):
        trial.differs(BEFORE_2_4)
    trial.expect_raised(raised, what)


def until_seen(trial: Trial, socket: Socket, operation: Operation, server: Server | None = None) -> None:
    """Waits until an operation has ended, or something has come to the client."""
    (server or trial.shared).control.wait(
        lambda: operation.done() or not socket.wire.drained(), trial.deadline(), "an answer of the server"
    )


def disconnected(trial: Trial, event: Any, *codes: int, reason: str | None = None) -> None:
    """Fails the case unless this is `websocket.disconnect`: with one of these codes and with this reason, if such are
    named.
    """
    kind = event.get("type") if isinstance(event, dict) else None
    trial.expect(kind == "websocket.disconnect", "websocket.disconnect", saw=event)
    if codes:
        trial.expect(code_of(event) in codes, f"the code {' or '.join(map(str, codes))}", saw=event)
    if reason is not None:
        trial.expect((event.get("reason") or "") == reason, f"the reason {reason!r}", saw=event)


def code_of(event: Message) -> object:
    """The code of a disconnect. An item of an `IntEnum` counts as its number: `websocket_close/keys_of_the_disconnect`
    says that it is none.
    """
    code = event.get("code")
    item = re.fullmatch(r"<\w+\.\w+: (\d+)>", code.text) if isinstance(code, Odd) else None
    return int(item[1]) if item else code
