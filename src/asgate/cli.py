"""The command, generated from the table: `asgate run module:app`, or `asgate module:app` for short.

click only splits the command line and lays out the help; values are parsed by the table's kinds, so that a
wrong value reads the same from wherever it comes. `asgate conform` and `asgate check` come from the app wing and are
imported when they are asked for.
"""

import re
import sys
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import click

from asgate.command_line import Command
from asgate.config.absent import ABSENT, Absent
from asgate.config.kinds import Size, Switch
from asgate.config.load import COMMAND_LINE, Loaded, load, unknown
from asgate.config.options import Option, table
from asgate.config.settings import parsed
from asgate.config.show import effective
from asgate.errors import Exit, Failure, did_you_mean
from asgate.streams import remark, report
from asgate.version import version

VALUED = "--ws-per-message-deflate"  # a switch, to which uvicorn gives a value


class OptionsCommand(Command):
    """A command whose help is laid out in the groups of the table."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _as_switch(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {param.name: param.get_help_record(ctx) for param in self.get_params(ctx)}
        for group, rows in groupby(table().values(), key=lambda row: row.group):
            shown = [record for row in rows if (record := records.pop(row.name, None)) is not None]
            with formatter.section(group):
                formatter.write_dl(shown)
        with formatter.section("Other"):
            formatter.write_dl([record for record in records.values() if record is not None])


def _as_switch(args: list[str]) -> list[str]:
    """Without the value of `VALUED`, in another word or behind `=`, which says which of its two flags is meant.

    Raises `Failure` for a word behind it that is neither a value nor an option nor a target.
    """
    words = [
        part for word in args for part in (word.split("=", 1) if word.startswith(f"{VALUED}=") else [word])
    ]
    for index, (flag, value) in enumerate(pairwise(words)):
        if flag == VALUED and not value.startswith("-") and ":" not in value:
            meant = parsed(table()["ws_per_message_deflate"], value, VALUED)
            return [*words[:index], VALUED if meant else _negative(VALUED), *_as_switch(words[index + 2 :])]
    return words


def _conform() -> click.Command:
    from asgate.conformance.command import conform

    return conform


def _check() -> click.Command:
    from asgate.conformance.check.command import check

    return check(_load)


def _load(target: str, *, factory: bool, app_dir: str) -> Any:
    """The application behind a target, if `asgate run` would serve it. Raises `Failure`."""
    from asgate.server.importer import import_target
    from asgate.server.interface import as_asgi3

    found = import_target(target, factory=factory, app_dir=app_dir)
    try:
        as_asgi3(found, "auto", target)
    except Failure as failure:
        hint = re.sub("add --interface asgi([23])", _mark, failure.hint)
        raise Failure(failure.exit_code, failure.sentence, hint) from None
    return found


def _mark(flag: re.Match[str]) -> str:
    """What says the same on the application itself: `asgate check` has no such option."""
    return f"set _asgi_{'double' if flag[1] == '2' else 'single'}_callable = True on it"


LAZY = {"conform": _conform, "check": _check}


class DefaultToRun(Command, click.Group):
    """A group in which whatever is no command is the target, or an option, of `run`; nothing at all is `run`
    too.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.list_commands(ctx), "--help", "--version"):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *LAZY]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return LAZY[cmd_name]() if cmd_name in LAZY else super().get_command(ctx, cmd_name)


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        report(f"asgate {version()}\n", what="the version")
        context.exit()


def _version_option() -> click.Option:
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version and exit.",
    )


@click.group(cls=DefaultToRun, params=[_version_option()])
def asgate() -> None:
    """A fast and strict server for ASGI applications.

    `asgate package.module:app` is short for `asgate run package.module:app`.
    """


def _run(targets: tuple[str, ...], print_config: bool, **values: Any) -> int:
    given: dict[str, object] = {name: value for name, value in values.items() if value not in (None, ())}
    words = {name: _written(name, value) for name, value in given.items()}
    if targets:
        given["target"] = _only(targets)
        words["target"] = "the argument"
    loaded = load(given, words=words)
    if print_config:
        report(f"{effective(loaded)}\n", what="the configuration")
        return Exit.OK
    if loaded.settings.target is None:
        hint = "name it: asgate run main:app; asgate run --help lists the options"
        raise Failure(Exit.USAGE, "there is no target to serve", hint)
    return _serve(loaded)


def _written(name: str, value: object) -> str:
    """The flag that was typed."""
    flag = table()[name].flag if name in table() else _dashed(name)
    return _negative(flag) if value is False else flag


def _dashed(name: str) -> str:
    return "--" + name.replace("_", "-")


def _negative(flag: str) -> str:
    return f"--no-{flag.removeprefix('--')}"


