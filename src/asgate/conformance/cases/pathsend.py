"""http.response.pathsend: a file by its path as the whole body of a response."""

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Raised
from asgate.conformance.moves import GET, expect_oserror, in_step
from asgate.conformance.trial import Trial
from asgate.conformance.values import Fill
from asgate.conformance.wire import Malformed, Wire

NAME = "http.response.pathsend"
CONTENT = b"content of a file\n"
LENGTH = [(b"content-length", b"%d" % len(CONTENT))]


def advertised(trial: Trial, method: str = "GET", headers: str = "") -> tuple[Wire, Conversation]:
    """A request whose application may send a file by its path."""
    wire, app = trial.request("/", method=method, headers=headers)
    trial.offered(app, NAME)
    return wire, app


def pathsend(path: object) -> dict[str, object]:
    """The message."""
    return {"type": NAME, "path": path}


@case("ASGI-260", extension=NAME)
def whole_file(trial: Trial) -> None:
    """The bytes of the file are the body, and the connection goes on to the next request."""
    wire, app = advertised(trial)
    app.start(headers=LENGTH)
    app.send(pathsend(trial.file(CONTENT)))
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == CONTENT, "the bytes of the file", saw=response.body)
    in_step(trial, wire, response)


@case("ASGI-260", extension=NAME, seconds=5.0)
def big_file(trial: Trial) -> None:
    """A file of several megabytes arrives whole."""
    size = 8 << 20
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"%d" % size)])
    sending = app.begin_send(pathsend(trial.file(b"0123456789abcdef" * (size // 16))))
    response = wire.response()
    sending.value()
    trial.expect(response.body == b"0123456789abcdef" * (size // 16), f"{size} bytes", saw=len(response.body))


@case("ASGI-260", "ASGI-108", extension=NAME)
def without_a_length(trial: Trial) -> None:
    """Without a Content-Length of the application the file arrives whole and its end can be told."""
    wire, app = advertised(trial)
    app.start()
    app.send(pathsend(trial.file(CONTENT)))
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == CONTENT, "the bytes of the file", saw=response.body)


@case("ASGI-260", extension=NAME)
def empty_file(trial: Trial) -> None:
    """An empty file is an empty body."""
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"0")])
    app.send(pathsend(trial.file(b"")))
    app.end()
    response = wire.response()
    trial.expect(response.complete and not response.body, "an empty body", saw=response.body)


@case("ASGI-262", "ASGI-094", extension=NAME)
def completes_the_response(trial: Trial) -> None:
    """After the file the response is complete: receive says http.disconnect."""
    wire, app = advertised(trial)
    app.receive()
    app.start(headers=LENGTH)
    app.send(pathsend(trial.file(CONTENT)))
    wire.response()
    event = app.receive()
    trial.expect(event == {"type": "http.disconnect"}, "http.disconnect", saw=event)


@case("ASGI-263", extension=NAME)
def no_headers_of_its_own(trial: Trial) -> None:
    """The server guesses no Content-Type and leaves the application's own headers as they are."""
    wire, app = advertised(trial)
    app.start(headers=[*LENGTH, (b"x-file", b"yes")])
    app.send(pathsend(trial.file(CONTENT)))
    response = wire.response()
    trial.expect(not response.values("content-type"), "no Content-Type", saw=response.headers)
    lengths = response.values("content-length")
    trial.expect(lengths == [str(len(CONTENT))], "the Content-Length of the application", saw=lengths)
    trial.expect(response.values("x-file") == ["yes"], "the application's header", saw=response.headers)


@case("ASGI-265", "ASGI-114", extension=NAME, rfc="RFC 9110 9.3.2")
def head_request(trial: Trial) -> None:
    """The answer to a HEAD request keeps its Content-Length and has no body."""
    wire, app = advertised(trial, "HEAD")
    app.start(headers=LENGTH)
    app.send(pathsend(trial.file(CONTENT)))
    app.end()
    response = wire.response(head=True)
    lengths = response.values("content-length")
    trial.expect(lengths == [str(len(CONTENT))], "the Content-Length", saw=lengths)
    in_step(trial, wire, response)


def _without_content(trial: Trial, status: int) -> None:
    wire, app = advertised(trial)
    app.start(status)
    app.send(pathsend(trial.file(CONTENT)))
    app.end()
    response = wire.response()
    trial.expect(response.status == status, f"status {status}", saw=response)
    in_step(trial, wire, response)


@case("ASGI-265", "ASGI-114", extension=NAME, rfc="RFC 9110 15.3.5")
def status_204(trial: Trial) -> None:
    """A 204 has no body, also when a file is sent."""
    _without_content(trial, 204)


@case("ASGI-265", "ASGI-114", extension=NAME, rfc="RFC 9110 15.4.5")
def status_304(trial: Trial) -> None:
    """A 304 has no body, also when a file is sent."""
    _without_content(trial, 304)


def _answers_itself(trial: Trial, app: Conversation, wire: Wire, raised: Raised | None) -> None:
    """Ends the case when the server answers for the application with an error that the client can see, or cuts it."""
    if raised is None:
        app.end()
        try:
            response = wire.response()
        except Malformed:
            trial.differs("send does not raise: the server itself breaks the connection off")
        if response.status >= 400 or not response.complete:
            trial.differs(f"send does not raise: the server itself answers {response.status}")


@case("ASGI-264", "ASGI-040", extension=NAME)
def missing_file(trial: Trial) -> None:
    """A file that is not there raises an OSError out of send, and another body can be sent instead."""
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"65536")])
    raised = app.refused(pathsend(trial.file(CONTENT) + ".missing"))
    _answers_itself(trial, app, wire, raised)
    trial.expect(raised is not None and "OSError" in raised.kinds, "an OSError", saw=raised)
    app.body(Fill(1 << 16))
    response = wire.response()
    trial.expect(response.body == b"x" * (1 << 16), "the other body", saw=len(response.body))


