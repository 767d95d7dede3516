"""The cookies that a client keeps: the standard library's jar, with domains, paths, expiry and `secure` as browsers see
them (RFC 6265), behind the few calls that tests need.
"""

import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message as Fields
from http.client import HTTPResponse
from http.cookiejar import Cookie, CookieJar
from typing import cast

Pairs = list[tuple[bytes, bytes]]


class Cookies:
    """`client.cookies["session"]`, `set`, `delete`, `clear`; iterates over names. `jar` has all details."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self.jar = CookieJar()
        for name, value in (given or {}).items():
            self.set(name, value)

    def set(self, name: str, value: str, *, domain: str = "", path: str = "/") -> None:
        """Keeps a cookie; without a domain it is sent to every host."""
        self.jar.set_cookie(
            Cookie(
                version=0, name=name, value=value, port=None, port_specified=False, domain=domain,
                domain_specified=bool(domain), domain_initial_dot=domain.startswith("."), path=path,
                path_specified=True, secure=False, expires=None, discard=True, comment=None, comment_url=None,
                rest={}, rfc2109=False,
            )
        )  # fmt: skip

    def delete(self, name: str) -> None:
        """Forgets the cookies of this name."""
        for cookie in [cookie for cookie in self.jar if cookie.name == name]:
            self.jar.clear(cookie.domain, cookie.path, cookie.name)

    def clear(self) -> None:
        """Forgets all cookies."""
        self.jar.clear()

    def __getitem__(self, name: str) -> str:
        for cookie in self.jar:
            if cookie.name == name:
                return cookie.value or ""
        raise KeyError(name)

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of the cookie of this name, or `default`."""
        return next((cookie.value for cookie in self.jar if cookie.name == name), default)

    def __contains__(self, name: object) -> bool:
        return any(cookie.name == name for cookie in self.jar)

    def __iter__(self) -> Iterator[str]:
        return (cookie.name for cookie in self.jar)

    def __len__(self) -> int:
        return len(self.jar)

    def header(self, url: str) -> str | None:
        """The `cookie` field of a request for this URL."""
        request = urllib.request.Request(url)  # noqa: S310 (nothing is opened)
        self.jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def keep(self, url: str, headers: Pairs) -> None:
        """Keeps what a response sets."""
        fields = Fields()
        for name, value in headers:
            if name.lower() == b"set-cookie":
                fields["set-cookie"] = value.decode("latin-1")
        if fields:
            response = cast("HTTPResponse", _Answer(fields))
            self.jar.extract_cookies(response, urllib.request.Request(url))  # noqa: S310 (nothing is opened)


class _Answer:
    """What the jar asks a response for."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def info(self) -> Fields:
        return self._fields
