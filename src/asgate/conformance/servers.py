"""The adapters: how each server is started with the probe in it. A row each; nothing else of the kit knows
a server by name.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from string import Formatter

from asgate.conformance.signals import ending
from asgate.errors import did_you_mean
from asgate.version import UNKNOWN

APPLICATION = "asgi_probe:app"
OPTIONS = {
    "root_path": "the path under which the application is mounted",
    "grace": "seconds that a graceful stop may take",
    "body_limit": "bytes that a request's body may have",
    "message_limit": "bytes that a WebSocket message may have",
    "ping_interval": "seconds between two pings to a WebSocket client",
    "ping_timeout": "seconds for which a WebSocket client may owe the answer to a ping",
    "lifespan": "auto, on or off",
    "asgi2": "that the application is an ASGI 2 one",
    "ipv6": "the address to listen on, ::1",
}
"""What cases ask of servers beyond their defaults."""
VALUELESS = ("asgi2",)  # those that are said without a value, and that a server may do of its own accord
ANSWER = 30  # seconds that an interpreter may take to say something

# Run by the interpreter that has the servers: the version of the first name if all of them can be imported.
VERSION = f"""
import importlib.metadata, importlib.util, sys
sys.path = [place for place in sys.path if place]
if not all(importlib.util.find_spec(name) for name in sys.argv[1:]):
    sys.exit(1)
try:
    print(importlib.metadata.version(sys.argv[1]))
except importlib.metadata.PackageNotFoundError:
    print({UNKNOWN!r})
"""


class Unknown(Exception):
    """The adapter has no words for an option; the message names it."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one server is started.

    In `command`, `tcp`, `unix` and the values of `options` these are replaced: {python} {target} {port} {path} {value}.
    The names of options are those of `OPTIONS`; one without words is what the server does of its own accord.
    """

    name: str
    distribution: str  # what to look up for its version; "" when it is not known
    command: tuple[str, ...]
    tcp: tuple[str, ...]
    unix: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # modules that it needs besides
    told: str = ""  # its version when there is no distribution to ask

    def words(
        self, python: str, target: str, port: int, path: str | None, options: dict[str, str]
    ) -> list[str]:
        """The command line. Raises `Unknown`."""
        if path is not None and not self.unix:
            raise Unknown("Unix sockets")
        if target != APPLICATION and "{target}" not in " ".join(self.command):
            raise Unknown("another application")
        rows = [(self.command, ""), (self.unix if path is not None else self.tcp, "")]
        for name, value in options.items():
            if name not in self.options:
                raise Unknown(name)
            rows.append((self.options[name], value))
        return [
            word.format(python=python, target=target, port=port, path=path, value=value)
            for words, value in rows
            for word in words
        ]

    @property
    def in_python(self) -> bool:
        """Whether it is run by the interpreter that was named."""
        return "{python}" in " ".join(self.command)

    def version(self, python: str) -> str | None:
        """The installed version; None when it is not installed there, "" when that cannot be told."""
        if not self.distribution:
            return self.told
        names = (self.distribution, *self.needs)
        told = subprocess.run(
            [python, "-c", VERSION, *names], capture_output=True, text=True, timeout=ANSWER, check=False
        )
        return told.stdout.strip() if told.returncode == 0 else None


@cache
def python_version(python: str) -> str:
    """Of another interpreter, as "3.12.1". Raises ValueError with the reason when it is none."""
    code = "import platform; print(platform.python_version())"
    try:
        told = subprocess.run(
            [python, "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"it said no version in {ANSWER} s") from None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    if told.returncode:
        raise ValueError(f"it ended with {ending(told.returncode)} when it was asked for its version")
    if not re.fullmatch(r"\d+(\.\d+)+\S*", version := told.stdout.strip()):
        raise ValueError("it said no version")
    return version


def _uvicorn(name: str, http: str, websocket: str = "") -> Adapter:
    """`websocket`: its WebSocket implementation, where it is not the one that uvicorn takes by itself."""
    return Adapter(
        name,
        "uvicorn",
        (
            "{python}",
            "-m",
            "uvicorn",
            "{target}",
            "--http",
            http,
            *(("--ws", websocket) if websocket else ()),
        ),
        ("--host", "127.0.0.1", "--port", "{port}"),
        ("--uds", "{path}"),
        needs=(http, websocket) if websocket else (http,),
        options={
            "root_path": ("--root-path", "{value}"),
            "grace": ("--timeout-graceful-shutdown", "{value}"),
            "lifespan": ("--lifespan", "{value}"),
            "asgi2": ("--interface", "asgi2"),
            "ipv6": ("--host", "{value}"),
            "message_limit": ("--ws-max-size", "{value}"),
            "ping_interval": ("--ws-ping-interval", "{value}"),
            "ping_timeout": ("--ws-ping-timeout", "{value}"),
        },
    )


ADAPTERS = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            "asgate",
            "asgate",
            ("{python}", "-m", "asgate", "run", "{target}"),
            ("--bind", "127.0.0.1:{port}"),
            ("--bind", "unix:{path}"),
            {
                "root_path": ("--root-path", "{value}"),
                "grace": ("--graceful-timeout", "{value}"),
                "lifespan": ("--lifespan", "{value}"),
                "asgi2": ("--interface", "asgi2"),
                "body_limit": ("--limit-body-size", "{value}"),
                "ipv6": ("--bind", "[{value}]:{port}"),
                "message_limit": ("--ws-max-size", "{value}"),
                "ping_interval": ("--ws-ping-interval", "{value}"),
                "ping_timeout": ("--ws-ping-timeout", "{value}"),
            },
        ),
        _uvicorn("uvicorn", "httptools"),
        _uvicorn("uvicorn-h11", "h11"),
        _uvicorn("uvicorn-zttp", "zttp"),
        _uvicorn("uvicorn-wsproto", "httptools", "wsproto"),
        Adapter(
            "hypercorn",
            "hypercorn",
            ("{python}", "-m", "hypercorn", "{target}"),
            ("--bind", "127.0.0.1:{port}"),
            ("--bind", "unix:{path}"),
            {
                "root_path": ("--root-path", "{value}"),
                "grace": ("--graceful-timeout", "{value}"),
                "ipv6": ("--bind", "[{value}]:{port}"),
                "ping_interval": ("--websocket-ping-interval", "{value}"),
            },
        ),
        Adapter(
            "daphne",
            "daphne",
            ("{python}", "-m", "daphne", "{target}"),
            ("--bind", "127.0.0.1", "--port", "{port}"),
            ("--unix-socket", "{path}"),
            {
                "root_path": ("--root-path", "{value}"),
                "ipv6": ("--bind", "{value}"),
                "message_limit": ("--websocket-max-message-size", "{value}"),
                "ping_interval": ("--ping-interval", "{value}"),
                "ping_timeout": ("--ping-timeout", "{value}"),
            },
        ),
        Adapter(
            "granian",
            "granian",
            ("{python}", "-m", "granian", "--interface", "asgi", "{target}"),
            ("--host", "127.0.0.1", "--port", "{port}"),
            ("--uds", "{path}"),
            {
                "root_path": ("--url-path-prefix", "{value}"),
                "grace": ("--workers-kill-timeout", "{value}"),
                "ipv6": ("--host", "{value}"),
            },
        ),
        Adapter(
            "gunicorn",
            "gunicorn",
            ("{python}", "-m", "gunicorn", "--worker-class", "asgi", "--no-control-socket", "{target}"),
            ("--bind", "127.0.0.1:{port}"),
            ("--bind", "unix:{path}"),
            {
                "root_path": ("--root-path", "{value}"),
                "grace": ("--graceful-timeout", "{value}"),
                "lifespan": ("--asgi-lifespan", "{value}"),
                "ipv6": ("--bind", "[{value}]:{port}"),
                "message_limit": ("--websocket-max-message-size", "{value}"),
            },
        ),
        Adapter(
            "fastpysgi",
            "fastpysgi",
            ("{python}", "-c", "import fastpysgi; fastpysgi.run_from_cli()", "{target}"),
            ("--host", "127.0.0.1", "--port", "{port}"),
        ),
    )
}
"""By name. The kit's own server stands first and is judged like every other."""


