"""Options that users of other servers will type and that asgate does not have (yet): what to say instead.

`load.py` refuses them with these words and accepts the values that say what asgate does anyway; `cli.py` knows
their flags. `suggestion` is for names that are not even here.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asgate.errors import did_you_mean

_OFF = ("0", "false", "no", "off")
_ON = ("1", "true", "yes", "on")


@dataclass(frozen=True)
class Absent:
    """`advice`: what to do instead. `switch`: the flag takes no value. `same`: values, as text in lower case, that
    say what asgate does anyway. `yet`: it may come.
    """

    advice: str
    switch: bool = False
    same: tuple[str, ...] = ()
    yet: bool = True


_ONE_PROCESS = "run several processes under your supervisor, each with its own --bind or a shared --bind fd:N"
_NO_TLS = Absent(
    "terminate TLS in a proxy such as nginx or Caddy, and bind asgate to localhost or a Unix socket"
)
_NO_PROXY = (
    "asgate takes nothing from X-Forwarded-* yet, wrap the application in a middleware such as "
    "uvicorn.middleware.proxy_headers.ProxyHeadersMiddleware"
)
_NO_RECYCLE = "restart the process with your supervisor"
_NO_RELOAD = "restart by hand or with a watcher, such as `watchfiles 'asgate run main:app'`"

ABSENT: Mapping[str, Absent] = {
    "workers": Absent(_ONE_PROCESS, same=("1",)),
    "timeout_worker_healthcheck": Absent(_ONE_PROCESS),
    "reload": Absent(_NO_RELOAD, switch=True, same=_OFF),
    "reload_dir": Absent(_NO_RELOAD),
    "reload_dirs": Absent(_NO_RELOAD),
    "reload_include": Absent(_NO_RELOAD),
    "reload_includes": Absent(_NO_RELOAD),
    "reload_exclude": Absent(_NO_RELOAD),
    "reload_excludes": Absent(_NO_RELOAD),
    "reload_delay": Absent(_NO_RELOAD),
    "http": Absent("asgate has one HTTP parser, leave the option out", same=("auto",), yet=False),
    "http2": Absent("HTTP/2 is not served yet, a proxy can translate it", switch=True, same=_OFF),
    "proxy_headers": Absent(_NO_PROXY, switch=True, same=_OFF),
    "forwarded_allow_ips": Absent(_NO_PROXY),
    "limit_max_requests": Absent(_NO_RECYCLE),
    "limit_max_requests_jitter": Absent(_NO_RECYCLE, same=("0",)),
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
    "reset_contextvars": Absent(
        "asgate always gives a request a context of its own, leave the option out",
        switch=True,
        same=_ON,
        yet=False,
    ),
    "worker_class": Absent("asgate picks the event loop with --loop", yet=False),
    "pid": Absent("your supervisor knows the process id", yet=False),
    "daemon": Absent("let your supervisor run it in the background", switch=True, same=_OFF, yet=False),
}
"""Names with underscores, without leading dashes."""


def harmless(name: str, value: object) -> bool:
    """Whether the absent option is not given at all (None) or says what asgate does anyway."""
    entry = ABSENT[name]
    if isinstance(value, bool) and not entry.switch:
        return False
    return value is None or str(value).strip().lower() in entry.same


def refusal(given: Mapping[str, str], where: str) -> tuple[str, str]:
    """The sentence and the hint about absent options: `given` has their names by how they were written."""
    written = list(given)
    listed = " and ".join([", ".join(written[:-1]), written[-1]]) if len(written) > 1 else written[0]
    absent = "are not in asgate" if len(written) > 1 else "is not in asgate"
    sentence = f"{listed} from {where} {absent}{absent_suffix(given.values())}"
    advice: dict[str, list[str]] = {}
    for word, name in given.items():
        advice.setdefault(ABSENT[name].advice, []).append(word)
    if len(advice) == 1:
        return sentence, next(iter(advice))
    return sentence, "; ".join(f"{', '.join(words)}: {text}" for text, words in advice.items())


def absent_suffix(names: Iterable[str]) -> str:
    """` yet`, where each of them may come."""
    return " yet" if all(ABSENT[name].yet for name in names) else ""


def suggestion(word: str, known: Iterable[str], absent: Mapping[str, str]) -> str:
    """What was probably meant by `word`, or nothing: one of the `known`, or of the `absent` (its name by how it is
    written) with what to do instead.
    """
    known = list(known)
    near = difflib.get_close_matches(word, [*known, *absent], n=1)
    if near and near[0] in absent:
        name = absent[near[0]]
        return f"did you mean {near[0]!r}? It is not in asgate{absent_suffix([name])}: {ABSENT[name].advice}"
    return did_you_mean(word, known)
