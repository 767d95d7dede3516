"""http.response.trailers: fields after the body, for clients that said TE: trailers."""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import in_step
from asgate.conformance.trial import Trial
from asgate.conformance.wire import Wire

NAME = "http.response.trailers"
DIGEST = (b"x-digest", b"abc")


def advertised(trial: Trial) -> tuple[Wire, Conversation]:
    """A request that accepts trailers, and whose application may send them."""
    wire, app = trial.request("/", headers="te: trailers\r\nconnection: te\r\n")
    trial.offered(app, NAME)
    app.receive()
    return wire, app


def promised(trial: Trial) -> tuple[Wire, Conversation]:
    """A response whose whole body was sent, and that owes the trailers which it announced."""
    wire, app = advertised(trial)
    app.start(trailers=True)
    app.body(b"body")
    return wire, app


def expect_digest_alone(trial: Trial, wire: Wire, app: Conversation) -> None:
    """The application is done, and the digest is the one trailer of its response."""
    app.end()
    saw = wire.response().trailers
    trial.expect(saw == [("x-digest", "abc")], "the harmless trailer alone", saw=saw)


def trailers(*fields: Any, **more: Any) -> dict[str, Any]:
    """The message."""
    return {"type": NAME, "headers": list(fields)} | more


@case("ASGI-280", "ASGI-122", extension=NAME, rfc="RFC 9112 7.1.2")
def after_the_body(trial: Trial) -> None:
    """Announced trailers are sent after the last chunk of the body."""
    wire, app = advertised(trial)
    app.start(headers=[(b"trailer", b"x-digest")], trailers=True)
    app.body(b"body")
    app.send(trailers(DIGEST))
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == b"body", "the body", saw=response.body)
    trial.expect(response.trailers == [("x-digest", "abc")], "the trailer", saw=response.trailers)
    trial.expect(response.values("trailer") == ["x-digest"], "the Trailer header", saw=response.headers)


@case("ASGI-122", extension=NAME)
def the_response_waits_for_them(trial: Trial) -> None:
    """With trailers announced the response is not complete after the last body: receive still waits."""
    wire, app = advertised(trial)
    pending = app.begin_receive()
    app.start(trailers=True)
    app.body(b"body")
    wire.read_until(b"body\r\n")
    trial.settle()
    trial.expect(not pending.done(), "the response is not over", saw=pending.done())
    trial.expect(wire.drained(), "no last chunk yet")
    app.send(trailers(DIGEST))
    trial.expect(wire.read_until(b"\r\n\r\n") == b"0\r\nx-digest: abc\r\n\r\n", "the end, with the trailer")
    trial.expect(pending.value() == {"type": "http.disconnect"}, "the response is over", saw=pending.value())


@case("ASGI-281", extension=NAME)
def several_messages(trial: Trial) -> None:
    """Several messages with more_trailers make one block, in order."""
    wire, app = promised(trial)
    app.send(trailers(DIGEST, more_trailers=True))
    app.send(trailers((b"x-second", b"2"), (b"x-second", b"3")))
    app.end()
    saw = wire.response().trailers
    trial.expect(saw == [("x-digest", "abc"), ("x-second", "2"), ("x-second", "3")], "all of them", saw=saw)


@case("ASGI-281", extension=NAME)
def no_fields(trial: Trial) -> None:
    """Trailers without a field end the response as usual."""
    wire, app = promised(trial)
    app.send(trailers())
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == b"body", "the body", saw=response.body)
    trial.expect(not response.trailers, "no trailers", saw=response.trailers)


@case("ASGI-282", extension=NAME, rfc="RFC 9110 6.5.1")
def dropped_without_te(trial: Trial) -> None:
    """To a client that has not said TE: trailers none are sent; the messages are taken and dropped."""
    wire, app = advertised(trial)
    wire.close()
    wire, app = trial.request("/")
    app.start(trailers=True)
    app.body(b"body")
    raised = app.refused(trailers(DIGEST))
    app.end()
    response = wire.response()
    trial.expect(response.body == b"body" and not response.trailers, "the body alone", saw=response)
    if raised is not None:
        trial.expect(
            NAME not in (app.scope.get("extensions") or {}), "no error where it is advertised", saw=raised
        )
        trial.differs("it is not advertised without TE: trailers, and the message raises there")
    trial.expect(response.complete, "a complete response")


