"""What `send` must refuse: unknown, incomplete, wrongly typed and misplaced messages. An error that is not raised is
a lie to the application, and one that has changed something leaves no way to an error page.

Most cases send one message and expect an exception and a server that lives on; that a right response can follow
is a clause of its own (ASGI-040) and has cases of its own at the end.
"""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.trial import Trial
from asgate.conformance.values import Wrong

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b"body"}


def without(message: dict[str, Any], key: str) -> dict[str, Any]:
    """The message less a key."""
    return {name: value for name, value in message.items() if name != key}


def _refused(name: str, message: Any, title: str, *clauses: str) -> None:
    """A case whose message comes in the place of the start."""

    def check(trial: Trial) -> None:
        _, app = trial.request()
        raised = app.refused(message)
        if raised is None and isinstance(message, dict) and message.get("type") == START["type"]:
            raised = app.refused(BODY)  # a server may look at the start when it writes it
        trial.expect_raised(raised, title)

    check.__name__, check.__doc__ = name, f"send raises for {title}."
    case(*clauses)(check)


def _refused_body(name: str, message: dict[str, Any], title: str, *clauses: str) -> None:
    """A case whose message comes after the start."""

    def check(trial: Trial) -> None:
        _, app = trial.request()
        app.start()
        trial.expect_raised(app.refused(message), title)

    check.__name__, check.__doc__ = name, f"send raises for {title}."
    case(*clauses)(check)


# Types of messages.

_refused("unknown_type", {"type": "http.response.nothing"}, "a message of unknown type", "ASGI-030")
_refused("wrong_case_of_type", START | {"type": "HTTP.Response.Start"}, "a type in other case", "ASGI-030")
_refused("empty_type", {"type": ""}, "an empty type", "ASGI-030")
_refused("request_as_message", {"type": "http.request", "body": b""}, "an event of receive", "ASGI-030")
_refused("type_missing", without(START, "type"), "a message without type", "ASGI-031", "ASGI-041")
_refused("empty_message", {}, "an empty message", "ASGI-031", "ASGI-041")
TYPES: dict[str, Any] = {"none": None, "int": 1, "bytes": b"http.response.start", "list": []}
for _name, _value in TYPES.items():
    _refused(f"type_that_is_{_name}", START | {"type": _value}, f"a type that is {_name}", "ASGI-032")
MESSAGES: dict[str, Any] = {
    "none": None,
    "str": "http.response.start",
    "int": 1,
    "list": [["type", "http.response.start"], ["status", 200]],
    "bytes": b"http.response.start",
    "object": Wrong("object"),
}
for _name, _value in MESSAGES.items():
    _refused(f"message_that_is_{_name}", _value, f"a message that is {_name} and no dict", "ASGI-041")
for _foreign in ("websocket.accept", "websocket.send", "websocket.close", "lifespan.startup.complete"):
    _refused(
        _foreign.replace(".", "_"), {"type": _foreign}, f"{_foreign} in an http conversation", "ASGI-038"
    )


# The start.

_refused("status_missing", without(START, "status"), "a start without status", "ASGI-031")
STATUSES: dict[str, Any] = {
    "str": "200",
    "none": None,
    "float": 200.0,
    "bytes": b"200",
    "list": [200],
}
for _name, _value in STATUSES.items():
    _refused(f"status_that_is_{_name}", START | {"status": _value}, f"a status that is {_name}", "ASGI-032")
for _number in (0, -1, 99, 1000, 1 << 16, 1 << 64):
    _refused(
        f"status_of_{_number}".replace("-", "minus_"),
        START | {"status": _number},
        f"status {_number}, which no HTTP response can have",
        "SERVER-20",
    )
HEADERS: dict[str, Any] = {"none": None, "int": 1, "object": Wrong("object")}
for _name, _value in HEADERS.items():
    _refused(f"headers_that_are_{_name}", START | {"headers": _value}, f"headers of {_name}", "ASGI-032")
PAIRS: dict[str, Any] = {
    "none": None,
    "int": 1,
    "one_item": (b"x-a",),
    "three_items": (b"x-a", b"1", b"2"),
    "str_name": ("x-a", b"1"),
    "str_value": (b"x-a", "1"),
    "none_value": (b"x-a", None),
    "int_value": (b"x-a", 1),
    "list_value": (b"x-a", [b"1"]),
}
for _name, _value in PAIRS.items():
    _words = f"a header that is {_name.replace('_', ' ')}"
    if _name.endswith(("name", "value")):
        _words = f"a header with {_name.replace('_', ' ')}"
    _refused(f"header_{_name}", START | {"headers": [_value]}, _words, "ASGI-032", "ASGI-101")


# The body.

