"""The scenarios of a WebSocket: handshake, a message of each kind, every end."""

from asgate.conformance.check.attempt import Attempt
from asgate.conformance.check.scenarios import (
    IGNORED,
    Play,
    Scenario,
    extended,
    lacking,
    unchanged,
    versions,
    with_none,
    without_spec_version,
)
from asgate.spec.clauses import Level

WORDS = '{"asgate": "check"}'


async def connect(attempt: Attempt) -> bool:
    """The handshake; whether the application took it."""
    attempt.put(type="websocket.connect")
    attempt.start()
    answer = await attempt.take()
    if answer is not None and answer["type"] == "websocket.accept":
        return True
    await attempt.read(20)  # the rest of a denial
    return False


async def talk(attempt: Attempt) -> None:
    """A text, and the client closes."""
    if await connect(attempt):
        attempt.put(type="websocket.receive", text=WORDS, bytes=None)
        await _listen(attempt)
        attempt.talk.leave(1000)
    await attempt.finish()


async def text_alone(attempt: Attempt) -> None:
    """The same without the key bytes."""
    if await connect(attempt):
        attempt.put(type="websocket.receive", text=WORDS)
        await _listen(attempt)
        attempt.talk.leave(1000)
    await attempt.finish()


async def data(attempt: Attempt) -> None:
    """Bytes, and an empty text."""
    if await connect(attempt):
        attempt.put(type="websocket.receive", bytes=WORDS.encode())
        await _listen(attempt)
        if attempt.talk.listens:
            attempt.put(type="websocket.receive", text="")
            await _listen(attempt)
        attempt.talk.leave(1001, "going away")
    await attempt.finish()


async def extra_in_event(attempt: Attempt) -> None:
    """Keys that nobody knows."""
    attempt.put(type="websocket.connect", of_tomorrow=1)
    attempt.start()
    answer = await attempt.take()
    if answer is not None and answer["type"] == "websocket.accept":
        attempt.put(type="websocket.receive", text=WORDS, bytes=None, of_tomorrow=1)
        await _listen(attempt)
    await attempt.finish()


async def leave_before_answer(attempt: Attempt) -> None:
    """The client is gone before the handshake is answered."""
    attempt.put(type="websocket.connect")
    attempt.talk.leave()
    attempt.start()
    await attempt.finish()


async def leave_when_open(attempt: Attempt) -> None:
    """The socket is lost while the application waits."""
    if await connect(attempt):
        await _listen(attempt)
    await attempt.finish()


async def cancelled(attempt: Attempt) -> None:
    """The server gives up on it."""
    if await connect(attempt):
        await attempt.waits()
    await attempt.stop()


async def _listen(attempt: Attempt) -> None:
    """Reads until the application waits for the client."""
    for _ in range(20):
        standing = await attempt.waits()
        while attempt.talk.waiting_messages():
            await attempt.take()
        if standing != "send":
            return


def _leaving(name: str, says: str, play: Play, version: str) -> Scenario:
    return Scenario(
        f"{name}, {version}",
        f"{says}; spec version {version}",
        play,
        unchanged,
        {"spec_version": version, "buffer": 0},
        "ASGI-175",
        "expect websocket.disconnect from every receive()",
        Level.SHOULD,
        departs=True,
    )


PLAIN = Scenario("plain", "a text, and a close", talk)
WEBSOCKET = (
    Scenario(
        "text alone", "websocket.receive has no key bytes", text_alone, clause="ASGI-160",
        advice='event.get("bytes"): the key of the other kind may be missing',
    ),
    Scenario("bytes", "bytes, and an empty text", data),
    Scenario(
        "extras in events", "the events have keys that nobody knows", extra_in_event, clause="ASGI-033",
        advice=IGNORED,
    ),
    extended(talk),
    lacking(talk, "client", "ASGI-139", "None"),
    lacking(talk, "server", "ASGI-139", "None"),
    lacking(talk, "root_path", "ASGI-137", "''"),
    lacking(talk, "raw_path", "ASGI-135", "None"),
    lacking(talk, "scheme", "ASGI-133", "'ws'", Level.MAY),
    lacking(talk, "http_version", "ASGI-132", "'1.1'", Level.MAY),
    lacking(talk, "query_string", "ASGI-136", "b''", Level.MAY),
    lacking(talk, "subprotocols", "ASGI-140", "[]", Level.MAY),
    lacking(talk, "extensions", "ASGI-063", "{}"),
    lacking(talk, "state", "ASGI-141", "{}"),
    Scenario(
        "client and server None", "client, server and raw_path are None", talk,
        with_none("client", "server", "raw_path"), clause="ASGI-139", advice="each of them may be None",
    ),
    Scenario(
        "without spec_version", "asgi has its version alone, which means 2.0", talk, without_spec_version,
        {"extensions": ()}, "ASGI-131", 'scope["asgi"].get("spec_version", "2.0")',
    ),
    *versions(talk),
    *(
        _leaving(*row, version)
        for row in (
            ("leave before answer", "the client is gone before the handshake is answered", leave_before_answer),
            ("leave when open", "the socket is lost while it is open", leave_when_open),
        )
        for version in ("2.3", "2.5")
    ),
    Scenario("cancelled", "the application's task is cancelled", cancelled, departs=True),
)  # fmt: skip
