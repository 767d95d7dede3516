"""The grammar of addresses: `host:port`, `[v6]:port`, `:port`, `unix:path`, `unix:@name`, `fd:N`.

Parsing only; `server/sockets.py` opens what is described here.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Tcp:
    """A host (empty: every address of the machine, IPv4 and IPv6) and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Unix:
    """A path in the file system, or `@name` for Linux's abstract namespace."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True)
class Descriptor:
    """An inherited socket: of any family, listening already or not."""

    number: int

    def __str__(self) -> str:
        return f"fd:{self.number}"


Bind: TypeAlias = Tcp | Unix | Descriptor

_TCP = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(?P<host>[\w.*-]*)):(?P<port>[0-9]{1,5})", re.ASCII
)


class Address:
    """The kind of option that takes one `Bind`."""

    metavar = "ADDRESS"
    expected = "host:port, [v6]:port, :port, unix:path or fd:N"

    def parse(self, value: object) -> Bind:
        if isinstance(value, Tcp | Unix | Descriptor):
            return value
        if not isinstance(value, str):
            raise ValueError
        text = value.strip()
        if text.startswith("unix:"):
            return Unix(_path(text.removeprefix("unix:")))
        if match := re.fullmatch(r"fd:(?://)?([0-9]{1,9})", text):
            return Descriptor(int(match[1]))
        if match := _TCP.fullmatch(text):
            host = match["v6"] or match["host"] or ""
            return Tcp("" if host == "*" else host, _port(match["port"]))
        raise ValueError(self._advice(text))

    def _advice(self, text: str) -> str:
        if text.isdecimal():
            return f"{self.expected}, for example 127.0.0.1:{text} or :{text}"
        if "://" in text:
            return f"{self.expected}, without http://"
        if text.count(":") > 1:
            return f"{self.expected}, an IPv6 address in brackets, such as [::1]:8000"
        if text and ":" not in text and "/" not in text:
            return f"{self.expected}, for example {text}:8000"
        return self.expected

    def show(self, value: Any) -> object:
        return str(value)


def _path(path: str) -> str:
    if not path or "\0" in path:
        raise ValueError("a path after unix:")
    return path


def _port(text: str) -> int:
    if int(text) > 65535:
        raise ValueError("a port from 0 to 65535")
    return int(text)
