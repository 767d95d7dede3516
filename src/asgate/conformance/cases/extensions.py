"""Extensions in general: what is advertised is so for this very request, and what is not advertised is refused."""

from typing import Any

from asgate.conformance.case import case
from asgate.conformance.trial import Trial

PUSH = {"type": "http.response.push", "path": "/pushed", "headers": []}
EARLY_HINT = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}
DEBUG = {"type": "http.response.debug", "info": {}}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-end", b"1")]}


@case("ASGI-220", "ASGI-222")
def shape(trial: Trial) -> None:
    """The extensions of a scope are a dict whose values are dicts, if there are any; never None."""
    _, app = trial.request("/")
    if "extensions" not in app.scope:
        trial.not_offered("there are no extensions in the scope")
    extensions = app.scope["extensions"]
    right = type(extensions) is dict and all(type(entry) is dict for entry in extensions.values())
    trial.expect(right, "a dict of dicts", saw=extensions)


def _absent(trial: Trial, extension: str, why: str) -> None:
    _, app = trial.request("/", headers="te: trailers\r\n")
    extensions = app.scope.get("extensions") or {}
    trial.expect(extension not in extensions, f"no {extension} {why}", saw=extensions)


@case("ASGI-221", extension="http.response.push")
def no_push_on_http_1(trial: Trial) -> None:
    """http.response.push is not advertised on HTTP/1.1, which has none."""
    _absent(trial, "http.response.push", "on HTTP/1.1")


@case("ASGI-300", extension="tls")
def no_tls_on_plain_connections(trial: Trial) -> None:
    """tls is not advertised on a connection without TLS."""
    _absent(trial, "tls", "on a plain connection")


@case("ASGI-290", extension="http.response.debug")
def no_debug(trial: Trial) -> None:
    """http.response.debug, which is for test clients, is not advertised."""
    _absent(trial, "http.response.debug", "by a server")


@case("ASGI-221", extension="websocket.http.response")
def no_denial_of_plain_requests(trial: Trial) -> None:
    """websocket.http.response is not advertised to a plain request, which is no WebSocket handshake."""
    _absent(trial, "websocket.http.response", "for a request that is no handshake")


def _refused(trial: Trial, message: dict[str, Any], *, before: bool = False) -> None:
    """Fails unless the message of an unadvertised extension raises and an answer is possible all the same."""
    wire, app = trial.request("/")
    kind = str(message["type"])
    if kind in (app.scope.get("extensions") or {}):
        trial.not_offered(f"{kind} is advertised, and judged by cases of its own")
    if not before:
        app.start(headers=[(b"content-length", b"2")])
    trial.expect_raised(app.refused(message), f"{kind}, which is not advertised")
    if before:
        app.start(headers=[(b"content-length", b"2")])
    app.body(b"ok")
    response = wire.response()
    trial.expect(response.body == b"ok" and not response.informational, "the plain response", saw=response)


@case("ASGI-223", "ASGI-039", extension="http.response.push")
def unadvertised_push_raises(trial: Trial) -> None:
    """http.response.push raises where it is not advertised, and the response can still be sent."""
    _refused(trial, PUSH)


@case("ASGI-223", "ASGI-039", extension="http.response.pathsend")
def unadvertised_pathsend_raises(trial: Trial) -> None:
    """http.response.pathsend raises where it is not advertised, and the response can still be sent."""
    _refused(trial, {"type": "http.response.pathsend", "path": trial.file(b"ok")})


@case("ASGI-223", "ASGI-039", extension="http.response.zerocopysend")
def unadvertised_zerocopysend_raises(trial: Trial) -> None:
    """http.response.zerocopysend raises where it is not advertised, and the response can still be sent."""
    _refused(trial, {"type": "http.response.zerocopysend", "file": 0})


@case("ASGI-223", "ASGI-039", extension="http.response.early_hint")
def unadvertised_early_hint_raises(trial: Trial) -> None:
    """http.response.early_hint raises where it is not advertised, and the response can still be sent."""
    _refused(trial, EARLY_HINT, before=True)


@case("ASGI-223", "ASGI-039", extension="http.response.debug")
def unadvertised_debug_raises(trial: Trial) -> None:
    """http.response.debug raises where it is not advertised, and the response can still be sent."""
    _refused(trial, DEBUG, before=True)


@case("ASGI-223", "ASGI-039", "ASGI-280", extension="http.response.trailers")
def unadvertised_trailers_raise(trial: Trial) -> None:
    """http.response.trailers raises where it is not advertised, and the response can still be sent."""
    _refused(trial, TRAILERS)
