"""The HTTP scope, key by key, from request bytes (ASGI section 3)."""

import gc
import sys

import pytest

clause = pytest.mark.clause


@pytest.fixture
def scope_of(serve, answer):
    """The scope that the application gets for `request`, and the client's own address."""

    async def take(request, **options):
        scopes = []

        async def app(scope, receive, send):
            scopes.append(scope)
            await answer(send)

        async with serve(app, **options) as site:
            client = await site.connect()
            own = client.socket.getsockname()
            await client.send(request)
            assert (await client.response(head=request.startswith(b"HEAD"))).status == 200
        return scopes[0], site.address, own

    return take


def request(target=b"/", *lines, method=b"GET", version=b"1.1"):
    fields = b"".join(line + b"\r\n" for line in (b"host: a", *lines))
    return method + b" " + target + b" HTTP/" + version + b"\r\n" + fields + b"\r\n"


@clause(
    "ASGI-050", "ASGI-051", "ASGI-053", "ASGI-054", "ASGI-060", "ASGI-061", "ASGI-064"
)  # section 23: client and server
async def test_every_key_and_its_type(scope_of):
    scope, address, own = await scope_of(request(b"/a%20b?x=%20y", b"X-A: 1"))
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=%20y",
        "root_path": "",
        "headers": [(b"host", b"a"), (b"x-a", b"1")],
        "client": own,
        "server": address,
        "state": {},
        "extensions": scope["extensions"],
    }
    for key in ("client", "server"):
        assert type(scope[key][0]) is str
        assert type(scope[key][1]) is int
        assert len(scope[key]) == 2


@clause("ASGI-006", "ASGI-012", "ASGI-013", "ASGI-059", "ASGI-063")
async def test_values_are_exact_types(scope_of):
    scope, _, _ = await scope_of(request(b"/x?y", b"a: b", method=b"PURGE"))
    kinds = {key: type(value) for key, value in scope.items()}
    assert all(kinds[key] is str for key in ("type", "http_version", "method", "scheme", "path", "root_path"))
    assert all(kinds[key] is bytes for key in ("raw_path", "query_string"))
    assert all(kinds[key] is dict for key in ("asgi", "state", "extensions"))
    assert kinds["headers"] is list
    assert all(
        type(item) is tuple and [type(part) for part in item] == [bytes, bytes] for item in scope["headers"]
    )
    assert {type(value) for value in scope["asgi"].values()} == {str}
    assert scope["asgi"]["version"] == "3.0"


@clause("ASGI-052")  # section 23: "1" for 1.0; 1.0 without Host
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_http_version(scope_of, version):
    scope, _, _ = await scope_of(b"GET / HTTP/%s\r\nhost: a\r\n\r\n" % version.encode())
    assert scope["http_version"] == version
    if version == "1.0":
        scope, _, _ = await scope_of(b"GET / HTTP/1.0\r\n\r\n")
        assert scope["http_version"] == version
        assert scope["headers"] == []


@clause("ASGI-053")
@pytest.mark.parametrize(
    "method", [b"get", b"GET", b"HEAD", b"Post", b"purge", b"M-Search", b"X!#$%&'*+.^_`|~9"]
)
async def test_methods_are_upper_case(scope_of, method):
    scope, _, _ = await scope_of(request(method=method))
    assert scope["method"] == method.decode().upper()


