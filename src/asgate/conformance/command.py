"""The command `asgate conform`: judges servers by the cases of the kit, tells what came of it and ends with a code
that a pipeline can use.
"""

import contextlib
import fnmatch
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click

from asgate.conformance.case import Case, cases
from asgate.conformance.process import NotStarted
from asgate.conformance.progress import Progress
from asgate.conformance.results import FAIL_ON, Judgement, dumps, loads
from asgate.conformance.runner import judge
from asgate.conformance.servers import ADAPTERS, OPTIONS, Adapter, custom, python_version
from asgate.conformance.summary import differences, headline, listing, summary
from asgate.errors import Exit, Failure, did_you_mean
from asgate.version import version


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    servers: tuple[str, ...]
    all: bool
    command: str | None
    name: str
    options: tuple[str, ...]
    python: str
    patterns: tuple[str, ...]
    groups: tuple[str, ...]
    report: Path | None
    compare: Path | None
    list: bool
    list_servers: bool
    format: str
    fail_on: str
    evidence: bool


def _run(**given: Any) -> int:
    wish = Wish(**given)
    if wish.list:
        click.echo(listing(_cases(wish)))
        return Exit.OK
    try:
        python_version(wish.python)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failure(Exit.USAGE, f"{wish.python} is no Python interpreter: {error}") from None
    if wish.list_servers:
        click.echo(_servers(wish.python))
        return Exit.OK
    adapters, chosen = _adapters(wish), _cases(wish)
    earlier = {} if wish.compare is None else _earlier(wish.compare)
    with interruptible():
        judgements, missing = _judged(wish, adapters, chosen)
    return _told(wish, judgements, earlier, missing)


def _cases(wish: Wish) -> list[Case]:
    """The chosen cases. Raises `Failure` when none is left."""
    known = cases()
    groups = list(dict.fromkeys(case.group for case in known))
    for group in wish.groups:
        if group not in groups:
            hint = did_you_mean(group, groups) or f"the groups are {', '.join(groups)}"
            raise Failure(Exit.USAGE, f"there is no group {group}", hint)
    chosen = [case for case in known if not wish.groups or case.group in wish.groups]
    for pattern in wish.patterns:
        if not any(_matches(case, pattern) for case in chosen):
            raise Failure(Exit.USAGE, f"no case is named {pattern}", "asgate conform --list names them")
    return [case for case in chosen if not wish.patterns or any(_matches(case, it) for it in wish.patterns)]


def _matches(case: Case, pattern: str) -> bool:
    """By name, by the part behind the group, or by clause; with `*` and `?`."""
    names = (case.name, case.name.partition("/")[2], *case.clauses)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _adapters(wish: Wish) -> list[Adapter]:
    found = [_known(name) for name in dict.fromkeys(wish.servers)]
    if wish.all:
        found = list(ADAPTERS.values())
    if wish.command is not None:
        options = dict(option.partition("=")[::2] for option in wish.options)
        try:
            found.append(custom(wish.command, wish.name, options))
        except ValueError as error:
            hint = (
                'such as --command "myserver {target} --port {port}" --option "root_path=--root-path {value}"'
            )
            raise Failure(Exit.USAGE, f"--command cannot be used: {error}", hint) from None
    if not found:
        hint = 'name it, or use --all, or --command "… {target} … {port} …"; --list-servers lists them'
        raise Failure(Exit.USAGE, "there is no server to judge", hint)
    return found


def _known(name: str) -> Adapter:
    if name not in ADAPTERS:
        hint = (
            did_you_mean(name, ADAPTERS)
            or "asgate conform --list-servers lists them; --command runs any other"
        )
        raise Failure(Exit.USAGE, f"there is no adapter for a server named {name}", hint)
    return ADAPTERS[name]


def _servers(python: str) -> str:
    lines = [f"with {python}, Python {python_version(python)}:"]
    for adapter in ADAPTERS.values():
        found = adapter.version(python)
        lines.append(f"  {adapter.name.ljust(14)} {'not installed' if found is None else found}")
    return "\n".join(lines)


def _earlier(path: Path) -> dict[str, Judgement]:
    try:
        return {judgement.server: judgement for judgement in loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, LookupError, TypeError) as error:
        hint = "asgate conform --format json, or results.json of --report, has them"
        raise Failure(Exit.CONFIG, f"{path} has no judgements to compare with: {error}", hint) from None


