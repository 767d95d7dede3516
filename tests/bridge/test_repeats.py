"""Requests that resemble or repeat each other: whatever the server remembers of heads, lines and dicts, every request
gets its own (ASGI-014, ASGI-073).
"""

import pytest

clause = pytest.mark.clause
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def head(method, target, *fields, body=b""):
    """Request bytes and what the application should see of them."""
    lines = b"".join(b"%s: %s\r\n" % field for field in fields)
    path, _, query = target.partition(b"?")
    seen = [(name.lower(), value.strip()) for name, value in fields]
    if path.startswith(b"http://"):
        authority, _, path = path.removeprefix(b"http://").partition(b"/")
        seen, path = [(b"host", authority), *(field for field in seen if field[0] != b"host")], b"/" + path
    wanted = (method.decode().upper(), path.decode().replace("%61", "a"), path, query, seen, body)
    return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (method, target, lines, body), wanted


HOST = (b"host", b"a")
HEADS = [
    head(b"GET", b"/a?x=1", HOST),
    head(b"GET", b"/b?x=1", HOST),
    head(b"GET", b"/a?x=2", HOST),
    head(b"GET", b"/a?x=1", (b"host", b"b")),
    head(b"PUT", b"/a?x=1", HOST),
    head(b"put", b"/a?x=1", (b"HOST", b" a")),
    head(b"GET", b"/a?", HOST),
    head(b"GET", b"/a", HOST),
    head(b"GET", b"/%61", HOST),
    head(b"GET", b"http://c/a", HOST),
    head(b"GET", b"http://d/a", HOST),
    head(b"GET", b"/a", HOST, (b"cookie", b"x=1")),
    head(b"GET", b"/a", HOST, (b"cookie", b"x=2")),
    head(b"GET", b"/a", HOST, (b"authorization", b"x")),
    head(b"GET", b"/a", HOST, (b"authorization", b"y")),
    head(b"GET", b"/a", HOST, (b"x", b"1" * 2000)),
    head(b"GET", b"/a", HOST, (b"x", b"2" * 2000)),
    head(b"PUT", b"/a", HOST, (b"content-length", b"1"), body=b"x"),
    head(b"PUT", b"/a", HOST, (b"content-length", b"1"), body=b"y"),
    head(b"GET", b"/a", HOST, (b"expect", b"100-continue")),
    head(b"GET", b"/a", HOST, (b"te", b"trailers")),
]


@clause("ASGI-073", "ASGI-014", "ASGI-070")
@pytest.mark.parametrize("how", ["one after the other", "pipelined", "in halves"])
async def test_requests_that_resemble_each_other_are_not_confused(serve, answer, how):
    seen = []

    async def app(scope, receive, send):
        keys = ("method", "path", "raw_path", "query_string")
        seen.append((*(scope[key] for key in keys), list(scope["headers"]), (await receive())["body"]))
        assert ("http.response.trailers" in scope["extensions"]) == ((b"te", b"trailers") in scope["headers"])
        scope["headers"].clear()
        scope.update(dict.fromkeys(keys))
        await answer(send)

    expected = []
    async with serve(app) as site:
        client = await site.connect()
        for step in (
            1,
            1,
            2,
            5,
            8,
            11,
        ):  # each has no factor in common with the number of heads: other neighbours each time
            turns = [HEADS[number * step % len(HEADS)] for number in range(len(HEADS))]
            expected += [wanted for _, wanted in turns]
            if how == "pipelined":
                await client.send(b"".join(sent for sent, _ in turns))
            for sent, _ in turns:
                if how == "one after the other":
                    await client.send(sent)
                elif how == "in halves":
                    await client.send(sent[:20])
                    await client.send(sent[20:])
                assert (await client.response()).status == 200
    assert seen == expected


