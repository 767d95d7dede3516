"""How the application is called: how often, where it runs, and that its scope is nobody else's."""

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import expect_uncalled, kept, next_call
from asgate.conformance.trial import Trial

# How it is called.


@case("ASGI-002", "ASGI-001")
def called_once(trial: Trial) -> None:
    """One request calls the application exactly once."""
    wire, app = trial.request()
    app.read()
    app.respond()
    wire.response()
    trial.expect(trial.uncalled(), "no second call for one request")


@case("ASGI-002", "ASGI-073")
def called_once_per_request(trial: Trial) -> None:
    """Each request of a kept connection calls the application once, with a scope of its own."""
    wire = trial.connect()
    for path in ("/1", "/2", "/3"):
        wire.send(f"GET {path} HTTP/1.1\r\nhost: probe\r\n\r\n".encode())
        app = trial.conversation()
        trial.expect(app.path == path, f"a scope with path {path}", saw=app.path)
        app.respond(body=path.encode())
        response = wire.response()
        trial.expect(response.body == path.encode(), f"the answer to {path}")
        kept(trial, response)
    trial.expect(trial.uncalled(), "three calls for three requests")


@case("ASGI-003")
def runs_in_a_task(trial: Trial) -> None:
    """The application runs in an asyncio task: there is a running loop, and a current task on it."""
    _, app = trial.request()
    trial.expect(app.facts["task"], "asyncio.current_task() is a task", saw=app.facts["task"])
    app.respond()


@case("ASGI-003")
def one_loop_for_all(trial: Trial) -> None:
    """All requests of a process are served on one loop and one thread, at the same time too."""
    (first, one), (second, two) = trial.request("/1"), trial.request("/2")
    _expect_same_place(trial, one, two.facts)
    one.respond()
    two.respond()
    first.response(), second.response()


@case("ASGI-003")
def same_thread_after_waiting(trial: Trial) -> None:
    """After waiting in receive and send the application goes on in the same thread, loop and task."""
    wire, app = trial.request(method="POST", body=b"body")
    app.read()
    _expect_same_place(trial, app, app.watch())
    app.start()
    app.body(b"first", more=True)
    _expect_same_place(trial, app, app.watch())
    app.body()
    app.end()
    wire.response()


@case("ASGI-003")
def runs_on_the_main_thread(trial: Trial) -> None:
    """The application runs on the main thread of its process."""
    _, app = trial.request()
    app.respond()
    if not app.facts["main_thread"]:
        trial.differs("the loop runs on another thread than the main one; the application stays on it")


@case("ASGI-002", "ASGI-090")
def not_called_for_a_connection(trial: Trial) -> None:
    """A connection on which nothing is sent does not call the application."""
    trial.connect()
    expect_uncalled(trial)


@case("ASGI-015")
def goes_on_after_the_response(trial: Trial) -> None:
    """An application that has responded may go on, and is not cancelled when the client leaves."""
    wire, app = trial.request()
    app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    trial.expect(wire.response().body == b"ok", "the whole response while the application goes on")
    wire.close()
    trial.settle()
    app.turn()
    trial.expect(app.open, "the application is still running", saw="it was ended")
    app.end()
    trial.expect(app.ended() == "returned", "it ends by returning", saw=app.ended())


def _expect_same_place(trial: Trial, app: Conversation, facts: dict[str, object]) -> None:
    for name in ("loop", "thread"):
        same = facts[name] == app.facts[name]
        trial.expect(same, f"the same {name}", saw=f"{facts[name]} and {app.facts[name]}")


# A scope belongs to one request.


def _fresh(name: str, *path: str, value: object, title: str) -> None:
    def check(trial: Trial) -> None:
        wire, app = trial.request("/first")
        holder = app.scope
        for key in path[:-1]:
            if not isinstance(holder, dict) or key not in holder:
                trial.not_offered(f"the scope has no {' / '.join(path[:-1])}")
            holder = holder[key]
        if not isinstance(holder, list | dict):
            app.respond()
            return  # it cannot be changed at all
        beside, other = trial.request("/beside")
        app.mutate(*path, value=value)
        trial.expect(_lacks(other.look(), path, value), "no trace of it in a request at the same time")
        app.respond()
        _, later = next_call(trial, wire, wire.response())
        trial.expect(_lacks(later.scope, path, value), "no trace of it in the next request")
        other.respond()
        later.respond()
        beside.response()

    check.__name__, check.__doc__ = name, title
    case("ASGI-014")(check)


def _lacks(scope: object, path: tuple[str, ...], value: object) -> bool:
    holder = scope
    for key in path[:-1]:
        holder = holder[key] if isinstance(holder, dict) and key in holder else {}
    return (value not in holder) if isinstance(holder, list) else path[-1] not in dict(holder)  # type: ignore[call-overload]


_fresh("fresh_scope", "leak", value=1, title="A key added to one scope is not seen in any other.")
_fresh("fresh_asgi", "asgi", "leak", value="1", title="A key added to scope['asgi'] is not seen by others.")
_fresh(
    "fresh_headers",
    "headers",
    "",
    value=(b"x-leak", b"1"),
    title="A header added to scope['headers'] is not seen by other requests, also on one connection.",
)
_fresh(
    "fresh_extensions",
    "extensions",
    "leak",
    value={},
    title="A key added to scope['extensions'] is not seen by other requests.",
)
_fresh("fresh_state", "state", "leak", value=1, title="A key added to scope['state'] is not seen by others.")


@case("ASGI-014")
def fresh_extension_entries(trial: Trial) -> None:
    """A key added to the entry of one extension is not seen by other requests."""
    wire, app = trial.request()
    names = sorted(app.scope.get("extensions") or {})
    if not names:
        trial.not_offered("no extension is advertised")
    app.mutate("extensions", names[0], "leak", value=1)
    app.respond()
    _, later = next_call(trial, wire, wire.response())
    entry = later.scope["extensions"].get(names[0])
    trial.expect("leak" not in entry, f"a fresh entry for {names[0]}", saw=entry)
    later.respond()
