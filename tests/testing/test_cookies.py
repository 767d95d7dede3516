import pytest

from asgate.testing.cookies import Cookies

URL = "http://testserver/a/b"


def test_what_is_set_is_sent():
    cookies = Cookies({"a": "1"})
    cookies.set("b", "2", path="/elsewhere")
    assert cookies.header(URL) == "a=1"
    assert (cookies["b"], cookies.get("c"), len(cookies), sorted(cookies)) == ("2", None, 2, ["a", "b"])
    cookies.delete("a")
    assert cookies.header(URL) is None
    with pytest.raises(KeyError):
        cookies["a"]


def test_a_response_sets_several():
    cookies = Cookies()
    cookies.keep(URL, [(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2; Path=/other"), (b"x", b"y")])
    assert cookies.header(URL) == "a=1"
    cookies.keep(URL, [(b"set-cookie", b"a=; Max-Age=0")])
    assert cookies.header(URL) is None


def test_a_secure_cookie_needs_https():
    cookies = Cookies()
    cookies.keep("https://testserver/", [(b"set-cookie", b"a=1; Secure; HttpOnly")])
    assert cookies.header("http://testserver/") is None
    assert cookies.header("https://testserver/") == "a=1"


def test_other_hosts_get_nothing():
    cookies = Cookies()
    cookies.keep("http://one.example/", [(b"set-cookie", b"a=1")])
    assert cookies.header("http://two.example/") is None
    cookies.clear()
    assert len(cookies) == 0
