"""The scenarios of a request, as a table: how the scope differs, what is said, and which clause is broken when the
application fails here and not in the plain one.

A scenario has no opinion about answers: 404 is as good as 200. `websockets.py` has those of WebSockets.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgate.conformance.check.attempt import Attempt
from asgate.spec.clauses import Level
from asgate.spec.types import Scope
from asgate.testing.options import HTTP_EXTENSIONS

Play = Callable[[Attempt], Awaitable[None]]
Shape = Callable[[Scope], None]

BODY = b"name=asgate&colour=green"  # where a subject has none of its own
PROGRAMMING = (AttributeError, LookupError, TypeError, NameError)


def unchanged(scope: Scope) -> None:
    """The scope as it is."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to treat an application."""

    name: str
    says: str  # what is done, for reports
    play: Play
    shape: Shape = unchanged
    served: Mapping[str, Any] = field(default_factory=dict)
    clause: str = ""  # broken when the application fails here alone; "" when nothing follows from it
    advice: str = ""
    level: Level | None = None
    departs: bool = False  # the client leaves early: only programming errors count as failures
    body: str = ""  # requests with the same word have the same body, and are compared


async def plain(attempt: Attempt) -> None:
    """A request with its body, if it has one, in one piece; read to its end."""
    attempt.piece(attempt.content)
    attempt.start()
    await attempt.read()
    await attempt.finish()


async def pieces(attempt: Attempt) -> None:
    """A body in several pieces, all there at once."""
    for piece in _pieces(attempt):
        attempt.piece(piece, more=True)
    attempt.piece(b"")
    attempt.start()
    await attempt.read()
    await attempt.finish()


async def slow_body(attempt: Attempt) -> None:
    """Each piece comes when the application waits for it."""
    attempt.start()
    for piece in _pieces(attempt):
        if await attempt.waits() != "receive":
            break
        attempt.piece(piece, more=True)
    attempt.piece(b"")
    await attempt.read()
    await attempt.finish()


def _pieces(attempt: Attempt) -> tuple[bytes, ...]:
    content = attempt.content
    return content[:1], content[1:7], b"", content[7:]


async def bare_event(attempt: Attempt) -> None:
    """An event with its type alone."""
    attempt.put(type="http.request")
    attempt.given_all = True
    attempt.start()
    await attempt.read()
    await attempt.finish()


async def extra_in_event(attempt: Attempt) -> None:
    """An event with keys that nobody knows."""
    attempt.piece(attempt.content, of_tomorrow=[b"x"])
    attempt.start()
    await attempt.read()
    await attempt.finish()


async def slow_client(attempt: Attempt) -> None:
    """Each message is read when the application waits for its client."""
    attempt.piece(attempt.content)
    attempt.start()
    for _ in range(min(20, attempt.bounds.most)):
        if await attempt.waits() == "ended" or attempt.talk.rules.complete or attempt.endless:
            break
        if await attempt.take() is None:
            break
    await attempt.read()
    await attempt.finish()


async def leave_at_once(attempt: Attempt) -> None:
    """The client is gone before the application is called."""
    attempt.talk.leave()
    attempt.start()
    await attempt.finish()


async def leave_before_body(attempt: Attempt) -> None:
    """The client leaves while the application waits for the first event."""
    attempt.start()
    await attempt.waits()
    await attempt.finish()


async def leave_in_body(attempt: Attempt) -> None:
    """The client leaves in the middle of its body."""
    attempt.piece(_pieces(attempt)[0], more=True)
    attempt.start()
    await attempt.waits()
    await attempt.finish()


async def leave_in_response(attempt: Attempt) -> None:
    """The client leaves when the response has begun."""
    attempt.piece(attempt.content)
    attempt.start()
    for _ in range(2):
        if not attempt.talk.rules.complete:
            await attempt.take()
    await attempt.finish()


async def half_close(attempt: Attempt) -> None:
    """The client says nothing more and still reads."""
    attempt.piece(attempt.content)
    attempt.start()
    await attempt.waits()
    attempt.talk.half_close()
    await attempt.read(20)
    await attempt.finish()


async def cancelled(attempt: Attempt) -> None:
    """The server gives up on a request whose body does not come."""
    attempt.start()
    await attempt.waits()
    await attempt.stop()


def without(*names: str) -> Shape:
    """The scope lacks optional keys."""

    def shape(scope: Scope) -> None:
        for name in names:
            scope.pop(name, None)

    return shape


def with_none(*names: str) -> Shape:
    """Keys are there and None."""

    def shape(scope: Scope) -> None:
        scope.update(dict.fromkeys(names))

    return shape


def without_spec_version(scope: Scope) -> None:
    """asgi says its version alone."""
    scope["asgi"] = {"version": "3.0"}


def with_extras(scope: Scope) -> None:
    """Keys that nobody knows, at every level."""
    scope["asgate.extra"] = object()
    scope["of_tomorrow"] = {"a": 1}
    scope["asgi"]["of_tomorrow"] = "1.0"
    scope["extensions"]["asgate.of.tomorrow"] = {}


