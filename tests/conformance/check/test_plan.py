"""What is asked of an application."""

import pytest

from asgate.conformance.check.plan import Subject, encoded, example, of_schema, subjects


def test_paths_methods_and_websockets():
    assert subjects(["/", "/a b"], ["get", "HEAD"], ["/ws"]) == [
        Subject("/", "GET"),
        Subject("/", "HEAD"),
        Subject("/a%20b", "GET"),
        Subject("/a%20b", "HEAD"),
        Subject("/ws"),
    ]


def test_a_path_is_encoded_once():
    assert encoded("a%20b?c=ü") == "/a%20b?c=%C3%BC"


SCHEMA = {
    "paths": {
        "/items/{number}": {
            "parameters": [{"$ref": "#/components/parameters/number"}],
            "get": {"parameters": [{"name": "q", "in": "query", "required": True, "example": "a b"}]},
            "post": {},
        },
        "/odd": None,
        "/head": {"head": {}},
    },
    "components": {"parameters": {"number": {"name": "number", "in": "path", "schema": {"type": "integer"}}}},
}


def test_a_schema_gives_its_safe_operations():
    assert of_schema(SCHEMA) == [Subject("/items/1?q=a+b", "GET"), Subject("/head", "HEAD")]


def test_and_the_others_when_asked_for():
    assert Subject("/items/1", "POST") in of_schema(SCHEMA, unsafe=True)


def test_what_is_no_schema():
    with pytest.raises(ValueError, match="no paths"):
        of_schema({"detail": "Not Found"})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ({"example": 5}, "5"),
        ({"examples": {"first": {"value": "x"}}}, "x"),
        ({"schema": {"default": "d"}}, "d"),
        ({"schema": {"enum": ["e", "f"]}}, "e"),
        ({"schema": {"type": "integer", "minimum": 7}}, "7"),
        ({"schema": {"type": "string", "format": "date"}}, "2024-02-29"),
        ({"type": "number"}, "1.5"),
        ({}, "a"),
    ],
)
def test_values_of_parameters(parameter, value):
    assert example(parameter) == value