def custom(
    command: str, name: str = "command", options: Mapping[str, str] | None = None, version: str = ""
) -> Adapter:
    """The adapter of `--command`: words with {port} in them, and {target} for the application. `options`: words for
    what cases ask for, by the names of `OPTIONS`, with {value} in them. `version`: the server's, for reports.

    Raises ValueError when words cannot be used.
    """
    words = tuple(shlex.split(command))
    more = {key: tuple(shlex.split(text)) for key, text in (options or {}).items()}
    if "{port}" not in command:
        raise ValueError("{port} is not in it")
    _expect_names(words, COMMAND_NAMES)
    for key, text in more.items():
        if key not in OPTIONS:
            raise ValueError(f"{key} is none of {', '.join(OPTIONS)}")
        _expect_names(text, (*COMMAND_NAMES, "value"))
        if key not in VALUELESS and "{value}" not in " ".join(text):
            raise ValueError(f"the option {key} has no {{value}} in its words")
    return Adapter(name, "", words, (), (), more, told=version)


COMMAND_NAMES = ("target", "port", "python")


def _expect_names(words: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Raises ValueError for braces around something else than these names."""
    for word in words:
        for found in _braced(word):
            if found not in names:
                near = did_you_mean(found, names)
                told = f"braces stand for {', '.join(names[:-1])} and {names[-1]}"
                raise ValueError(f"{{{found}}} stands for nothing; {near or told}")


def _braced(word: str) -> Iterator[str]:
    """What stands in braces. Raises ValueError for a brace alone."""
    try:
        for _, name, form, conversion in Formatter().parse(word):
            if name is not None:
                yield name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
    except ValueError:
        raise ValueError(f"a brace stands alone in {word}; two of a kind stand for one") from None
