"""Applications that each break one clause, in a table. Whatever is not wrong on purpose is right."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    name: str
    clause: str
    app: Any
    websocket: bool = False
    methods: tuple[str, ...] = ("GET",)
    wish: dict[str, Any] = field(default_factory=dict)


FAULTS: list[Fault] = []


def fault(clause, **options):
    """Adds an HTTP application, which is given no other scopes."""

    def add(function):
        async def app(scope, receive, send):
            if scope["type"] != ("websocket" if options.get("websocket") else "http"):
                raise ValueError(scope["type"])
            await function(scope, receive, send)

        FAULTS.append(Fault(function.__name__, clause, app, **options))
        return function

    return add


def lifespan_fault(clause):
    """Adds a lifespan to an application that answers well."""

    def add(function):
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await function(receive, send)
            elif scope["type"] == "http":
                await answer(receive, send)
            else:
                raise ValueError(scope["type"])

        FAULTS.append(Fault(function.__name__, clause, app))
        return function

    return add


async def read(receive):
    body = b""
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        body += event.get("body", b"")
        if not event.get("more_body", False):
            return body


async def start(send, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def answer(receive, send, body=b"ok", **options):
    if await read(receive) is None:
        return
    await start(send, **options)
    await send({"type": "http.response.body", "body": body})


# Scope


@fault("ASGI-060")
async def needs_the_client(scope, receive, send):
    await answer(receive, send, scope["client"][0].encode())


@fault("ASGI-061")
async def needs_the_server(scope, receive, send):
    await answer(receive, send, scope["server"][0].encode())


@fault("ASGI-058")
async def needs_the_root_path(scope, receive, send):
    await answer(receive, send, scope["root_path"].encode())


@fault("ASGI-056")
async def needs_the_raw_path(scope, receive, send):
    await answer(receive, send, scope["raw_path"])


@fault("ASGI-062")
async def needs_the_state(scope, receive, send):
    await answer(receive, send, repr(scope["state"]).encode())


@fault("ASGI-063")
async def needs_the_extensions(scope, receive, send):
    await answer(receive, send, repr(scope["extensions"]).encode())


@fault("ASGI-051")
async def needs_the_spec_version(scope, receive, send):
    await answer(receive, send, scope["asgi"]["spec_version"].encode())


@fault("ASGI-007")
async def knows_new_spec_versions_only(scope, receive, send):
    if scope["asgi"].get("spec_version", "2.0") < "2.2":
        raise RuntimeError("too old")
    await answer(receive, send)


@fault("ASGI-052")
async def knows_http_1_only(scope, receive, send):
    major, minor = scope["http_version"].split(".")
    await answer(receive, send, f"{major}.{minor}".encode())


@fault("ASGI-024")
async def takes_known_keys_only(scope, receive, send):
    if any(name.startswith(("of_", "asgate.")) for name in scope):
        raise TypeError("unexpected keyword argument")
    await answer(receive, send)


@fault("ASGI-360")
async def changes_the_headers_in_place(scope, receive, send):
    scope["headers"].append((b"x-seen", b"yes"))
    await answer(receive, send)


# Events


@fault("ASGI-033")
async def takes_known_events_only(scope, receive, send):
    def read_event(type, body=b"", more_body=False):  # noqa: A002 (the key's name)
        return more_body

    while read_event(**await receive()):
        pass
    await start(send)
    await send({"type": "http.response.body"})


@fault("ASGI-087")
async def reads_the_first_piece_only(scope, receive, send):
    event = await receive()
    await start(send)
    await send({"type": "http.response.body", "body": event.get("body", b"")})


@fault("ASGI-088")
async def reads_until_the_disconnect(scope, receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass


@fault("ASGI-095")
async def takes_every_event_for_a_body(scope, receive, send):
    while (event := await receive())["more_body"]:
        pass
    await start(send)
    await send({"type": "http.response.body", "body": event["body"]})


@fault("ASGI-095")
async def ignores_the_disconnect(scope, receive, send):
    while True:
        event = await receive()
        if event["type"] == "http.request" and not event.get("more_body"):
            break
    await start(send)
    await send({"type": "http.response.body"})


@fault("ASGI-095")
async def sends_for_ever(scope, receive, send):
    await start(send)
    while True:
        try:
            await send({"type": "http.response.body", "body": b"tick", "more_body": True})
        except OSError:
            await asyncio.sleep(0)


@fault("ASGI-095")
async def waits_for_ever(scope, receive, send):
    await start(send)
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    await asyncio.Event().wait()


@fault("ASGI-003")
async def takes_no_cancellation(scope, receive, send):
    task = asyncio.ensure_future(receive())
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
    await start(send)
    await send({"type": "http.response.body"})


@fault("ASGI-003")
async def blocks_the_loop(scope, receive, send):
    if not BLOCKED or len(BLOCKED) < 3:
        BLOCKED.append(True)
        time.sleep(0.4)
    await answer(receive, send)


BLOCKED: list[bool] = []


# Messages


@fault("ASGI-018")
async def sends_nothing(scope, receive, send):
    await read(receive)


@fault("ASGI-105")
async def sends_a_start_alone(scope, receive, send):
    if await read(receive) is not None:
        await start(send)


@fault("ASGI-018")
async def leaves_the_body_open(scope, receive, send):
    if await read(receive) is not None:
        await start(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})


@fault("ASGI-037")
async def starts_twice(scope, receive, send):
    if await read(receive) is not None:
        await start(send)
        await start(send)
        await send({"type": "http.response.body"})


@fault("ASGI-037")
async def sends_the_body_first(scope, receive, send):
    if await read(receive) is not None:
        await send({"type": "http.response.body"})


@fault("ASGI-115")
async def sends_more_than_announced(scope, receive, send):
    await answer(receive, send, b"longer", headers=[(b"content-length", b"3")])


@fault("ASGI-115")
async def sends_less_than_announced(scope, receive, send):
    await answer(receive, send, b"short", headers=[(b"content-length", b"30")])


@fault("ASGI-101")
async def sends_headers_of_str(scope, receive, send):
    await answer(receive, send, headers=[("content-type", "text/plain")])


@fault("ASGI-101")
async def sends_a_status_of_str(scope, receive, send):
    await answer(receive, send, status="200")


@fault("ASGI-109")
async def sends_a_body_of_str(scope, receive, send):
    await answer(receive, send, "text")


@fault("SERVER-20")
async def sends_an_interim_status(scope, receive, send):
    await answer(receive, send, status=102)


@fault("ASGI-104")
async def sends_pseudo_headers(scope, receive, send):
    await answer(receive, send, headers=[(b":status", b"200")])


@fault("ASGI-104", wish={"strict": True})
async def sends_headers_with_capitals(scope, receive, send):
    await answer(receive, send, headers=[(b"Content-Type", b"text/plain")])


@fault("ASGI-116")
async def sends_line_breaks(scope, receive, send):
    await answer(receive, send, headers=[(b"location", b"/\r\nset-cookie: a=b")])


@fault("ASGI-114")
async def sends_a_body_with_204(scope, receive, send):
    await answer(receive, send, status=204)


@fault("ASGI-223")
async def sends_files_unasked(scope, receive, send):
    if await read(receive) is not None:
        await start(send)
        await send({"type": "http.response.pathsend", "path": __file__})


@fault("ASGI-030")
async def sends_an_unknown_type(scope, receive, send):
    if await read(receive) is not None:
        await send({"type": "http.response.begin", "status": 200})


@fault("ASGI-010")
async def sends_no_dict(scope, receive, send):
    if await read(receive) is not None:
        await send(b"HTTP/1.1 200 OK")


@fault("ASGI-025")
async def ends_the_program(scope, receive, send):
    raise SystemExit(1)


CURRENT: dict[str, Any] = {}


@fault("ASGI-073")
async def keeps_requests_in_a_global(scope, receive, send):
    CURRENT["send"] = send
    if await read(receive) is not None:
        await start(CURRENT["send"])
        await send({"type": "http.response.body"})


# Calls


def takes_two_arguments(environ, start_response):
    return [b"wsgi"]


def is_not_async(scope, receive, send):
    return None


FAULTS += [
    Fault("takes_two_arguments", "ASGI-001", takes_two_arguments),
    Fault("is_not_async", "ASGI-001", is_not_async),
]


# Lifespan


@lifespan_fault("ASGI-194")
async def answers_no_startup(receive, send):
    while True:
        await receive()


@lifespan_fault("ASGI-200")
async def answers_no_shutdown(receive, send):
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()


@lifespan_fault("ASGI-203")
async def says_started(receive, send):
    await receive()
    await send({"type": "lifespan.startup.done"})


@lifespan_fault("ASGI-038")
async def answers_the_lifespan_as_http(receive, send):
    await start(send)


# WebSockets


@fault("ASGI-037", websocket=True)
async def sends_before_the_accept(scope, receive, send):
    await receive()
    await send({"type": "websocket.send", "text": "hello"})


@fault("ASGI-165", websocket=True)
async def sends_text_and_bytes(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello", "bytes": b"hello"})


@fault("ASGI-175", websocket=True)
async def ignores_the_close(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        await receive()


@fault("ASGI-175", websocket=True)
async def takes_every_event_for_a_message(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        event = await receive()
        event["text"] if event.get("text") is not None else event["bytes"]


@fault("ASGI-150", websocket=True)
async def chooses_a_subprotocol_itself(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "chat"})


@fault("ASGI-153", websocket=True)
async def answers_no_handshake(scope, receive, send):
    await receive()


@fault("ASGI-160", websocket=True)
async def needs_both_keys(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        event["bytes"], event.get("text")


@fault("ASGI-139", websocket=True)
async def needs_the_websocket_client(scope, receive, send):
    await receive()
    await send({"type": "websocket.close", "reason": scope["client"][0]})


@fault("ASGI-186", websocket=True)
async def closes_with_a_reserved_code(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 1006})


@fault("ASGI-183", websocket=True)
async def sends_after_its_close(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})
    await send({"type": "websocket.send", "text": "late"})
