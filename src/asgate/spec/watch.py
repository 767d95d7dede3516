"""One conversation under the validator's eyes: what all protocols have in common.

A watch checks the scope, stands between `receive` and `send` of server and application, walks the application's
machine of `messages.py`, and says at the application's return what is missing. It changes nothing of what passes,
with one exception: an iterator that can be read only once is read, and passed on as a list.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

from asgate.spec.clauses import Level, clause
from asgate.spec.findings import Finding, Side
from asgate.spec.ledger import Ledger
from asgate.spec.messages import MESSAGES, PROTOCOLS, TLS_ENTRY
from asgate.spec.tables import Field, Machine
from asgate.spec.values import Check, Wrong, shown

FieldCheck = tuple[str, frozenset[type], Check, Field]  # name, `Kind.types`, `Kind.check`
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MISSING: Any = object()
MOST_STEPS = 40  # of a conversation's trace: the last ones
SETTLED = frozenset({list, tuple})  # can be read more than once
ITERATED = ("headers", "subprotocols", "client", "server")  # keys of scopes that may be any iterable
ADVICE = {
    "port": "give the port as an int",
    "pseudo": "leave pseudo headers out",
    "injection": "refuse line breaks, NUL and other characters that HTTP forbids before they become headers",
    "capitals": "write header names in lower case",
    "subprotocol": "use the key subprotocol",
    "surrogate": "text that was no UTF-8 where it came from (PEP 383) goes as bytes, or with errors='replace'",
    "spec": "give a spec_version of this protocol, or leave it out",
    "none": "leave extensions out, or give an empty dict",
}
HINTS = {
    ("waiting", "http.response.body"): "send http.response.start first",
    ("streaming", "http.response.pathsend"): "send the whole body with one pathsend, or with bodies alone",
    ("waiting", "http.response.trailers"): "send http.response.start with trailers=True, and the body, first",
    ("trailing", "http.response.body"): "send http.response.trailers: the last body has been sent",
    ("connecting", "websocket.send"): "send websocket.accept first",
    ("open", "websocket.accept"): "accept once",
}


class Entry(NamedTuple):
    """A message's table, ready for use."""

    checks: tuple[FieldCheck, ...]
    iterated: tuple[str, ...]
    extension: str
    order: str
    side: Side


def _checks(fields: Iterable[Field]) -> tuple[FieldCheck, ...]:
    return tuple((field.name, field.kind.types, field.kind.check, field) for field in fields)


def _entries(protocol: str) -> dict[str, Entry]:
    return {
        name: Entry(
            _checks(message.fields),
            tuple(field.name for field in message.fields if field.kind.name.startswith("iterable")),
            message.extension,
            message.order,
            message.side,
        )
        for name, message in PROTOCOLS[protocol].messages.items()
    }


ENTRIES = {protocol: _entries(protocol) for protocol in PROTOCOLS}
SCOPES = {  # whose type is right already: it has chosen the watch
    name: _checks(field for field in protocol.scope if field.name != "type")
    for name, protocol in PROTOCOLS.items()
}
TLS = _checks(TLS_ENTRY)


def faults(
    checks: tuple[FieldCheck, ...], values: Mapping[str, Any]
) -> list[tuple[Field, Wrong | None]] | None:
    """The fields that break their table, with what is wrong, None for missing. None when all is well."""
    found: list[tuple[Field, Wrong | None]] | None = None
    for name, types, check, field in checks:
        value = values.get(name, MISSING)
        if type(value) in types:
            continue
        if value is MISSING:
            if not field.required:
                continue
            wrong = None
        else:
            wrong = check(value)
            if wrong is None:
                continue
        found = found or []
        found.append((field, wrong))
    return found


