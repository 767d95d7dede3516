"""Logging of the command: messages of `asgate` on stderr, access lines of `asgate.access` on stdout.

Human on a terminal (coloured) and elsewhere (dated), or JSON; a user's `--log-config` replaces all of it. No
record can forge another: control characters are escaped, further lines of a message are indented. Embedding
configures nothing.
"""

import json
import logging
import logging.config
import os
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from asgate.config.settings import Settings
from asgate.errors import Exit, Failure
from asgate.observe.tracebacks import TOLD

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROLS |= {0x2028: "\\u2028", 0x2029: "\\u2029"}
_LINE = _CONTROLS | {10: "\\n", 13: "\\r", 9: "\\t"}
_LINES = {code: text for code, text in _LINE.items() if code not in (9, 10)}
_COLOURS = {"DEBUG": "36", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def escaped(text: str) -> str:
    """The text with every control character and line break made visible: it stays on its line."""
    return text.translate(_LINE)


def indented(text: str) -> str:
    """The text with every control character made visible; its further lines cannot be taken for others."""
    return text.translate(_LINES).replace("\n", "\n    ")


def clock(seconds: float, *, short: bool) -> str:
    """Local time: `07:54:01` on a terminal, `2026-11-22 07:54:01.250+0000` elsewhere."""
    moment = time.localtime(seconds)
    if short:
        return time.strftime("%H:%M:%S", moment)
    day = time.strftime("%Y-%m-%d %H:%M:%S", moment)
    return f"{day}.{int(seconds % 1 * 1000):03d}{time.strftime('%z', moment)}"


class HumanFormatter(logging.Formatter):
    """`07:54:01 INFO     message`; coloured or dated as told."""

    def __init__(self, *, colour: bool, short: bool) -> None:
        super().__init__()
        self.colour = colour
        self.short = short

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname:<8}"
        if self.colour and (code := _COLOURS.get(record.levelname)):
            level = f"\x1b[{code}m{level}\x1b[0m"
        return f"{clock(record.created, short=self.short)} {level} {indented(self._content(record))}"

    def _content(self, record: logging.LogRecord) -> str:
        parts = [record.getMessage()]
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(record.stack_info)
        return "\n".join(parts)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `time`, `level`, `logger`, `message`, and `traceback` where there is one; also
    one that a framework sent as its message.
    """

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        told = TOLD.search(message)
        entry = {
            "time": clock(record.created, short=False),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message if told is None else message[: told.start()].rstrip("\n"),
        }
        if told is not None:
            entry["traceback"] = message[told.start() :].rstrip("\n")
        if record.exc_info and record.exc_info[0] is not None:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


class AccessHandler(logging.StreamHandler[TextIO]):
    """Ours for access lines, so that a batch of them leaves in one write."""

    def __init__(self, stream: TextIO, *, colour: bool, short: bool, json_lines: bool) -> None:
        super().__init__(stream)
        self.colour = colour
        self.short = short
        self.json_lines = json_lines
        self.setFormatter(logging.Formatter("%(message)s"))

    def write_lines(self, lines: list[str]) -> None:
        """Writes finished lines at once; a stream that is gone (a closed pipe) is no reason to stop
        serving.
        """
        try:
            self.stream.write("\n".join(lines) + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            return


class _Awake(logging.Logger):
    """A logger that `dictConfig` and `fileConfig` of the application do not disable in passing
    (`disable_existing_loggers`): its errors must not vanish.
    """

    disabled = property(lambda _: False, lambda *_: None)


def configure(settings: Settings) -> None:
    """Sets up logging as the settings say. Raises `Failure` (CONFIG) for a logging configuration that does
    not work.
    """
    level = settings.log_level.upper()
    if settings.log_config is not None:
        _configure_from(settings.log_config)
        _tell_unheard()
        return
    messages, access = logging.getLogger("asgate"), logging.getLogger("asgate.access")
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(
            HumanFormatter(colour=coloured(settings, sys.stderr), short=_is_terminal(sys.stderr))
        )
    json_lines = settings.log_format == "json"
    lines = AccessHandler(
        sys.stdout,
        colour=coloured(settings, sys.stdout) and not json_lines,
        short=_is_terminal(sys.stdout),
        json_lines=json_lines,
    )
    for logger, its_handler in ((messages, handler), (access, lines)):
        logger.__class__ = _Awake
        logger.handlers[:] = [its_handler]
        logger.setLevel(level)
        logger.propagate = False


def unheard() -> bool:
    """Whether a user's logging configuration leaves our messages without a reader."""
    messages = logging.getLogger("asgate")
    return messages.disabled or not messages.hasHandlers()


def _tell_unheard() -> None:
    """On stderr: there is no other place. A handler that drops everything is a decision, none is an accident
    (logger names of another server, `disable_existing_loggers`).
    """
    if not unheard():
        return
    what, hint = (
        "gives the loggers asgate and asgate.access no handler",
        "name them, or the root logger, in it",
    )
    if logging.getLogger("asgate").disabled:
        what = "disables the loggers asgate and asgate.access"
        hint = "name them in it, or set disable_existing_loggers to false"
    print(
        f"asgate: no message of asgate will be seen, the logging configuration {what}\n  hint: {hint}",
        file=sys.stderr,
    )


def coloured(settings: Settings, stream: TextIO) -> bool:
    """Whether to colour what goes to the stream: as told, or on a terminal without NO_COLOR
    (no-color.org).
    """
    if settings.use_colors is not None:
        return settings.use_colors
    return _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _configure_from(source: str | Mapping[str, Any]) -> None:
    try:
        if isinstance(source, Mapping):
            logging.config.dictConfig(dict(source))
        elif source.lower().endswith(".json"):
            logging.config.dictConfig(json.loads(Path(source).read_text(encoding="utf-8")))
        elif source.lower().endswith(".toml"):
            logging.config.dictConfig(tomllib.loads(Path(source).read_text(encoding="utf-8")))
        else:
            with Path(source).open(encoding="utf-8") as lines:
                logging.config.fileConfig(lines, disable_existing_loggers=False)
    except OSError as error:
        raise Failure(
            Exit.CONFIG, f"the logging configuration {source} cannot be read: {error.strerror}"
        ) from None
    except Exception as error:  # whatever the logging module raises about it
        reasons = dict.fromkeys(str(reason) for reason in (error, error.__cause__ or error))
        what = "given" if isinstance(source, Mapping) else str(source)
        raise Failure(
            Exit.CONFIG, f"the logging configuration {what} is wrong: {': '.join(reasons)}"
        ) from None
