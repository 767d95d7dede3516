"""A handshake that is denied: by a close, by an application that ends, or with a response of its own
(websocket.http.response).
"""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.trial import Trial
from asgate.conformance.websocket_moves import (
    ACCEPT,
    CLOSE,
    DENIAL,
    called,
    connected,
    expect_late_refusal,
    expect_no_upgrade,
    opened,
    sending,
    still_open,
)
from asgate.conformance.wire import Wire
from asgate.spec.clauses import Level


@case("ASGI-151")
def close_before_accept(trial: Trial) -> None:
    """A close before the accept is answered with 403, whole."""
    wire, app = connected(trial)
    app.send(CLOSE)
    app.end()
    response = wire.response()
    trial.expect(response.status == 403 and response.complete, "a whole 403", saw=response)


@case("ASGI-151")
def code_of_a_denial(trial: Trial) -> None:
    """Code and reason of a close before the accept change nothing: the answer is 403."""
    wire, app = connected(trial)
    app.send(CLOSE | {"code": 4001, "reason": "not today"})
    app.end()
    response = wire.response()
    trial.expect(response.status == 403, "status 403", saw=response.status)


@case("ASGI-157", "ASGI-151")
def denial_is_no_upgrade(trial: Trial) -> None:
    """The answer to a denied handshake has none of the headers of an upgrade."""
    wire, app = connected(trial)
    app.send(CLOSE)
    app.end()
    expect_no_upgrade(trial, wire)


@case("ASGI-152")
def receive_after_denial(trial: Trial) -> None:
    """After a close before the accept receive says websocket.disconnect."""
    _, app = connected(trial)
    app.send(CLOSE)
    event = app.receive()
    trial.expect(event.get("type") == "websocket.disconnect", "websocket.disconnect", saw=event)
    trial.expect(type(event.get("code")) is int, "its code, an int", saw=event)


@case("ASGI-183", "ASGI-037")
def accept_after_denial(trial: Trial) -> None:
    """An accept after the close raises."""
    _, app = connected(trial)
    app.send(CLOSE)
    expect_late_refusal(trial, app, app.refused(ACCEPT), "an accept after the close")


@case("ASGI-153")
def raises_before_accept(trial: Trial) -> None:
    """An application that raises before its answer gets its client a 500."""
    wire, app = connected(trial)
    app.fail()
    response = wire.response()
    trial.expect(response.status >= 400 and response.complete, "a whole error", saw=response)
    if response.status != 500:
        trial.differs(f"the status is {response.status}")


@case("ASGI-153")
def returns_before_accept(trial: Trial) -> None:
    """An application that returns without an answer gets its client an error, no upgrade."""
    wire, app = connected(trial)
    app.end()
    response = wire.response()
    trial.expect(response.status >= 400, "an error", saw=response.status)
    if response.status != 500:
        trial.differs(f"the status is {response.status}")


# With a response of its own.


def deniable(trial: Trial) -> tuple[Wire, Conversation]:
    """An application that has received websocket.connect and may deny. Ends the case where that is not offered."""
    wire, app = connected(trial)
    trial.offered(app, DENIAL)
    return wire, app


def start(app: Conversation, status: int = 401, headers: Any = (), **more: Any) -> None:
    """Sends `websocket.http.response.start`."""
    app.send({"type": f"{DENIAL}.start", "status": status, "headers": list(headers)} | more)


def body(app: Conversation, content: Any = b"", *, more: bool = False) -> None:
    """Sends `websocket.http.response.body`."""
    app.send({"type": f"{DENIAL}.body", "body": content, "more_body": more})


@case("ASGI-230", extension=DENIAL)
def advertised(trial: Trial) -> None:
    """The extension stands in the scope, with an empty dict."""
    _, app = called(trial)
    trial.offered(app, DENIAL)
    trial.expect_same(app.scope["extensions"][DENIAL], {}, "its entry")


@case("ASGI-231", extension=DENIAL)
def response(trial: Trial) -> None:
    """Status, headers and body of the denial are what the client gets."""
    wire, app = deniable(trial)
    start(
        app, 401, [(b"www-authenticate", b"Basic"), (b"x-a", b"1"), (b"x-a", b"2"), (b"content-length", b"4")]
    )
    body(app, b"nope")
    answer = wire.response()
    trial.expect(answer.status == 401, "status 401", saw=answer.status)
    trial.expect(answer.values("www-authenticate") == ["Basic"], "its header", saw=answer.headers)
    trial.expect(answer.values("x-a") == ["1", "2"], "doubles, in order", saw=answer.headers)
    trial.expect(answer.body == b"nope" and answer.complete, "the whole body", saw=answer.body)


@case("ASGI-231", extension=DENIAL)
def defaults(trial: Trial) -> None:
    """headers, body and more_body may be left out."""
    wire, app = deniable(trial)
    app.send({"type": f"{DENIAL}.start", "status": 404})
    app.send({"type": f"{DENIAL}.body"})
    answer = wire.response()
    trial.expect(answer.status == 404 and answer.complete, "a whole 404", saw=answer)
    trial.expect(not answer.body, "an empty body", saw=answer.body)


@case("ASGI-234", extension=DENIAL)
def body_in_pieces(trial: Trial) -> None:
    """A body without a length comes in pieces, and is framed as a response is."""
    wire, app = deniable(trial)
    start(app, 503)
    body(app, b"first ", more=True)
    body(app, b"", more=True)
    body(app, b"second")
    answer = wire.response()
    trial.expect(answer.status == 503 and answer.complete, "a whole 503", saw=answer)
    trial.expect(answer.body == b"first second", "both pieces", saw=answer.body)


