"""The state that lifespan leaves and requests are given: a shallow copy for each, which the server never touches."""

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.moves import COMPLETE, START, served, starting
from asgate.conformance.process import Server
from asgate.conformance.trial import Trial


def with_state(trial: Trial) -> tuple[Server, Conversation]:
    """A server whose startup has left {"list": [1]} in the state."""
    server, life = starting(trial)
    if "state" not in life.scope:
        trial.not_offered("there is no state in the lifespan scope")
    life.receive()
    life.mutate("state", "list", value=[1])
    life.send(COMPLETE)
    server.wait_until_ready(trial.deadline())
    return server, life


@case("ASGI-191", seconds=START, alone=True)
def empty_at_first(trial: Trial) -> None:
    """The lifespan scope has a state, an empty dict."""
    _, life = starting(trial)
    if "state" not in life.scope:
        trial.not_offered("there is no state in the lifespan scope")
    state = life.scope["state"]
    trial.expect(type(state) is dict and not state, "an empty dict", saw=state)


@case("ASGI-210")
def copied_for_every_request(trial: Trial) -> None:
    """Each request gets a state dict of its own; what it sets there is seen by nobody else."""
    _, first = trial.request("/first")
    if not first.scope.get("state"):
        trial.not_offered("there is no state in the scope of a request")
    _, second = trial.request("/second")
    state = first.scope["state"]
    trial.expect(state == {"probe": ["of the lifespan"]}, "what startup has set", saw=state)
    first.mutate("state", "mine", value="first")
    for other in (second, trial.request("/third")[1]):
        saw = other.look()["state"]
        trial.expect(saw == state, "the state without what another request has set", saw=saw)


@case("ASGI-210", seconds=START, alone=True)
def copied_shallowly(trial: Trial) -> None:
    """The values in the state are the same objects for every request: the copy is shallow."""
    server, life = with_state(trial)
    first, second = (trial.request(f"/{number}", server=server)[1] for number in range(2))
    first.mutate("state", "list", "append", value=2)
    for other in (second, life, trial.request("/third", server=server)[1]):
        state = other.look()["state"]
        trial.expect(state == {"list": [1, 2]}, "the same list for everybody", saw=state)


@case("ASGI-213", seconds=START, alone=True)
def later_changes(trial: Trial) -> None:
    """What lifespan adds to its state later is seen by later requests."""
    server, life = with_state(trial)
    served(trial, server)
    life.mutate("state", "late", value="news")
    _, app = trial.request("/", server=server)
    trial.expect(app.scope["state"].get("late") == "news", "the later value", saw=app.scope["state"])


@case("ASGI-211", seconds=START, alone=True)
def left_alone(trial: Trial) -> None:
    """The server neither adds to the state nor takes from it, whatever it holds."""
    server, life = with_state(trial)
    life.mutate("state", "scope", value={"type": "none", "headers": [1.5, None]})
    _, app = trial.request("/", server=server)
    app.respond()
    for holder in (life.look(), app.scope):
        expected = {"list": [1], "scope": {"type": "none", "headers": [1.5, None]}}
        trial.expect(holder["state"] == expected, "what the application has put there", saw=holder["state"])


@case("ASGI-212", seconds=START, alone=True)
def none_without_lifespan(trial: Trial) -> None:
    """With lifespan switched off the application is not called for it, and the state of requests is empty or absent."""
    trial.lifespan_offered()
    server = trial.server(lifespan="off")
    app = served(trial, server)
    trial.expect("lifespan" not in server.control.kinds, "no call for lifespan")
    trial.expect(not app.scope.get("state"), "no state, or an empty one", saw=app.scope.get("state"))
