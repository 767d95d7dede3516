"""Lifespan: startup before the first connection, applications without it, failures, and shutdown after the last
connection.

Every case starts a server of its own whose application's lifespan it steers, except where the shared server
shows the same. A server that never calls for lifespan offers none. Starting takes time, so the limits are long.
"""

import contextlib
import signal

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation, Gone
from asgate.conformance.moves import COMPLETE, GET, START, answer, ended, served, starting, stop
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial

STARTUP = {"type": "lifespan.startup"}
SHUTDOWN = {"type": "lifespan.shutdown"}
ENDED = {"type": "lifespan.shutdown.complete"}


def started(trial: Trial) -> tuple[Server, Conversation]:
    """A server that serves, its lifespan complete. It has answered: one that has only just begun to listen may not
    hear a signal yet.
    """
    server, life = starting(trial)
    life.receive()
    life.send(COMPLETE)
    served(trial, server)
    return server, life


def leave(life: Conversation) -> None:
    """Returns from lifespan after its last word, unless the server has ended it already."""
    with contextlib.suppress(Gone):
        life.end()


def say_failed(life: Conversation, message: dict[str, str]) -> None:
    """Says that startup or shutdown failed. A server may tell that by an exception, too: then it goes on its way."""
    if life.refused(message) is None:
        leave(life)
    else:
        with contextlib.suppress(Gone):
            life.fail("again")


@case("ASGI-190", seconds=START, alone=True)
def scope(trial: Trial) -> None:
    """The lifespan scope says type lifespan, version 3.0 and a version of the lifespan text: 1.0 or 2.0."""
    _, life = starting(trial)
    kind, asgi = life.scope["type"], life.scope["asgi"]
    trial.expect(kind == "lifespan", "type lifespan", saw=kind)
    trial.expect(type(asgi) is dict and asgi.get("version") == "3.0", "version 3.0", saw=asgi)
    trial.expect(asgi.get("spec_version", "1.0") in ("1.0", "2.0"), "lifespan's own version, 2.0", saw=asgi)


@case("ASGI-193", "ASGI-010", seconds=START, alone=True)
def first_event(trial: Trial) -> None:
    """The first event of lifespan is lifespan.startup, with no other key."""
    _, life = starting(trial)
    event = life.receive()
    trial.expect(event == STARTUP, "exactly {'type': 'lifespan.startup'}", saw=event)


@case("ASGI-194", "ASGI-193", seconds=START, alone=True)
def nobody_is_served_before_startup_is_complete(trial: Trial) -> None:
    """Until lifespan.startup.complete no request reaches the application; the first one is served thereafter."""
    server, life = starting(trial)
    life.receive()
    early = trial.knock(server)
    if early is not None:
        early.send(GET)
    for _ in range(5):
        life.turn(100)
    trial.expect("http" not in server.control.kinds, "no request before startup is complete")
    life.send(COMPLETE)
    if early is not None:
        app = trial.conversation(server)
        app.respond()
        trial.expect(early.response().status == 200, "the early client is answered at last")
    served(trial, server)


@case("ASGI-202", "ASGI-192", "ASGI-002", seconds=START, alone=True)
def order(trial: Trial) -> None:
    """Lifespan is called once; startup, requests and shutdown come in this order."""
    server, life = started(trial)
    pending = life.begin_receive()
    loops = {served(trial, server).facts["loop"] for _ in range(4)}
    others = [report for _, report in server.control.opened if report["scope"].get("type") == "lifespan"]
    trial.expect(len(loops) == 1 and not others, "one call of lifespan for the one loop", saw=len(others) + 1)
    trial.expect(not pending.done(), "no lifespan event between startup and stop")
    server.terminate()
    event = pending.value()
    trial.expect(event == SHUTDOWN, "exactly {'type': 'lifespan.shutdown'}", saw=event)
    life.send(ENDED)
    leave(life)
    server.exit_code(trial.deadline())


