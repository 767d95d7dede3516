"""Clients that leave: what `receive` and `send` tell the application, at every stage of a request and for every way to
leave.

A matrix makes most cases: five stages by three departures. A half-close may count as a departure or be tolerated
(the text is silent), so an application that is left waiting then differs instead of failing. A close must be heard of:
on the wire it looks the same, and a server that waits for more would never tell an application anything.
"""

from collections.abc import Callable, Iterable
from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import CHUNKED, GET, POST, called_early, expect_oserror, expect_uncalled
from asgate.conformance.trial import Trial
from asgate.conformance.values import Fill
from asgate.conformance.wire import Wire

DISCONNECT = {"type": "http.disconnect"}
HALF = "half_close"
HOW: dict[str, tuple[str, Callable[[Wire], None]]] = {
    HALF: ("half-closes", Wire.half_close),
    "close": ("closes", Wire.close),
    "reset": ("resets", Wire.reset),
}
MORE = {"type": "http.response.body", "body": b"late", "more_body": True}
LAST = {"type": "http.response.body", "body": b"late"}
START = {"type": "http.response.start", "status": 200, "headers": []}


def _before_start(trial: Trial) -> tuple[Wire, Conversation]:
    wire, app = trial.request("/")
    app.receive()
    return wire, app


def _before_reading(trial: Trial) -> tuple[Wire, Conversation]:
    return trial.request("/", method="POST", body=b"body")


def _during_upload(trial: Trial) -> tuple[Wire, Conversation]:
    wire = trial.connect()
    wire.send(POST + b"content-length: 10\r\n\r\nbody")
    app = called_early(trial)
    app.receive()
    return wire, app


def _during_download(trial: Trial) -> tuple[Wire, Conversation]:
    wire, app = trial.request("/")
    app.receive()
    app.start()
    app.body(b"begun", more=True)
    wire.read_until(b"begun\r\n")
    return wire, app


def _after_response(trial: Trial) -> tuple[Wire, Conversation]:
    wire, app = trial.request("/")
    app.receive()
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    wire.response()
    return wire, app


STAGES = {
    "before_start": ("before the response was started", _before_start),
    "before_reading": ("before the body was read", _before_reading),
    "during_upload": ("in the middle of its upload", _during_upload),
    "during_download": ("in the middle of the response", _during_download),
    "after_response": ("after the response", _after_response),
}
BEGUN = ("before_start", "during_upload", "during_download")
Body = Callable[[Trial, str, str], None]


def matrix(
    *clauses: str, stages: Iterable[str] = STAGES, ways: Iterable[str] = HOW, **options: Any
) -> Callable[[Body], Body]:
    """Registers a case for every stage and departure; {leaves} and {stage} in the docstring are their words."""

    def register(function: Body) -> Body:
        for stage in stages:
            for how in ways:

                def one(trial: Trial, stage: str = stage, how: str = how) -> None:
                    function(trial, stage, how)

                one.__name__, one.__module__ = f"{function.__name__}_{stage}_{how}", function.__module__
                one.__doc__ = (function.__doc__ or "").format(leaves=HOW[how][0], stage=STAGES[stage][0])
                case(*clauses, seconds=2.0, **options)(one)
        return function

    return register


def left(trial: Trial, stage: str, how: str) -> Conversation:
    """The conversation at this stage, its client gone."""
    wire, app = STAGES[stage][1](trial)
    HOW[how][1](wire)
    return app


def departure(trial: Trial, app: Conversation, stage: str, how: str) -> Any:
    """The first event that is not a piece of the body. What had come whole may still be given."""
    for _ in range(8):
        operation = app.begin_receive()
        if how == HALF and stage != "after_response":
            trial.settle()
            if not operation.done():
                trial.differs("a client that has half-closed is still served")
        event = operation.value()
        if event["type"] != "http.request":
            return event
        trial.expect(
            stage == "before_reading" or (stage == "during_upload" and event.get("more_body")),
            "no http.request for a body that never came, or came already",
            saw=event,
        )
    return trial.fail("http.disconnect after the body", saw=event)


@matrix("ASGI-095", "ASGI-094", "ASGI-099", "ASGI-100")
def told(trial: Trial, stage: str, how: str) -> None:
    """When a client {leaves} {stage}, receive says http.disconnect, which has no other key than its type."""
    app = left(trial, stage, how)
    event = departure(trial, app, stage, how)
    trial.expect(event == DISCONNECT, "exactly {'type': 'http.disconnect'}", saw=event)


