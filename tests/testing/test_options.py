import asyncio
import contextvars
import dataclasses
import re
import typing

import pytest

from asgate.testing.options import Options, Served


def test_the_two_tables_agree():
    fields = {field.name: field.type for field in dataclasses.fields(Served)}
    assert typing.get_type_hints(Options) == typing.get_type_hints(Served)
    assert set(fields) == set(Options.__annotations__)


def test_versions_that_never_were():
    with pytest.raises(ValueError, match=r"2\.9"):
        Served(spec_version="2.9")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"timeout": "5"}, "timeout is seconds, or None for no limit, not '5'"),
        ({"timeout": -1}, "timeout is seconds"),
        ({"timeout": float("nan")}, "timeout is seconds"),
        ({"buffer": -1}, "buffer is a whole number from 0 on, not -1"),
        ({"buffer": "x"}, "buffer is a whole number"),
        ({"backlog": 0}, "backlog is a whole number from 1 on, not 0"),
        ({"backlog": None}, "backlog is a whole number"),
        ({"context": "x"}, 'context is "copy", "same" or a Context, not \'x\''),
        ({"extensions": "http.response.debug"}, "extensions are several names, such as"),
        ({"extensions": ["pathsned"]}, "unknown extensions: pathsned"),
        ({"extensions": [3]}, "unknown extensions: 3"),
        ({"extensions": None}, "extensions are names"),
    ],
)
def test_what_no_application_could_be_served_with(given, sentence):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        Served(**given)


def test_extensions_by_name_or_with_entries():
    served = Served(extensions=["http.response.pathsend", "websocket.http.response"])
    assert served.advertised(("http.response.pathsend",)) == {"http.response.pathsend": {}}
    entry = {"tls": {"tls_version": 772}, "websocket.http.response": {}, "own": {}}
    assert set(Served(extensions=entry).advertised(())) == {"tls", "own"}
    once = Served(extensions=(name for name in ["http.response.debug"]))
    assert once.advertised(("http.response.debug",)) == once.advertised(("http.response.debug",)) != {}


def test_the_same_context_needs_a_newer_python():
    if hasattr(asyncio.Task, "get_context"):
        assert Served(context="same").context == "same"
    else:
        with pytest.raises(ValueError, match=r"3\.12"):
            Served(context="same")
    own = contextvars.copy_context()
    assert Served(context=own).task_context() is own
