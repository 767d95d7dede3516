"""What all commands have in common on the command line: help that is printed like a report, mistakes that know whose
they are, places that have a name.
"""

from pathlib import Path
from typing import Any

import click

from asgate.streams import report


class Command(click.Command):
    """A command of ours, of either wing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:  # click leaves it out for an option without its argument
            error.ctx = error.ctx or ctx
            raise

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


def _show_help(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        report(f"{context.get_help()}\n", what="the help")
        context.exit()


class NamedPath(click.Path):
    """A file or directory. Nothing is the name of none, and would be the current directory."""

    name = "path"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("it has no name", param, ctx)
        return super().convert(value, param, ctx)