@matrix("ASGI-097", stages=BEGUN)
def pending_receive(trial: Trial, stage: str, how: str) -> None:
    """A receive that is waiting when a client {leaves} {stage} ends at once with http.disconnect."""
    wire, app = STAGES[stage][1](trial)
    operation = app.begin_receive()
    app.turn()
    trial.expect(not operation.done(), "receive waits while the client is there and sends nothing")
    HOW[how][1](wire)
    if how == HALF:
        trial.settle()
        if not operation.done():
            trial.differs("a client that has half-closed is still served")
    event = operation.value()
    trial.expect(event["type"] == "http.disconnect", "http.disconnect", saw=event)


@matrix("ASGI-096", stages=(*BEGUN, "after_response"), ways=("close",))
def repeated(trial: Trial, stage: str, how: str) -> None:
    """When a client {leaves} {stage}, every further receive says http.disconnect again, at once."""
    app = left(trial, stage, how)
    departure(trial, app, stage, how)
    for _ in range(3):
        event = app.receive()
        trial.expect(event == DISCONNECT, "http.disconnect again", saw=event)


@matrix("ASGI-034", "ASGI-110", stages=(*BEGUN, "after_response"))
def late_send_does_no_harm(trial: Trial, stage: str, how: str) -> None:
    """When a client {leaves} {stage}, send either does nothing or raises an OSError, and nothing else."""
    app = left(trial, stage, how)
    departure(trial, app, stage, how)
    messages = [MORE, LAST] if stage in ("during_download", "after_response") else [START, MORE, LAST]
    for message in messages:
        raised = app.refused(message)
        trial.expect(raised is None or "OSError" in raised.kinds, "no error but an OSError", saw=raised)
        if raised is not None and app.version < (2, 4):
            trial.differs("it raises an OSError already with a version before 2.4")
        if raised is not None and stage == "after_response":
            trial.differs("what comes after a complete response raises once the client has left")


@matrix("ASGI-110", stages=BEGUN, since="2.4")
def late_send_raises(trial: Trial, stage: str, how: str) -> None:
    """When a client {leaves} {stage}, a server that claims version 2.4 lets send raise a kind of OSError."""
    app = left(trial, stage, how)
    departure(trial, app, stage, how)
    messages = [MORE] if stage == "during_download" else [START, MORE]
    raised = [raised for message in messages if (raised := app.refused(message)) is not None]
    expect_oserror(trial, app, raised[0] if raised else None)


@matrix("ASGI-015", stages=(*BEGUN, "after_response"))
def may_clean_up(trial: Trial, stage: str, how: str) -> None:
    """When a client {leaves} {stage}, the application is not cut off: it goes on until it returns."""
    app = left(trial, stage, how)
    trial.settle()
    app.turn()
    app.end()
    trial.expect(app.ended() == "returned", "the application returned by itself", saw=app.ended())


@case("ASGI-094")
def after_the_response(trial: Trial) -> None:
    """After its response receive says http.disconnect, though the client is still there."""
    _, app = _after_response(trial)
    event = app.receive()
    trial.expect(event == DISCONNECT, "exactly {'type': 'http.disconnect'}", saw=event)


@case("ASGI-096")
def after_the_response_repeated(trial: Trial) -> None:
    """After its response every further receive says http.disconnect again, at once."""
    _, app = _after_response(trial)
    for _ in range(3):
        event = app.receive()
        trial.expect(event == DISCONNECT, "http.disconnect again", saw=event)


@case("ASGI-094", "ASGI-097")
def receive_that_waits_ends_with_the_response(trial: Trial) -> None:
    """A receive that waits while the response is sent ends with http.disconnect when it is complete."""
    wire, app = _before_start(trial)
    operation = app.begin_receive()
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    wire.response()
    event = operation.value()
    trial.expect(event == DISCONNECT, "http.disconnect", saw=event)


@case("ASGI-088", "ASGI-008")
def no_disconnect_before_its_time(trial: Trial) -> None:
    """While the client waits for its response, receive waits after the body: there is no disconnect to tell."""
    wire, app = _before_start(trial)
    operation = app.begin_receive()
    trial.settle()
    trial.expect(not operation.done(), "receive waits", saw=operation.done() and operation.value())
    app.respond()
    trial.expect(wire.response().status == 200, "the response")


