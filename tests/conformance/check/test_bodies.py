"""Values out of an OpenAPI document."""

import json

import pytest

from asgate.conformance.check.bodies import body, example, smallest

TREE = {"type": "object", "required": ["child"], "properties": {"child": {"$ref": "#/tree"}}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "a"),
        ({"type": "string", "minLength": 3}, "aaa"),
        ({"type": "string", "maxLength": 0}, ""),
        ({"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-000000000000"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 7}, 7),
        ({"type": "integer", "exclusiveMinimum": 7}, 8),
        ({"type": "integer", "minimum": 7, "exclusiveMinimum": True}, 8),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "number"}, 1.5),
        ({"type": "boolean"}, True),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "null"}, None),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"$ref": "#/word"}, {"type": "integer"}]}, "word"),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "items": {}, "minItems": 10**12}, [None] * 10_000),
        ({"type": "object"}, {}),
        (
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {}}},
            {"a": 1},
        ),
        (
            {
                "allOf": [{"$ref": "#/named"}, {"properties": {"b": {"const": 5}}, "required": ["b"]}],
                "required": ["a"],
            },
            {"a": "word", "b": 5},
        ),
        ({"enum": ["x", "y"]}, "x"),
        ({"examples": ["first"]}, "first"),
        ({"example": {"whole": 1}, "type": "object"}, {"whole": 1}),
        (True, None),
    ],
)
def test_the_smallest_value(schema, value):
    document = {
        "word": {"default": "word"},
        "named": {"type": "object", "properties": {"a": {"$ref": "#/word"}}},
    }
    assert smallest(document, schema) == value


@pytest.mark.parametrize("schema", [TREE, {"$ref": "#/loop"}, {"$ref": "#/all"}])
def test_a_schema_that_holds_itself(schema):
    document = {"tree": TREE, "loop": {"$ref": "#/loop"}, "all": {"allOf": [{"$ref": "#/all"}]}}
    json.dumps(smallest(document, schema))


@pytest.mark.parametrize(
    ("content", "made"),
    [
        ({"application/json": {"example": [1]}}, (b"[1]", "application/json")),
        ({"application/json": {"examples": {"one": {"value": 2}}}}, (b"2", "application/json")),
        ({"application/merge-patch+json": {"schema": {}}}, (b"null", "application/merge-patch+json")),
        (
            {"application/x-www-form-urlencoded": {"example": {"a": True, "b": "c d"}}},
            (b"a=true&b=c+d", "application/x-www-form-urlencoded"),
        ),
        ({"image/png": {}, "application/json": {"example": 3}}, (b"3", "application/json")),
        ({"image/png": {}}, (b"", "")),
        (None, (b"", "")),
    ],
)
def test_the_body_of_an_operation(content, made):
    assert body({}, {"requestBody": {"content": content}}) == made
    assert body({}, {}) == (b"", "")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"example": 5}, "5"),
        ({"examples": {"first": {"value": "x"}}}, "x"),
        ({"schema": {"default": "d"}}, "d"),
        ({"schema": {"enum": ["e", "f"]}}, "e"),
        ({"schema": {"type": "integer", "minimum": 7}}, "7"),
        ({"schema": {"type": "string", "format": "date"}}, "2024-02-29"),
        ({"schema": {"type": "boolean"}}, "true"),
        ({"schema": {"type": "array", "items": {}}}, "a"),
        ({"type": "number"}, "1.5"),
        ({}, "a"),
    ],
)
def test_values_of_parameters(parameter, value):
    assert example({}, parameter) == value
