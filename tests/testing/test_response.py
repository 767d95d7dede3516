import asyncio
import json

import pytest

from asgate.testing import ALL_EXTENSIONS, Client, ConversationError, Incomplete, StatusError


def answering(*messages, status=200, headers=()):
    async def app(scope, receive, send):
        if not messages or messages[0]["type"].startswith("http.response.body"):
            await send({"type": "http.response.start", "status": status, "headers": headers})
        for message in messages:
            await send(message)

    return app


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


async def get(app, **options):
    return await Client(app, **options).get("/")


async def test_what_is_known_of_a_response():
    headers = [(b"content-type", b"text/plain; charset=latin-1"), (b"x", b"1"), (b"x", b"2")]
    response = await get(answering(body(b"\xe4"), headers=headers))
    assert (response.status_code, response.reason_phrase, response.is_success) == (200, "OK", True)
    assert (response.text, response.content, response.headers.every("x")) == ("ä", b"\xe4", ["1", "2"])
    assert repr(response) == "<Response [200 OK]>"
    assert response.raise_for_status() is response


async def test_json_and_an_unknown_charset():
    headers = [(b"content-type", b"application/json; charset=klingon")]
    response = await get(answering(body(b'{"a": 1}'), headers=headers))
    assert response.json() == {"a": 1}
    assert json.loads(response.text) == {"a": 1}


async def test_a_bad_status_is_raised_with_what_was_said():
    response = await get(answering(body(b"no such page"), status=404))
    with pytest.raises(
        StatusError, match=r"404 Not Found: b'no such page'[\s\S]*http.response.start status=404"
    ):
        response.raise_for_status()


async def test_an_unfinished_response_is_incomplete():
    with pytest.raises(Incomplete, match="returned before"):
        await get(answering(body(b"half", more=True)))
    with pytest.raises(Incomplete, match="2 bytes, and content-length says 3"):
        await get(answering(body(b"ab"), headers=[(b"content-length", b"3")]))


async def test_an_exception_in_the_middle_is_raised():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send(body(b"half", more=True))
        raise LookupError

    with pytest.raises(LookupError):
        await get(app)
    with pytest.raises(Incomplete, match="LookupError"):
        await get(app, raise_app_exceptions=False)


async def test_a_stream_is_read_as_it_comes():
    go = asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await send(body(b"data: 1\r\nda", more=True))
        await go.wait()
        await send(body(b"ta: 2\nrest"))

    async with Client(app).stream("GET", "/") as response:
        lines = response.lines()
        assert await anext(lines) == "data: 1"
        with pytest.raises(ConversationError, match="was not read"):
            _ = response.content
        go.set()
        assert [line async for line in lines] == ["data: 2", "rest"]


async def test_head_of_a_long_body():
    headers = [(b"content-length", b"4")]
    response = await Client(answering(body(b"long"), headers=headers)).head("/")
    assert (response.content, response.headers["content-length"]) == (b"", "4")


async def test_what_extensions_add():
    app = answering(
        {"type": "http.response.debug", "info": {"template": "a.html"}},
        {"type": "http.response.early_hint", "links": [b"</a.css>"]},
        {"type": "http.response.start", "status": 200, "trailers": True},
        {"type": "http.response.push", "path": "/a.css", "headers": [(b"a", b"b")]},
        body(b"x", more=True),
        {"type": "http.response.push", "path": "/b.css", "headers": []},
        body(),
        {"type": "http.response.trailers", "headers": [(b"sum", b"1")], "more_trailers": True},
        {"type": "http.response.trailers", "headers": [(b"sum", b"2")]},
    )
    response = await get(app, extensions=ALL_EXTENSIONS)
    assert response.debug == {"template": "a.html"}
    assert response.early_hints == [[b"</a.css>"]]
    assert [path for path, _ in response.pushes] == ["/a.css", "/b.css"]
    assert response.trailers.every("sum") == ["1", "2"]


async def test_files_are_content(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(200_000))
    app = answering(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"200000")]},
        {"type": "http.response.pathsend", "path": str(path)},
    )
    assert (await get(app, extensions=ALL_EXTENSIONS)).content == bytes(200_000)
    path.write_bytes(b"shorter")
    with pytest.raises(Incomplete):
        await get(app, extensions=ALL_EXTENSIONS)


async def test_a_server_answers_for_an_application_that_fails():
    async def app(scope, receive, send):
        raise LookupError

    response = await get(app, raise_app_exceptions=False)
    assert (response.status_code, response.content) == (500, b"Internal Server Error")