@case("ASGI-192", "ASGI-003")
def same_loop_as_requests(trial: Trial) -> None:
    """Lifespan runs in the thread and loop of the requests."""
    trial.lifespan_offered()
    _, app = trial.request("/")
    for fact in ("thread", "loop"):
        trial.expect(
            app.facts[f"lifespan_{fact}"] == app.facts[fact], f"the same {fact} for lifespan and requests"
        )


@case("ASGI-205")
def context_variables(trial: Trial) -> None:
    """What startup sets in context variables is not seen by requests."""
    trial.lifespan_offered()
    _, app = trial.request("/")
    if app.facts["mark"] is not None:
        trial.differs("requests run in the context that startup has left")


@case("ASGI-196", "ASGI-020", seconds=START, alone=True)
def raising_on_the_scope(trial: Trial) -> None:
    """An application that raises as soon as it is called for lifespan is served without it."""
    trial.lifespan_offered()
    server = trial.server(modes={"lifespan": "refuse"})
    served(trial, server)


@case("ASGI-196", seconds=START, alone=True)
def raising_on_startup(trial: Trial) -> None:
    """An application that raises after it has received lifespan.startup is served without lifespan."""
    server, life = starting(trial)
    life.receive()
    life.fail()
    served(trial, server)


@case("ASGI-197", seconds=START, alone=True)
def returning_at_once(trial: Trial) -> None:
    """An application that returns at once when called for lifespan is served without it."""
    server, life = starting(trial)
    life.end()
    served(trial, server)


@case("ASGI-197", seconds=START, alone=True)
def returning_on_startup(trial: Trial) -> None:
    """An application that returns after lifespan.startup without a word is served without lifespan."""
    server, life = starting(trial)
    life.receive()
    life.end()
    served(trial, server)


@case("ASGI-198", seconds=START, alone=True)
def raising_after_startup(trial: Trial) -> None:
    """When lifespan raises after startup was complete, the server serves on, and it still stops when told to."""
    server, life = started(trial)
    life.fail()
    life.ended()
    served(trial, server)
    server.terminate()
    ended(trial, server)


@case("ASGI-198", seconds=START, alone=True)
def returning_after_startup(trial: Trial) -> None:
    """When lifespan returns after startup was complete, the server serves on, and it still stops when told to."""
    server, life = started(trial)
    life.end()
    life.ended()
    served(trial, server)
    server.terminate()
    ended(trial, server)


def failing(trial: Trial, mode: str) -> Server:
    """A server whose application fails in its startup."""
    trial.lifespan_offered()
    server = trial.server(modes={"lifespan": mode}, wait=False)
    ended(trial, server)
    return server


@case("ASGI-195", seconds=START, alone=True)
def failed_startup_ends_the_server(trial: Trial) -> None:
    """After lifespan.startup.failed the server prints the message and ends without having served anybody."""
    server = failing(trial, "failing_aloud")
    trial.expect("the ink is dry" in server.output(), "the message in the log", saw=server.output())


@case("ASGI-195", seconds=START, alone=True)
def failed_startup_without_a_message(trial: Trial) -> None:
    """lifespan.startup.failed needs no message: the server ends all the same."""
    failing(trial, "failing")


@case("ASGI-195", seconds=START, alone=True)
def failed_startup_that_goes_on(trial: Trial) -> None:
    """After lifespan.startup.failed the server ends, though the application lives on for a while."""
    server, life = starting(trial)
    life.receive()
    say_failed(life, {"type": "lifespan.startup.failed", "message": "the ink is dry"})
    ended(trial, server)


@case("ASGI-204", seconds=START, alone=True)
def failed_startup_has_an_exit_code(trial: Trial) -> None:
    """A server that ends because of lifespan.startup.failed does so with an exit code other than 0."""
    code = failing(trial, "failing_aloud").exit_code(trial.deadline())
    trial.expect(code != 0, "an exit code that says so", saw=code)