@case("ASGI-100")
def chunked_upload_cut_short(trial: Trial) -> None:
    """A chunked body whose client leaves before the last chunk ends in http.disconnect, not in more_body False."""
    wire = trial.connect()
    wire.send(CHUNKED + b"4\r\nbody\r\n")
    app = called_early(trial)
    wire.close()
    event = departure(trial, app, "during_upload", "close")
    trial.expect(event == DISCONNECT, "http.disconnect", saw=event)


@case("ASGI-110", since="2.4")
def who_only_sends_finds_out(trial: Trial) -> None:
    """An application that only sends learns from an OSError of send, within a megabyte or so, that its client left."""
    wire, app = _during_download(trial)
    wire.close()
    raised = None
    for _ in range(64):
        raised = app.refused({"type": "http.response.body", "body": Fill(1 << 16), "more_body": True})
        if raised is not None:
            break
    expect_oserror(trial, app, raised)


@case("ASGI-035", "ASGI-110")
def its_own_error_may_come_back(trial: Trial) -> None:
    """The application of a departed client may end with an OSError: the server serves on."""
    app = left(trial, "during_download", "close")
    departure(trial, app, "during_download", "close")
    app.refused(MORE)
    app.fail("OSError")
    trial.settle()
    wire, other = trial.request("/")
    other.respond()
    trial.expect(wire.response().status == 200, "the next request is answered")


@case("ASGI-036", "ASGI-035", since="2.4")
def error_of_send_is_not_logged(trial: Trial) -> None:
    """What send raised for a client that had left may end the application: no traceback of it is printed."""
    app = left(trial, "during_download", "close")
    departure(trial, app, "during_download", "close")
    raised = app.refused(MORE)
    if raised is None:
        trial.not_offered("send does not raise for a client that has left")
    app.fail("again")
    app.ended()
    trial.settle()
    printed = trial.printed()
    logged = (
        'File "' in printed and raised.type in printed
    )  # the end of a traceback is what is sure to be there
    trial.expect(not logged, f"no traceback of {raised.type} in what the server prints", saw=printed)


@case("ASGI-095", "ASGI-002")
def request_and_end_in_one_packet(trial: Trial) -> None:
    """A request whose client half-closes in the same moment is answered, or its application hears of the departure."""
    wire = trial.connect()
    wire.send(GET)
    wire.half_close()
    if trial.uncalled():
        trial.differs("the application is not called for a client that has left already")
    app = trial.conversation()
    event = departure(trial, app, "before_reading", HALF)
    trial.expect(event == DISCONNECT, "http.disconnect", saw=event)


@case("ASGI-090")
def left_in_the_head(trial: Trial) -> None:
    """When a client leaves in the middle of a request head, the application is not called."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.1\r\nhost: pro")
    wire.close()
    expect_uncalled(trial)


@case("ASGI-002", "ASGI-095")
def left_between_requests(trial: Trial) -> None:
    """A client that leaves an idle connection ends nothing but that connection."""
    wire, app = trial.request("/")
    app.respond()
    wire.response()
    wire.reset()
    trial.expect(trial.uncalled(), "the application is not called")
    wire, app = trial.request("/")
    app.respond()
    trial.expect(wire.response().status == 200, "the next connection is served")


@case("ASGI-097", "ASGI-095")
def left_with_two_requests(trial: Trial) -> None:
    """When a client leaves with a second request in the pipeline, the first application hears of it all the same."""
    wire = trial.connect()
    wire.send(b"GET /first HTTP/1.1\r\nhost: probe\r\n\r\nGET /second HTTP/1.1\r\nhost: probe\r\n\r\n")
    app = trial.conversation()
    app.receive()
    wire.reset()
    event = app.receive()
    trial.expect(event == DISCONNECT, "http.disconnect", saw=event)


@case("ASGI-095", "ASGI-014")
def others_are_not_told(trial: Trial) -> None:
    """A departure is told to the application of that connection, and to no other."""
    _, stays = _before_start(trial)
    pending = stays.begin_receive()
    app = left(trial, "before_start", "reset")
    departure(trial, app, "before_start", "reset")
    trial.settle()
    trial.expect(not pending.done(), "the other application's receive still waits")
