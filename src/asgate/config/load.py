"""Where option values come from, nearest first: flags, environment, file, default. A nearer source wins, per
option.

Each source becomes a `Layer`: parsed values and, for each, the words that say where it was found. Files are
read here and nowhere else. `cli.py` and `asgate.run` call `load`; embedding (`asgate.Server`) uses keywords
alone.
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from asgate.config.absent import ABSENT, harmless, refusal, suggestion
from asgate.config.envfile import read_env_file
from asgate.config.kinds import Switch
from asgate.config.options import names, table
from asgate.config.settings import OTHER_ADDRESSES, Settings, advice_on, parsed
from asgate.errors import Exit, Failure

PREFIX = "ASGATE_"
# Different ways to write an address: the nearest source that has one decides.
ADDRESS_GROUPS = (("bind",), ("host", "port"), ("uds",), ("fd",))


@dataclass(frozen=True)
class Origin:
    """A kind of source: how it is called, the exit code of what is wrong in it, how its options are written in
    advice (`--name`, `ASGATE_NAME` or `name`), and how one gives several addresses there.
    """

    where: str
    written: Callable[[str], str]
    several: str
    exit_code: Exit = Exit.USAGE

    def failure(self, sentence: str, hint: str) -> Failure:
        """With the flags in the hint as this source writes them."""
        return Failure(self.exit_code, sentence, _FLAG.sub(self._renamed, hint))

    def _renamed(self, match: re.Match[str]) -> str:
        name = match[0].removeprefix("--").replace("-", "_")
        return self.written(name) if name in names() else match[0]


_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


COMMAND_LINE = Origin("the command line", _flag, "use --bind, it is repeatable")
KEYWORDS = Origin("the keywords", str, "use bind, it takes a list")
ENVIRONMENT = Origin(
    "the environment",
    lambda name: PREFIX + name.upper(),
    f"use {PREFIX}BIND, it takes several with commas between",
)


def _options_file(path: Path) -> Origin:
    return Origin(str(path), str, KEYWORDS.several, Exit.CONFIG)


@dataclass(frozen=True)
class Layer:
    """Values of one source. `sources` says where each came from, `written` how exactly, in words for a person.

    What is wrong is gathered, so that all of it is told at once: `checked` raises it.
    """

    origin: Origin
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    wrong: list[Failure] = field(default_factory=list)

    def checked(self) -> Self:
        """Itself. Raises the `Failure` of a mistake, or one `Failure` with a line for each of several."""
        if len(self.wrong) == 1:
            raise self.wrong[0]
        if self.wrong:
            first = f"{len(self.wrong)} mistakes in {self.origin.where}:"
            raise Failure(self.origin.exit_code, "\n".join([first, *map(str, self.wrong)]))
        return self

    def take(self, name: str, value: object, source: str, written: str = "") -> None:
        """Parses one value into the layer; the second of two names for one option is refused."""
        row = names()[name]
        written = written or source
        if row.name in self.values:
            twice = f"{row.name} is given twice, as {self.written[row.name]} and as {written}"
            self.wrong.append(self.origin.failure(twice, "leave one out"))
            return
        try:
            self.values[row.name] = parsed(row, value, source)
        except Failure as failure:
            self.wrong.append(self.origin.failure(failure.sentence, failure.hint))
            return
        self.sources[row.name] = source
        self.written[row.name] = written

    def refuse_absent(self, given: Mapping[str, object], written: Mapping[str, str] | None = None) -> None:
        """Refuses what other servers have and asgate has not: all of it at once, and `written` so."""
        absent = [name for name, value in given.items() if name in ABSENT and not harmless(name, value)]
        if absent:
            spelled = {(written or {}).get(name, name): name for name in absent}
            self.wrong.append(self.origin.failure(*refusal(spelled, self.origin.where)))


@dataclass(frozen=True)
class Loaded:
    """The settings, where each value came from, remarks that are worth a warning once logging is up, and the
    options file that was read.
    """

    settings: Settings
    sources: Mapping[str, str]
    remarks: tuple[str, ...]
    file: str | None = None


def load(
    given: Mapping[str, object],
    *,
    words: Mapping[str, str] | None = None,
    environ: MutableMapping[str, str] = os.environ,
    directory: Path | None = None,
) -> Loaded:
    """Puts the sources together.

    `given`: what the command line or the call says, by option name; None counts as not given. `words`: on a
    command line, how each was written (`--port`). `environ` receives what an env file holds. Raises `Failure`
    for anything wrong.
    """
    directory = directory or Path()
    flags = flags_layer(given, words)
    environment, remarks = environment_layer(environ)
    file = file_layer(_chosen("config", flags, environment), directory)
    env_file = _chosen("env_file", flags, environment, file)
    if env_file is not None:
        for name, value in read_env_file(Path(env_file), environ).items():
            environ.setdefault(name, value)
        environment, remarks = environment_layer(environ)
    return _merged([flags, environment, file], remarks, None if file is None else file.origin.where)


def from_keywords(given: Mapping[str, object]) -> Settings:
    """Settings of keywords alone, as embedding takes them: no environment, no file."""
    return _merged([flags_layer(given, None)], (), None).settings


def flags_layer(given: Mapping[str, object], words: Mapping[str, str] | None) -> Layer:
    """The layer of a command line or, without `words`, of a call; unknown names are a `Failure`."""
    layer = Layer(KEYWORDS if words is None else COMMAND_LINE)
    layer.refuse_absent(given, words)
    for name, value in given.items():
        if name not in names() and name not in ABSENT:
            layer.wrong.append(unknown(name, layer.origin))
        if name in names() and value is not None:
            layer.take(name, value, f"the keyword {name}" if words is None else words[name])
    return layer.checked()


def environment_layer(environ: Mapping[str, str]) -> tuple[Layer, tuple[str, ...]]:
    """The layer of `ASGATE_*` variables, and remarks about those that are no option; empty counts
    as unset.
    """
    layer = Layer(ENVIRONMENT)
    remarks = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        name, value = variable.removeprefix(PREFIX).lower(), environ[variable]
        if name in names() and value:
            layer.take(name, value, f"the environment variable {variable}")
        elif name not in names() and not (name in ABSENT and harmless(name, value)):
            hint = _advice_on_variable(variable, name)
            remarks.append(
                f"the environment variable {variable} is no option" + (f": {hint}" if hint else "")
            )
    return layer.checked(), tuple(remarks)


# What Kubernetes tells the containers of a namespace about a Service named `asgate`, beside ASGATE_PORT.
_OF_A_SERVICE = re.compile(r"service_(host|port)(_\w+)?|port_[0-9]+_(tcp|udp)(_\w+)?")


def _advice_on_variable(variable: str, name: str) -> str:
    if name in ABSENT:
        return ABSENT[name].advice
    if _OF_A_SERVICE.fullmatch(name):
        return "Kubernetes sets it for a Service named asgate, see `enableServiceLinks`"
    return suggestion(
        variable, map(ENVIRONMENT.written, names()), {PREFIX + key.upper(): key for key in ABSENT}
    )


def file_layer(path: str | None, directory: Path) -> Layer | None:
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
    return None


def _file(path: Path, *, required: bool) -> Layer:
    options = _toml(path)
    if path.name == "pyproject.toml":
        options = options.get("tool", {}).get("asgate", {} if not required else None)
        if options is None:
            raise Failure(Exit.CONFIG, f"{path} has no [tool.asgate] table", "put the options there")
    layer = Layer(_options_file(path))
    keys = {key.replace("-", "_"): key for key in options}
    layer.refuse_absent({name: options[key] for name, key in keys.items()}, keys)
    for key, value in options.items():
        name = key.replace("-", "_")
        if (name not in names() and name not in ABSENT) or name == "config":
            layer.wrong.append(unknown(key, layer.origin))
        elif name in names():
            layer.take(name, value, str(path), f"{key} in {path}")
    return layer.checked()


def _toml(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        end = f"line {len(text.splitlines())}, where the file ends"
        reason = str(error).replace("end of document", end)
        raise Failure(Exit.CONFIG, f"the file {path} is not TOML: {reason}") from None


def unknown(name: str, origin: Origin) -> Failure:
    """The failure for a name that is no option, with what to do about it."""
    if origin is COMMAND_LINE:
        if instead := _switched_off(name):
            return origin.failure(f"{name} from {origin.where} is not an option", instead)
        word, known, reference = name, _flags(), "asgate run --help"
    else:
        word, known, reference = name.replace("-", "_"), set(names()) - {"config"}, "docs/options.md"
    near = suggestion(word, sorted(known), {origin.written(key): key for key in ABSENT})
    if len(word.lstrip("-")) < 2:  # a short flag of another server resembles everything
        near = ""
    return origin.failure(f"{name} from {origin.where} is not an option", near or f"{reference} lists all")


def _switched_off(flag: str) -> str:
    """`--no-ws`: what to write where the option is no switch, but has a word for it."""
    row = next((row for row in table().values() if flag == f"--no-{row.flag.removeprefix('--')}"), None)
    advice = "" if row is None else advice_on(row, "off") or advice_on(row, "none")
    return f"use {row.flag} {advice.removeprefix('use ')}" if row and advice.startswith("use ") else ""


def _flags() -> set[str]:
    switches = [row.name for row in table().values() if isinstance(row.kind, Switch)]
    return {row.flag for row in table().values()} | {_flag(f"no_{name}") for name in switches}


def _chosen(name: str, *layers: Layer | None) -> str | None:
    return next((layer.values[name] for layer in layers if layer and name in layer.values), None)


def _merged(found: list[Layer | None], remarks: tuple[str, ...], file: str | None) -> Loaded:
    layers = [layer for layer in found if layer is not None]
    _settle_addresses(layers)
    values: dict[str, Any] = {}
    sources = dict.fromkeys(table(), "default")
    for layer in reversed(layers):
        values.update(layer.values)
        sources.update(layer.sources)
    for name in OTHER_ADDRESSES:
        if name in values:
            sources["bind"], sources[name] = sources[name], "default"
    return Loaded(Settings(**values), sources, remarks, file)


def _settle_addresses(layers: list[Layer]) -> None:
    """Leaves one way to write an address: that of the nearest source which has any."""
    decided: tuple[str, ...] | None = None
    for layer in layers:
        present = [group for group in ADDRESS_GROUPS if any(name in layer.values for name in group)]
        if decided is None and len(present) > 1:
            one, other = (
                next(layer.written[name] for name in group if name in layer.written) for group in present[:2]
            )
            twice = f"the address is given twice, as {one} and as {other}"
            raise Failure(layer.origin.exit_code, twice, layer.origin.several)
        decided = decided or next(iter(present), None)
        for group in present:
            if group != decided:
                for name in group:
                    layer.values.pop(name, None)
                    layer.sources.pop(name, None)
