"""http.response.zerocopysend: pieces of open files as pieces of the body."""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import in_step
from asgate.conformance.trial import Trial
from asgate.conformance.values import Wrong
from asgate.conformance.wire import Wire

NAME = "http.response.zerocopysend"
CONTENT = b"0123456789"
PIECE = 1 << 16  # bytes of a big file that are read before another look


def advertised(trial: Trial, method: str = "GET", headers: str = "") -> tuple[Wire, Conversation, str]:
    """A request whose application may send open files, and the path of a file that holds ten digits."""
    wire, app = trial.request("/", method=method, headers=headers)
    trial.offered(app, NAME)
    return wire, app, trial.file(CONTENT)


def opened(path: str, position: int | None = None, **more: Any) -> dict[str, Any]:
    """The message. The probe has one file object for a path; `position` is where it stands before."""
    at = {} if position is None else {"position": position}
    return {"type": NAME, "file": Wrong("file", {"path": path} | at)} | more


def _body(trial: Trial, expected: bytes, *messages: dict[str, Any], headers: Any = ()) -> None:
    wire, app = trial.request("/")
    trial.offered(app, NAME)
    app.start(headers=headers)
    for message in messages:
        app.send(message)
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == expected, f"the body {expected!r}", saw=response.body)


@case("ASGI-251", extension=NAME)
def whole_file(trial: Trial) -> None:
    """With neither offset nor count the whole file is sent, and the response is complete."""
    _body(trial, CONTENT, opened(trial.file(CONTENT)))


@case("ASGI-251", extension=NAME)
def offset(trial: Trial) -> None:
    """From an offset the file is sent up to its end."""
    _body(trial, b"3456789", opened(trial.file(CONTENT), offset=3))


@case("ASGI-251", extension=NAME)
def offset_and_count(trial: Trial) -> None:
    """With offset and count exactly those bytes are sent."""
    _body(trial, b"345", opened(trial.file(CONTENT), offset=3, count=3))


@case("ASGI-251", extension=NAME)
def count_from_the_start(trial: Trial) -> None:
    """With a count alone so many bytes are sent from where the file stands."""
    _body(trial, b"0123", opened(trial.file(CONTENT), count=4))


@case("ASGI-251", extension=NAME)
def offset_of_zero(trial: Trial) -> None:
    """An offset of 0 is an offset: the file is sent from its beginning, wherever it stands."""
    _body(trial, CONTENT, opened(trial.file(CONTENT), 5, offset=0))


@case("ASGI-251", "ASGI-254", extension=NAME)
def current_position(trial: Trial) -> None:
    """Without an offset the file is sent from its current position."""
    _body(trial, b"6789", opened(trial.file(CONTENT), 6))


@case("ASGI-254", extension=NAME)
def position_moves_without_offset(trial: Trial) -> None:
    """Without an offset the position of the file moves on, so that the next message sends what follows."""
    path = trial.file(CONTENT)
    _body(trial, CONTENT, opened(path, count=4, more_body=True), opened(path, count=6))


@case("ASGI-254", extension=NAME)
def position_stays_with_offset(trial: Trial) -> None:
    """With an offset the position of the file stays where it was."""
    wire, app, path = advertised(trial)
    app.start()
    app.send(opened(path, 2, offset=5, count=3))
    state = app.file(path)
    wire.response()
    trial.expect(state["position"] == 2, "position 2", saw=state)


@case("ASGI-250", extension=NAME)
def mixed_with_bodies(trial: Trial) -> None:
    """Files and bodies may alternate; they arrive in the order in which they were sent."""
    path = trial.file(CONTENT)
    _body(
        trial,
        b"<012-789>",
        {"type": "http.response.body", "body": b"<", "more_body": True},
        opened(path, offset=0, count=3, more_body=True),
        {"type": "http.response.body", "body": b"-", "more_body": True},
        opened(path, offset=7, more_body=True),
        {"type": "http.response.body", "body": b">"},
    )


@case("ASGI-250", "ASGI-251", extension=NAME)
def more_body(trial: Trial) -> None:
    """After a file with more_body the response goes on; without it the response is complete."""
    wire, app, path = advertised(trial)
    app.receive()
    pending = app.begin_receive()
    app.start()
    app.send(opened(path, more_body=True))
    trial.settle()
    trial.expect(not pending.done(), "the response is not complete")
    app.send(opened(path, offset=0))
    trial.expect(wire.response().body == CONTENT * 2, "the file twice")
    trial.expect(
        pending.value() == {"type": "http.disconnect"}, "the response is complete", saw=pending.value()
    )


