"""What a test asks for, made into what a client puts on the wire: method, URL, header fields and body.

The calls are those of httpx: `params`, `headers`, `content`, `json`, `data`. `files` makes a multipart body with
httpx, when that is installed.
"""

import json as json_format
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict
from urllib.parse import quote, urlencode, urljoin, urlsplit

from asgate.testing.headers import HeadersGiven, wire_pairs

Content = str | bytes | Iterable[bytes] | AsyncIterable[bytes]
Query = str | Mapping[str, Any] | Iterable[tuple[str, Any]]
SAFE = "/:@!$&'()*+,;=~-._%"  # RFC 3986 3.3, and what is encoded already
SAFE_IN_QUERY = SAFE + "?"


class Asked(TypedDict, total=False):
    """What may be said about a request beside its method and URL."""

    params: Query | None
    headers: HeadersGiven
    content: Content | None
    json: Any
    data: Mapping[str, Any] | None
    files: Any
    cookies: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the client sends it. `body` is bytes, or what gives them piece by piece."""

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes | Iterable[bytes] | AsyncIterable[bytes]

    @property
    def replayable(self) -> bool:
        """Whether a redirect may send the body again."""
        return isinstance(self.body, bytes)

    def header(self, name: bytes) -> bytes | None:
        """The first value of a field, named in lower case."""
        return next((value for field, value in self.headers if field == name), None)

    def with_headers(self, *pairs: tuple[bytes, bytes]) -> "Request":
        """The same request with more fields."""
        return replace(self, headers=(*self.headers, *pairs))


def request(method: str, url: str, base_url: str, defaults: HeadersGiven, asked: Asked) -> Request:
    """Puts a request together; `url` may be relative to `base_url`, `defaults` are the client's own fields."""
    if unknown := set(asked) - Asked.__annotations__.keys():
        known = ", ".join(Asked.__annotations__)
        raise TypeError(f"unexpected keyword of a request: {', '.join(sorted(unknown))}; there are {known}")
    full = absolute(base_url, url, asked.get("params"))
    body, described = encoded_body(asked)
    own = wire_pairs(asked.get("headers"))
    if cookies := asked.get("cookies"):
        own.append(
            (b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode("latin-1"))
        )
    given = {name for name, _ in own}
    usual = [pair for pair in wire_pairs(defaults) if pair[0] not in given]
    given |= {name for name, _ in usual}
    basic = [(b"host", host_of(full)), (b"accept", b"*/*"), (b"user-agent", b"asgate.testing"), *described]
    if b"transfer-encoding" in given:
        given.add(b"content-length")
    headers = [pair for pair in basic if pair[0] not in given]
    return Request(method.upper(), full, (*headers, *usual, *own), body)


def absolute(base_url: str, url: str, params: Query | None = None) -> str:
    """The whole URL, percent-encoded, without its fragment."""
    # An application is mounted at its root: "//" and "a" begin a path here, and not a host.
    joined = url if "://" in url else f"{base_url.rstrip('/')}/{url.removeprefix('/')}"
    scheme, rest = joined.split("://", 1)
    place, _, query = rest.partition("#")[0].partition("?")
    host, _, path = place.partition("/")
    extra = params if isinstance(params, str) else urlencode(_pairs(params), doseq=True) if params else ""
    query = "&".join(part for part in (quote(query, safe=SAFE_IN_QUERY), extra) if part)
    return f"{scheme}://{host}/{quote(path, safe=SAFE)}" + (f"?{query}" if query else "")


def _pairs(params: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Values as they are written in URLs: true, false and nothing."""
    items = params.items() if isinstance(params, Mapping) else params
    words = {True: "true", False: "false", None: ""}
    return [(name, words[value] if isinstance(value, bool | None) else value) for name, value in items]


def host_of(url: str) -> bytes:
    """The `host` field for a URL; without the scheme's own port."""
    parts = urlsplit(url)
    usual = {"http": 80, "ws": 80, "https": 443, "wss": 443}.get(parts.scheme)
    host = parts.netloc.rpartition("@")[2]
    return (host.removesuffix(f":{usual}") if parts.port == usual else host).encode(
        "idna" if not host.isascii() else "ascii"
    )


def encoded_body(
    asked: Asked,
) -> tuple[bytes | Iterable[bytes] | AsyncIterable[bytes], list[tuple[bytes, bytes]]]:
    """The body, and the fields that describe it."""
    ways = [way for way in ("content", "json", "data", "files") if asked.get(way) is not None]
    if len(ways) > 1 and ways != ["data", "files"]:
        raise ValueError(f"a request has one body: not {' and '.join(ways)}")
    if "files" in ways:
        return multipart(asked)
    if "json" in ways:
        text = json_format.dumps(asked["json"], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return _sized(text.encode(), b"application/json")
    if "data" in ways:
        form = urlencode(_pairs(asked["data"] or {}), doseq=True)
        return _sized(form.encode(), b"application/x-www-form-urlencoded")
    content = asked.get("content")
    if content is None:
        return b"", []
    if isinstance(content, str):
        return _sized(content.encode(), b"text/plain; charset=utf-8")
    if isinstance(content, bytes | bytearray | memoryview):
        return _sized(bytes(content))
    return content, [(b"transfer-encoding", b"chunked")]


def _sized(body: bytes, kind: bytes = b"") -> tuple[bytes, list[tuple[bytes, bytes]]]:
    described = [(b"content-length", str(len(body)).encode())]
    return body, [*described, (b"content-type", kind)] if kind else described


def multipart(asked: Asked) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """A multipart body, made by httpx."""
    try:
        import httpx
    except ModuleNotFoundError:
        raise ModuleNotFoundError("files= needs httpx: pip install httpx") from None
    made = httpx.Request("POST", "http://x/", data=asked.get("data"), files=asked["files"])
    return _sized(made.read(), made.headers["content-type"].encode())


def redirected(earlier: Request, status: int, location: str) -> Request:
    """The request that a redirect asks for (RFC 9110 15.4)."""
    url = absolute("", urljoin(earlier.url, location))
    if status in (307, 308) and not earlier.replayable:
        raise ValueError(f"a {status} asks for the body again, and it was a stream")
    change = earlier.method == "POST" if status in (301, 302) else status == 303 and earlier.method != "HEAD"
    dropped = {b"host", b"cookie"}
    if urlsplit(url).netloc != urlsplit(earlier.url).netloc:
        dropped.add(b"authorization")
    if change:
        dropped |= {b"content-length", b"content-type", b"transfer-encoding"}
    kept = tuple(pair for pair in earlier.headers if pair[0] not in dropped)
    method, body = ("GET", b"") if change else (earlier.method, earlier.body)
    return Request(method, url, ((b"host", host_of(url)), *kept), body)
