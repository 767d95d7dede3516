import asyncio
import contextvars
import dataclasses
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


def test_extensions_by_name_or_with_entries():
    served = Served(extensions=["http.response.pathsend", "websocket.http.response"])
    assert served.advertised(("http.response.pathsend",)) == {"http.response.pathsend": {}}
    entry = {"tls": {"tls_version": 772}, "websocket.http.response": {}, "own": {}}
    assert set(Served(extensions=entry).advertised(())) == {"tls", "own"}
    with pytest.raises(ValueError, match="pathsned"):
        Served(extensions=["pathsned"]).advertised(())


def test_the_same_context_needs_a_newer_python():
    if hasattr(asyncio.Task, "get_context"):
        assert Served(context="same").context == "same"
    else:
        with pytest.raises(ValueError, match=r"3\.12"):
            Served(context="same")
    own = contextvars.copy_context()
    assert Served(context=own).task_context() is own
