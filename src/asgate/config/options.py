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

# A message lies in memory whole, and again as what the application gets. Beyond it: pieces, or an upload over HTTP.
LARGEST_MESSAGE = 2**30


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


_OFF = ("off", "none", "never", "no", "false", "0")


def off(word: str) -> tuple[tuple[str, str], ...]:
    """The advice of an option that `word` switches off, for other words that might."""
    others = "|".join(other for other in _OFF if other != word)
    return ((f"(?i:{others})", f"use {word} to switch it off"),)


def no_zero(advice: str) -> tuple[tuple[str, str], ...]:
    """The advice of a time that cannot be zero, nor switched off."""
    return ((rf"(?i:0+(\.0*)?|{'|'.join(_OFF)})", advice),)


APPLICATION = "Application"
ADDRESSES = "Addresses"
HTTP = "HTTP"
WEBSOCKET = "WebSocket"
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
        advice=off("off"),
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

    # ── WebSocket ─────────────────────────────────────────────────────────────────────────────────────────────────
    ws: str = option(
        "auto",
        Choice("auto", "none"),
        "Whether WebSocket is served; with none a handshake is an ordinary request.",
        group=WEBSOCKET,
        reason="RFC 9110 7.8 lets a server ignore Upgrade; uvicorn has the same word for it.",
        advice=(
            *off("none"),
            ("(?i)websockets|websockets-sansio|wsproto", "use auto, asgate has one of its own"),
        ),
    )
    ws_max_size: int = option(
        16 * 2**20,
        Size(1, most=LARGEST_MESSAGE),
        "Largest message, after inflating.",
        group=WEBSOCKET,
        reason="It is gathered in memory before the application sees it. uvicorn and hypercorn 16 MiB, websockets "
        "1 MiB, aiohttp 4 MiB, ws for Node 100 MiB. Python stores a text with an emoji in up to four times as many bytes, "
        "and takes 50 ms to make one of 16 MiB. Beyond the limit the connection is closed with 1009.",
    )
    ws_max_queue: int = option(
        32,
        Count(1, 65535),
        "Messages that wait for the application; beyond it, or beyond --limit-read-buffer, the socket is not read.",
        group=WEBSOCKET,
        reason="Enough for a burst of small ones; a single message may be larger than the buffer. uvicorn 32, "
        "websockets 16.",
    )
    ws_ping_interval: float = option(
        20.0,
        Seconds(),
        "After how much silence the server asks whether the client is there; 0 for never.",
        group=WEBSOCKET,
        reason="Proxies and NAT forget quiet connections: nginx and AWS ALB after 60 s. uvicorn and websockets 20 s, "
        "hypercorn none.",
        advice=off("0"),
    )
    ws_ping_timeout: float = option(
        20.0,
        Seconds(),
        "How long a client may owe the answer to a ping; 0 for ever, but it is asked on.",
        group=WEBSOCKET,
        reason="As long as a phone may take to come back from a tunnel. uvicorn and websockets 20 s. Time in which the "
        "server itself does not read, or has not written what lies before the ping, does not count.",
        advice=off("0"),
    )
    ws_close_timeout: float = option(
        10.0,
        Seconds(above_zero=True),
        "How long a client may owe the answer to a close, once that is written.",
        group=WEBSOCKET,
        reason="RFC 6455 7.1.1 leaves the time open. websockets and aiohttp 10 s, ws for Node 30 s.",
        advice=no_zero("0.1 hardly waits, there is no value for ever"),
    )
    ws_per_message_deflate: bool = option(
        True,
        Switch(),
        "Compress messages for clients that offer it (RFC 7692).",
        group=WEBSOCKET,
        reason="uvicorn, hypercorn and websockets do, ws for Node only when told to.",
    )
    ws_deflate_level: int = option(
        1,
        Count(1, 9),
        "Effort of the compression: 1 is the fastest, 9 the smallest.",
        group=WEBSOCKET,
        reason="Nothing else happens meanwhile. Of 64 KiB of JSON 1 makes 34 % in 0.2 ms, 2 25 % in 0.4, 6 22 % in 0.55; of "
        "1 KiB 49 % in 5 µs, 39 % in 14 and 38 % in 16. nginx 1, the page of ws for Node 3, websockets 6.",
        advice=(("0", "--no-ws-per-message-deflate compresses nothing"),),
    )
    ws_deflate_threshold: int = option(
        1024,
        Size(0, most=LARGEST_MESSAGE),
        "Messages below so many bytes go as they are.",
        group=WEBSOCKET,
        reason="Measured on JSON: a microsecond saves 10 bytes of a message of 200, 50 of 512 and 100 of 1024, as many as a "
        "gigabit line carries meanwhile. ws for Node 1024, websockets none; with --ws-deflate-takeover less pays, too.",
    )
    ws_deflate_window_bits: int = option(
        12,
        Count(9, 15),
        "How far back a compressed message refers to itself, as a power of two.",
        group=WEBSOCKET,
        reason="4 KiB, as in websockets: larger windows save little, and cost memory with --ws-deflate-takeover. A client may ask for "
        "less, 8 excepted, which zlib does not write.",
    )
    ws_deflate_takeover: bool = option(
        False,
        Switch(),
        "Let a message refer to those before it, in both directions.",
        group=WEBSOCKET,
        reason="Small messages that resemble each other shrink more, at the cost of memory per connection. Off, nothing "
        "is kept between messages, which both sides are told (RFC 7692 7.1.1). uvicorn and websockets have it on.",
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
        advice=off("0"),
    )
    limit_body_rate: int = option(
        240,
        Size(),
        "Fewest body bytes per second a client must send, after --timeout-body; 0 for no limit.",
        group=LIMITS,
        reason="Slow bodies hold a connection and its application (RUDY). IIS and Kestrel 240 B/s, Apache 500 B/s.",
        advice=off("0"),
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
        "Open connections, WebSockets among them; beyond it new ones wait in the backlog.",
        group=LIMITS,
        reason="At 3 KiB each an idle crowd costs 48 MiB. nginx worker_connections 512, Envoy and others leave it open.",
    )
    limit_concurrency: int = option(
        16384,
        Count(1),
        "Requests in flight; beyond it 503 with Retry-After.",
        group=LIMITS,
        reason="A queue that cannot be worked off helps nobody. uvicorn has the same option, off by default, and counts open "
        "WebSockets, too; here they have --limit-websockets.",
    )
    limit_websockets: int = option(
        12288,
        Count(1),
        "Open WebSockets; beyond it 503 with Retry-After.",
        group=LIMITS,
        reason="Three quarters of --limit-connections: the rest stays for requests, a health check among them, and who "
        "comes too late is told. Raise both together.",
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
        "Bytes of a body, or of a WebSocket's messages, that wait for the application; beyond it the socket is not read.",
        group=LIMITS,
        reason="uvicorn and asyncio 64 KiB. One such buffer times --limit-concurrency bounds the memory of bodies; each "
        "WebSocket holds at most one message more, see ws_max_size.",
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
        advice=off("0"),
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
        advice=off("0"),
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
