"""The command `asgate check module:app`: what was asked for, and what comes out.

How a target becomes an application is not known here: `check` is given what loads it, so that this wing needs nothing
of the server's. That is done, and the application driven, in a process of its own (`child.py`).
"""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import click

from asgate.command_line import Command, NamedPath
from asgate.conformance.check.bodies import JSON
from asgate.conformance.check.child import Telling, fork, told
from asgate.conformance.check.drive import drive
from asgate.conformance.check.findings import Report
from asgate.conformance.check.formats import as_json, as_junit, as_sarif
from asgate.conformance.check.plan import SAFE, Wish, subjects
from asgate.conformance.check.text import text
from asgate.conformance.places import expect_file, unwritable
from asgate.conformance.results import FAIL_ON, FAIL_ON_DEFAULTS
from asgate.conformance.signals import interruptible
from asgate.errors import Exit, Failure
from asgate.streams import opened, remark
from asgate.streams import report as print_report
from asgate.testing.places import claim, source

IMPORT = 60.0  # seconds that the import may take: some load models, or wait for a database
SCHEMA_PATH = "/openapi.json"  # where FastAPI has it
FORMATS: dict[str, Callable[[Report], str]] = {"json": as_json, "junit": as_junit, "sarif": as_sarif}


class Load(Protocol):
    """What finds the application, and that it is one; raises `Failure`."""

    def __call__(self, target: str, *, factory: bool, app_dir: str) -> Any: ...


def _run(load: Load, given: dict[str, Any]) -> int:
    there = opened()
    wish = _wish(given)
    if given["output"] is not None:
        expect_file(given["output"])
    claim(wish.target)
    process = fork(wish.target, max(IMPORT, wish.timeout))
    if isinstance(process, Telling):
        with told(process):
            _judge(load, given, wish, process)
        return Exit.OK
    shown = sys.stderr.isatty() if given["progress"] is None else given["progress"]
    place = source(wish.target, given["app_dir"])
    report = Report(wish.target, place, _show if shown else lambda _: None)
    try:
        with interruptible():
            process.follow(report)
    except Failure as failure:
        report.fail(failure.exit_code, failure.sentence)
        raise
    finally:
        _erase(shown)
        _tell(report, given, there)
    return _code(report, given["fail_on"])


def _judge(load: Load, given: dict[str, Any], wish: Wish, report: Report) -> None:
    application = load(wish.target, factory=given["factory"], app_dir=given["app_dir"])
    with _quiet(given["logs"]):
        drive(application, wish, report)


def _code(report: Report, fail_on: str) -> int:
    """What was not judged is no finding, and fails whatever `--fail-on` says: nobody knows what is there."""
    faulty = report.unjudged or report.of(*FAIL_ON[fail_on])
    return report.failure or (Exit.FAULTS if faulty else Exit.OK)


def _wish(given: dict[str, Any]) -> Wish:
    """From the command line. Raises `Failure`."""
    if not given["timeout"] > 0:  # nan is not
        raise Failure(Exit.USAGE, "--timeout is more than 0 seconds")
    pages = given["paths"] or (("/",) if not given["websockets"] else ())
    wanted = given["openapi"] or ("" if given["paths"] or given["websockets"] else SCHEMA_PATH)
    if given["unsafe"] and (given["no_openapi"] or not wanted):
        sentence = "--unsafe is for the operations of a schema, and none is looked for"
        raise Failure(Exit.USAGE, sentence, "--openapi PATH says where it is; --method POST is for a --path")
    body = _body(given["body"])
    methods = given["methods"] or (SAFE if body is None else ("POST",))
    asked = subjects(pages, methods, given["websockets"])
    if body is not None:
        asked = [subject.with_body(body, given["content_type"] or JSON) for subject in asked]
    elif given["content_type"]:
        raise Failure(Exit.USAGE, "--content-type is that of --body, and there is none")
    return Wish(
        target=given["target"],
        subjects=tuple(asked),
        openapi="" if given["no_openapi"] else wanted,
        required=given["openapi"] is not None,
        unsafe=given["unsafe"],
        lifespan=given["lifespan"],
        timeout=given["timeout"],
        strict=given["strict"],
        headers=tuple(map(_header, given["headers"])),
    )