@case("ASGI-234", extension=DENIAL)
def pieces_of_a_known_length(trial: Trial) -> None:
    """A body in pieces keeps the length that the application has announced."""
    wire, app = deniable(trial)
    start(app, 403, [(b"content-length", b"12")])
    body(app, b"first ", more=True)
    body(app, b"second")
    answer = wire.response()
    trial.expect(answer.values("content-length") == ["12"], "content-length: 12", saw=answer.headers)
    trial.expect(answer.body == b"first second" and answer.complete, "both pieces", saw=answer.body)


@case("ASGI-157", "ASGI-231", extension=DENIAL)
def no_upgrade(trial: Trial) -> None:
    """The response has none of the headers of an upgrade."""
    wire, app = deniable(trial)
    start(app, headers=[(b"content-length", b"4")])
    body(app, b"nope")
    expect_no_upgrade(trial, wire)


@case("ASGI-233", extension=DENIAL)
def connection_is_closed(trial: Trial) -> None:
    """After the response the server closes the connection."""
    wire, app = deniable(trial)
    start(app, headers=[(b"content-length", b"4")])
    body(app, b"nope")
    trial.expect(wire.response().body == b"nope", "the body")
    rest = wire.read_rest()
    trial.expect(not rest, "nothing after it", saw=rest)


@case("ASGI-235", extension=DENIAL)
def receive_says_disconnect(trial: Trial) -> None:
    """After the response receive says websocket.disconnect."""
    wire, app = deniable(trial)
    start(app, headers=[(b"content-length", b"0")])
    body(app)
    wire.response()
    event = app.receive()
    trial.expect(event.get("type") == "websocket.disconnect", "websocket.disconnect", saw=event)
    trial.expect(type(event.get("code")) is int, "its code, an int", saw=event)


def _follows(name: str, title: str, message: dict[str, Any]) -> None:
    """A case: this message raises after the start, and the response can be ended."""

    def check(trial: Trial) -> None:
        wire, app = deniable(trial)
        start(app, headers=[(b"content-length", b"4")])
        trial.expect_raised(app.refused(message), f"{message['type']} after the start of a denial")
        body(app, b"nope")
        answer = wire.response()
        trial.expect(answer.status == 401 and answer.body == b"nope", "the denial all the same", saw=answer)

    check.__name__, check.__doc__ = name, title
    case("ASGI-232", "ASGI-040", extension=DENIAL, level=Level.SHOULD)(check)


_follows("accept_after_the_start", "An accept after the start of a denial raises.", ACCEPT)
_follows("send_after_the_start", "A message after the start of a denial raises.", sending("late"))
_follows("close_after_the_start", "A close after the start of a denial raises.", CLOSE)
_follows("start_twice", "A second start of a denial raises.",
         {"type": f"{DENIAL}.start", "status": 500, "headers": []})  # fmt: skip


def _wrong(name: str, title: str, clause: str, message: dict[str, Any]) -> None:
    """A case: this message raises before anything is answered, and an accept is still possible."""

    def check(trial: Trial) -> None:
        wire, app = deniable(trial)
        trial.expect_raised(app.refused(message), f"{message}")
        trial.expect(wire.drained(), "nothing on the wire for it", saw=bytes(wire.received))
        start(app, headers=[(b"content-length", b"2")])
        body(app, b"no")
        trial.expect(wire.response().body == b"no", "a denial all the same")

    check.__name__, check.__doc__ = name, title
    case(clause, "ASGI-040", extension=DENIAL)(check)


_wrong("body_before_the_start", "A body before the start raises.", "ASGI-037",
       {"type": f"{DENIAL}.body", "body": b"nope"})  # fmt: skip
_wrong("start_without_status", "A start without a status raises.", "ASGI-031", {"type": f"{DENIAL}.start"})
_wrong("status_of_text", "A start whose status is no int raises.", "ASGI-032",
       {"type": f"{DENIAL}.start", "status": "401"})  # fmt: skip
_wrong("status_of_an_upgrade", "A denial with status 101 raises: it is no answer but an accept.", "SERVER-20",
       {"type": f"{DENIAL}.start", "status": 101})  # fmt: skip


@case("ASGI-232", extension=DENIAL, level=Level.SHOULD)
def start_after_the_accept(trial: Trial) -> None:
    """A denial after the accept raises, and costs nothing."""
    socket, app = opened(trial)
    trial.offered(app, DENIAL)
    trial.expect_raised(app.refused({"type": f"{DENIAL}.start", "status": 401}), "a denial after the accept")
    still_open(trial, socket, app)


@case("ASGI-019", "ASGI-233", extension=DENIAL)
def raises_within_the_body(trial: Trial) -> None:
    """An application that raises within its denial leaves a visibly cut response."""
    wire, app = deniable(trial)
    start(app, headers=[(b"content-length", b"20")])
    body(app, b"first half", more=True)
    app.fail()
    trial.expect_cut(wire)


@case("ASGI-223", "ASGI-236", extension=DENIAL)
def unadvertised(trial: Trial) -> None:
    """Where it is not advertised it raises, and a close before the accept is a 403."""
    wire, app = connected(trial)
    if DENIAL in (app.scope.get("extensions") or {}):
        trial.not_offered("it is advertised, and judged by the other cases")
    trial.expect_raised(app.refused({"type": f"{DENIAL}.start", "status": 401}), "an unadvertised denial")
    app.send(CLOSE)
    trial.expect(wire.response().status == 403, "status 403")
