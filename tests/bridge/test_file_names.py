"""Names that are no UTF-8, as `os.listdir` and `os.fsdecode` give them (PEP 383), in pathsend."""

import os
import sys
from pathlib import Path

import pytest

import asgate

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body", "body": b"instead"}

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")


@pytest.fixture
def name(tmp_path):
    """The name of a file that is there, as a str."""
    named = os.fsencode(tmp_path) + b"/\xff \xc3\xa9.txt"
    with open(named, "wb") as file:  # noqa: PTH123 (a path of bytes)
        file.write(b"content")
    return os.fsdecode(named)


def sending(path, raised):
    async def app(scope, receive, send):
        await send(START)
        try:
            await send({"type": "http.response.pathsend", "path": path})
        except Exception as error:
            raised.append(error)
            await send(END)

    return app


@clause("ASGI-261", "ASGI-260")
async def test_a_name_that_is_no_utf_8_is_found(serve, name):
    raised = []
    async with serve(sending(name, raised)) as site:
        assert (await site.ask(GET)).body == b"content"
    assert not raised


@clause("ASGI-264")
async def test_a_file_that_is_missing_is_named_as_the_application_did(serve, name):
    raised = []
    async with serve(sending(name + "x", raised)) as site:
        assert (await site.ask(GET)).body == b"instead"
    assert [(type(error), error.filename) for error in raised] == [(FileNotFoundError, name + "x")]


@clause("ASGI-261", "ASGI-040")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bytes", TypeError),
        ("path-like", TypeError),
        ("relative", asgate.MessageError),
        ("unencodable", UnicodeEncodeError),
    ],
)
async def test_a_path_is_an_absolute_str_that_a_file_can_have(serve, name, kind, expected):
    """Neither `bytes` nor `os.PathLike`: the specification says "Unicode string"."""
    made = {
        "bytes": os.fsencode(name),
        "path-like": Path(name),
        "relative": name[1:],
        "unencodable": name + "\ud800",
    }
    raised = []
    async with serve(sending(made[kind], raised)) as site:
        assert (await site.ask(GET)).body == b"instead"
    assert [type(error) for error in raised] == [expected]