@clause("ASGI-055", "ASGI-056", "ASGI-057", "ASGI-077")
@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/?", "/", b"/", b""),
        (b"/??a=b?c", "/", b"/", b"?a=b?c"),
        (b"/a?b=%2F%zz&c=+", "/a", b"/a", b"b=%2F%zz&c=+"),
        (b"//x/./..", "//x/./..", b"//x/./..", b""),
        (b"/%E2%82%AC", "/€", b"/%E2%82%AC", b""),
        (b"/%e2%82%ac%41", "/€A", b"/%e2%82%ac%41", b""),
        (b"/%2F%3F%25", "//?%", b"/%2F%3F%25", b""),
        (b"/%25%34%31", "/%41", b"/%25%34%31", b""),
        (b"/%FF%C3", "/\ufffd\ufffd", b"/%FF%C3", b""),
        (b"/%zz%4", "/%zz%4", b"/%zz%4", b""),
        (b"/a+b;c=d", "/a+b;c=d", b"/a+b;c=d", b""),
        (b"/%00", "/\0", b"/%00", b""),
    ],
)
async def test_targets(scope_of, target, path, raw_path, query):
    scope, _, _ = await scope_of(request(target))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


@clause("ASGI-077")
async def test_a_fragment_is_refused(serve, answer):
    async def app(scope, receive, send):
        await answer(send)

    async with serve(app) as site:
        assert (await site.get(b"/a#b")).status == 400
        assert (await site.get(b"/a?b#c")).status == 400


@clause("ASGI-075", "ASGI-069")
@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"http://b.example/p%20q?r", "/p q", b"r", b"b.example"),
        (b"http://b.example:81", "/", b"", b"b.example:81"),
        (b"HTTP://b.example?r", "/", b"r", b"b.example"),
    ],
)
async def test_absolute_form(scope_of, target, path, query, host):
    scope, _, _ = await scope_of(request(target, b"x-a: 1"))
    assert (scope["path"], scope["query_string"]) == (path, query)
    assert scope["headers"] == [(b"host", host), (b"x-a", b"1")]


@clause("ASGI-076")
async def test_options_asterisk(scope_of):
    scope, _, _ = await scope_of(request(b"*", method=b"OPTIONS"))
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("OPTIONS", "*", b"*")


@clause("ASGI-357")
async def test_connect_is_answered_by_the_server(serve, answer):
    called = []

    async def app(scope, receive, send):
        called.append(scope)
        await answer(send)

    async with serve(app) as site:
        assert (await site.ask(b"CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n")).status in (405, 501)
    assert called == []


@clause("ASGI-065", "ASGI-066", "ASGI-067", "ASGI-070", "ASGI-071")
async def test_headers_keep_order_duplicates_and_bytes(scope_of):
    lines = [
        b"X-A: 1",
        b"x-b: Two",
        b"X-a:3",
        b"COOKIE: a=b; c=D",
        b"x-c:  \t sp ace\t ",
        b"x-e:",
        b"x-l: \xe9\xff",
    ]
    scope, _, _ = await scope_of(request(b"/", *lines))
    assert scope["headers"] == [
        (b"host", b"a"),
        (b"x-a", b"1"),
        (b"x-b", b"Two"),
        (b"x-a", b"3"),
        (b"cookie", b"a=b; c=D"),
        (b"x-c", b"sp ace"),
        (b"x-e", b""),
        (b"x-l", b"\xe9\xff"),
    ]


@clause("ASGI-068")
async def test_pseudo_headers_never_reach_the_application(serve, answer):
    called = []

    async def app(scope, receive, send):
        called.append(scope)
        await answer(send)

    async with serve(app) as site:
        assert (await site.get(b"/", b":path: /evil")).status == 400
    assert called == []


@clause("ASGI-073")
async def test_each_request_of_a_connection_has_its_own_scope_and_answer(serve):
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async with serve(app) as site:
        client = await site.connect()
        await client.send(request(b"/1", b"x-a: 1") + request(b"/2"))
        assert [(await client.response()).body for _ in range(2)] == [b"/1", b"/2"]
    assert scopes[0] is not scopes[1]
    assert scopes[1]["headers"] == [(b"host", b"a")]
    assert scopes[0]["client"] == scopes[1]["client"]


