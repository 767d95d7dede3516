"""Settings as text: `--print-config`, which is TOML that asgate reads again."""

import json
from collections.abc import Mapping
from typing import Any

from asgate.config.load import Loaded
from asgate.config.options import table


def effective(loaded: Loaded) -> str:
    """Every option with its value and, as a comment, where it came from; options without a value are
    commented out.
    """
    lines = []
    for name, row in table().items():
        value = getattr(loaded.settings, name)
        source = loaded.sources[name]
        if name == "config" and loaded.file is not None:  # a comment, as a file cannot name another
            lines.append(f"# options file: {loaded.file}  # {'found' if value is None else source}")
        elif value is None:
            lines.append(f"# {name} is not set")
        else:
            lines.append(f"{name} = {toml(row.kind.show(value))}  # {source}")
    return "\n".join(lines)


def toml(value: Any) -> str:
    """A value of the kinds that options have, as TOML on one line."""
    if isinstance(value, Mapping):
        pairs = [f"{json.dumps(str(key))} = {toml(item)}" for key, item in value.items() if item is not None]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)
