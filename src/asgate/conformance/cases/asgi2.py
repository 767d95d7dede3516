"""Applications of ASGI 2, which are called twice, and how they are told from those of ASGI 3.

The probe has the same application in every form; a server is started for each.
"""

import time

from asgate.conformance.case import case
from asgate.conformance.conversation import Conversation
from asgate.conformance.process import NotStarted
from asgate.conformance.trial import Failed, Trial
from asgate.conformance.wire import Wire

START = 4.0  # seconds: a server that does not know the form may accept connections and answer none
SECONDS = 10.0


def _served(trial: Trial, target: str, **options: str) -> tuple[Wire, Conversation]:
    """A request that a server with this form of the application has answered."""
    server = trial.server(target=target, wait=False, **options)
    try:
        server.wait_until_ready(time.monotonic() + START)
    except NotStarted:
        trial.fail("a server that serves this form", saw=server.ending(160))
    wire, app = trial.request("/asgi2?q", method="POST", body=b"body", server=server)
    body = app.read()
    trial.expect(body == b"body", "the body", saw=body)
    app.respond()
    response = wire.response()
    trial.expect(response.status == 200 and response.body == b"ok", "the response", saw=response)
    return wire, app


def _form(name: str, target: str, title: str, clause: str) -> None:
    def check(trial: Trial) -> None:
        _served(trial, target)

    check.__name__, check.__doc__ = name, title
    case(*dict.fromkeys((clause, "ASGI-321")), seconds=SECONDS, alone=True)(check)


_form("double_class", "asgi2", "A class that takes the scope is served as ASGI 2.", "ASGI-320")
_form("double_function", "asgi2_function", "A plain function of the scope is served as ASGI 2.", "ASGI-320")
_form("double_instance", "asgi2_instance", "An object with a plain __call__ is served as ASGI 2.", "ASGI-320")
_form(
    "double_by_mark",
    "asgi2_marked",
    "A callable marked as double is served as ASGI 2.",
    "SERVER-28",
)
_form(
    "single_instance", "asgi3_instance", "An object with an async __call__ is served as ASGI 3.", "ASGI-321"
)
_form(
    "single_by_mark",
    "asgi3_marked",
    "A plain callable marked as single is served as ASGI 3.",
    "SERVER-28",
)


@case("ASGI-322", seconds=SECONDS, alone=True)
def double_by_option(trial: Trial) -> None:
    """An option says that the application is ASGI 2, whatever it looks like."""
    _served(trial, "asgi2_misleading", asgi2="")


@case("ASGI-323", seconds=SECONDS, alone=True)
def version_for_double(trial: Trial) -> None:
    """The scope of an ASGI 2 application says version '3.0', as the server speaks it."""
    try:
        _, app = _served(trial, "asgi2")
    except Failed:
        trial.not_offered("ASGI 2 is not served")
    version = app.scope["asgi"].get("version")
    if version == "2.0":
        trial.differs("version '2.0', after the application's convention")
    trial.expect(version == "3.0", "'3.0'", saw=version)
