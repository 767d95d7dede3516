"""Requests, and literally the bytes that must come back from apps/plain.py under `--root-path /app --no-date-header`.

After those whose name begins with "close" the connection ends.
"""

from typing import NamedTuple

PLAIN = b"content-type: text/plain\r\n"
SERVER = b"server: asgate\r\n"


class Exchange(NamedTuple):
    """Bytes that are sent, and those that must come."""

    asked: bytes
    expected: bytes


def text(body: bytes, status: bytes = b"200 OK", fields: bytes = b"") -> bytes:
    """A response with a length, as most routes send it."""
    length = b"content-length: %d\r\n" % len(body)
    return b"HTTP/1.1 %b\r\n" % status + PLAIN + length + SERVER + fields + b"\r\n" + body


def scope(
    headers: list[tuple[bytes, bytes]],
    path: str,
    raw_path: bytes,
    query: bytes = b"",
    method: str = "GET",
    version: str = "1.1",
) -> bytes:
    """What the scope route shows: everything but client, server and state."""
    extensions: dict[str, dict[str, str]] = {"http.response.pathsend": {}, "http.response.zerocopysend": {}}
    if version == "1.1":
        extensions["http.response.early_hint"] = {}
    shown = {
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "extensions": extensions,
        "headers": headers,
        "http_version": version,
        "method": method,
        "path": path,
        "query_string": query,
        "raw_path": raw_path,
        "root_path": "/app",
        "scheme": "http",
        "type": "http",
    }
    return repr(shown).encode()