@clause("ASGI-014")
@pytest.mark.parametrize("keep", [None, "asgi", "extensions", "headers", "state", "inner"])
async def test_what_was_changed_never_comes_back(serve, answer, keep):
    """Also when a scope is thrown away at once, and when the application keeps only a part of it."""
    kept, looks = [], []

    async def app(scope, receive, send):
        looks.append(repr({key: scope[key] for key in scope if key != "client"}))
        inner = scope["extensions"]["http.response.pathsend"]
        kept.append(inner if keep == "inner" else scope.get(keep))
        if keep is not None and len(kept) % 2:
            return await answer(send)  # kept as it is, and not to be seen again
        scope["asgi"]["spec_version"] = "9.9"
        scope["asgi"]["more"] = inner["more"] = scope["state"]["more"] = 1
        del scope["extensions"]["http.response.zerocopysend"]
        scope["headers"][0] = (b"more", b"1")
        del scope["server"]
        return await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        for _ in range(10):
            await client.send(GET)
            assert (await client.response()).status == 200
    assert len(set(looks)) == 1
    if keep is not None:
        assert len({id(one) for one in kept}) == 10


CHANGES = {
    "a value": lambda scope: scope["asgi"].update(version="9"),
    "a new key": lambda scope: scope["asgi"].update(more=1),
    "a missing key": lambda scope: scope["asgi"].pop("version"),
    "another key": lambda scope: scope["asgi"].update(more=scope["asgi"].pop("version")),
    "an inner dict": lambda scope: scope["extensions"]["http.response.pathsend"].update(more=1),
    "another inner dict": lambda scope: scope["extensions"].update({"http.response.pathsend": {"more": 1}}),
    "a missing extension": lambda scope: scope["extensions"].pop("http.response.pathsend"),
    "a new extension": lambda scope: scope["extensions"].update(more={}),
    "a header": lambda scope: scope["headers"].append((b"more", b"1")),
    "the state": lambda scope: scope["state"].update(more=1),
    "the scope": lambda scope: scope.update(more=1),
    "everything": lambda scope: [scope.popitem() for _ in range(len(scope))],
}


@clause("ASGI-014")
@pytest.mark.parametrize("change", CHANGES)
async def test_a_single_change_never_comes_back(serve, answer, change):
    looks = set()

    async def app(scope, receive, send):
        looks.add(repr({key: scope[key] for key in scope if key != "client"}))
        CHANGES[change](scope)
        del scope
        await answer(send)

    async with serve(app) as site:
        client = await site.connect()
        for _ in range(4):
            await client.send(GET)
            assert (await client.response()).status == 200
    assert len(looks) == 1


@clause("ASGI-014", "ASGI-060")
async def test_a_remembered_head_belongs_to_no_client_and_no_listener(serve, answer, tmp_path):
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["client"], scope["server"]))
        await answer(send)

    expected = []
    async with serve(app, bind=["127.0.0.1:0", f"unix:{tmp_path}/s", "127.0.0.1:0"]) as site:
        for _ in range(3):
            for address in site.server.addresses:
                site.address = address
                client = await site.connect()
                local = isinstance(address, str)
                own = (None, (address, None)) if local else (client.socket.getsockname(), address)
                expected.append(own)
                await client.send(GET)
                assert (await client.response()).status == 200
    assert seen == expected


@clause("ASGI-052", "ASGI-108")
async def test_a_remembered_head_keeps_what_it_says_about_the_connection(serve, answer):
    async def app(scope, receive, send):
        await answer(send)

    heads = {
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n": [],
        b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n": [b"close"],
        b"GET / HTTP/1.0\r\nhost: a\r\n\r\n": [b"close"],
        b"GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n": [b"keep-alive"],
    }
    async with serve(app) as site:
        for _ in range(3):
            for sent, connection in heads.items():
                assert (await site.ask(sent))[b"connection"] == connection
                if connection != [b"close"]:
                    client = await site.connect()
                    await client.send(sent * 3)
                    for _ in range(3):
                        assert (await client.response())[b"connection"] == connection


@clause("ASGI-073", "ASGI-014")
async def test_more_heads_than_anybody_remembers(serve):
    """Each comes twice in a row, so that it is remembered; all come again when others have taken their place."""

    async def app(scope, receive, send):
        body = scope["path"].encode() + b" " + scope["headers"][1][1]
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": body})

    def twice(number):
        return b"GET /%d HTTP/1.1\r\nhost: a\r\nx: %d\r\n\r\n" % (number, number * 7) * 2

    async with serve(app) as site:
        client = await site.connect()
        for _ in range(2):
            for number in range(1000):
                await client.send(twice(number))
                for _ in range(2):
                    assert (await client.response()).body == b"/%d %d" % (number, number * 7)
