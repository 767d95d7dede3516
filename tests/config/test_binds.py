import pytest

from asgate.config.binds import Address, Descriptor, Tcp, Unix

ADDRESSES = [
    ("127.0.0.1:8000", Tcp("127.0.0.1", 8000)),
    ("localhost:0", Tcp("localhost", 0)),
    ("[::1]:8000", Tcp("::1", 8000)),
    ("[::]:65535", Tcp("::", 65535)),
    ("[fe80::1%eth0]:80", Tcp("fe80::1%eth0", 80)),
    (":8000", Tcp("", 8000)),
    ("*:8000", Tcp("", 8000)),
    ("unix:/run/asgate.sock", Unix("/run/asgate.sock")),
    ("unix:relative.sock", Unix("relative.sock")),
    ("unix:@abstract", Unix("@abstract")),
    ("fd:3", Descriptor(3)),
    ("fd://3", Descriptor(3)),
]

WRONG = [
    ("", "host:port"),
    ("8000", "127.0.0.1:8000 or :8000"),
    ("localhost", "localhost:8000"),
    ("::1:8000", "brackets"),
    ("http://localhost:8000", "without http://"),
    ("localhost:65536", "a port from 0 to 65535"),
    ("localhost:http", "host:port"),
    ("unix:", "a path after unix:"),
    ("unix:a\0b", "a path after unix:"),
    ("fd:x", "host:port"),
    ("fd:-1", "host:port"),
    ("a b:80", "host:port"),
]


@pytest.mark.parametrize(("text", "bind"), ADDRESSES)
def test_addresses(text, bind):
    assert Address().parse(text) == bind
    assert Address().parse(str(bind)) == bind


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_wrong_addresses_say_what_was_meant(text, words):
    with pytest.raises(ValueError) as caught:
        Address().parse(text)
    assert words in str(caught.value)


def test_only_text_is_an_address():
    with pytest.raises(ValueError):
        Address().parse(8000)
