"""What is asked of an application."""

import pytest

from asgate.conformance.check.plan import Subject, encoded, of_schema, subjects


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
            "post": {"requestBody": {"$ref": "#/components/requestBodies/item"}},
        },
        "/odd": None,
        "/head": {"head": {}},
    },
    "components": {
        "parameters": {"number": {"name": "number", "in": "path", "schema": {"type": "integer"}}},
        "requestBodies": {
            "item": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/item"}}}}
        },
        "schemas": {"item": {"required": ["name"], "properties": {"name": {"type": "string"}}}},
    },
}


def test_a_schema_gives_its_operations():
    assert of_schema(SCHEMA) == [
        Subject("/items/1?q=a+b", "GET"),
        Subject("/items/1", "POST", b'{"name": "a"}', "application/json"),
        Subject("/head", "HEAD"),
    ]


def test_what_is_no_schema():
    with pytest.raises(ValueError, match="no paths"):
        of_schema({"detail": "Not Found"})


def test_a_body_is_not_for_every_method():
    assert Subject("/", "PUT").with_body(b"x", "text/plain") == Subject("/", "PUT", b"x", "text/plain")
    for subject in (Subject("/", "GET"), Subject("/", "HEAD"), Subject("/")):
        assert subject.with_body(b"x", "text/plain") is subject