@case("ASGI-116", "ASGI-281", extension=NAME, rfc="RFC 9110 6.5.1")
def forbidden_fields(trial: Trial) -> None:
    """Fields that would change the framing are refused in trailers: they raise, or they are not sent."""
    wire, app = promised(trial)
    forbidden = trailers((b"content-length", b"7"), (b"transfer-encoding", b"chunked"), DIGEST)
    if app.refused(forbidden) is not None:
        app.send(trailers(DIGEST))
    expect_digest_alone(trial, wire, app)


@case("ASGI-040", "ASGI-281", extension=NAME)
def refused_with_more_to_come(trial: Trial) -> None:
    """A message with more_trailers that cannot be sent raises by itself, and leaves nothing behind."""
    wire, app = promised(trial)
    evil = trailers((b"x-a", b"1\r\nx-evil: 1"), more_trailers=True)
    trial.expect_raised(app.refused(evil), "a line break in the first of several messages")
    app.send(trailers(DIGEST))
    expect_digest_alone(trial, wire, app)


@case("ASGI-040", "ASGI-281", extension=NAME, rfc="RFC 9110 6.5.1")
def forbidden_with_more_to_come(trial: Trial) -> None:
    """A forbidden field in a message with more_trailers raises at once or is dropped; the next message is sent."""
    wire, app = promised(trial)
    app.refused(trailers((b"content-length", b"7"), more_trailers=True))
    raised = app.refused(trailers(DIGEST))
    trial.expect(raised is None, "no error for the message that is right", saw=raised)
    expect_digest_alone(trial, wire, app)


@case("ASGI-116", "ASGI-281", extension=NAME, rfc="RFC 9110 5.5")
def line_breaks(trial: Trial) -> None:
    """A trailer with a line break raises, and nothing of it is on the wire."""
    wire, app = promised(trial)
    for field in (
        (b"x-a", b"1\r\nx-evil: 1"),
        (b"x-a\r\nx-evil", b"1"),
        (b"x-a", b"1\r\n\r\nHTTP/1.1 200 OK"),
    ):
        trial.expect_raised(app.refused(trailers(field)), f"the trailer {field!r}")
    app.send(trailers(DIGEST))
    expect_digest_alone(trial, wire, app)


@case("ASGI-104", "ASGI-281", extension=NAME)
def pseudo_headers(trial: Trial) -> None:
    """A pseudo header among trailers raises, and right ones can still be sent."""
    wire, app = promised(trial)
    trial.expect_raised(app.refused(trailers((b":status", b"200"))), "a pseudo header")
    app.send(trailers(DIGEST))
    expect_digest_alone(trial, wire, app)


@case("ASGI-280", extension=NAME)
def unannounced(trial: Trial) -> None:
    """Trailers that http.response.start has not announced raise, or do nothing once the response is complete."""
    wire, app = advertised(trial)
    app.start()
    app.body(b"begun,", more=True)
    trial.expect_raised(app.refused(trailers(DIGEST)), "trailers that were not announced")
    app.body(b"ended")
    app.refused(trailers(DIGEST))
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == b"begun,ended", "the body", saw=response.body)
    trial.expect(not response.trailers, "no trailers", saw=response.trailers)


@case("ASGI-037", "ASGI-280", extension=NAME)
def before_the_last_body(trial: Trial) -> None:
    """Trailers before the last body raise, and the response goes on."""
    wire, app = advertised(trial)
    app.start(trailers=True)
    app.body(b"begun,", more=True)
    trial.expect_raised(app.refused(trailers(DIGEST)), "trailers before the last body")
    app.body(b"ended")
    app.send(trailers(DIGEST))
    app.end()
    response = wire.response()
    trial.expect(response.body == b"begun,ended", "the body", saw=response.body)
    trial.expect(response.trailers == [("x-digest", "abc")], "the trailer", saw=response.trailers)


@case("ASGI-284", extension=NAME, rfc="RFC 9112 7.1.2")
def with_a_content_length(trial: Trial) -> None:
    """With a Content-Length there is no place for trailers: they are dropped, and the framing stays sound."""
    wire, app = advertised(trial)
    app.start(headers=[(b"content-length", b"4")], trailers=True)
    app.body(b"body")
    app.send(trailers(DIGEST))
    app.end()
    response = wire.response()
    trial.expect(response.complete and response.body == b"body", "the body", saw=response.body)
    if response.framing == "chunked":
        trial.differs("it sends the body in chunks, without the Content-Length")
    in_step(trial, wire, response)


@case("ASGI-285", "ASGI-018", extension=NAME)
def announced_and_never_sent(trial: Trial) -> None:
    """An application that announces trailers and returns without them ends the response or the connection: no hang."""
    wire, app = promised(trial)
    app.end()
    response = wire.response()
    trial.expect(response.body == b"body", "the body, and an end", saw=response.body)