@case("SERVER-29", "ASGI-264", extension=NAME)
def missing_file_then_404(trial: Trial) -> None:
    """After a file that is not there a 404 can be sent: the head of the response was not on the wire yet."""
    wire, app = advertised(trial)
    app.start(headers=LENGTH)
    raised = app.refused(pathsend(trial.file(CONTENT) + ".missing"))
    _answers_itself(trial, app, wire, raised)
    trial.expect(raised is not None and "OSError" in raised.kinds, "an OSError", saw=raised)
    start = {"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"7")]}
    if app.refused(start) is not None:
        trial.differs("a second http.response.start raises, as it does elsewhere: the first head stands")
    app.body(b"missing")
    response = wire.response()
    trial.expect((response.status, response.body) == (404, b"missing"), "the 404", saw=response)


@case("ASGI-264", "ASGI-019", extension=NAME)
def missing_file_that_nobody_catches(trial: Trial) -> None:
    """When an application ends with the OSError of a missing file, its client sees a failure, not a whole response."""
    wire, app = advertised(trial)
    app.start(headers=LENGTH)
    raised = app.refused(pathsend(trial.file(CONTENT) + ".missing"))
    _answers_itself(trial, app, wire, raised)
    app.fail("again")
    trial.expect_cut(wire)


@case("ASGI-264", extension=NAME)
def directory(trial: Trial) -> None:
    """A path that is no regular file raises out of send; nothing is sent for it."""
    wire, app = advertised(trial)
    app.start(headers=LENGTH)
    raised = app.refused(pathsend("/"))
    _answers_itself(trial, app, wire, raised)
    trial.expect_raised(raised, "a directory")
    app.body(b"x" * len(CONTENT))
    trial.expect(wire.response().body == b"x" * len(CONTENT), "another body")


@case("SERVER-30", "ASGI-261", extension=NAME)
def relative_path(trial: Trial) -> None:
    """A relative path raises out of send."""
    wire, app = advertised(trial)
    app.start()
    raised = app.refused(pathsend("file"))
    _answers_itself(trial, app, wire, raised)
    trial.expect_raised(raised, "a relative path")
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "another body")


