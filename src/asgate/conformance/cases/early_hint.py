"""http.response.early_hint: 103 responses before the final one.

The text once wanted hints after http.response.start and wants them before it since asgiref #579. A hint is tried
before; where that raises, after it, which differs.
"""

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Wire

NAME = "http.response.early_hint"
STYLE = b"</style.css>; rel=preload; as=style"
SCRIPT = b"</script.js>; rel=preload; as=script"


def advertised(trial: Trial, headers: str = "") -> tuple[Wire, Conversation]:
    """A request whose application may send early hints."""
    wire, app = trial.request("/", headers=headers)
    trial.offered(app, NAME)
    return wire, app


def hint(*links: object) -> dict[str, object]:
    """The message."""
    return {"type": NAME, "links": list(links)}


@case("ASGI-271", "ASGI-270", extension=NAME, rfc="RFC 8297 2")
def before_the_start(trial: Trial) -> None:
    """A hint before http.response.start leaves at once, as one 103 with its links."""
    wire, app = advertised(trial)
    if app.refused(hint(STYLE)) is not None:
        trial.differs("it wants hints after http.response.start, as the text did before asgiref #579")
    head = wire.head()
    trial.expect(head.status == 103, "a 103 before the response was started", saw=head.status)
    trial.expect(head.values("link") == [STYLE.decode()], "the link", saw=head.headers)
    app.respond()
    trial.expect(wire.response().body == b"ok", "the response")


@case("ASGI-270", extension=NAME, rfc="RFC 8297 2")
def several_hints(trial: Trial) -> None:
    """Each of several hints is a 103 of its own, in order."""
    wire, app = advertised(trial)
    if app.refused(hint(STYLE)) is not None:
        trial.differs("it wants hints after http.response.start, as the text did before asgiref #579")
    app.send(hint(SCRIPT))
    app.respond()
    response = wire.response()
    links = [informational.values("link") for informational in response.informational]
    trial.expect(links == [[STYLE.decode()], [SCRIPT.decode()]], "two 103 responses", saw=links)


@case("ASGI-270", extension=NAME, rfc="RFC 8297 2")
def several_links(trial: Trial) -> None:
    """All links of one hint are in one 103, in order."""
    wire, app = advertised(trial)
    if app.refused(hint(STYLE, SCRIPT)) is not None:
        trial.differs("it wants hints after http.response.start, as the text did before asgiref #579")
    head = wire.head()
    links = ", ".join(head.values("link"))
    trial.expect(links == f"{STYLE.decode()}, {SCRIPT.decode()}", "both links", saw=head.headers)
    app.respond()
    trial.expect(wire.response().body == b"ok", "the response")


@case("ASGI-271", extension=NAME)
def after_the_start(trial: Trial) -> None:
    """A hint after http.response.start is a 103 before the final head, or it raises; it is no part of the response."""
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"2")])
    raised = app.refused(hint(STYLE))
    app.body(b"ok")
    response = wire.response()
    trial.expect((response.status, response.body) == (200, b"ok"), "the response", saw=response)
    trial.expect(not response.values("link"), "no link in the final head", saw=response.headers)
    if raised is not None:
        trial.differs("it raises after http.response.start, as the text has it since asgiref #579")
    trial.expect(
        [part.status for part in response.informational] == [103], "one 103", saw=response.informational
    )


@case("ASGI-272", extension=NAME, rfc="RFC 9110 15.2")
def nothing_interim_for_http_1_0(trial: Trial) -> None:
    """A client of HTTP/1.0 is sent no 103."""
    wire = trial.connect()
    wire.send(b"GET / HTTP/1.0\r\nhost: probe\r\n\r\n")
    app = trial.conversation()
    app.refused(hint(STYLE))
    app.respond()
    response = wire.response()
    trial.expect(not response.informational, "no 103", saw=response.informational)
    trial.expect(response.body == b"ok", "the response", saw=response.body)


@case("ASGI-273", extension=NAME)
def after_the_head(trial: Trial) -> None:
    """A hint when the final head is on the wire raises, and the body stays whole."""
    wire, app = advertised(trial)
    app.start()
    app.body(b"begun,", more=True)
    wire.read_until(b"begun,\r\n")
    trial.expect_raised(app.refused(hint(STYLE)), "a hint after the head")
    app.body(b"ended")
    rest = wire.read_until(b"0\r\n\r\n")
    trial.expect(rest == b"5\r\nended\r\n0\r\n\r\n", "the rest of the body", saw=rest)


@case("ASGI-274", extension=NAME, rfc="RFC 9110 5.5")
def line_breaks(trial: Trial) -> None:
    """A link with a line break raises, and nothing of it is on the wire."""
    wire, app = advertised(trial)
    for link in (b"</a>\r\nx-evil: 1", b"</a>\nx-evil: 1", b"</a>\r\n\r\nHTTP/1.1 200 OK"):
        trial.expect_raised(app.refused(hint(link)), f"the link {link!r}")
    app.respond()
    response = wire.response()
    trial.expect(response.body == b"ok" and not response.informational, "the response alone", saw=response)
    trial.expect(b"evil" not in wire.received, "nothing of the link", saw=bytes(wire.received))


@case("ASGI-031", extension=NAME)
def no_links(trial: Trial) -> None:
    """A hint without its links raises out of send, and the response can still be sent."""
    wire, app = advertised(trial)
    trial.expect_raised(app.refused({"type": NAME}), "a hint without links")
    app.respond()
    trial.expect(wire.response().body == b"ok", "the response")


@case("ASGI-032", extension=NAME)
def links_of_text(trial: Trial) -> None:
    """Links that are str raise out of send: the text wants bytes."""
    wire, app = advertised(trial)
    trial.expect_raised(app.refused(hint("</style.css>; rel=preload")), "a link of str")
    app.respond()
    trial.expect(wire.response().body == b"ok", "the response")