def _judged(wish: Wish, adapters: list[Adapter], chosen: list[Case]) -> tuple[list[Judgement], list[str]]:
    """The judgements, and the names of the servers that were asked for and could not be judged."""
    judgements, missing = [], []
    for adapter in adapters:
        if adapter.version(wish.python) is None:
            click.echo(f"{adapter.name}: not installed with {wish.python}", err=True)
            missing += [] if wish.all else [adapter.name]
            continue
        try:
            with Progress(adapter.name) as progress:
                judgement = judge(adapter, chosen, python=wish.python, kit=version(), progress=progress)
        except NotStarted as failure:
            click.echo(f"{adapter.name}: not judged: {failure}", err=True)
            missing.append(adapter.name)
            continue
        judgements.append(judgement)
        click.echo(headline(judgement), err=True)
    return judgements, missing


def _told(wish: Wish, judgements: list[Judgement], earlier: dict[str, Judgement], missing: list[str]) -> int:
    """Prints and writes what came of it; the exit code."""
    if wish.format == "json":
        click.echo(dumps(judgements), nl=False)
    else:
        for judgement in judgements:
            click.echo(f"\n{summary(judgement, evidence=wish.evidence)}", nl=False)
    if wish.report is not None:
        _write(judgements, wish.report)
    changed = False
    for judgement in judgements:
        if wish.compare is not None:
            changed |= _compared(earlier.get(judgement.server), judgement)
    if missing or not judgements:
        return Exit.PEER
    levels = FAIL_ON[wish.fail_on]
    faulty = any(result.level in levels for judgement in judgements for result in judgement.faults)
    return Exit.FAULTS if faulty or changed else Exit.OK


def _write(judgements: list[Judgement], directory: Path) -> None:
    from asgate.conformance import report  # lazily: a run without it needs none of it

    try:
        paths = report.write(judgements, directory)
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the report cannot be written to {directory}: {error}") from None
    click.echo(f"written: {', '.join(map(str, paths))}", err=True)


def _compared(before: Judgement | None, now: Judgement) -> bool:
    """Tells how a run differs from an earlier one; whether it does."""
    if before is None:
        click.echo(f"{now.server}: the earlier run did not judge it", err=True)
        return True
    lines = differences(before, now)
    click.echo("\n".join(lines) or f"{now.server}: the same table as before", err=True)
    return bool(lines)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end a run as CTRL+C does: the servers under test end with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


_PATH = click.Path(path_type=Path)
_PARAMETERS: list[click.Parameter] = [
    click.Argument(["servers"], nargs=-1, metavar="[SERVER]..."),
    click.Option(["--all"], is_flag=True, help="Judge every server that is installed."),
    click.Option(
        ["--command"], metavar="WORDS", help='Judge any other server: "myserver {target} --port {port}".'
    ),
    click.Option(["--name"], default="command", metavar="NAME", help="What to call it in reports."),
    click.Option(
        ["--option", "options"],
        multiple=True,
        metavar="NAME=WORDS",
        help=f"How it is told what a case needs, {{value}} in it: {', '.join(OPTIONS)}.",
    ),
    click.Option(
        ["--python"], default=sys.executable, metavar="PATH", help="The interpreter with the servers."
    ),
    click.Option(
        ["--case", "patterns"],
        multiple=True,
        metavar="PATTERN",
        help="Only cases of this name or clause; * and ?.",
    ),
    click.Option(["--group", "groups"], multiple=True, metavar="GROUP", help="Only cases of this group."),
    click.Option(
        ["--report"], type=_PATH, metavar="DIRECTORY", help="Write JSON, JUnit, SARIF, Markdown, HTML there."
    ),
    click.Option(
        ["--compare"], type=_PATH, metavar="FILE", help="Compare with results.json of an earlier run."
    ),
    click.Option(["--list"], is_flag=True, help="List the cases with their clauses, and stop."),
    click.Option(
        ["--list-servers"], is_flag=True, help="List the servers and which are installed, and stop."
    ),
    click.Option(
        ["--format"], type=click.Choice(["text", "json"]), default="text", help="Of what is printed."
    ),
    click.Option(
        ["--fail-on"],
        type=click.Choice(list(FAIL_ON)),
        default="must",
        show_default=True,
        help="The level of faults that makes the exit code 11.",
    ),
    click.Option(
        ["-v", "--evidence"], is_flag=True, help="Show the bytes on the wire and what the application saw."
    ),
]

conform = click.Command(
    "conform",
    callback=_run,
    params=_PARAMETERS,
    help="Judge ASGI servers by the ASGI text and the HTTP RFCs: asgate conform uvicorn hypercorn.",
    epilog="Exit codes: 0 no faults, 11 faults, 12 a server is not installed or did not start. See docs/conform.md.",
)
