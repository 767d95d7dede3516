"""The command, generated from the table: `asgate run module:app`, or `asgate module:app` for short.

click only splits the command line and lays out the help; values are parsed by the table's kinds, so that a
wrong value reads the same from wherever it comes.
"""

import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import click

from asgate.config.kinds import Switch
from asgate.config.load import Loaded, load, unknown
from asgate.config.options import Option, table
from asgate.config.show import effective
from asgate.errors import Exit, Failure
from asgate.version import version


class OptionsCommand(click.Command):
    """A command whose help is laid out in the groups of the table."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {param.name: param.get_help_record(ctx) for param in self.get_params(ctx)}
        for group, rows in groupby(table().values(), key=lambda row: row.group):
            shown = [record for row in rows if (record := records.pop(row.name, None)) is not None]
            with formatter.section(group):
                formatter.write_dl(shown)
        with formatter.section("Other"):
            formatter.write_dl([record for record in records.values() if record is not None])


class DefaultToRun(click.Group):
    """A group in which whatever is no command is the target, or an option, of `run`; nothing at all is `run`
    too.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, "--help", "--version"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _show_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"asgate {version()}")
        context.exit()


@click.group(cls=DefaultToRun)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def asgate() -> None:
    """A fast and strict server for ASGI applications.

    `asgate package.module:app` is short for `asgate run package.module:app`.
    """


def _run(target: str | None, print_config: bool, **values: Any) -> int:
    given: dict[str, object] = {name: value for name, value in values.items() if value not in (None, ())}
    words = {name: table()[name].flag for name in given}
    if target is not None:
        given["target"] = target
        words["target"] = "the argument"
    loaded = load(given, words=words)
    if print_config:
        click.echo(effective(loaded))
        return Exit.OK
    return _serve(loaded)


def _serve(loaded: Loaded) -> int:
    from asgate.server.command import serve

    return serve(loaded, take_over=True)


def _parameters() -> list[click.Parameter]:
    flags = [_flag(row) for row in table().values() if row.name != "target"]
    printing = click.Option(
        ["--print-config"],
        is_flag=True,
        help="Print every value that is in effect and where it came from, and stop.",
    )
    return [click.Argument(["target"], required=False, metavar="[TARGET]"), *flags, printing]


def _flag(row: Option) -> click.Option:
    names = [row.flag, *("--" + alias.replace("_", "-") for alias in row.aliases)]
    names = list(dict.fromkeys(names))
    if isinstance(row.kind, Switch):
        names = [f"{row.flag}/--no-{row.flag.removeprefix('--')}"]
        return click.Option([row.name, *names], default=None, help=row.help)
    return click.Option(
        [row.name, *names],
        default=None,
        multiple=row.many,
        metavar=row.kind.metavar,
        type=str,
        help=_help(row),
    )


def _help(row: Option) -> str:
    default = row.default
    if default is None or default == "" or default == ():
        return row.help
    shown = row.kind.show(default)
    return f"{row.help} [{shown[0] if isinstance(shown, list) else shown}]"


run = OptionsCommand(
    "run",
    callback=_run,
    params=_parameters(),
    help="Serve TARGET (package.module:attribute) until SIGINT, SIGTERM or SIGHUP.",
    epilog="Every option is also a variable ASGATE_NAME, a key in asgate.toml or [tool.asgate], "
    "and a keyword of asgate.run.",
)
asgate.add_command(run)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: exits with a code of `errors.Exit`."""
    if sys.platform == "win32":
        sys.exit(outcome(arguments))
    from asgate.server.command import leave, stay_calm

    stay_calm()
    leave(outcome(arguments))


def outcome(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code; what went wrong was told on stderr."""
    if sys.platform == "win32":
        click.echo(
            "asgate: asgate does not run on Windows yet\n  hint: use WSL, or uvicorn until then", err=True
        )
        return Exit.PLATFORM
    from asgate.server.command import reported

    return reported(lambda: _dispatched(arguments))


def _dispatched(arguments: Sequence[str] | None) -> int:
    try:
        return int(asgate.main(arguments, prog_name="asgate", standalone_mode=False) or 0)
    except click.NoSuchOption as error:
        raise unknown(error.option_name, "the command line", Exit.USAGE) from None
    except click.UsageError as error:
        raise Failure(Exit.USAGE, error.format_message().rstrip("."), "see asgate run --help") from None
    except click.Abort:
        return Exit.INTERRUPTED