DIGEST = {
    "get": Exchange(
        b"GET /hello HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        text(b"Hello, World!"),
    ),
    "head": Exchange(
        b"HEAD /hello HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\nserver: asgate\r\n\r\n",
    ),
    "head of a stream": Exchange(
        b"HEAD /stream?count=2&size=3 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: asgate\r\n\r\n",
    ),
    "options *": Exchange(
        b"OPTIONS * HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        text(b"Hello, World!"),
    ),
    "absolute form": Exchange(
        b"GET http://e2e.test/scope?a=1 HTTP/1.1\r\nHost: other.test\r\n\r\n",
        text(scope([(b"host", b"e2e.test")], "/app/scope", b"/scope", b"a=1")),
    ),
    "scope": Exchange(
        b"GET /scope/a%20b/%C3%A9%2F?q=%20&r HTTP/1.1\r\nHost: e2e.test\r\nX-One: 1\r\n"
        b"x-one: 2\r\nAccept:  */* \r\n\r\n",
        text(
            scope(
                [(b"host", b"e2e.test"), (b"x-one", b"1"), (b"x-one", b"2"), (b"accept", b"*/*")],
                "/app/scope/a b/é/",
                b"/scope/a%20b/%C3%A9%2F",
                b"q=%20&r",
            )
        ),
    ),
    "scope of 1.0": Exchange(
        b"GET /scope HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        text(
            scope([(b"connection", b"keep-alive")], "/app/scope", b"/scope", version="1.0"),
            fields=b"connection: keep-alive\r\n",
        ),
    ),
    "stream": Exchange(
        b"GET /stream?count=3&size=4 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: asgate\r\n"
        b"transfer-encoding: chunked\r\n\r\n4\r\n\x00\x01\x02\x03\r\n4\r\n"
        b"\x00\x01\x02\x03\r\n4\r\n\x00\x01\x02\x03\r\n0\r\n\r\n",
    ),
    "empty stream": Exchange(
        b"GET /stream?count=0 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: asgate\r\ncontent-length: 0\r\n\r\n",
    ),
    "empty pieces": Exchange(
        b"GET /stream?count=2&size=0 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: asgate\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "post": Exchange(
        b"POST /echo HTTP/1.1\r\nHost: e2e.test\r\nContent-Length: 5\r\n\r\nhello",
        text(b"hello"),
    ),
    "post without a body": Exchange(
        b"POST /echo HTTP/1.1\r\nHost: e2e.test\r\nContent-Length: 0\r\n\r\n",
        text(b""),
    ),
    "post in chunks": Exchange(
        b"POST /echo HTTP/1.1\r\nHost: e2e.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;name=value\r\nhel\r\n2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n",
        text(b"hello"),
    ),
    "events": Exchange(
        b"POST /events HTTP/1.1\r\nHost: e2e.test\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 41\r\n"
        b'server: asgate\r\n\r\n{"body": "abc", "ends": ["http.request"]}',
    ),
    "expect": Exchange(
        b"POST /echo HTTP/1.1\r\nHost: e2e.test\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi",
        text(b"hi"),
    ),
    "early answer": Exchange(
        b"POST /early HTTP/1.1\r\nHost: e2e.test\r\nContent-Length: 3\r\n\r\nabc",
        text(b"too large", b"413 Content Too Large"),
    ),
    "204": Exchange(
        b"GET /empty?status=204 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nserver: asgate\r\n\r\n",
    ),
    "304": Exchange(
        b"GET /empty?status=304 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nserver: asgate\r\n\r\n",
    ),
    "205": Exchange(
        b"GET /empty?status=205 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 205 Reset Content\r\nserver: asgate\r\ncontent-length: 0\r\n\r\n",
    ),
    "unknown status": Exchange(
        b"GET /empty?status=799 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 799 \r\nserver: asgate\r\ncontent-length: 0\r\n\r\n",
    ),
    "trailers": Exchange(
        b"GET /trailers HTTP/1.1\r\nHost: e2e.test\r\nTE: trailers\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntrailer: x-sum\r\n"
        b"server: asgate\r\ntransfer-encoding: chunked\r\n\r\nd\r\nwith trailers\r\n0\r\n"
        b"x-sum: 42\r\n\r\n",
    ),
    "no trailers": Exchange(
        b"GET /trailers HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntrailer: x-sum\r\n"
        b"server: asgate\r\ntransfer-encoding: chunked\r\n\r\nd\r\nwith trailers\r\n0\r\n"
        b"\r\n",
    ),
    "early hint": Exchange(
        b"GET /hints HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n"
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 14\r\n"
        b"server: asgate\r\n\r\nafter the hint",
    ),
    "not found": Exchange(
        b"GET /nothing HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        text(b"not found", b"404 Not Found"),
    ),
    "any method": Exchange(
        b"PURGE /scope HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        text(scope([(b"host", b"e2e.test")], "/app/scope", b"/scope", method="PURGE")),
    ),
    "two in a row": Exchange(
        b"GET /hello HTTP/1.1\r\nHost: e2e.test\r\n\r\n"
        b"GET /stream?count=1&size=1 HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n"
        b"server: asgate\r\n\r\nHello, World!HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
        b"server: asgate\r\ntransfer-encoding: chunked\r\n\r\n1\r\n\x00\r\n0\r\n\r\n",
    ),
    "close after an error": Exchange(
        b"GET /boom HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\n"
        b"server: asgate\r\ncontent-length: 21\r\nconnection: close\r\n\r\n"
        b"Internal Server Error",
    ),
    "close in the middle": Exchange(
        b"GET /boom?begun HTTP/1.1\r\nHost: e2e.test\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: asgate\r\n"
        b"transfer-encoding: chunked\r\n\r\n6\r\nbegun\n\r\n",
    ),
    "close as asked": Exchange(
        b"GET /hello HTTP/1.1\r\nHost: e2e.test\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n"
        b"server: asgate\r\nconnection: close\r\n\r\nHello, World!",
    ),
    "close after 1.0": Exchange(
        b"GET /hello HTTP/1.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n"
        b"server: asgate\r\nconnection: close\r\n\r\nHello, World!",
    ),
    "close after a 1.0 stream": Exchange(
        b"GET /stream?count=2&size=3 HTTP/1.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nserver: asgate\r\n"
        b"connection: close\r\n\r\n\x00\x01\x02\x00\x01\x02",
    ),
}

# What is refused, and how; the words may change, the status and the end of the connection may not.
REFUSED = {
    "without a host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "both framings": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        400,
    ),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n", 400),
    "folded line": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n", 400),
    "odd chunk": (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "unknown coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    "another version": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "long line": (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "large head": (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    "many fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n", 431),
    "connect": (b"CONNECT e2e.test:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "handshake": (b"\x16\x03\x01 hello", 400),
}