BODIES: dict[str, Any] = {
    "str": "body",
    "none": None,
    "int": 4,
    "list": [b"body"],
    "dict": {},
    "object": Wrong("object"),
}
for _name, _value in BODIES.items():
    _refused_body(f"body_that_is_{_name}", BODY | {"body": _value}, f"a body that is {_name}", "ASGI-032")
FLAGS: dict[str, Any] = {"str": "yes", "none": None, "int": 1, "list": []}
for _name, _value in FLAGS.items():
    _refused_body(
        f"more_body_that_is_{_name}",
        BODY | {"body": b"", "more_body": _value},
        f"more_body that is {_name}",
        "ASGI-032",
    )


# Order.

_refused("body_before_the_start", BODY, "a body before the start", "ASGI-037")
_refused_body("second_start", START, "a second start", "ASGI-037")
_refused_body(
    "unknown_after_the_start", {"type": "http.nothing"}, "an unknown type in a response", "ASGI-030"
)
_refused_body("no_type_after_the_start", {"body": b"ok"}, "no type in a response", "ASGI-031", "ASGI-041")


# What must not raise.


@case("ASGI-033")
def extra_keys(trial: Trial) -> None:
    """Keys that the text does not have are taken without an error, in the start and in the body."""
    wire, app = trial.request()
    app.start(headers=[(b"content-length", b"2")], extra=1, reason="fine")
    app.send({"type": "http.response.body", "body": b"ok", "extra": None, "final": [1]})
    app.end()
    response = wire.response()
    trial.expect(response.status == 200 and response.body == b"ok", "the response", saw=response)


# What becomes of the exception.


def _out_again(name: str, first: list[dict[str, Any]], message: dict[str, Any], title: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        for one in first:
            app.send(one)
        if app.refused(message) is None:
            trial.not_offered("send does not raise")
        app.fail("again")
        trial.expect_cut(wire)
        after, later = trial.request()
        later.respond()
        trial.expect(after.response().status == 200, "status 200 for the next client")

    check.__name__, check.__doc__ = name, title
    case("ASGI-035", "ASGI-017")(check)


_out_again(
    "exception_of_send_before_the_start",
    [],
    {"type": "http.nothing"},
    "What send raised before the start may come back out of the application: a 5xx, and no harm.",
)
_out_again(
    "exception_of_send_in_a_body",
    [START, BODY | {"more_body": True}],
    {"type": "http.nothing"},
    "What send raised in a body may come back out of the application: a cut response, and no harm.",
)


# After an error.


def _recovers(name: str, message: Any, title: str, *clauses: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        if app.refused(message) is None:
            trial.not_offered("send does not raise at once for it")
        app.respond(500, b"error page")
        response = wire.response()
        right = response.status == 500 and response.body == b"error page"
        trial.expect(right, "the 500 with its body", saw=response)

    check.__name__ = f"error_page_after_{name}"
    check.__doc__ = f"After {title} that raised, a right 500 can still be sent: nothing has changed."
    case("ASGI-040", *clauses)(check)


_recovers("unknown_type", {"type": "http.nothing"}, "a message of unknown type")
_recovers("no_dict", None, "something that is no message", "ASGI-041")
_recovers("other_protocol", {"type": "websocket.accept"}, "a message of another protocol", "ASGI-038")
_recovers("early_body", BODY, "a body before the start", "ASGI-037")
_recovers("status_missing", without(START, "status"), "a start without status")
_recovers("str_status", START | {"status": "200"}, "a start with a wrong status")
_recovers("str_header", START | {"headers": [("x-a", "1")]}, "a start with a header of str")
_recovers("bad_header", START | {"headers": [(b"x-a", b"1\r\nx-b: 2")]}, "a start with a header of two lines")


def _goes_on(name: str, message: dict[str, Any], title: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request()
        app.start(headers=[(b"content-length", b"2")])
        if app.refused(message) is None:
            trial.not_offered("send does not raise for it")
        app.body(b"ok")
        app.end()
        response = wire.response()
        trial.expect(response.status == 200 and response.body == b"ok", "the right body", saw=response)

    check.__name__, check.__doc__ = name, f"After {title} that raised, the right body completes the response."
    case("ASGI-040", "ASGI-037")(check)


_goes_on("body_after_a_str_body", BODY | {"body": "ok"}, "a body of str")
_goes_on("body_after_a_second_start", START, "a second start")
_goes_on("body_after_an_unknown_type", {"type": "http.nothing"}, "an unknown type")


@case("ASGI-040", "ASGI-037")
def ten_errors_and_a_response(trial: Trial) -> None:
    """Ten messages that raise, one after the other, leave room for a right response."""
    wire, app = trial.request()
    for _ in range(5):
        trial.expect_raised(app.refused(BODY), "a body before the start")
        trial.expect_raised(app.refused({"type": "http.nothing"}), "an unknown type")
    app.respond()
    trial.expect(wire.response().status == 200, "status 200")
