"""The end of a WebSocket: who closes, with which code and reason, and what both sides hear of it."""

import contextlib
from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone
from asgate.conformance.moves import expect_oserror
from asgate.conformance.trial import Trial
from asgate.conformance.websocket import NO_CLOSE, NO_CODE, NORMAL, Opcode, Socket, closing, frame, text
from asgate.conformance.websocket_moves import (
    CLOSE,
    closes,
    code_of,
    disconnected,
    expect_late_refusal,
    opened,
    sending,
    until_seen,
)
from asgate.spec.clauses import Level

LONG = "r" * 123  # the longest reason that fits into a close frame
TOO_LONG = "\u00e9" * 62  # 124 bytes


# The client closes.


def _heard(name: str, title: str, code: int, reason: str, *clauses: str) -> None:
    """A case: the client closes with this code and reason, and the application hears of both."""

    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        socket.send(frame(Opcode.CLOSE) if code == NO_CODE else closing(code, reason))
        event = app.receive()
        disconnected(trial, event, code)
        if app.version < (2, 5) and reason and not event.get("reason"):
            trial.differs("it claims a version before 2.5, in which websocket.disconnect had no reason")
        disconnected(trial, event, code, reason=reason)

    check.__name__, check.__doc__ = name, title
    case(*clauses)(check)


_heard("client_closes", "The client's 1000 is the code told.", NORMAL, "", "ASGI-175", "ASGI-178")
_heard("client_goes_away", "So is 1001, with which browsers leave.", 1001, "", "ASGI-178")
_heard("code_of_an_application", "So is a code of the application's own.", 4001, "", "ASGI-178")
_heard("reason_of_the_client", "The reason comes with its code.", 4001, "bye \u00e9", "ASGI-178", "ASGI-176")
_heard("longest_reason_of_the_client", "A reason of 123 bytes comes whole.", 3000, LONG, "ASGI-178")
_heard("close_without_code", "A close frame without a code is 1005.", NO_CODE, "", "ASGI-176")


@case("ASGI-176")
def keys_of_the_disconnect(trial: Trial) -> None:
    """websocket.disconnect has type, code, an int, and reason, a str or None; nothing else."""
    socket, app = opened(trial)
    socket.send(closing(NORMAL, "bye"))
    event = app.receive()
    disconnected(trial, event)
    trial.expect(event.keys() <= {"type", "code", "reason"}, "no other keys", saw=event)
    trial.expect(type(code_of(event)) is int, "the code, an int", saw=event)
    trial.expect(type(event.get("reason")) in (str, type(None)), "exactly str", saw=event.get("reason"))
    if type(event["code"]) is not int:
        trial.differs("the code is an item of an enumeration: an int, but of a type of its own")