@case("ASGI-252", extension=NAME)
def file_stays_open(trial: Trial) -> None:
    """The server does not close the file: it is the application's."""
    wire, app, path = advertised(trial)
    app.start()
    app.send(opened(path))
    wire.response()
    trial.settle()
    state = app.file(path)
    trial.expect(not state["closed"], "an open file", saw=state)


@case("ASGI-252", "ASGI-267", extension=NAME, seconds=5.0)
def file_may_be_closed_after_send(trial: Trial) -> None:
    """The application may close the file as soon as send has returned: everything arrives."""
    content = b"0123456789abcdef" * (1 << 19)
    wire, app = trial.request("/")
    trial.offered(app, NAME)
    path = trial.file(content)
    app.start(headers=[(b"content-length", b"%d" % len(content))])
    sending = app.begin_send(opened(path))
    response = wire.head()
    trial.expect(response.status == 200, "status 200", saw=response.status)
    body = b""
    while not sending.done() and (piece := wire.read_exactly(min(PIECE, len(content) - len(body)))):
        body += piece  # no more than it takes to let send return: the rest is read from a closed file
    sending.value()
    app.close_file(path)
    app.end()
    body += wire.read_exactly(len(content) - len(body))
    trial.expect(body == content, f"{len(content)} bytes", saw=len(body))
    trial.settle()
    in_step(trial, wire, response)


@case("ASGI-253", "ASGI-115", extension=NAME)
def content_length_is_kept(trial: Trial) -> None:
    """The Content-Length of the application is kept, and a file that fills it completes the response."""
    length = [(b"content-length", b"%d" % len(CONTENT))]
    _body(trial, CONTENT, opened(trial.file(CONTENT)), headers=length)


@case("ASGI-253", "ASGI-115", extension=NAME)
def longer_than_content_length(trial: Trial) -> None:
    """Of a file longer than the Content-Length no more is sent than was declared."""
    wire, app, path = advertised(trial)
    app.start(headers=[(b"content-length", b"4"), (b"connection", b"close")])
    app.refused(opened(path))
    app.end()
    body = wire.read_rest().partition(b"\r\n\r\n")[2]
    trial.expect(
        CONTENT[4:] not in body and CONTENT not in body, "no more than four bytes of the file", saw=body
    )


@case("ASGI-253", "ASGI-019", extension=NAME)
def shorter_than_content_length(trial: Trial) -> None:
    """A file shorter than the Content-Length, with nothing after it, is a visibly cut response."""
    wire, app, path = advertised(trial)
    app.start(headers=[(b"content-length", b"100")])
    app.refused(opened(path))
    app.end()
    trial.expect_cut(wire)


@case("ASGI-253", "ASGI-114", extension=NAME, rfc="RFC 9110 9.3.2")
def head_request(trial: Trial) -> None:
    """Nothing of a file is sent in the answer to a HEAD request."""
    wire, app, path = advertised(trial, "HEAD")
    app.start(headers=[(b"content-length", b"10")])
    app.send(opened(path))
    app.end()
    in_step(trial, wire, wire.response(head=True))


@case("ASGI-251", "ASGI-031", extension=NAME)
def no_file(trial: Trial) -> None:
    """A message without its file raises out of send, and the response can still be sent."""
    wire, app, _ = advertised(trial)
    app.start()
    trial.expect_raised(app.refused({"type": NAME}), "a message without a file")
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "another body")


@case("ASGI-251", "ASGI-032", extension=NAME)
def file_without_a_descriptor(trial: Trial) -> None:
    """An object that has no descriptor raises out of send, and the response can still be sent."""
    wire, app, _ = advertised(trial)
    app.start()
    trial.expect_raised(app.refused({"type": NAME, "file": Wrong("object")}), "an object that is no file")
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "another body")


@case("ASGI-251", "ASGI-032", extension=NAME)
def negative_offset(trial: Trial) -> None:
    """An offset below 0 raises out of send, and the response can still be sent."""
    wire, app, path = advertised(trial)
    app.start()
    trial.expect_raised(app.refused(opened(path, offset=-1)), "a negative offset")
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "another body")


@case("ASGI-250", "ASGI-037", extension=NAME)
def before_the_start(trial: Trial) -> None:
    """A file before http.response.start raises out of send."""
    wire, app, path = advertised(trial)
    trial.expect_raised(app.refused(opened(path)), "zerocopysend before the start")
    app.respond()
    trial.expect(wire.response().body == b"ok", "another response")
