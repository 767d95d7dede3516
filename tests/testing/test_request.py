import pytest

from asgate.testing.request import absolute, encoded_body, host_of, redirected, request

BASE = "http://testserver"


def made(method="GET", url="/", **asked):
    return request(method, url, BASE, {"x-client": "1"}, asked)


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("/a", f"{BASE}/a"),
        ("a", f"{BASE}/a"),
        ("", f"{BASE}/"),
        ("//a", f"{BASE}//a"),
        ("/ä b%20c#x", f"{BASE}/%C3%A4%20b%20c"),
        ("/?q=ä&b=%zz", f"{BASE}/?q=%C3%A4&b=%zz"),
        ("http://other:81/x?y", "http://other:81/x?y"),
        ("/a?", f"{BASE}/a"),
    ],
)
def test_urls_are_absolute_and_encoded(url, full):
    assert absolute(BASE, url) == full


def test_params_join_the_query():
    url = absolute(BASE, "/?a=1", {"b": [1, 2], "c": True, "d": None})
    assert url == f"{BASE}/?a=1&b=1&b=2&c=true&d="
    assert absolute(BASE, "/", "raw=1") == f"{BASE}/?raw=1"


def test_the_fields_of_a_plain_request():
    asks = made(headers={"X-Own": "2", "X-Client": "3"})
    assert asks.header(b"host") == b"testserver"
    assert (asks.header(b"x-client"), asks.header(b"x-own")) == (b"3", b"2")
    assert asks.header(b"content-length") is None


@pytest.mark.parametrize(
    ("asked", "body", "kind"),
    [
        ({"json": {"a": "ä"}}, '{"a":"ä"}'.encode(), b"application/json"),
        ({"data": {"a": "1 2", "b": ["x", "y"]}}, b"a=1+2&b=x&b=y", b"application/x-www-form-urlencoded"),
        ({"content": "ä"}, "ä".encode(), b"text/plain; charset=utf-8"),
        ({"content": b"raw"}, b"raw", None),
    ],
)
def test_bodies(asked, body, kind):
    asks = made("post", **asked)
    assert (asks.method, asks.body) == ("POST", body)
    assert asks.header(b"content-type") == kind
    assert asks.header(b"content-length") == str(len(body)).encode()


def test_a_body_in_pieces_has_no_length():
    asks = made("POST", content=[b"a", b"b"])
    assert asks.header(b"transfer-encoding") == b"chunked"
    assert not asks.replayable


def test_files_are_multipart():
    pytest.importorskip("httpx")
    body, described = encoded_body({"files": {"f": ("a.txt", b"text")}, "data": {"a": "1"}})
    assert b'filename="a.txt"' in body
    assert b'name="a"' in body
    assert dict(described)[b"content-type"].startswith(b"multipart/form-data; boundary=")


def test_one_body_only():
    with pytest.raises(ValueError, match="not content and json"):
        made(content=b"", json=1)


def test_the_usual_port_is_left_out_of_host():
    assert host_of("http://a:80/") == b"a"
    assert host_of("https://a:80/") == b"a:80"


@pytest.mark.parametrize(
    ("status", "method", "after", "body"),
    [
        (303, "PUT", "GET", b""),
        (302, "POST", "GET", b""),
        (301, "PUT", "PUT", b"x"),
        (307, "POST", "POST", b"x"),
    ],
)
def test_redirects_change_the_method_as_browsers_do(status, method, after, body):
    again = redirected(made(method, "/a/b", content=b"x"), status, "../c")
    assert (again.method, again.url, again.body) == (after, f"{BASE}/c", body)
    assert (again.header(b"content-length") is None) == (body == b"")


def test_a_stream_is_not_sent_twice_and_passwords_stay_at_home():
    with pytest.raises(ValueError, match="stream"):
        redirected(made("POST", content=[b"x"]), 307, "/")
    again = redirected(made(headers={"authorization": "secret"}), 302, "http://other/")
    assert again.header(b"authorization") is None
    assert again.header(b"host") == b"other"


def test_a_misspelt_keyword_is_told():
    with pytest.raises(TypeError, match="unexpected keyword of a request: jsn; there are params, headers"):
        made("POST", jsn=1)