@case("ASGI-199", seconds=START, alone=True)
def shutdown_comes_after_the_last_response(trial: Trial) -> None:
    """lifespan.shutdown is not sent while a request is still being answered."""
    server, life = started(trial)
    wire, app = trial.request("/", server=server)
    pending = life.begin_receive()
    stop(trial, server, app)
    trial.expect(not pending.done(), "no lifespan.shutdown while a request runs")
    answer(app)
    trial.expect(wire.response().status == 200, "the request is answered")
    event = pending.value()
    trial.expect(event == SHUTDOWN, "lifespan.shutdown after the response", saw=event)
    life.send(ENDED)
    leave(life)
    ended(trial, server)


@case("ASGI-200", seconds=START, alone=True)
def shutdown_is_waited_for(trial: Trial) -> None:
    """The server lives until the application has said lifespan.shutdown.complete."""
    server, life = started(trial)
    server.terminate()
    life.receive()
    for _ in range(5):
        life.turn(100)
    trial.expect(server.running, "the server still runs")
    life.send(ENDED)
    leave(life)
    ended(trial, server)


@case("ASGI-201", seconds=START, alone=True)
def failed_shutdown(trial: Trial) -> None:
    """After lifespan.shutdown.failed the server prints the message and ends."""
    server, life = started(trial)
    server.terminate()
    life.receive()
    say_failed(life, {"type": "lifespan.shutdown.failed", "message": "the lid is stuck"})
    ended(trial, server)
    trial.expect("the lid is stuck" in server.output(), "the message in the log", saw=server.output())


@case("ASGI-201", "ASGI-198", seconds=START, alone=True)
def raising_on_shutdown(trial: Trial) -> None:
    """An application that raises on lifespan.shutdown does not keep the server from ending."""
    server, life = started(trial)
    server.terminate()
    life.receive()
    life.fail()
    ended(trial, server)


@case("ASGI-202", seconds=START, alone=True)
def receive_after_shutdown_waits(trial: Trial) -> None:
    """A receive after lifespan.shutdown waits: there is no further event, and no error."""
    server, life = started(trial)
    server.terminate()
    life.receive()
    pending = life.begin_receive()
    life.turn(100)
    trial.expect(not pending.done(), "receive waits")
    life.send(ENDED)
    leave(life)
    ended(trial, server)


@case("ASGI-203", seconds=START, alone=True)
def unknown_message_raises(trial: Trial) -> None:
    """A message that lifespan does not know raises out of send, and startup can still be completed."""
    server, life = starting(trial)
    life.receive()
    trial.expect_raised(life.refused({"type": "lifespan.startup.finished"}), "an unknown type")
    life.send(COMPLETE)
    served(trial, server)


@case("ASGI-203", "ASGI-038", seconds=START, alone=True)
def message_of_another_protocol_raises(trial: Trial) -> None:
    """A message of HTTP raises out of the send of lifespan, and startup can still be completed."""
    server, life = starting(trial)
    life.receive()
    trial.expect_raised(life.refused({"type": "http.response.start", "status": 200}), "http.response.start")
    life.send(COMPLETE)
    served(trial, server)


@case("ASGI-033", seconds=START, alone=True)
def extra_keys_do_no_harm(trial: Trial) -> None:
    """A key that lifespan does not know in a message does no harm."""
    server, life = starting(trial)
    life.receive()
    life.send(COMPLETE | {"probe.note": "more than needed"})
    served(trial, server)


@case("SERVER-02", "ASGI-200", seconds=START, alone=True)
def interrupt_is_a_shutdown_too(trial: Trial) -> None:
    """SIGINT brings lifespan.shutdown like SIGTERM does."""
    server, life = started(trial)
    server.terminate(signal.SIGINT)
    try:
        event = life.receive()
    except Gone:
        trial.differs("SIGINT ends it at once, without lifespan.shutdown")
    trial.expect(event == SHUTDOWN, "lifespan.shutdown", saw=event)
    life.send(ENDED)
    leave(life)
    ended(trial, server)