@case("ASGI-261", "ASGI-032", extension=NAME)
def path_of_bytes(trial: Trial) -> None:
    """A path of bytes raises out of send: the text wants str."""
    wire, app = advertised(trial)
    app.start()
    trial.expect_raised(app.refused(pathsend(trial.file(CONTENT).encode())), "a path of bytes")
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "another body")


@case("ASGI-261", "ASGI-031", extension=NAME)
def no_path(trial: Trial) -> None:
    """A message without its path raises out of send."""
    wire, app = advertised(trial)
    app.start()
    trial.expect_raised(app.refused({"type": NAME}), "a message without a path")
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "another body")


@case("ASGI-037", "ASGI-260", extension=NAME)
def before_the_start(trial: Trial) -> None:
    """A file before http.response.start raises out of send."""
    wire, app = advertised(trial)
    trial.expect_raised(app.refused(pathsend(trial.file(CONTENT))), "pathsend before the start")
    app.respond()
    trial.expect(wire.response().body == b"ok", "another response")


@case("ASGI-260", extension=NAME)
def after_a_body(trial: Trial) -> None:
    """A file after a body message raises out of send: they are not to be mixed."""
    wire, app = advertised(trial)
    app.start()
    app.body(b"begun,", more=True)
    trial.expect_raised(app.refused(pathsend(trial.file(CONTENT))), "pathsend after a body")
    app.body(b"ended")
    trial.expect(wire.response().body == b"begun,ended", "the body without the file")


@case("ASGI-260", "ASGI-111", extension=NAME)
def only_once(trial: Trial) -> None:
    """After the file nothing more is sent, whatever the application tries."""
    wire, app = advertised(trial)
    path = trial.file(CONTENT)
    app.start(headers=LENGTH)
    app.send(pathsend(path))
    app.refused(pathsend(path))
    app.refused({"type": "http.response.body", "body": b"more"})
    app.end()
    response = wire.response()
    trial.expect(response.body == CONTENT, "the file, once", saw=response.body)
    in_step(trial, wire, response)


@case("ASGI-266", "ASGI-115", extension=NAME)
def longer_than_content_length(trial: Trial) -> None:
    """Of a file longer than the Content-Length no more is sent than was declared."""
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"7")])
    app.refused(pathsend(trial.file(CONTENT)))
    app.end()
    response = wire.response()
    trial.expect(CONTENT[:7].startswith(response.body), "no more than seven bytes of it", saw=response.body)
    if response.complete:  # else the connection has ended
        in_step(trial, wire, response)


@case("ASGI-266", "ASGI-019", extension=NAME)
def shorter_than_content_length(trial: Trial) -> None:
    """A file shorter than the Content-Length is a visibly cut response."""
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"100")])
    app.refused(pathsend(trial.file(CONTENT)))
    app.end()
    trial.expect_cut(wire)


def _left_while_sending(trial: Trial, path: str, *, stalled: bool) -> None:
    wire = trial.connect(buffer=4096)
    wire.send(GET)
    app = trial.conversation()
    trial.offered(app, NAME)
    app.start()
    sending = app.begin_send(pathsend(path))
    if stalled:
        trial.settle()
    else:
        wire.head()
    wire.reset()
    raised = sending.raised()
    expect_oserror(trial, app, raised)  # most of the file was never sent
    app.end()


@case("ASGI-267", "ASGI-110", extension=NAME, seconds=5.0, since="2.4")
def departure_of_a_stalled_client(trial: Trial) -> None:
    """When a client that does not read leaves, the send of a file ends: with an OSError from version 2.4 on."""
    _left_while_sending(trial, trial.file(b"x" * (24 << 20)), stalled=True)


@case("ASGI-267", "ASGI-110", extension=NAME, seconds=8.0, since="2.4")
def departure_while_it_is_sent(trial: Trial) -> None:
    """When a client leaves while a file is on its way, send ends: from version 2.4 on with an OSError, always."""
    path = trial.file(b"x" * (64 << 20))
    for _ in range(16):  # it depends on the moment
        _left_while_sending(trial, path, stalled=False)