@case("ASGI-175")
def wakes_a_receive(trial: Trial) -> None:
    """A receive that waits hears that the client closes."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    app.turn()
    socket.send(closing(4002))
    disconnected(trial, pending.value(), 4002)


@case("SERVER-43", rfc="RFC 6455 5.5.1")
def close_is_answered(trial: Trial) -> None:
    """A close of the client is answered with a close frame of the same code; then the server ends the connection. It
    may wait for its application.
    """
    code = _answered(trial, closing(3000, "done"))
    if code != 3000:
        trial.differs(f"the code is {code}; RFC 6455 5.5.1: typically the one that was received")


@case("SERVER-43", rfc="RFC 6455 5.5.1")
def close_without_code_is_answered(trial: Trial) -> None:
    """A close frame without a code is answered with a close frame; one with 1005 in it there must not be."""
    _answered(trial, frame(Opcode.CLOSE))


def _answered(trial: Trial, close: bytes, *, returns: bool = True) -> int:
    """The code that answers this close of the client; by then the application has heard of it, and `returns`. Fails
    the case where there is no answer, or no end of the connection.
    """
    socket, app = opened(trial)
    pending = app.begin_receive()
    socket.send(close)
    if returns:
        pending.value()
        with contextlib.suppress(Gone):
            app.end()
    code, _ = socket.end()
    trial.expect(code != NO_CLOSE, "a close frame", saw="the end of the connection without one")
    trial.expect(socket.wire.ended(), "the end of the connection")
    return code


@case("SERVER-43", rfc="RFC 6455 5.5.1", level=Level.SHOULD)
def close_is_answered_while_the_application_goes_on(trial: Trial) -> None:
    """A close of the client is answered as soon as practical: not only when the application has returned."""
    _answered(trial, closing(), returns=False)


@case("ASGI-179")
def disconnect_repeats(trial: Trial) -> None:
    """websocket.disconnect comes again, with the same code, as often as it is asked for."""
    socket, app = opened(trial)
    socket.send(closing(4003, "again"))
    for _ in range(3):
        disconnected(trial, app.receive(), 4003)


@case("ASGI-180", since="2.4")
def send_after_disconnect(trial: Trial) -> None:
    """A send after the client has closed raises an OSError."""
    socket, app = opened(trial)
    socket.send(closing())
    disconnected(trial, app.receive())
    expect_oserror(trial, app, app.refused(sending("late")))


@case("ASGI-180", since="2.4")
def send_after_a_reset(trial: Trial) -> None:
    """A send after the socket was lost raises an OSError."""
    socket, app = opened(trial)
    socket.wire.reset()
    app.receive()
    expect_oserror(trial, app, app.refused(sending("late")))


@case("ASGI-180", "ASGI-034")
def close_after_disconnect(trial: Trial) -> None:
    """A close after the client has closed does nothing, or raises an OSError."""
    socket, app = opened(trial)
    socket.send(closing(4001))
    app.receive()
    raised = app.refused(CLOSE)
    trial.expect(raised is None or "OSError" in raised.kinds, "no error but an OSError", saw=raised)


# The socket is lost.


@case("ASGI-177", "ASGI-184")
def client_vanishes(trial: Trial) -> None:
    """A connection that ends without a close frame is websocket.disconnect with 1006."""
    socket, app = opened(trial)
    socket.wire.close()
    disconnected(trial, app.receive(), NO_CLOSE)


@case("ASGI-177", "ASGI-184")
def client_resets(trial: Trial) -> None:
    """A connection that is reset is websocket.disconnect with 1006."""
    socket, app = opened(trial)
    pending = app.begin_receive()
    socket.wire.reset()
    disconnected(trial, pending.value(), NO_CLOSE)


@case("ASGI-177", "ASGI-162")
def client_vanishes_within_a_message(trial: Trial) -> None:
    """A connection that ends within a message: the half is not given, the code is 1006."""
    socket, app = opened(trial)
    socket.send(frame(Opcode.TEXT, b"first", final=False), frame(0, b"cut")[:-1])
    socket.wire.close()
    disconnected(trial, app.receive(), NO_CLOSE)


# The application closes.


def _told(name: str, title: str, message: dict[str, Any], code: int, reason: str, *clauses: str) -> None:
    """A case: the application closes with these keys, and the client gets this code and reason."""

    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        operation = closes(trial, socket, app, **message)
        saw = socket.end()
        trial.expect(saw[0] == code, f"the code {code}", saw=saw)
        if app.version < (2, 3) and reason and not saw[1]:
            trial.differs("it claims a version before 2.3, in which there was no reason")
        trial.expect(saw[1] == reason, f"the reason {reason!r}", saw=saw)
        socket.send(closing(code))
        trial.expect(socket.wire.ended(), "the end of the connection")
        operation.value()

    check.__name__, check.__doc__ = name, title
    case(*clauses)(check)


_told("application_closes", "A close without keys is 1000, without a reason.", {}, NORMAL, "", "ASGI-181")
_told("code_to_the_client", "The code of the close reaches the client.", {"code": 4004}, 4004, "", "ASGI-181")
_told(
    "reason_to_the_client",
    "The reason of the close reaches the client.",
    {"code": 3000, "reason": "bye \u00e9"},
    3000,
    "bye \u00e9",
    "ASGI-181",
)
_told("reason_of_none", "A reason may be None.", {"code": 3001, "reason": None}, 3001, "", "ASGI-181")
_told("longest_reason", "A reason has 123 bytes.", {"reason": LONG}, NORMAL, LONG, "ASGI-186", "ASGI-181")


def _refused(name: str, title: str, *clauses: str, strict: bool = False, **keys: Any) -> None:
    """A case: a close with these keys raises, and a right one may follow. Unless it is `strict` the server may close in
    another way instead.
    """

    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        operation = app.begin_send(CLOSE | keys)
        until_seen(trial, socket, operation)
        trial.settle()
        raised = operation.raised() if operation.done() else None
        if raised is None and not strict and not socket.wire.drained():
            _sent_instead(trial, socket, keys)
        trial.expect_raised(raised, f"a close with {keys}")
        closes(trial, socket, app, code=4005)
        saw = socket.end()
        trial.expect(saw[0] == 4005, "the close that came after it, 4005", saw=saw)

    check.__name__, check.__doc__ = name, title
    case(*clauses, "ASGI-040")(check)


def _sent_instead(trial: Trial, socket: Socket, keys: dict[str, Any]) -> None:
    code, reason = socket.end()  # which fails for a code that may not be sent
    abnormal = keys.get("code") == NO_CLOSE
    trial.expect(code != NO_CLOSE or abnormal, "send raises, or a close frame", saw="the end without one")
    if "reason" in keys:
        trial.expect(keys["reason"].startswith(reason), "send raises, or the beginning of it", saw=reason)
    trial.differs(f"it does not raise, and closes with {code} and a reason of {len(reason)} characters")


for _code in (999, 1005, 1006, 1015, 5000):
    _refused(f"code_{_code}", f"{_code} may not be sent: a close with it raises.", "ASGI-186", code=_code)
_refused("code_of_text", "A code that is no int raises.", "ASGI-032", strict=True, code="1000")
_refused("reason_too_long", "A reason of more than 123 bytes raises.", "ASGI-186", reason=TOO_LONG)
_refused("reason_of_bytes", "A reason that is no str raises.", "ASGI-032", strict=True, reason=b"bye")


@case("ASGI-182")
def receive_after_own_close(trial: Trial) -> None:
    """After the application's own close receive says websocket.disconnect, with the code that it used."""
    socket, app = opened(trial)
    closes(trial, socket, app, code=4006)
    code, _ = socket.end()
    socket.send(closing(code if code not in (NO_CODE, NO_CLOSE) else NORMAL))
    disconnected(trial, app.receive(), 4006)


