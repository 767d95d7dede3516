"""Where option values come from, nearest first: flags, environment, file, default. A nearer source wins, per
option.

Each source becomes a `Layer`: parsed values and, for each, the words that say where it was found. Files are
read here and nowhere else. `cli.py` and `asgate.run` call `load`; embedding (`asgate.Server`) uses keywords
alone.
"""

import os
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgate.config.absent import ABSENT
from asgate.config.envfile import read_env_file
from asgate.config.options import names, table
from asgate.config.settings import OTHER_ADDRESSES, Settings, parsed
from asgate.errors import Exit, Failure, did_you_mean

PREFIX = "ASGATE_"
# Different ways to write an address: the nearest source that has one decides.
ADDRESS_GROUPS = (("bind",), ("host", "port"), ("uds",), ("fd",))


@dataclass(frozen=True)
class Layer:
    """Values of one source. `sources` says where each came from, in words for a person."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, value: object, source: str) -> None:
        """Parses one value into the layer; the second of two names for one option is refused."""
        row = names()[name]
        if row.name in self.values:
            raise Failure(
                Exit.USAGE, f"{row.name} is given twice, as {self.sources[row.name]} and as {source}"
            )
        self.values[row.name] = parsed(row, value, source)
        self.sources[row.name] = source


@dataclass(frozen=True)
class Loaded:
    """The settings, where each value came from, and remarks that are worth a warning once logging is up."""

    settings: Settings
    sources: Mapping[str, str]
    remarks: tuple[str, ...]


def load(
    given: Mapping[str, object],
    *,
    words: Mapping[str, str] | None = None,
    environ: MutableMapping[str, str] = os.environ,
    directory: Path | None = None,
) -> Loaded:
    """Puts the sources together.

    `given`: what the command line or the call says, by option name; None counts as not given. `words`: how to
    name the source of each (`--port`). `environ` receives what an env file holds. Raises `Failure` for
    anything wrong.
    """
    directory = directory or Path()
    flags = flags_layer(given, words or {})
    environment, remarks = environment_layer(environ)
    file = file_layer(_chosen("config", flags, environment), directory)
    env_file = _chosen("env_file", flags, environment, file)
    if env_file is not None:
        for name, value in read_env_file(Path(env_file)).items():
            environ.setdefault(name, value)
        environment, remarks = environment_layer(environ)
    return _merged([flags, environment, file], remarks)


def from_keywords(given: Mapping[str, object]) -> Settings:
    """Settings of keywords alone, as embedding takes them: no environment, no file."""
    return _merged([flags_layer(given, {})], ()).settings


def flags_layer(given: Mapping[str, object], words: Mapping[str, str]) -> Layer:
    """The layer of a command line or a call; unknown names are a `Failure`."""
    layer = Layer()
    for name, value in given.items():
        source = words.get(name, f"the argument {name}")
        if name not in names():
            raise unknown(name, source, Exit.USAGE)
        if value is not None:
            layer.take(name, value, source)
    return layer


def environment_layer(environ: Mapping[str, str]) -> tuple[Layer, tuple[str, ...]]:
    """The layer of `ASGATE_*` variables, and remarks about those that are no option; empty counts
    as unset.
    """
    layer = Layer()
    remarks = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        name = variable.removeprefix(PREFIX).lower()
        if name in names() and environ[variable]:
            layer.take(name, environ[variable], f"the environment variable {variable}")
        elif name not in names():
            hint = ABSENT.get(name) or did_you_mean(variable, (row.env for row in table().values()))
            remarks.append(
                f"the environment variable {variable} is no option" + (f": {hint}" if hint else "")
            )
    return layer, tuple(remarks)


def file_layer(path: str | None, directory: Path) -> Layer:
    """The layer of the options file: the one named, or the first of asgate.toml and pyproject.toml that has
    options.
    """
    if path is not None:
        return _file(Path(path), required=True)
    for name in ("asgate.toml", "pyproject.toml"):
        if (directory / name).is_file():
            layer = _file(directory / name, required=False)
            if layer.values or name == "asgate.toml":
                return layer
    return Layer()


def _file(path: Path, *, required: bool) -> Layer:
    options = _toml(path)
    if path.name == "pyproject.toml":
        options = options.get("tool", {}).get("asgate", {} if not required else None)
        if options is None:
            raise Failure(Exit.CONFIG, f"{path} has no [tool.asgate] table", "put the options there")
    layer = Layer()
    for key, value in options.items():
        name = key.replace("-", "_")
        if name not in names() or name == "config":
            raise unknown(key, str(path), Exit.CONFIG)
        try:
            layer.take(name, value, str(path))
        except Failure as failure:
            raise Failure(Exit.CONFIG, failure.sentence, failure.hint) from None
    return layer


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(Exit.CONFIG, f"the file {path} is not TOML: {error}") from None


def unknown(name: str, source: str, exit_code: Exit) -> Failure:
    """The failure for a name that is no option, with what to do about it."""
    key = name.lstrip("-").replace("-", "_")
    if key in ABSENT:
        return Failure(exit_code, f"{name} from {source} is not in asgate yet", ABSENT[key])
    known = [row.flag for row in table().values()] if name.startswith("--") else list(names())
    near = did_you_mean(name if name.startswith("--") else key, known)
    return Failure(exit_code, f"{name} from {source} is not an option", near or "see asgate run --help")


def _chosen(name: str, *layers: Layer) -> str | None:
    return next((layer.values[name] for layer in layers if name in layer.values), None)


def _merged(layers: list[Layer], remarks: tuple[str, ...]) -> Loaded:
    _settle_addresses(layers)
    values: dict[str, Any] = {}
    sources = dict.fromkeys(table(), "default")
    for layer in reversed(layers):
        values.update(layer.values)
        sources.update(layer.sources)
    for name in OTHER_ADDRESSES:
        if name in values:
            sources["bind"], sources[name] = sources[name], "default"
    return Loaded(Settings(**values), sources, remarks)


def _settle_addresses(layers: list[Layer]) -> None:
    """Leaves one way to write an address: that of the nearest source which has any."""
    decided: tuple[str, ...] | None = None
    for layer in layers:
        present = [group for group in ADDRESS_GROUPS if any(name in layer.values for name in group)]
        if decided is None and len(present) > 1:
            one, other = (
                next(layer.sources[name] for name in group if name in layer.sources) for group in present[:2]
            )
            raise Failure(
                Exit.USAGE,
                f"the address is given twice, as {one} and as {other}",
                "use --bind, it is repeatable",
            )
        decided = decided or next(iter(present), None)
        for group in present:
            if group != decided:
                for name in group:
                    layer.values.pop(name, None)
                    layer.sources.pop(name, None)
