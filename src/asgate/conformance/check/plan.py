"""What is asked of an application: the paths and methods of the command line, and those of its OpenAPI schema.

Of a schema only the safe methods are used unless `unsafe` is asked for; its parameters get the examples and defaults
that it names, or the simplest value of their type.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

SAFE = ("GET", "HEAD")  # RFC 9110 9.2.1; OPTIONS and TRACE say nothing about the application
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
SIMPLE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": "true", "array": "a", "object": "a"}
FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:00:00Z",
    "email": "a@example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to ask for. `target` is a path, encoded, perhaps with a query."""

    target: str
    method: str = ""  # "" for a WebSocket

    @property
    def websocket(self) -> bool:
        """Whether it is a WebSocket."""
        return not self.method

    def __str__(self) -> str:
        return f"{self.method or 'websocket'} {self.target}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be checked. `openapi`: where the schema is, "" for nowhere; `timeout` in seconds."""

    target: str
    subjects: tuple[Subject, ...]
    openapi: str = ""
    required: bool = False  # whether the schema was asked for
    unsafe: bool = False
    lifespan: Literal["auto", "on", "off"] = "auto"
    timeout: float = 2.0
    strict: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()
    progress: Callable[[str], None] = field(default=lambda _: None)


def subjects(paths: Sequence[str], methods: Sequence[str], websockets: Sequence[str]) -> list[Subject]:
    """Every path with every method, and the WebSockets, each once."""
    requests = [Subject(encoded(path), method.upper()) for path in paths for method in methods]
    return list(dict.fromkeys([*requests, *(Subject(encoded(path)) for path in websockets)]))


def encoded(path: str) -> str:
    """A path as it stands in a request line."""
    return quote(path if path.startswith("/") else f"/{path}", safe="/:@!$&'()*+,;=~-._%?")


def of_schema(schema: Mapping[str, Any], *, unsafe: bool = False) -> list[Subject]:
    """What an OpenAPI document (2 or 3) offers. Raises ValueError for one that has no paths."""
    paths = schema.get("paths")
    if not isinstance(paths, Mapping):
        raise ValueError("the schema has no paths")
    found = []
    for path, item in paths.items():
        if not isinstance(item, Mapping):
            continue
        for method in (*SAFE, *(UNSAFE if unsafe else ())):
            operation = item.get(method.lower())
            if isinstance(operation, Mapping):
                found.append(Subject(_filled(str(path), list(_parameters(schema, item, operation))), method))
    return list(dict.fromkeys(found))


def _parameters(
    schema: Mapping[str, Any], item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Of the path and of the operation, references followed."""
    for owner in (item, operation):
        given = owner.get("parameters")
        for parameter in given if isinstance(given, list) else ():
            resolved = _resolved(schema, parameter)
            if isinstance(resolved, Mapping):
                yield resolved


def _filled(path: str, parameters: Sequence[Mapping[str, Any]]) -> str:
    query = {}
    for parameter in parameters:
        name, value = str(parameter.get("name")), example(parameter)
        if parameter.get("in") == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        elif parameter.get("in") == "query" and parameter.get("required"):
            query[name] = value
    return encoded(path) + (f"?{urlencode(query)}" if query else "")


def example(parameter: Mapping[str, Any]) -> str:
    """A value for a parameter, as text."""
    kind = parameter.get("schema")
    kind = kind if isinstance(kind, Mapping) else {}
    for place in (parameter, kind):
        for name in ("example", "default"):
            if place.get(name) is not None:
                return str(place[name])
        for name in ("examples", "enum"):
            several = place.get(name)
            if isinstance(several, Mapping):
                several = [entry.get("value") for entry in several.values() if isinstance(entry, Mapping)]
            if isinstance(several, list) and several:
                return str(several[0])
    word = kind.get("type", parameter.get("type"))  # OpenAPI 2 has the type beside the name
    if word in ("integer", "number") and isinstance(kind.get("minimum"), int | float):
        return str(kind["minimum"])
    return str(FORMATS.get(kind.get("format", "")) or SIMPLE.get(str(word), "a"))


def _resolved(schema: Mapping[str, Any], value: Any) -> Any:
    """Follows one `$ref` within the document."""
    if not isinstance(value, Mapping) or not isinstance(reference := value.get("$ref"), str):
        return value
    found: Any = schema
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
