from asgate.testing.options import Served
from asgate.testing.scopes import handshake, http_scope, lifespan_scope, websocket_scope


def test_the_scope_of_a_request():
    scope = http_scope("GET", "http://testserver/%C3%A4%2F?q=%20", [(b"host", b"testserver")], Served(), None)
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/ä/",
        "raw_path": b"/%C3%A4%2F",
        "query_string": b"q=%20",
        "root_path": "",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "extensions": {"http.response.debug": {}},
    }


def test_the_root_path_stands_in_front_once():
    served = Served(root_path="/api")
    paths = [
        http_scope("GET", f"http://a{path}", [], served, None)["path"] for path in ("/x", "/api/x", "/apix")
    ]
    assert paths == ["/api/x", "/api/x", "/api/apix"]


def test_each_scope_has_its_own_objects():
    served, state = Served(extensions={"tls": {}}), {"pool": []}
    one, two = (http_scope("GET", "http://a/", [], served, state) for _ in range(2))
    for key in ("asgi", "headers", "extensions", "state"):
        assert one[key] == two[key]
        assert one[key] is not two[key]
    assert one["extensions"]["tls"] is not two["extensions"]["tls"]
    assert one["state"]["pool"] is state["pool"]


def test_the_scope_of_a_websocket():
    scope = websocket_scope("https://a:8443/ws", [], ["chat"], Served(spec_version="2.3"), None)
    assert (scope["type"], scope["scheme"], scope["subprotocols"]) == ("websocket", "wss", ["chat"])
    assert (scope["server"], scope["asgi"]["spec_version"]) == (("a", 8443), "2.3")
    assert "method" not in scope
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert handshake(["a", "b"])[-1] == (b"sec-websocket-protocol", b"a, b")


def test_the_scope_of_a_lifespan_has_its_own_version():
    state = {}
    assert lifespan_scope(state)["asgi"] == {"version": "3.0", "spec_version": "2.0"}
    assert lifespan_scope(state)["state"] is state
