import asyncio
import contextvars
import json

import pytest

from asgate.testing import Client, ConversationError, TimedOut

variable = contextvars.ContextVar("variable", default="unset")


async def answer(send, data=b"", status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


async def mirror(scope, receive, send):
    """Tells what it saw."""
    body = b""
    while (event := await receive())["type"] == "http.request":
        body += event["body"]
        if not event["more_body"]:
            break
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
        "body": body.decode(),
    }
    await answer(send, json.dumps(seen).encode())


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
async def test_each_method_has_its_call(method):
    response = await getattr(Client(mirror), method)("/a?b=c")
    assert response.json()["method"] == method.upper()
    assert (response.json()["path"], response.json()["query"]) == ("/a", "b=c")
    assert response.url == "http://testserver/a?b=c"


async def test_a_body_and_fields_are_sent():
    client = Client(mirror, headers={"X-Always": "1"})
    seen = (await client.post("/", json={"a": 1}, params={"q": 2}, headers={"X-Once": "2"})).json()
    assert (seen["body"], seen["query"]) == ('{"a":1}', "q=2")
    wanted = {"x-always": "1", "x-once": "2", "content-type": "application/json", "host": "testserver"}
    assert wanted.items() <= seen["headers"].items()


async def test_cookies_are_kept_and_sent():
    async def app(scope, receive, send):
        if scope["path"] == "/login":
            await answer(send, headers=[(b"set-cookie", b"session=abc; Path=/")])
        else:
            await mirror(scope, receive, send)

    client = Client(app, cookies={"theme": "dark"})
    await client.get("/login")
    assert client.cookies["session"] == "abc"
    sent = (await client.get("/")).json()["headers"]["cookie"]
    assert sorted(sent.split("; ")) == ["session=abc", "theme=dark"]


async def redirecting(scope, receive, send):
    if scope["path"] == "/round":
        await answer(send, status=302, headers=[(b"location", b"/round")])
    elif scope["path"] == "/old":
        cookie = (b"set-cookie", b"seen=old; Path=/")
        await answer(send, status=303, headers=[(b"location", b"/new?x=1"), cookie])
    else:
        await mirror(scope, receive, send)


async def test_redirects_are_followed_on_request():
    client = Client(redirecting)
    assert (await client.post("/old", json=1)).status_code == 303
    response = await client.post("/old", json=1, follow_redirects=True)
    assert (response.status_code, [earlier.status_code for earlier in response.history]) == (200, [303])
    seen = response.json()
    assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("GET", "/new", "x=1", "")
    assert seen["headers"]["cookie"] == "seen=old"
    async with client.stream("GET", "/old", follow_redirects=True) as streamed:
        assert json.loads(await streamed.read())["path"] == "/new"


async def test_redirects_in_a_circle_end():
    with pytest.raises(ConversationError, match="20 redirects"):
        await Client(redirecting, follow_redirects=True).get("/round")


async def test_background_work_is_waited_for():
    done = []

    async def app(scope, receive, send):
        await answer(send)
        assert (await receive())["type"] == "http.disconnect"
        done.append(True)

    await Client(app).get("/")
    assert done == [True]


async def test_background_work_that_fails_is_told():
    async def app(scope, receive, send):
        await answer(send)
        raise LookupError

    with pytest.raises(LookupError):
        await Client(app).get("/")
    assert (await Client(app, raise_app_exceptions=False).get("/")).status_code == 200


async def test_a_call_that_takes_too_long_leaves_and_cancels_nothing():
    ended = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        ended.append((await receive())["type"])
        await release.wait()
        ended.append("on its own")

    release = asyncio.Event()
    async with Client(app) as client:
        with pytest.raises(TimedOut, match=r"GET http://testserver/ took longer than 0\.01 s"):
            await client.get("/", timeout=0.01)
        release.set()
    assert ended == ["http.disconnect", "on its own"]


async def test_a_timeout_of_the_application_is_its_own():
    async def app(scope, receive, send):
        raise TimeoutError("the database")

    with pytest.raises(TimeoutError, match="the database") as caught:
        await Client(app).get("/")
    assert not isinstance(caught.value, TimedOut)


async def test_leaving_a_stream_is_a_disconnect_that_is_waited_for():
    seen = []

    async def app(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        seen.append((await receive())["type"])

    async with Client(app).stream("GET", "/") as response:
        assert await response.chunk() == b"x"
    assert seen == ["http.disconnect"]


async def test_a_test_that_fails_tells_its_own_fault():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200})
        await asyncio.Event().wait()

    async def fails():
        async with Client(app) as client, client.open("GET", "/"):
            raise LookupError("the test")

    with pytest.raises(LookupError, match="the test"):
        await fails()


async def test_the_block_of_a_client_ends_all_conversations():
    ended = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await receive()
        ended.append(scope["path"])

    async with Client(app) as client:
        for path in ("/a", "/b"):
            with pytest.raises(TimedOut):
                await client.get(path, timeout=0.001)
    assert sorted(ended) == ["/a", "/b"]


async def test_several_faults_are_a_group():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await receive()
        await receive()
        raise LookupError

    with pytest.raises(ExceptionGroup):
        async with Client(app) as client:
            for _ in range(2):
                with pytest.raises(TimedOut):
                    await client.get("/", timeout=0.001)


async def test_everything_happens_on_the_loop_and_in_the_context_of_the_test():
    async def app(scope, receive, send):
        assert asyncio.get_running_loop() is loop
        await answer(send, variable.get().encode())

    loop = asyncio.get_running_loop()
    variable.set("by the test")
    assert (await Client(app).get("/")).text == "by the test"


@pytest.mark.parametrize("spec_version", ["2.0", "2.3", "2.5"])
async def test_the_scope_is_as_asked(spec_version):
    async def app(scope, receive, send):
        seen.append(scope)
        await answer(send)

    seen = []
    client = Client(
        app, spec_version=spec_version, root_path="/api", client=None, extensions=(), http_version="2"
    )
    await client.get("/a")
    scope = seen[0]
    assert scope["asgi"]["spec_version"] == spec_version
    assert (scope["path"], scope["root_path"], scope["client"]) == ("/api/a", "/api", None)
    assert (scope["extensions"], scope["http_version"]) == ({}, "2")
    assert "state" not in scope


async def test_a_client_is_entered_once():
    client = Client(mirror, lifespan="off")
    async with client:
        pass
    with pytest.raises(RuntimeError, match="once"):
        await client.__aenter__()


async def test_nothing_but_the_standard_library_is_needed():
    import subprocess
    import sys

    program = "import sys; sys.modules['httpx'] = None; import asgate.testing as t; t.Client; t.SyncClient"
    subprocess.run([sys.executable, "-c", program], check=True)