@case("ASGI-182", "ASGI-175")
def own_close_and_a_client_that_vanishes(trial: Trial) -> None:
    """A client that answers the application's close with nothing is a websocket.disconnect all the same."""
    socket, app = opened(trial)
    closes(trial, socket, app, code=4006)
    socket.end()
    socket.wire.close()
    disconnected(trial, app.receive(), 4006, NO_CLOSE)


@case("ASGI-183")
def send_after_own_close(trial: Trial) -> None:
    """A message after the application's own close raises."""
    app = _closed(trial)
    expect_late_refusal(trial, app, app.refused(sending("late")), "a message after the close")


@case("ASGI-183", "ASGI-037")
def close_twice(trial: Trial) -> None:
    """A second close raises."""
    app = _closed(trial)
    expect_late_refusal(trial, app, app.refused(CLOSE), "a second close")


def _closed(trial: Trial) -> Conversation:
    """An application whose close has been sent. The client has answered it only where `send` waits for that."""
    socket, app = opened(trial)
    operation = closes(trial, socket, app)
    socket.end()
    trial.settle()
    if not operation.done():
        socket.send(closing())
        operation.value()
    return app


@case("ASGI-188", "SERVER-43", rfc="RFC 6455 5.5.1")
def data_after_own_close(trial: Trial) -> None:
    """What the client still sends after the application's close is read: its own close is, and ends the connection."""
    socket, app = opened(trial)
    closes(trial, socket, app, code=4006)
    socket.end()
    socket.send(text("crossing"), text("the close"), closing(4006))
    events = [app.receive()]
    while events[-1].get("type") == "websocket.receive":
        events.append(app.receive())
    disconnected(trial, events[-1])
    ended = socket.wire.ended()
    trial.expect(ended == "FIN", "the end of the connection in good order", saw=ended)
    if events[1:]:
        trial.differs("messages that crossed the close are given to the application")


# The application ends.


def _dies(kind: str) -> None:
    def check(trial: Trial) -> None:
        socket, app = opened(trial)
        app.fail(kind)
        code, _ = socket.end()
        if code != NO_CLOSE:
            socket.send(closing(code if code != NO_CODE else NORMAL))
        trial.expect(socket.wire.ended(), "the end of the connection")

    check.__name__ = f"raises_{kind.lower()}"
    check.__doc__ = f"An application that raises {kind} costs its connection."
    case("ASGI-016", "ASGI-184")(check)


for _kind in ("RuntimeError", "OSError", "CancelledError"):
    _dies(_kind)


@case("ASGI-184", rfc="RFC 6455 7.4.1", level=Level.SHOULD)
def code_of_a_death(trial: Trial) -> None:
    """An application that raises closes with 1011: the server meets a condition that it did not expect."""
    socket, app = opened(trial)
    app.fail()
    saw = socket.end()
    trial.expect(saw[0] == 1011, "a close frame with 1011", saw=saw)


@case("ASGI-185")
def returns(trial: Trial) -> None:
    """An application that returns without a close is closed with 1000."""
    socket, app = opened(trial)
    app.end()
    code, _ = socket.end()
    trial.expect(code != NO_CLOSE, "a close frame", saw="the end of the connection without one")
    if code != NORMAL:
        trial.differs(f"the code is {code}: the text names none")


@case("ASGI-167", "ASGI-185")
def message_before_the_return(trial: Trial) -> None:
    """What an application has sent before it returns arrives before the close."""
    socket, app = opened(trial)
    app.send(sending("last words"))
    app.send(sending(b"b" * 100_000))
    app.end()
    values = [socket.message(), socket.message()]
    trial.expect(values == ["last words", b"b" * 100_000], "both messages", saw=values)


@case("ASGI-035", "ASGI-036")
def error_of_a_late_send(trial: Trial) -> None:
    """The error of a send after the disconnect may leave the application: it is not logged as one."""
    socket, app = opened(trial)
    socket.send(closing())
    app.receive()
    if app.refused(sending("late")) is None:
        trial.not_offered("a late send does not raise")
    app.fail("again")
    app.ended()
    trial.settle()
    printed = trial.printed()
    trial.expect("Traceback" not in printed, "no traceback", saw=printed)


@case("ASGI-188", seconds=25.0)
def close_handshake_has_a_limit(trial: Trial) -> None:
    """A client that does not answer a close is left: within 20 seconds the server ends the connection."""
    socket, app = opened(trial)
    closes(trial, socket, app)
    socket.end()
    app.end()
    trial.expect(socket.wire.ends_within(20.0), "the end of the connection")
