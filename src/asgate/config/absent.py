"""Options that users of other servers will type and that asgate does not have (yet): what to say instead.

Only words; `load.py` and `cli.py` look here before they call an option unknown.
"""

from collections.abc import Mapping

_ONE_PROCESS = "run several processes under your supervisor, each with its own --bind or a shared --bind fd:N"
_NO_TLS = "terminate TLS in a proxy such as nginx or Caddy, and bind asgate to localhost or a Unix socket"
_NO_WS = "WebSocket is not served yet"
_NO_PROXY = "asgate takes nothing from X-Forwarded-* yet, use a middleware of your framework"
_NO_RECYCLE = "restart the process with your supervisor"
_OWN_PARSER = "asgate has one HTTP parser, leave the option out"
_NO_RELOAD = "restart by hand or with a watcher, such as `watchfiles 'asgate run main:app'`"

ABSENT: Mapping[str, str] = {
    "workers": _ONE_PROCESS,
    "timeout_worker_healthcheck": _ONE_PROCESS,
    "reload": _NO_RELOAD,
    "reload_dir": _NO_RELOAD,
    "reload_dirs": _NO_RELOAD,
    "reload_include": _NO_RELOAD,
    "reload_includes": _NO_RELOAD,
    "reload_exclude": _NO_RELOAD,
    "reload_excludes": _NO_RELOAD,
    "reload_delay": _NO_RELOAD,
    "http": _OWN_PARSER,
    "http2": "HTTP/2 is not served yet, a proxy can translate it",
    "ws": _NO_WS,
    "ws_max_size": _NO_WS,
    "ws_max_queue": _NO_WS,
    "ws_ping_interval": _NO_WS,
    "ws_ping_timeout": _NO_WS,
    "ws_per_message_deflate": _NO_WS,
    "proxy_headers": _NO_PROXY,
    "no_proxy_headers": "asgate takes nothing from X-Forwarded-* anyway, leave the option out",
    "forwarded_allow_ips": _NO_PROXY,
    "limit_max_requests": _NO_RECYCLE,
    "limit_max_requests_jitter": _NO_RECYCLE,
    "ssl": _NO_TLS,
    "ssl_keyfile": _NO_TLS,
    "ssl_certfile": _NO_TLS,
    "ssl_keyfile_password": _NO_TLS,
    "ssl_version": _NO_TLS,
    "ssl_cert_reqs": _NO_TLS,
    "ssl_ca_certs": _NO_TLS,
    "ssl_ciphers": _NO_TLS,
    "certfile": _NO_TLS,
    "keyfile": _NO_TLS,
    "reset_contextvars": "asgate always gives a request a context of its own, leave the option out",
    "worker_class": "asgate picks the event loop with --loop",
    "pid": "your supervisor knows the process id",
    "daemon": "let your supervisor run it in the background",
}
"""Names with underscores, without leading dashes."""
