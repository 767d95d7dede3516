"""What is asked of an application: the paths and methods of the command line, and those of its OpenAPI schema, with
values for its parameters and bodies (`bodies.py`). Of a schema only the safe methods are used unless `unsafe` is asked
for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote, urlencode

from asgate.conformance.check.bodies import body, example, resolved

SAFE = ("GET", "HEAD")  # RFC 9110 9.2.1; OPTIONS and TRACE say nothing about the application
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to ask for. `target` is a path, encoded, perhaps with a query."""

    target: str
    method: str = ""  # "" for a WebSocket
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def websocket(self) -> bool:
        """Whether it is a WebSocket."""
        return not self.method

    def with_body(self, body: bytes, content_type: str) -> "Subject":
        """The same with a body, where it may have one: content of GET and HEAD means nothing (RFC 9110 9.3.1)."""
        bare = self.websocket or self.method in SAFE
        return self if bare else replace(self, body=body, content_type=content_type)

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


def subjects(paths: Sequence[str], methods: Sequence[str], websockets: Sequence[str]) -> list[Subject]:
    """Every path with every method, and the WebSockets, each once."""
    requests = [Subject(encoded(path), method.upper()) for path in paths for method in methods]
    return list(dict.fromkeys([*requests, *(Subject(encoded(path)) for path in websockets)]))


def encoded(path: str) -> str:
    """A path as it stands in a request line."""
    return quote(path if path.startswith("/") else f"/{path}", safe="/:@!$&'()*+,;=~-._%?")


def of_schema(schema: Mapping[str, Any]) -> list[Subject]:
    """What an OpenAPI document (2 or 3) offers. Raises ValueError for one that has no paths."""
    paths = schema.get("paths")
    if not isinstance(paths, Mapping):
        raise ValueError("the schema has no paths")
    found = []
    for path, item in paths.items():
        if not isinstance(item, Mapping):
            continue
        for method in (*SAFE, *UNSAFE):
            operation = item.get(method.lower())
            if isinstance(operation, Mapping):
                parameters = list(_parameters(schema, item, operation))
                subject = Subject(_filled(schema, str(path), parameters), method)
                found.append(subject.with_body(*body(schema, operation)))
    return list(dict.fromkeys(found))


def _parameters(
    schema: Mapping[str, Any], item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """Of the path and of the operation, references followed."""
    for owner in (item, operation):
        given = owner.get("parameters")
        for parameter in given if isinstance(given, list) else ():
            found = resolved(schema, parameter)
            if isinstance(found, Mapping):
                yield found


def _filled(schema: Mapping[str, Any], path: str, parameters: Sequence[Mapping[str, Any]]) -> str:
    query = {}
    for parameter in parameters:
        name, value = str(parameter.get("name")), example(schema, parameter)
        if parameter.get("in") == "path":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        elif parameter.get("in") == "query" and parameter.get("required"):
            query[name] = value
    return encoded(path) + (f"?{urlencode(query)}" if query else "")
