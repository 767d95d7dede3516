"""Reads a file of environment variables: `NAME=value` lines, `export`, quotes, comments. No expansion, no
commands.
"""

import re
from pathlib import Path

from asgate.errors import Exit, Failure

_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    (?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>[^'"\s#](?:[^#]|(?<=\S)\#)*)?)
    \s*(?:(?<=[\s'"=])\#.*)?""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of the file, in its order; raises `Failure` (exit code CONFIG) with the line that is
    wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the env file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(Exit.CONFIG, f"the env file {path} is not UTF-8 text") from None
    variables = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise Failure(Exit.CONFIG, f"line {number} of the env file {path} is not NAME=value")
        variables[match["name"]] = _value(match)
    return variables


def _value(match: "re.Match[str]") -> str:
    if match["single"] is not None:
        return match["single"]
    if match["double"] is not None:
        return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), match["double"])
    return (match["bare"] or "").strip()
