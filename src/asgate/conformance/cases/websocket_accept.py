"""What the application says to accept a handshake: headers, a subprotocol, and what it may not say."""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.trial import Trial
from asgate.conformance.values import Wrong
from asgate.conformance.websocket import Socket
from asgate.conformance.websocket_moves import ACCEPT, connected, opened, sending, still_open, switched
from asgate.spec.clauses import Level


@case("ASGI-148", "ASGI-147")
def headers_of_the_accept(trial: Trial) -> None:
    """Headers of the accept are in the answer, in their order, doubles kept."""
    wire, app = connected(trial)
    fields = [(b"set-cookie", b"a=1"), (b"x-one", b"1"), (b"set-cookie", b"b=2"), (b"x-two", b"")]
    app.send(ACCEPT | {"headers": fields})
    response = switched(trial, wire)
    names = ("set-cookie", "x-one", "x-two")
    saw = [(name.lower(), value) for name, value in response.headers if name.lower() in names]
    expected = [(name.decode(), value.decode()) for name, value in fields]
    trial.expect(saw == expected, f"{expected}", saw=saw)


@case("ASGI-147")
def keys_of_the_accept_may_be_missing_or_none(trial: Trial) -> None:
    """An accept needs no keys: subprotocol may be None, headers may be empty."""
    socket, app = opened(trial, accept={"subprotocol": None, "headers": []})
    still_open(trial, socket, app)


@case("ASGI-033")
def more_keys_in_the_accept(trial: Trial) -> None:
    """Keys that the text does not know are no reason to raise."""
    socket, app = opened(trial, accept={"x-of-another-world": 1})
    still_open(trial, socket, app)


@case("ASGI-147", rfc="RFC 6455 4.2.2")
def subprotocol_is_chosen(trial: Trial) -> None:
    """The subprotocol of the accept is in the answer, once."""
    wire, app = connected(trial, headers="sec-websocket-protocol: soap, wamp\r\n")
    app.send(ACCEPT | {"subprotocol": "wamp"})
    values = switched(trial, wire).values("sec-websocket-protocol")
    trial.expect(values == ["wamp"], "sec-websocket-protocol: wamp", saw=values)


@case("ASGI-147", rfc="RFC 6455 4.2.2")
def no_subprotocol_need_be_chosen(trial: Trial) -> None:
    """Without a subprotocol in the accept there is none in the answer, whatever the client offered."""
    wire, app = connected(trial, headers="sec-websocket-protocol: soap, wamp\r\n")
    app.send(ACCEPT)
    values = switched(trial, wire).values("sec-websocket-protocol")
    trial.expect(not values, "no sec-websocket-protocol", saw=values)


def _refused(name: str, title: str, *clauses: str, offer: str = "", **keys: Any) -> None:
    """A case: the accept with these keys raises, and nothing is sent for it. SHOULD is what the text says of errors."""

    def check(trial: Trial) -> None:
        wire, app = connected(trial, headers=offer)
        trial.expect_raised(app.refused(ACCEPT | keys), f"an accept with {keys}")
        trial.settle()
        trial.expect(wire.drained(), "nothing on the wire for it", saw=bytes(wire.received))

    check.__name__, check.__doc__ = name, title
    case(*clauses, level=Level.SHOULD)(check)


@case("ASGI-150", rfc="RFC 6455 4.2.2")
def subprotocol_that_was_not_offered(trial: Trial) -> None:
    """A subprotocol that the client did not offer raises: the client would fail the connection."""
    wire, app = connected(trial, headers="sec-websocket-protocol: soap\r\n")
    raised = app.refused(ACCEPT | {"subprotocol": "wamp"})
    trial.settle()
    if raised is None and not wire.drained():
        values = wire.response().values("sec-websocket-protocol")
        trial.expect(not values, "send raises, or no subprotocol is named", saw=values)
        trial.differs("it does not raise, and names no subprotocol")
    trial.expect_raised(raised, "an accept with a subprotocol that was not offered")
    trial.expect(wire.drained(), "nothing on the wire for it", saw=bytes(wire.received))


_refused("subprotocol_of_bytes", "A subprotocol that is no str raises.", "ASGI-032", subprotocol=b"soap")
_refused(
    "subprotocol_among_the_headers",
    "A header sec-websocket-protocol in the accept raises: there is a key for it.",
    "ASGI-149",
    offer="sec-websocket-protocol: soap\r\n",
    headers=[(b"sec-websocket-protocol", b"soap")],
)
_refused("pseudo_header", "A pseudo header in the accept raises.", "ASGI-149", headers=[(b":status", b"101")])
_refused("headers_of_text", "Headers of str in the accept raise.", "ASGI-032", headers=[("x-text", "1")])
_refused("header_of_a_bytearray", "A header of other types than bytes raises.", "ASGI-032",
         headers=[(b"x-array", Wrong("object"))])  # fmt: skip
_refused(
    "line_end_in_a_header",
    "A line end in a header of the accept raises: it would be another header.",
    "ASGI-116",
    headers=[(b"x-split", b"1\r\nx-more: 2")],
)


@case("ASGI-040")
def right_accept_after_a_wrong_one(trial: Trial) -> None:
    """An accept that raised has changed nothing: a right one follows it."""
    wire, app = connected(trial)
    if app.refused(ACCEPT | {"headers": [("x-text", "1")]}) is None:
        trial.not_offered("a wrong accept does not raise")
    app.send(ACCEPT)
    switched(trial, wire)
    still_open(trial, Socket(trial, wire), app)


# The order of messages.


def _out_of_order(name: str, title: str, message: dict[str, Any], *clauses: str) -> None:
    """A case: the message raises before the accept, which is still possible."""

    def check(trial: Trial) -> None:
        wire, app = connected(trial)
        trial.expect_raised(app.refused(message), f"{message.get('type')} before the accept")
        app.send(ACCEPT)
        switched(trial, wire)
        still_open(trial, Socket(trial, wire), app)

    check.__name__, check.__doc__ = name, title
    case(*clauses, "ASGI-040")(check)


_out_of_order("send_before_accept", "A message before the accept raises.", sending("early"), "ASGI-037")
_out_of_order(
    "unknown_message", "A message of an unknown type raises.", {"type": "websocket.unknown"}, "ASGI-030"
)
_out_of_order(
    "message_of_http",
    "http.response.start raises: it is a message of another protocol.",
    {"type": "http.response.start", "status": 200, "headers": []},
    "ASGI-038",
)
_out_of_order("message_without_type", "A message without a type raises.", {"code": 1000}, "ASGI-031")


@case("ASGI-037")
def accept_twice(trial: Trial) -> None:
    """A second accept raises, and costs nothing."""
    socket, app = opened(trial)
    trial.expect_raised(app.refused(ACCEPT), "a second accept")
    still_open(trial, socket, app)
