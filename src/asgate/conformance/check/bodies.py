"""Values out of an OpenAPI document: of parameters, and the bodies of requests.

An example or a default of the document is taken first; else the smallest value that the schema allows. Patterns and
conditions are not looked at: an application that refuses the value has answered, too.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LONGEST = 10_000  # characters, or elements of an array
DEEPEST = 8  # levels of a value; a schema may hold itself
SIMPLE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}
FORMATS = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2024-02-29",
    "date-time": "2024-02-29T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "a@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
}
Document = Mapping[str, Any]


def body(document: Document, operation: Document) -> tuple[bytes, str]:
    """The body of an operation and its content type; nothing when it has none, or one that cannot be made."""
    request = resolved(document, operation.get("requestBody"))
    content = request.get("content") if isinstance(request, Mapping) else None
    for kind, media in content.items() if isinstance(content, Mapping) else ():
        if not isinstance(media, Mapping):
            continue
        plain = str(kind).partition(";")[0].strip().lower()
        if plain == JSON or plain.endswith("+json"):
            return json.dumps(_of_media(document, media)).encode(), str(kind)
        if plain == FORM and isinstance(value := _of_media(document, media), Mapping):
            return urlencode({name: word(entry) for name, entry in value.items()}).encode(), FORM
    return b"", ""


def example(document: Document, parameter: Document) -> str:
    """A value for a parameter, as text. OpenAPI 2 has its type beside the name."""
    given = list(_given(parameter))
    return word(given[0] if given else smallest(document, parameter.get("schema", parameter)))


def word(value: Any) -> str:
    """A value in a path, a query or a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a" if value is None or value == [] or value == {} else str(value)


def smallest(document: Document, schema: Any, depth: int = 0) -> Any:
    """The value that a schema gives, or the smallest one that it allows."""
    schema = resolved(document, schema)
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return None
    for given in _given(schema):
        return given
    schema = _whole(document, schema)
    for choice in (*_list(schema, "oneOf"), *_list(schema, "anyOf")):
        if resolved(document, choice) != {"type": "null"}:
            return smallest(document, choice, depth + 1)
    kinds = schema.get("type")
    kind = next((it for it in kinds if it != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object" or (kind is None and "properties" in schema):
        members = schema.get("properties")
        members = members if isinstance(members, Mapping) else {}
        wanted = map(str, _list(schema, "required"))
        return {name: smallest(document, members.get(name), depth + 1) for name in wanted}
    if kind == "array":
        return [smallest(document, schema.get("items"), depth + 1)] * _number(schema, "minItems", 0)
    return _text(schema) if kind == "string" else _simple(schema, kind)


def resolved(document: Document, value: Any) -> Any:
    """Follows the `$ref`s of a value within the document; a chain of them is not endless."""
    for _ in range(DEEPEST):
        if not isinstance(value, Mapping) or not isinstance(reference := value.get("$ref"), str):
            break
        value = document
        for part in reference.removeprefix("#/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")  # RFC 6901 4
            value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _of_media(document: Document, media: Document) -> Any:
    for given in _given(media):
        return given
    return smallest(document, media.get("schema"))


def _given(place: Document) -> Iterator[Any]:
    """What a schema, a parameter or a media type names itself, the best first."""
    for name in ("example", "default", "const"):
        if place.get(name) is not None:
            yield place[name]
    for name in ("examples", "enum"):
        several = place.get(name)
        if isinstance(several, Mapping):
            several = [entry.get("value") for entry in several.values() if isinstance(entry, Mapping)]
        if isinstance(several, list) and several:
            yield several[0]


def _whole(document: Document, schema: Any, depth: int = 0) -> Document:
    """With the parts of `allOf` in it."""
    schema = resolved(document, schema)
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return {}
    parts = [_whole(document, part, depth + 1) for part in _list(schema, "allOf")]
    if not parts:
        return schema
    merged: dict[str, Any] = {}
    for part in (*parts, schema):
        properties = {**merged.get("properties", {}), **(part.get("properties") or {})}
        required = [*merged.get("required", []), *_list(part, "required")]
        merged = {**merged, **part, "properties": properties, "required": required}
    return merged


def _text(schema: Document) -> str:
    known = FORMATS.get(str(schema.get("format")))
    return known or "a" * min(_number(schema, "minLength", 1), _number(schema, "maxLength", LONGEST))


def _simple(schema: Document, kind: Any) -> Any:
    if kind not in ("integer", "number"):
        return SIMPLE.get(str(kind))
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    if isinstance(above, int | float) and not isinstance(above, bool):
        return above + 1
    if isinstance(least, int | float):
        return least + (above is True)  # OpenAPI 3.0
    simple = SIMPLE[kind]
    return most if isinstance(most, int | float) and most < simple else simple


def _number(schema: Document, name: str, otherwise: int) -> int:
    value = schema.get(name)
    return min(value, LONGEST) if isinstance(value, int) else otherwise


def _list(schema: Document, name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []
