"""The command `asgate conform`: judges servers by the cases of the kit, tells what came of it and ends with a code
that a pipeline can use.
"""

import contextlib
import fnmatch
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from asgate.command_line import Command, NamedPath
from asgate.conformance import lanes
from asgate.conformance.case import Case, cases
from asgate.conformance.comparison import Comparison, compare
from asgate.conformance.places import expect_directory, unwritable
from asgate.conformance.process import NotStarted
from asgate.conformance.progress import Progress
from asgate.conformance.results import FAIL_ON, FAIL_ON_DEFAULTS, Judgement, dumps, loads
from asgate.conformance.runner import Interrupted, blamed, unjudged
from asgate.conformance.servers import ADAPTERS, OPTIONS, Adapter, custom, python_version
from asgate.conformance.signals import interruptible
from asgate.conformance.summary import headline, listing, summary
from asgate.errors import Exit, Failure, did_you_mean
from asgate.streams import opened, remark
from asgate.streams import report as print_report
from asgate.version import version


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    servers: tuple[str, ...]
    all: bool
    commands: tuple[str, ...]
    name: str | None
    server_version: str | None
    options: tuple[str, ...]
    python: str
    patterns: tuple[str, ...]
    groups: tuple[str, ...]
    jobs: int
    report: Path | None
    compare: Path | None
    regressions: bool
    list: bool
    list_servers: bool
    format: str
    fail_on: str
    evidence: bool


@dataclass(slots=True)
class Done:
    """What became of the wish."""

    judgements: list[Judgement] = field(default_factory=list)
    # Servers that were asked for and not judged, and why.
    missing: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False


def _run(**given: Any) -> int:
    there = opened()
    wish = Wish(**given)
    if wish.regressions and wish.compare is None:
        raise Failure(Exit.USAGE, "--regressions needs an earlier run", "--compare results.json names it")
    if wish.list:
        print_report(f"{listing(_cases(wish))}\n", there, what="the list")
        return Exit.OK
    try:
        python_version(wish.python)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{wish.python} is no Python interpreter: {error}") from None
    if wish.list_servers:
        print_report(f"{_servers(wish.python)}\n", there, what="the list")
        return Exit.OK
    adapters, chosen = _adapters(wish), _cases(wish)
    earlier = [] if wish.compare is None else _earlier(wish.compare)
    if wish.report is not None:
        from asgate.conformance.report import FILES  # lazily: a run without a report needs none of it

        expect_directory(wish.report, FILES)
    with interruptible():
        done = _judged(wish, adapters, chosen)
    comparison = None
    if wish.compare is not None and not done.interrupted:
        unselected = {case.name for case in cases()} - {case.name for case in chosen}
        comparison = compare(earlier, done.judgements, unselected)
    with contextlib.ExitStack() as last:  # behind the text on a terminal, and also when nothing takes that
        if comparison is not None:
            last.callback(remark, "\n".join(comparison.lines))
        try:
            paths = _written(wish, done)
            if paths:
                last.callback(remark, f"written: {', '.join(map(str, paths))}")
        finally:
            print_report(_text(wish, done), there, hint="--report DIRECTORY writes it")
    return _code(wish, done, comparison)


def _cases(wish: Wish) -> list[Case]:
    """The chosen cases. Raises `Failure` when none is left."""
    known = cases()
    groups = list(dict.fromkeys(case.group for case in known))
    for group in wish.groups:
        if group not in groups:
            near = did_you_mean(group, groups)
            hint = f"{near} The groups are {', '.join(groups)}".strip()
            raise Failure(Exit.USAGE, f"there is no group {group}", hint)
    chosen = [case for case in known if not wish.groups or case.group in wish.groups]
    for pattern in wish.patterns:
        if not any(_matches(case, pattern) for case in chosen):
            raise _unmatched(pattern, [case for case in known if _matches(case, pattern)], wish.groups)
    return [case for case in chosen if not wish.patterns or any(_matches(case, it) for it in wish.patterns)]


def _unmatched(pattern: str, elsewhere: list[Case], groups: tuple[str, ...]) -> Failure:
    """What is wrong with a pattern that chooses none of the cases of the groups."""
    if not elsewhere:
        return Failure(Exit.USAGE, f"no case is named {pattern}", "asgate conform --list names them")
    others = ", ".join(dict.fromkeys(case.group for case in elsewhere))
    return Failure(Exit.USAGE, f"no case of {', '.join(groups)} is named {pattern}", f"of {others} there is")


def _matches(case: Case, pattern: str) -> bool:
    """By name, by the part behind the group, or by clause; with `*` and `?`."""
    names = (case.name, case.name.partition("/")[2], *case.clauses)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _adapters(wish: Wish) -> list[Adapter]:
    found = [_known(name) for name in dict.fromkeys(wish.servers)]
    if wish.all:
        found += [adapter for adapter in ADAPTERS.values() if adapter not in found]
    if wish.commands:
        found.append(_own(wish))
    elif alone := next((flag for flag, given in _of_command(wish) if given not in (None, ())), None):
        hint = 'asgate conform --command "myserver {target} --port {port}"'
        raise Failure(Exit.USAGE, f"{alone} is for --command, which is not there", hint)
    if not found:
        hint = 'name it, or use --all, or --command "… {target} … {port} …"; --list-servers lists them'
        raise Failure(Exit.USAGE, "there is no server to judge", hint)
    # Reports and comparisons tell servers apart by their names.
    if twice := _twice(adapter.name for adapter in found):
        hint = "--name gives that of --command another one"
        raise Failure(Exit.USAGE, f"two servers are named {twice}", hint)
    return found


def _twice(names: Iterable[str]) -> str:
    """The first name that stands there twice; "" if none does."""
    return next((name for name, count in Counter(names).items() if count > 1), "")


def _of_command(wish: Wish) -> Iterable[tuple[str, object]]:
    """The options that say something about the server of `--command`, and what they say."""
    return ("--name", wish.name), ("--server-version", wish.server_version), ("--option", wish.options)


def _own(wish: Wish) -> Adapter:
    """The server of `--command`."""
    if len(wish.commands) > 1:
        raise Failure(Exit.USAGE, "--command is given twice", "a run judges one server of your own")
    hint = 'such as --command "myserver {target} --port {port}" --option "root_path=--root-path {value}"'
    pairs = [option.partition("=") for option in wish.options]
    if wrong := next((name for name, sign, _ in pairs if not sign), None):
        raise Failure(Exit.USAGE, f"--option {wrong} is not NAME=WORDS", hint)
    if twice := _twice(name for name, _, _ in pairs):
        raise Failure(Exit.USAGE, f"--option {twice} is given twice", "put all its words into one")
    options = {name: text for name, _, text in pairs}
    try:
        return custom(wish.commands[0], wish.name or "command", options, wish.server_version or "")
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--command cannot be used: {error}", hint) from None


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


def _earlier(path: Path) -> list[Judgement]:
    """The judgements of an earlier run. Raises `Failure`, also when a comparison with them would pass in silence what
    they do not say: of an interrupted run, or of two of one name.
    """
    try:
        found = loads(path.read_text(encoding="utf-8"))
        if twice := _twice(judgement.server for judgement in found):
            raise ValueError(f"{twice} was judged twice")
        for judgement in found:
            if not judgement.complete:
                count = len(judgement.results)
                raise ValueError(f"the run of {judgement.server} was interrupted after {count} cases")
        return found
    except (OSError, ValueError, LookupError, TypeError) as error:
        hint = "asgate conform --format json, or results.json of --report, has them"
        raise Failure(Exit.CONFIG, f"{path} has no judgements to compare with: {error}", hint) from None


def _judged(wish: Wish, adapters: list[Adapter], chosen: list[Case]) -> Done:
    """Judges one server after the other. An interrupt keeps what was judged before, and every report tells of it by
    the judgement of the server at which it came.
    """
    done = Done()
    for adapter in adapters:
        try:
            _judge(wish, adapter, chosen, done)
        except KeyboardInterrupt as interrupt:
            done.interrupted = True
            begun = interrupt.judgement if isinstance(interrupt, Interrupted) else None
            done.judgements.append(begun or unjudged(adapter, version()))
            remark(headline(done.judgements[-1]))
            break
    return done