def settled(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """`values`, or a copy of it in which one-shot iterators have become lists; so have the pairs of headers."""
    for name in names:
        value = values.get(name)
        if value is None or (type(value) in SETTLED and (name != "headers" or _is_plain(value))):
            continue
        if isinstance(value, Iterator) or (
            type(value) in SETTLED and any(isinstance(it, Iterator) for it in value)
        ):
            values = {**values, name: [list(it) if isinstance(it, Iterator) else it for it in value]}
    return values


def _is_plain(pairs: Iterable[Any]) -> bool:
    """Whether all are exact lists and tuples. A loop is quicker here than all() or a set."""
    for pair in pairs:  # noqa: SIM110 (the hot path)
        if type(pair) not in SETTLED:
            return False
    return True


class Watch:
    """What every protocol's watch can do."""

    protocol: str
    entries: Mapping[str, Entry]

    __slots__ = ("_receive", "_send", "extensions", "gone", "ledger", "loose", "scope", "state", "trace")

    def __init__(self, ledger: Ledger, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.ledger = ledger
        self.scope = scope
        self.extensions: Mapping[str, Any] = {}  # what is advertised
        self.state = ""
        self.gone = False  # the application has been told that the client is gone
        self.loose = False  # the server has refused something: nobody knows any more where the two stand
        self.trace: deque[tuple[object, ...]] = deque(maxlen=MOST_STEPS)  # for findings to come
        self._receive = receive
        self._send = send

    # What the validator calls, and what the application is given.

    def begin(self) -> None:
        """Before the application is called."""
        self.check_scope()

    async def receive(self) -> Any:
        """The application's `receive`."""
        raise NotImplementedError

    async def send(self, message: Any) -> None:
        """The application's `send`."""
        raise NotImplementedError

    def end(self) -> None:
        """After the application has returned."""

    def leave(self) -> None:
        """After the application has ended, however it did."""

    # Reports.

    def report(self, side: Side, name: str, sentence: str, advice: str, level: Level | None = None) -> None:
        """A broken clause. Raises `Violation` in mode raise."""
        trace = tuple(map(told, self.trace))
        level = level or clause(name).level
        self.ledger.add(Finding(name, level, side, sentence, advice, self.where(), trace))

    def report_faults(self, side: Side, what: str, found: list[tuple[Field, Wrong | None]]) -> None:
        """Fields that break their table."""
        for field, wrong in found:
            subject = f"{field.name} of {what}"
            if wrong is None:
                self.report(side, field.clause, f"{subject} is missing", f"add it: {field.kind.name}")
            else:
                name = field.aspects.get(wrong.aspect, field.clause)
                advice = ADVICE.get(wrong.aspect, f"give {field.name} as {field.kind.name}")
                self.report(side, name, f"{subject} {wrong.sentence}", advice)

    def report_order(self, machine: Machine, kind: str, name: str, side: Side) -> None:
        """A message out of its place."""
        places = sorted({state for state, message in machine.table if message == kind})
        hint = HINTS.get((self.state, kind), f"it has its place only in the state {' or '.join(places)}")
        self.report(side, name, f"{kind} came in the state {self.state!r}", hint)

    def where(self) -> str:
        """Which conversation this is."""
        path = self.scope.get("path")
        words = [self.protocol, self.scope.get("method"), path]
        return " ".join(str(word)[:200] for word in words if word)

    # The scope.

    def check_scope(self) -> None:
        """Everything about the scope."""
        scope = self.scope
        try:
            "".join(scope)
        except TypeError:
            odd = next(key for key in scope if not isinstance(key, str))
            self.report(Side.SERVER, "ASGI-011", f"the scope has the key {shown(odd)}", "make all keys str")
        self.scope = scope = settled(scope, ITERATED)
        if found := faults(SCOPES[self.protocol], scope):
            self.report_faults(Side.SERVER, "the scope", found)
        extensions = scope.get("extensions")
        if isinstance(extensions, dict):
            self.extensions = extensions
            if isinstance(extensions.get("tls"), dict):
                self._check_tls(extensions["tls"])

    def check_connection(self) -> None:
        """What scopes of connections have beyond their fields."""
        server = self.scope.get("server")
        if type(server) is tuple and len(server) == 2 and server[1] is None and self.spec_version() < (2, 2):
            self.report(
                Side.SERVER,
                "ASGI-061",
                "server of the scope has None as its port, which spec_version 2.2 brought",
                "claim spec_version 2.2 or newer",
            )
        if leaking := self.ledger.leaks(self.scope):
            self.report(
                Side.SERVER,
                "ASGI-014",
                f"{leaking[0]} of the scope is the object of an earlier scope, and was changed there",
                "make every scope, and every dict and list in it, anew",
            )
        state = self.scope.get("state")
        if state is not None and state is self.ledger.lifespan_state:
            self.report(
                Side.SERVER,
                "ASGI-210",
                "state of the scope is the dict of the lifespan itself",
                "give each scope a shallow copy",
            )
        if self.ledger.is_starting():
            self.report(
                Side.SERVER,
                "ASGI-194",
                "the application is called while its lifespan startup is not complete",
                "accept connections after lifespan.startup.complete",
            )

    def spec_version(self) -> tuple[int, int]:
        """What the server claims, (2, 0) when it says nothing that can be read."""
        try:
            major, minor = self.scope["asgi"]["spec_version"].split(".")
            return int(major), int(minor)
        except (KeyError, TypeError, AttributeError, ValueError):
            return 2, 0

    def _check_tls(self, entry: dict[str, Any]) -> None:
        if isinstance(entry.get("client_cert_chain"), Iterator):
            entry = {**entry, "client_cert_chain": []}
        if found := faults(TLS, entry):
            self.report_faults(Side.SERVER, "the extension tls", found)
        elif any(True for _ in entry.get("client_cert_chain", ())) and entry.get("client_cert_name") is None:
            self.report(
                Side.SERVER,
                "ASGI-303",
                "client_cert_name of the extension tls is not given, though there is a chain",
                "give the subject of the first certificate",
            )

    # Messages.

    def check_message(self, message: Any, side: Side) -> str:
        """An event of the server or a message of the application: its type, or "" when there is no more to say."""
        if not isinstance(message, dict):
            if side is Side.SERVER:
                sentence, advice = f"receive gave {shown(message)}", "wait for an event, and give a dict"
                self.report(side, "ASGI-008", sentence, advice)
            else:
                self.report(side, "ASGI-010", f"send was given {shown(message)}", "send dicts with a type")
            return ""
        kind = message.get("type")
        if type(kind) is not str and not isinstance(kind, str):
            sentence = f"type is {shown(kind)}" if "type" in message else "a message has no type"
            self.report(side, "ASGI-010", sentence, "give every message a type, a str")
            return ""
        try:
            "".join(message)
        except TypeError:
            odd = next(key for key in message if not isinstance(key, str))
            self.report(side, "ASGI-011", f"{kind} has the key {shown(odd)}", "make all keys str")
        entry = self.entries.get(kind)
        if entry is None or entry.side is not side:
            self._stranger(kind, side)
            return ""
        if entry.extension and entry.extension not in self.extensions:
            self.report(
                side,
                "ASGI-223",
                f"{kind} was sent, and the scope does not advertise {entry.extension}",
                "look for it in scope['extensions'] first",
            )
            return ""
        return kind

    def _stranger(self, kind: str, side: Side) -> None:
        """A message that this protocol does not have. Messages of one's own are the matter of those who agreed on
        them, so an unknown type is a fault only of an application to which nothing unknown is offered.
        """
        known = MESSAGES.get(kind)
        if side is Side.SERVER:
            if known is not None:
                sentence = f"receive gave {kind} in a conversation of type {self.protocol}"
                self.report(side, "ASGI-010", sentence, f"give events of {self.protocol}")
        elif kind in self.entries:
            self.report(side, "ASGI-030", f"{kind} was sent", "only servers have events of this type")
        elif known is not None:
            sentence = f"{kind} was sent in a conversation of type {self.protocol}"
            self.report(side, "ASGI-038", sentence, "look at scope['type'] before answering")
        elif KNOWN_EXTENSIONS.issuperset(self.extensions):
            name = "ASGI-203" if self.protocol == "lifespan" else "ASGI-030"
            self.report(side, name, f"the type {kind!r} is unknown", f"send messages of {self.protocol}")

    def sent_faults(self, entry: Entry, message: dict[str, Any]) -> list[tuple[Field, Wrong | None]] | None:
        """The fields of the application's message that break their table; capitals count for the strict only."""
        found = faults(entry.checks, message)
        if found and not self.ledger.strict:
            found = [(field, wrong) for field, wrong in found if wrong is None or wrong.aspect != "capitals"]
        return found

    def refused(self, error: BaseException) -> None:
        """The server has raised out of `send`."""
        if isinstance(error, OSError):
            self.gone = True
        self.loose = True
        self.trace.append(("send raised", type(error).__name__))

    def raised(self, error: Exception, over: bool, name: str) -> NoReturn:
        """The server has raised out of `receive`."""
        if over:
            self.report(
                Side.SERVER,
                name,
                f"receive raised {type(error).__name__} after the disconnect",
                "give the disconnect again, as often as it is asked for",
            )
        raise error


KNOWN_EXTENSIONS = {message.extension for message in MESSAGES.values()} | {"tls"}


def told(step: tuple[object, ...]) -> str:
    """A step of the trace for people."""
    return " ".join(str(word) for word in step if word != "")