def _only(targets: tuple[str, ...]) -> str:
    first, *more = targets
    if unit := next((word for word in targets if word and re.fullmatch(Size.unit, word.lower())), None):
        hint = "a value with a space needs quotes, or write 10M"
        raise Failure(Exit.USAGE, f"{unit} is no target to serve", hint)
    if not more:
        return first
    if ":" not in first and (near := did_you_mean(first, [*asgate.commands, *LAZY])):
        raise Failure(Exit.USAGE, f"{first} is not a command", near)
    hint = "see asgate run --help"
    if first.lower() in Switch.words:
        hint = "a switch takes no value: --factory or --no-factory, for example"
    raise Failure(Exit.USAGE, f"there is one target to serve: {' '.join(more)} came after it", hint)


def _serve(loaded: Loaded) -> int:
    from asgate.server.command import serve

    return serve(loaded, take_over=True)


def _parameters() -> list[click.Parameter]:
    rows = [row for row in table().values() if row.name != "target"]
    flags = [_flag(row) for row in rows]
    aliases = [_hidden(alias, row) for row in rows for alias in _other_names(row)]
    absent = [_hidden(name, entry) for name, entry in ABSENT.items()]
    printing = click.Option(
        ["--print-config"],
        is_flag=True,
        help="Print every value that is in effect and where it came from, and stop.",
    )
    targets = click.Argument(["targets"], nargs=-1, metavar="[TARGET]")
    return [targets, *flags, *aliases, *absent, printing, _version_option()]


class Flag(click.Option):
    """The flag of an option. The other names are parameters of their own, so that both at once are noticed; the
    help shows all in one place.
    """

    others: tuple[str, ...] = ()

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None:
            return None
        flag, *metavar = record[0].split(" ", 1)
        return " ".join([", ".join([flag, *self.others]), *metavar]), record[1]


def _other_names(row: Option) -> list[str]:
    return [alias for alias in row.aliases if _dashed(alias) != row.flag]


def _hidden(name: str, meaning: Option | Absent) -> click.Option:
    flag = _dashed(name)
    if isinstance(meaning, Absent) and meaning.switch:
        return click.Option([name, f"{flag}/{_negative(flag)}"], default=None, hidden=True)
    many = isinstance(meaning, Option) and meaning.many
    return click.Option([name, flag], default=None, multiple=many, type=str, hidden=True)


def _flag(row: Option) -> click.Option:
    if isinstance(row.kind, Switch):
        return click.Option([row.name, f"{row.flag}/{_negative(row.flag)}"], default=None, help=_help(row))
    flag = Flag(
        [row.name, row.flag],
        default=None,
        multiple=row.many,
        metavar=row.kind.metavar,
        type=str,
        help=_help(row),
    )
    flag.others = tuple(_dashed(alias) for alias in _other_names(row))
    return flag


def _help(row: Option) -> str:
    default = row.default
    if default is None or default == "" or default == ():
        return row.help
    shown = str(default).lower() if isinstance(default, bool) else row.kind.show(default)
    return f"{row.help} [{shown[0] if isinstance(shown, list) else shown}]"


run = OptionsCommand(
    "run",
    callback=_run,
    params=_parameters(),
    help="Serve TARGET (package.module:attribute) until SIGINT, SIGTERM or SIGHUP.",
    epilog="Every option is also a variable ASGATE_NAME, a key in asgate.toml or [tool.asgate], "
    "and a keyword of asgate.run. BYTES are written 10485760, 10M, 10MB or '10 MB'.",
)
asgate.add_command(run)


def main(arguments: Sequence[str] | None = None) -> None:
    """Exits with a code of `errors.Exit`."""
    if sys.platform == "win32":
        sys.exit(outcome(arguments))
    from asgate.server.command import leave, stay_calm

    stay_calm()
    leave(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code; what went wrong was told on stderr."""
    if sys.platform == "win32":
        remark("asgate: asgate does not run on Windows yet\n  hint: use WSL, or uvicorn until then")
        return Exit.PLATFORM
    from asgate.server.command import reported

    return reported(lambda: _dispatched(arguments), _log_format(arguments))


def _log_format(arguments: Sequence[str] | None) -> str | None:
    """The --log-format of a command line that may be wrong in another place; the last one counts."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    flag, found = table()["log_format"].flag, None
    for word, following in pairwise([*words, ""]):
        if word == flag:
            found = following
        elif word.startswith(f"{flag}="):
            found = word.removeprefix(f"{flag}=")
    return found


def _dispatched(arguments: Sequence[str] | None) -> int:
    try:
        return int(asgate.main(arguments, prog_name="asgate", standalone_mode=False) or 0)
    except click.NoSuchOption as error:
        if (name := _command(error)) != "run":
            near = did_you_mean(error.option_name, error.possibilities or ())
            hint = near or f"asgate {name} --help lists all"
            raise Failure(
                Exit.USAGE, f"{error.option_name} is not an option of asgate {name}", hint
            ) from None
        raise unknown(error.option_name, COMMAND_LINE) from None
    except click.UsageError as error:
        hint = f"see asgate {_command(error)} --help"
        raise Failure(Exit.USAGE, error.format_message().rstrip("."), hint) from None
    except click.Abort:
        raise KeyboardInterrupt from None


def _command(error: click.UsageError) -> str:
    """The name of the command that was typed wrongly."""
    name = None if error.ctx is None else error.ctx.info_name
    return name if name in LAZY else "run"