def _judge(wish: Wish, adapter: Adapter, chosen: list[Case], done: Done) -> None:
    try:
        if adapter.version(wish.python) is None:
            remark(f"{adapter.name}: not installed with {wish.python}")
            if adapter.name in wish.servers or not wish.all:
                done.missing[adapter.name] = f"not installed with {wish.python}"
            return
        with Progress(adapter.name) as progress:
            judgement = lanes.judge(
                adapter, chosen, jobs=wish.jobs, python=wish.python, kit=version(), progress=progress
            )
    except NotStarted as failure:
        remark(f"{adapter.name}: not judged: {failure}")
        if wish.commands:
            remark(f"hint: {failure.hint or ELSEWHERE}")
        done.missing[adapter.name] = str(failure)
        return
    except Exception as error:  # of the kit, which must not cost what was judged before
        remark(f"{adapter.name}: not judged: {blamed(error)}")
        done.missing[adapter.name] = blamed(error)
        return
    done.judgements.append(judgement)
    remark(headline(judgement))


ELSEWHERE = (
    "the server runs in an empty folder of its own; name files by absolute paths, and put what it imports on "
    "PYTHONPATH"
)


def _text(wish: Wish, done: Done) -> str:
    if wish.format == "json":
        return dumps(done.judgements, done.missing)
    return "".join(f"\n{summary(judgement, evidence=wish.evidence)}" for judgement in done.judgements)


def _written(wish: Wish, done: Done) -> list[Path]:
    """Writes the report, if that is wished. Raises `Failure`."""
    if wish.report is None:
        return []
    from asgate.conformance import report  # lazily: a run without it needs none of it

    try:
        return report.write(done.judgements, wish.report, done.missing)
    except OSError as error:
        raise unwritable(Path(error.filename or wish.report), error) from None


def _code(wish: Wish, done: Done, comparison: Comparison | None) -> int:
    """The exit code; when several hold, that of what says least about the servers."""
    if done.interrupted:
        return Exit.INTERRUPTED
    if done.missing or not done.judgements:
        return Exit.PEER
    if any(judgement.errors for judgement in done.judgements):
        return Exit.BUG
    faults = [result for judgement in done.judgements for result in judgement.faults]
    changed = comparison is not None and comparison.changed
    if wish.regressions and comparison is not None:
        faults, changed = list(comparison.regressions), comparison.gone
    faulty = any(result.level in FAIL_ON[wish.fail_on] for result in faults)
    return Exit.FAULTS if faulty or changed else Exit.OK


_PARAMETERS: list[click.Parameter] = [
    click.Argument(["servers"], nargs=-1, metavar="[SERVER]..."),
    click.Option(["--all"], is_flag=True, help="Judge every server that is installed."),
    click.Option(
        ["--command", "commands"],
        multiple=True,
        metavar="WORDS",
        help='Judge any other server: "myserver {target} --port {port}".',
    ),
    click.Option(["--name"], metavar="NAME", help="What to call it in reports. [command]"),
    click.Option(["--server-version"], metavar="TEXT", help="Its version, for reports."),
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
    click.Option(
        ["--group", "groups"],
        multiple=True,
        metavar="GROUP",
        help="Only cases of this group; --list ends with their names.",
    ),
    click.Option(
        ["--jobs"],
        type=click.IntRange(min=1),
        default=lanes.JOBS,
        show_default=True,
        metavar="NUMBER",
        help="At most so many drivers at once, each with its server, when cases wait in vain.",
    ),
    click.Option(
        ["--report"],
        type=NamedPath(),
        metavar="DIRECTORY",
        help="Write JSON, JUnit, SARIF, Markdown, HTML there.",
    ),
    click.Option(
        ["--compare"], type=NamedPath(), metavar="FILE", help="Compare with results.json of an earlier run."
    ),
    click.Option(
        ["--regressions"],
        is_flag=True,
        help="With --compare: only what has become faulty since then makes the exit code 11.",
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
        default=FAIL_ON_DEFAULTS["conform"],
        show_default=True,
        help="The level of faults that makes the exit code 11.",
    ),
    click.Option(
        ["-v", "--evidence"], is_flag=True, help="Show the bytes on the wire and what the application saw."
    ),
]

conform = Command(
    "conform",
    callback=_run,
    params=_PARAMETERS,
    help="Judge ASGI servers by the ASGI text and the HTTP RFCs: asgate conform uvicorn hypercorn.",
    epilog="Exit codes: 0 no faults, 1 the kit itself failed, 11 faults or changes, 12 a server is not installed or "
    "did not start. See docs/conform.md.",
)
