"""The one table of options: flags, `ASGATE_*` variables, files, the Python API and docs/options.md come from
it.

Each field of `Options` is one option: its annotation is the type, `option(...)` holds the rest. `settings.py`
adds what the values do together; `kinds.py` and `binds.py` know how a value is read. To add an option, add a
field here.

A limit or a time carries its reason and its precedents. Sizes are bytes, times are seconds.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any, TypeVar

from asgate.config.atoms import AccessFormat
from asgate.config.binds import Address, Bind, Tcp
from asgate.config.kinds import (
    Choice,
    Count,
    Each,
    Header,
    Kind,
    LogConfig,
    Mode,
    Seconds,
    Size,
    Switch,
    Text,
)

T = TypeVar("T")

# Lines, heads and what one read takes lie in memory whole, and the core counts them in 32 bits. Nobody needs as much;
# beyond it a slip of the pen (`64G`) would end the process instead of a sentence.
LARGEST_BUFFER = 256 * 2**20


@dataclass(frozen=True)
class Option:
    """What the table says about one option; `name` is the attribute, the key in files and the keyword in
    Python.
    """

    name: str
    kind: Kind[Any]
    default: Any
    group: str
    help: str
    reason: str
    flag: str
    aliases: tuple[str, ...]
    advice: tuple[tuple[str, str], ...]

    @property
    def env(self) -> str:
        """The environment variable."""
        return f"ASGATE_{self.name.upper()}"

    @property
    def many(self) -> bool:
        """True when the flag may be given several times."""
        return isinstance(self.kind, Each)


def option(
    default: T,
    kind: Kind[Any],
    help: str,  # noqa: A002 (the word of the field)
    *,
    group: str,
    reason: str = "",
    flag: str = "",
    aliases: tuple[str, ...] = (),
    advice: tuple[tuple[str, str], ...] = (),
) -> T:
    """A field of the table. `flag` defaults to the name; `aliases` are other servers' names for the same
    thing; `advice` has patterns of values that are often typed and wrong, each with what to write instead.
    """
    return field(
        default=default,
        metadata={
            "kind": kind,
            "group": group,
            "help": help,
            "reason": reason,
            "flag": flag,
            "aliases": aliases,
            "advice": advice,
        },
    )


def no_zero(advice: str) -> tuple[tuple[str, str], ...]:
    """The advice of a time that cannot be zero."""
    return ((r"0+(\.0*)?", advice),)


APPLICATION = "Application"
ADDRESSES = "Addresses"
HTTP = "HTTP"
LIMITS = "Limits"
TIMES = "Times"
LOGS = "Logs"
FILES = "Files"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Every option with its default."""

    # ── Application ───────────────────────────────────────────────────────────────────────────────────────────────
    target: str | None = option(
        None,
        Text("module:attribute", "TARGET", r"\S+"),
        "What to serve: package.module:app.",
        group=APPLICATION,
        reason="On the command line it is the argument, without a flag.",
        aliases=("app",),
    )
    factory: bool = option(
        False, Switch(), "The target is a function that makes the application.", group=APPLICATION
    )
    app_dir: str = option(
        ".",
        Text("a directory", "DIR"),
        "Directory to import the target from; put in front of sys.path.",
        group=APPLICATION,
    )
    interface: str = option(
        "auto",
        Choice("auto", "asgi3", "asgi2"),
        "The application's calling convention; auto looks at the callable.",
        group=APPLICATION,
        reason="functools.partial, decorators and callables written in C can be misjudged: say it then (ASGI-322).",
        advice=(("wsgi", "wrap the application with a2wsgi.WSGIMiddleware or asgiref.wsgi.WsgiToAsgi"),),
    )
    lifespan: str = option(
        "auto",
        Choice("auto", "on", "off"),
        "Lifespan events: auto goes on without when the application does not take them, on insists, off sends none.",
        group=APPLICATION,
    )
    loop: str = option(
        "auto",
        Text("auto, asyncio, uvloop or module:factory", "LOOP", r"auto|asyncio|uvloop|[\w.]+:[\w.]+"),
        "Event loop: auto (uvloop when installed), asyncio, uvloop or module:factory.",
        group=APPLICATION,
        advice=(("trio|curio", r"\g<0> has a loop of its own, asgate runs on asyncio loops"),),
    )
    env_file: str | None = option(
        None,
        Text("a path", "PATH"),
        "File of NAME=value lines for the environment; what the environment has already wins.",
        group=FILES,
    )
    config: str | None = option(
        None,
        Text("a path", "PATH"),
        "Options file; otherwise asgate.toml, or [tool.asgate] in pyproject.toml, of the current directory.",
        group=FILES,
    )

    # ── Addresses ─────────────────────────────────────────────────────────────────────────────────────────────────
    bind: tuple[Bind, ...] = option(
        (Tcp("127.0.0.1", 8000),),
        Each(Address(), ","),
        "Address to listen on: host:port, [v6]:port, :port, unix:path, fd:N. Repeatable.",
        group=ADDRESSES,
        reason="Only this machine by default. An empty host or [::] takes IPv4 and IPv6; port 0 takes a free port.",
    )
    host: str | None = option(
        None,
        Text("a host name or address", "HOST", r"[^\s/]*"),
        "Host, with --port: the same as --bind.",
        group=ADDRESSES,
    )
    port: int | None = option(
        None,
        Count(0, 65535),
        "Port, with --host: the same as --bind.",
        group=ADDRESSES,
        advice=(
            (
                "(tcp|udp)://.*",
                "Kubernetes sets it for a Service named asgate: rename that, or set enableServiceLinks: false",
            ),
        ),
    )
    uds: str | None = option(
        None, Text("a path", "PATH"), "Unix socket: the same as --bind unix:PATH.", group=ADDRESSES
    )
    fd: int | None = option(None, Count(0), "Inherited socket: the same as --bind fd:N.", group=ADDRESSES)
    uds_mode: int = option(
        0o666,
        Mode(),
        "Permissions of a Unix socket that asgate makes.",
        group=ADDRESSES,
        reason="A proxy usually runs as another user, as uvicorn assumes too; the directory can be stricter.",
    )
    backlog: int = option(
        2048,
        Count(1),
        "Connections the kernel keeps waiting for us to accept.",
        group=ADDRESSES,
        reason="uvicorn 2048, nginx 511, granian 1024. The kernel caps it (net.core.somaxconn).",
    )

    # ── HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────
    root_path: str = option(
        "",
        Text("a path that starts with / and does not end with it", "PATH", r"(/[^\s?#]*[^\s?#/])?"),
        "Prefix under which a proxy mounts the application (scope['root_path']).",
        group=HTTP,
        advice=(
            ("/+", "leave it out when the application is at the root"),
            (r"/*([^\s?#]*[^\s?#/])/*", r"write /\1"),
        ),
    )
    root_path_mode: str = option(
        "auto",
        Choice("auto", "prepend", "as-is"),
        "Whether scope['path'] gets the prefix: auto adds it unless it is there already.",
        group=HTTP,
        reason="The specification wants the prefix in the path; proxies differ in whether they strip it (AMB-3).",
    )
    headers: tuple[tuple[bytes, bytes], ...] = option(
        (),
        Each(Header(), "\n"),
        "Header for every response. Repeatable.",
        group=HTTP,
        flag="--header",
        aliases=("header",),
    )
    server_header: bool = option(True, Switch(), "Send `server: asgate`.", group=HTTP)
    date_header: bool = option(
        True,
        Switch(),
        "Send `date`.",
        group=HTTP,
        reason="RFC 9110 6.6.1 asks every server with a clock for it.",
    )
    spec_version: str = option(
        "2.5",
        Choice("2.5", "2.3"),
        "The HTTP specification version told to the application.",
        group=HTTP,
        reason="2.5 makes a late send raise OSError; with 2.3 it does nothing, and frameworks watch for the disconnect.",
    )
    half_close: bool = option(
        False,
        Switch(),
        "A client that shuts down its sending side still gets its response.",
        group=HTTP,
        reason="Off: it counts as gone, as in uvicorn and hypercorn (AMB-4); on for clients such as `nc -N`.",
    )
    batch: int = option(
        64,
        Count(1, 4096),
        "Ready sockets served per turn of the event loop.",
        group=HTTP,
        reason="Enough to pay for the poll, few enough that other tasks run within about a millisecond.",
    )

    # ── Limits ────────────────────────────────────────────────────────────────────────────────────────────────────
    limit_request_line: int = option(
        16 * 1024,
        Size(64, most=LARGEST_BUFFER),
        "Longest request line.",
        group=LIMITS,
        reason="RFC 9112 3 recommends at least 8000; nginx 8 KiB, Apache 8190, Go 1 MiB. Beyond it: 414.",
    )
    limit_head_size: int = option(
        64 * 1024,
        Size(256, most=LARGEST_BUFFER),
        "Request line and headers together.",
        group=LIMITS,
        reason="nginx 32 KiB, Node 16 KiB, h11 64 KiB, hyper about 400 KiB, uvicorn with httptools none. Beyond it: 431.",
        aliases=("h11_max_incomplete_event_size",),
    )
    limit_head_fields: int = option(
        128,
        Count(1, 65535),
        "Header fields of a request.",
        group=LIMITS,
        reason="Apache, hyper and Tomcat 100. Beyond it: 431.",
    )
    limit_body_size: int = option(
        0,
        Size(),
        "Largest request body; 0 for no limit.",
        group=LIMITS,
        reason="Off: bodies are streamed, so that memory does not grow with them, and the application knows its uploads. "
        "nginx 1 MiB, hypercorn and uvicorn none. Beyond it: 413.",
    )
    limit_body_rate: int = option(
        240,
        Size(),
        "Fewest body bytes per second a client must send, after --timeout-body; 0 for no limit.",
        group=LIMITS,
        reason="Slow bodies hold a connection and its application (RUDY). IIS and Kestrel 240 B/s, Apache 500 B/s.",
    )
    limit_drain_size: int = option(
        256 * 1024,
        Size(),
        "Body bytes read and thrown away after an early answer, to keep the connection.",
        group=LIMITS,
        reason="Go 256 KiB. Beyond it the connection is closed, politely (RFC 9112 9.6).",
    )
    limit_chunk_line: int = option(
        4 * 1024,
        Size(16, most=LARGEST_BUFFER),
        "Longest chunk-size line with its extensions.",
        group=LIMITS,
        reason="RFC 9112 7.1.1 asks for a limit; Go 4 KiB (CVE-2023-39326).",
    )
    limit_connections: int = option(
        16384,
        Count(1),
        "Open connections; beyond it new ones wait in the backlog.",
        group=LIMITS,
        reason="At 3 KiB each an idle crowd costs 48 MiB. nginx worker_connections 512, Envoy and others leave it open.",
    )
    limit_concurrency: int = option(
        16384,
        Count(1),
        "Requests in flight; beyond it 503 with Retry-After.",
        group=LIMITS,
        reason="A queue that cannot be worked off helps nobody. uvicorn has the same option, off by default.",
    )
    limit_pipeline_size: int = option(
        64 * 1024,
        Size(1024, most=LARGEST_BUFFER),
        "One read takes at most limit_head_size + limit_pipeline_size bytes from a connection; "
        "pipelined requests beyond wait in the kernel.",
        group=LIMITS,
        reason="uvicorn stops at 64 KiB, the HTTP/1.1 pipelines of browsers were never longer.",
    )
    limit_read_buffer: int = option(
        64 * 1024,
        Size(1024),
        "Body bytes per request that wait for the application; beyond it the socket is not read.",
        group=LIMITS,
        reason="uvicorn and asyncio 64 KiB. One such buffer times --limit-concurrency bounds the memory.",
    )
    limit_write_buffer: int = option(
        64 * 1024,
        Size(1024),
        "Bytes that wait for the client; beyond it `send` waits.",
        group=LIMITS,
        reason="asyncio's high-water mark is 64 KiB.",
    )

    # ── Times ─────────────────────────────────────────────────────────────────────────────────────────────────────
    timeout_head: float = option(
        30.0,
        Seconds(above_zero=True),
        "From the first byte of a request to the end of its headers; a new connection has as long to begin.",
        group=TIMES,
        reason="Slowloris. Apache mod_reqtimeout 20 to 40 s, granian 30 s, nginx 60 s, uvicorn none.",
        advice=no_zero("there is no value for ever, 86400 is a day"),
    )
    timeout_body: float = option(
        10.0,
        Seconds(above_zero=True),
        "Grace before --limit-body-rate applies to a body.",
        group=TIMES,
        reason="Kestrel 5 s, Apache 20 s; a phone that changes its network needs a few.",
        advice=no_zero("there is no value for ever, 86400 is a day"),
    )
    timeout_keep_alive: float = option(
        75.0,
        Seconds(above_zero=True),
        "How long a connection may wait for its next request.",
        group=TIMES,
        reason="Longer than the balancer in front, or it sends into a closed connection and answers 502: AWS ALB 60 s. "
        "nginx 75 s, uvicorn and hypercorn 5 s.",
        advice=no_zero("0.1 closes idle connections almost at once, 86400 keeps them for a day"),
    )
    timeout_write: float = option(
        60.0,
        Seconds(above_zero=True),
        "How long a client may take nothing of what waits for it.",
        group=TIMES,
        reason="nginx send_timeout 60 s; no Python server has one.",
        advice=no_zero("there is no value for ever, 86400 is a day"),
    )
    timeout_disconnect: float = option(
        5.0,
        Seconds(),
        "Grace after which the application of a departed client is cancelled; 0 for never.",
        group=TIMES,
        reason="With version 2.4 and later frameworks do not watch for disconnects: an idle stream would stay for ever "
        "(AMB-6). A finished response's background work is never cancelled.",
    )
    timeout_linger: float = option(
        5.0,
        Seconds(above_zero=True),
        "How long a closing connection still reads, so that the client can read the answer.",
        group=TIMES,
        reason="RFC 9112 9.6; nginx lingering_timeout 5 s.",
        advice=no_zero("there is no value for ever, 86400 is a day"),
    )
    timeout_lifespan: float = option(
        120.0,
        Seconds(),
        "For the application's lifespan startup, and again for its shutdown; 0 for no limit.",
        group=TIMES,
        reason="A start that hangs neither serves nor ends. hypercorn 60 s; loading a model takes longer.",
    )
    graceful_timeout: float = option(
        30.0,
        Seconds(),
        "How long a stop waits for running requests before it cancels them; 0 to cancel at once.",
        group=TIMES,
        reason="gunicorn 30 s, Kubernetes kills after 30 s, hypercorn 3 s; uvicorn waits for ever.",
        aliases=("timeout_graceful_shutdown",),
    )

    # ── Logs ──────────────────────────────────────────────────────────────────────────────────────────────────────
    log_level: str = option(
        "info",
        Choice("critical", "error", "warning", "info", "debug"),
        "Least important messages to show; above info there is no access log.",
        group=LOGS,
        advice=(
            ("(?i)trace|notset", "use debug, nothing is below it"),
            ("(?i)warn", "use warning"),
            ("(?i)fatal", "use critical"),
        ),
    )
    log_format: str = option(
        "auto",
        Choice("auto", "human", "json"),
        "Form of the messages: auto is human, in colour on a terminal.",
        group=LOGS,
    )
    log_config: str | Mapping[str, Any] | None = option(
        None,
        LogConfig(),
        "Logging configuration (.json, .toml, .ini) that replaces ours; loggers are asgate and asgate.access.",
        group=LOGS,
        advice=((r"(?i).*\.ya?ml", "write it as .json or .toml, Python reads no YAML by itself"),),
    )
    use_colors: bool | None = option(
        None,
        Switch(),
        "Colour the messages, or not; otherwise on a terminal and without NO_COLOR.",
        group=LOGS,
    )
    access_log: bool = option(True, Switch(), "One line for each request, written when it ends.", group=LOGS)
    access_log_format: str = option(
        "human",
        AccessFormat(),
        "Form of the access line: human (json when --log-format json), json, or atoms such as '%(h)s %(s)s'.",
        group=LOGS,
    )


def _row(item: "Field[Any]") -> Option:
    facts = dict(item.metadata)
    flag = facts.pop("flag") or "--" + item.name.replace("_", "-")
    return Option(name=item.name, default=item.default, flag=flag, **facts)


@cache
def table() -> Mapping[str, Option]:
    """Every option by its name, in the order of the table."""
    return {item.name: _row(item) for item in fields(Options)}


@cache
def names() -> Mapping[str, Option]:
    """Every option by its name and by its aliases."""
    known = dict(table())
    for row in table().values():
        known.update((alias, row) for alias in row.aliases)
    return known
