"""Reads a file of environment variables as python-dotenv does: `NAME=value`, `export`, comments, quotes over
several lines, `${NAME}` and `${NAME:-default}`. No commands. What is wrong is refused, not skipped.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from asgate.errors import Exit, Failure

_BLANK = re.compile(r"[^\S\n]*(?:#[^\n]*)?\n")
_ENTRY = re.compile(
    r"""[^\S\n]*(?:export[^\S\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[^\S\n]*=[^\S\n]*
    (?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"
    |(?P<bare>(?:[^'"\s#]|(?<==)\#)(?:[^#\n]|(?<=\S)\#)*)?)
    [^\S\n]*(?:(?<=[\s'"])\#[^\n]*)?\n""",
    re.VERBOSE | re.DOTALL,
)
_VARIABLE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")
_DOUBLE_ESCAPES = re.compile(r"""\\([\\'"abfnrtv])""")
_SINGLE_ESCAPES = re.compile(r"\\([\\'])")
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read_env_file(path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of the file, in its order.

    `${NAME}` is taken from `environ`, otherwise from the lines above. Raises `Failure` (CONFIG) with the number of
    the line that is wrong.
    """
    text = _text(path) + "\n"
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        if match := _BLANK.match(text, position):
            position = match.end()
            continue
        match = _ENTRY.match(text, position)
        if match is None:
            number = text.count("\n", 0, position) + 1
            raise Failure(
                Exit.CONFIG,
                f"line {number} of the env file {path} is not NAME=value",
                "a value with line breaks stands in quotes, and each quote is closed",
            )
        variables[match["name"]] = _resolved(_value(match), {**variables, **environ})
        position = match.end()
    return variables


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the env file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(Exit.CONFIG, f"the env file {path} is not UTF-8 text") from None


def _value(match: re.Match[str]) -> str:
    if match["single"] is not None:
        return _SINGLE_ESCAPES.sub(r"\1", match["single"])
    if match["double"] is not None:
        return _DOUBLE_ESCAPES.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), match["double"])
    return (match["bare"] or "").strip()


def _resolved(value: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[2] or ""), value)