def _body(word: str | None) -> bytes | None:
    """As curl has it: the text itself, or @ and the name of a file."""
    if word is None or not word.startswith("@"):
        return None if word is None else word.encode()
    try:
        return Path(word[1:]).read_bytes()
    except OSError as error:
        raise Failure(Exit.USAGE, f"the body cannot be read: {error}", "--body @FILE") from None


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    try:
        pair = name.strip().lower().encode("latin-1"), value.strip().encode("latin-1")
    except UnicodeEncodeError:
        raise Failure(Exit.USAGE, f"the header {line!r} is not Latin-1") from None
    if not colon or not pair[0]:
        raise Failure(Exit.USAGE, f"{line!r} is no header", 'for example --header "authorization: Bearer …"')
    return pair


def _tell(report: Report, given: dict[str, Any], there: bool) -> None:
    """Prints the report, if stdout is `there`, or writes it. A text adds nothing to the sentence of a failed import."""
    make, path = FORMATS.get(given["format"]), given["output"]
    written = make(report) if make else text(report, advice=given["advice"])
    if path is None:
        if make or report.begun:
            print_report(written, there, hint="--output FILE writes it")
        return
    try:
        plain = click.unstyle(written) if make is None else written
        path.write_text(plain, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise unwritable(path, error) from None
    remark(text(report, advice=given["advice"]).splitlines()[-1])


@contextlib.contextmanager
def _quiet(logs: bool) -> Iterator[None]:
    """Holds the application's logs back: most scenarios are meant to go wrong."""
    before = logging.root.manager.disable
    if not logs:
        logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _show(sentence: str) -> None:
    remark(f"\r\033[K{sentence[:100]}", nl=False)


def _erase(shown: bool) -> None:
    if shown:
        remark("\r\033[K", nl=False)


def _parameters() -> list[click.Parameter]:
    option, several = click.Option, {"multiple": True}
    choice = click.Choice
    return [
        click.Argument(["target"], metavar="TARGET"),
        option(["--factory"], is_flag=True, help="TARGET is a function that returns the application."),
        option(["--app-dir"], default=".", metavar="DIR", help="The directory to import from."),
        option(["--path", "paths"], **several, metavar="PATH", help="A path to request; / without any."),
        option(["--method", "methods"], **several, metavar="METHOD", help="A method; GET and HEAD without any."),
        option(["--websocket", "websockets"], **several, metavar="PATH", help="The path of a WebSocket."),
        option(["--header", "headers"], **several, metavar="LINE", help="A header of every request."),
        option(["--body"], metavar="TEXT|@FILE", help="A body for every --path; the method is POST without any."),
        option(["--content-type"], metavar="TYPE", help=f"Of the body. [{JSON}]"),
        option(["--openapi"], metavar="PATH", help="Where the schema is: all its paths are requested. "
               f"[{SCHEMA_PATH}, if it is there and no --path or --websocket is given]"),
        option(["--no-openapi"], is_flag=True, help="Do not look for a schema."),
        option(["--unsafe"], is_flag=True, help="Also POST, PUT, PATCH and DELETE of the schema, with bodies."),
        option(["--lifespan"], type=choice(["auto", "on", "off"]), default="auto", show_default=True,
               help="As in asgate run."),
        option(["--timeout"], type=float, default=2.0, show_default=True, metavar="SECONDS",
               help="How long the application may take for an answer, and to end."),
        option(["--strict"], is_flag=True, help="Header names with capitals are faults, too (ASGI-104)."),
        option(["--advice/--no-advice"], default=True, help="Show what is allowed and yet hardly meant."),
        option(["--format"], type=choice(["text", *FORMATS]), default="text", show_default=True, help="Of the report."),
        option(["--output"], type=NamedPath(), metavar="FILE", help="Write the report there."),
        option(["--fail-on"], type=choice(list(FAIL_ON)), default=FAIL_ON_DEFAULTS["check"], show_default=True,
               help="The level of findings that makes the exit code 11."),
        option(["--logs"], is_flag=True, help="Let the application log while it is checked."),
        option(["--progress/--no-progress"], default=None, help="Show what is being done."),
    ]  # fmt: skip


def check(load: Load) -> click.Command:
    """The command; `load` finds the application behind a target."""

    def run(**given: Any) -> int:
        return _run(load, given)

    return Command(
        "check",
        callback=run,
        params=_parameters(),
        help="Check an ASGI application without a server: asgate check main:app --path /items.",
        epilog="Exit codes: 0 nothing found, 11 faults or something that could not be judged, 5 and 6 the application "
        "cannot be loaded, 3 it does not start. See docs/check.md for all.",
    )