@clause("ASGI-058", "ASGI-074")
@pytest.mark.parametrize(
    ("mode", "target", "path"),
    [
        ("auto", b"/x", "/api/x"),
        ("auto", b"/api/x", "/api/x"),
        ("auto", b"/api", "/api"),
        ("auto", b"/apis", "/api/apis"),
        ("auto", b"/%61pi/x", "/api/x"),
        ("prepend", b"/api/x", "/api/api/x"),
        ("as-is", b"/x", "/x"),
    ],
)
async def test_root_path_is_part_of_path(scope_of, mode, target, path):
    scope, _, _ = await scope_of(request(target), root_path="/api", root_path_mode=mode)
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/api", path, target)


@clause("ASGI-078")
async def test_ipv6_addresses_have_no_brackets(serve, answer):
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        await answer(send)

    async with serve(app, bind=["[::1]:0", "[::]:0"]) as site:
        for address in site.server.addresses:
            site.address = ("::1", address[1])
            client = await site.connect()
            await client.send(request())
            assert (await client.response()).status == 200
            assert scopes[-1]["client"] == ("::1", client.socket.getsockname()[1])
            assert scopes[-1]["server"] == ("::1", address[1])


@clause("ASGI-078")
async def test_a_listener_on_all_addresses_tells_the_one_that_was_used(serve, answer):
    scopes = []

    async def app(scope, receive, send):
        scopes.append(scope)
        await answer(send)

    async with serve(app, bind=["0.0.0.0:0"]) as site:
        port = site.address[1]
        for host in ("127.0.0.1", "127.0.0.2"):
            site.address = (host, port)
            await site.get()
    assert [scope["server"] for scope in scopes] == [("127.0.0.1", port), ("127.0.0.2", port)]


@clause("ASGI-078")
@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8")
async def test_memory_does_not_grow_with_the_addresses_that_are_used(serve, answer):
    """Where a whole network is ours, clients choose the address; each still sees the one that it chose."""
    servers = []

    async def app(scope, receive, send):
        servers[:] = [scope["server"]]
        await answer(send)

    async def use(site, addresses):
        for number in addresses:
            site.address = (f"127.0.{number // 250}.{number % 250 + 1}", site.address[1])
            await site.get()
            assert servers == [site.address]
            site.clients.clear()
        gc.collect()
        return sys.getallocatedblocks()

    async with serve(app, bind=["0.0.0.0:0"]) as site:
        before = await use(site, range(1100))
        after = await use(site, range(1100, 1400))
    assert after - before < 300


@clause("ASGI-079", "ASGI-060", "ASGI-061")
async def test_unix_socket(scope_of, unix):
    scope, address, _ = await scope_of(request(), bind=unix)
    assert scope["client"] is None
    assert scope["server"] == (address, None)
    assert type(scope["server"][0]) is str


@clause("ASGI-080")
async def test_a_peer_cannot_say_who_it_is(scope_of):
    forged = (b"x-forwarded-for: 9.9.9.9", b"x-forwarded-proto: https", b"forwarded: for=9.9.9.9;proto=https")
    scope, address, own = await scope_of(request(b"/", *forged))
    assert scope["client"] == own
    assert scope["server"] == address
    assert scope["scheme"] == "http"
    assert (b"x-forwarded-for", b"9.9.9.9") in scope["headers"]


@clause("ASGI-220", "ASGI-221", "ASGI-222")  # section 23: extensions
@pytest.mark.parametrize(
    ("version", "lines", "names"),
    [
        (b"1.1", (), {"pathsend", "zerocopysend", "early_hint"}),
        (b"1.1", (b"te: trailers",), {"pathsend", "zerocopysend", "early_hint", "trailers"}),
        (b"1.1", (b"TE: deflate;q=0.5, Trailers",), {"pathsend", "zerocopysend", "early_hint", "trailers"}),
        (b"1.0", (b"te: trailers",), {"pathsend", "zerocopysend"}),
    ],
)
async def test_extensions_are_those_of_this_request(scope_of, version, lines, names):
    scope, _, _ = await scope_of(request(b"/", *lines, version=version))
    assert scope["extensions"] == {f"http.response.{name}": {} for name in names}