def lacking(play: Play, name: str, clause: str, default: str, level: Level | None = None) -> Scenario:
    """Of an optional key that is not in the scope."""
    advice = f"{name} is optional: scope.get({name!r}) or {default}"
    if level is Level.MAY:
        advice += "; the known servers all give it"
    return Scenario(
        f"without {name}", f"the scope has no {name}", play, without(name), clause=clause, advice=advice,
        level=level,
    )  # fmt: skip


def versions(play: Play) -> Iterator[Scenario]:
    """Of every spec version, with nothing that is newer."""
    for version in (f"2.{minor}" for minor in range(6)):
        yield _spec(play, version)


def _spec(play: Play, version: str) -> Scenario:
    return Scenario(
        f"spec version {version}",
        f"the server has spec version {version} and no extensions",
        play,
        served={"spec_version": version, "extensions": ()},
        clause="ASGI-007",
        advice=f"do without what is newer than {version}, or without the extension",
    )


def extended(play: Play) -> Scenario:
    """The scope holds more than the text names (ASGI-024)."""
    return Scenario(
        "extras in scope",
        "the scope has keys that nobody knows",
        play,
        with_extras,
        clause="ASGI-024",
        advice=IGNORED,
        level=Level.SHOULD,
    )


def _leaving(name: str, says: str, play: Play, version: str, clause: str = "ASGI-095") -> Scenario:
    return Scenario(
        f"{name}, {version}",
        f"{says}; spec version {version}",
        play,
        served={"spec_version": version, "buffer": 0},
        clause=clause,
        advice="expect http.disconnect from every receive()",
        level=Level.SHOULD,
        departs=True,
        body="cut",
    )


PLAIN = Scenario("plain", "the request as it is asked for; at its end the client leaves", plain)
IGNORED = "read the keys that you know, ignore the others"
MATCHED = "the whole body counts: read until more_body is missing or False, and join the pieces"
LEAVING = (
    ("leave at once", "the client is gone before the application is called", leave_at_once),
    ("leave before body", "the client leaves before its body", leave_before_body),
    ("leave in body", "the client leaves in the middle of its body", leave_in_body),
    ("leave in response", "the client leaves when the response has begun", leave_in_response),
)
REQUEST = (
    Scenario(
        "plain again", "it is the same request once more", plain, clause="ASGI-073",
        advice="keep what belongs to a request with the request",
    ),
    Scenario("body whole", "a body in one piece", plain, body="known"),
    Scenario("body whole again", "the same body once more", plain, body="known"),
    Scenario(
        "body in pieces", "the body comes in several pieces", pieces, clause="ASGI-087", advice=MATCHED,
        body="known",
    ),
    Scenario(
        "body slowly", "each piece of the body comes late", slow_body, clause="ASGI-087", advice=MATCHED,
        body="known",
    ),
    Scenario(
        "bare event", "the event has neither body nor more_body", bare_event, clause="ASGI-086",
        advice='event.get("body", b""), event.get("more_body", False)', level=Level.MAY,
    ),
    Scenario(
        "extras in event", "the event has keys that nobody knows", extra_in_event, clause="ASGI-033",
        advice=IGNORED,
    ),
    extended(plain),
    lacking(plain, "client", "ASGI-060", "None"),
    lacking(plain, "server", "ASGI-061", "None"),
    lacking(plain, "root_path", "ASGI-058", "''"),
    lacking(plain, "raw_path", "ASGI-056", "None"),
    lacking(plain, "scheme", "ASGI-054", "'http'", Level.MAY),
    lacking(plain, "extensions", "ASGI-063", "{}"),
    lacking(plain, "state", "ASGI-062", "{}"),
    Scenario(
        "client and server None", "client, server and raw_path are None", plain,
        with_none("client", "server", "raw_path"), clause="ASGI-060", advice="each of them may be None",
    ),
    Scenario(
        "without spec_version", "asgi has its version alone, which means 2.0", plain, without_spec_version,
        {"extensions": ()}, "ASGI-051", 'scope["asgi"].get("spec_version", "2.0")',
    ),
    *versions(plain),
    *(
        Scenario(
            f"HTTP/{version}", f"http_version is {version}", plain, served={"http_version": version},
            clause="ASGI-052", advice="http_version is '1.0', '1.1', '2' or '3'",
        )
        for version in ("1.0", "2", "3")
    ),
    Scenario(
        "all extensions", "every extension of HTTP is offered", plain,
        served={"extensions": HTTP_EXTENSIONS}, clause="ASGI-063", advice="take the extensions that you know",
    ),
    Scenario("slow client", "each message is read late", slow_client, served={"buffer": 0}),
    Scenario(
        "half-close", "the client says nothing more and still reads", half_close, clause="ASGI-095",
        advice="expect http.disconnect from every receive()", level=Level.SHOULD, departs=True,
    ),
    *(_leaving(*row, version) for row in LEAVING for version in ("2.3", "2.5")),
    Scenario(
        "cancelled", "the application's task is cancelled while the body is awaited", cancelled, departs=True,
        body="cut",
    ),
)  # fmt: skip
