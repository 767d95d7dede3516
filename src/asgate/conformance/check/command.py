"""The command `asgate check module:app`. How a target becomes an application is not known here: `check` is given what
loads it, so that this wing needs nothing of the server's.
"""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import click

from asgate.conformance.check.drive import drive
from asgate.conformance.check.findings import Verdict
from asgate.conformance.check.formats import as_json, as_junit, as_sarif
from asgate.conformance.check.plan import SAFE, Wish, subjects
from asgate.conformance.check.text import text
from asgate.conformance.results import FAIL_ON
from asgate.errors import Exit, Failure

SCHEMA_PATH = "/openapi.json"  # where FastAPI has it
FORMATS: dict[str, Callable[[Verdict], str]] = {"json": as_json, "junit": as_junit, "sarif": as_sarif}


class Load(Protocol):
    """What finds the application; raises `Failure`."""

    def __call__(self, target: str, *, factory: bool, app_dir: str) -> Any: ...


def _run(load: Load, given: dict[str, Any]) -> int:
    if given["progress"] is None:
        given["progress"] = sys.stderr.isatty()
    wish = _wish(given)
    application = load(wish.target, factory=given["factory"], app_dir=given["app_dir"])
    if not callable(application):
        raise Failure(Exit.TARGET, f"{wish.target} is no application: it cannot be called")
    with _quiet(given["logs"]):
        try:
            verdict = drive(application, wish)
        except LookupError as error:
            raise Failure(Exit.USAGE, str(error.args[0]), "--openapi PATH says where it is") from None
        finally:
            _erase(given["progress"])
    _tell(verdict, given)
    counted = FAIL_ON[given["fail_on"]]
    return Exit.FAULTS if verdict.of(*counted) else Exit.OK


def _wish(given: dict[str, Any]) -> Wish:
    """From the command line. Raises `Failure`."""
    if given["timeout"] <= 0:
        raise Failure(Exit.USAGE, "--timeout is more than 0 seconds")
    pages = given["paths"] or (("/",) if not given["websockets"] else ())
    wanted = given["openapi"] or ("" if given["paths"] or given["websockets"] else SCHEMA_PATH)
    return Wish(
        target=given["target"],
        subjects=tuple(subjects(pages, given["methods"] or SAFE, given["websockets"])),
        openapi="" if given["no_openapi"] else wanted,
        required=given["openapi"] is not None,
        unsafe=given["unsafe"],
        lifespan=given["lifespan"],
        timeout=given["timeout"],
        strict=given["strict"],
        headers=tuple(map(_header, given["headers"])),
        progress=_show if given["progress"] else lambda _: None,
    )


def _header(line: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    try:
        pair = name.strip().lower().encode("latin-1"), value.strip().encode("latin-1")
    except UnicodeEncodeError:
        raise Failure(Exit.USAGE, f"the header {line!r} is not Latin-1") from None
    if not colon or not pair[0]:
        raise Failure(Exit.USAGE, f"{line!r} is no header", 'for example --header "authorization: Bearer …"')
    return pair


def _tell(verdict: Verdict, given: dict[str, Any]) -> None:
    """Prints the report, or writes it."""
    make = FORMATS.get(given["format"])
    report = make(verdict) if make else text(verdict, advice=given["advice"])
    path: Path | None = given["output"]
    if path is None:
        click.echo(report, nl=False)
        return
    try:
        path.write_text(click.unstyle(report) if make is None else report, encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.CONFIG, f"the report cannot be written to {path}: {error}") from None
    click.echo(text(verdict, advice=given["advice"]).splitlines()[-1], err=True)


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
    click.echo(f"\r\033[K{sentence[:100]}", nl=False, err=True)


def _erase(shown: bool) -> None:
    if shown:
        click.echo("\r\033[K", nl=False, err=True)


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
        option(["--openapi"], metavar="PATH", help="Where the schema is: all its paths are requested. "
               f"[{SCHEMA_PATH}, if it is there and no --path or --websocket is given]"),
        option(["--no-openapi"], is_flag=True, help="Do not look for a schema."),
        option(["--unsafe"], is_flag=True, help="Also POST, PUT, PATCH and DELETE of the schema."),
        option(["--lifespan"], type=choice(["auto", "on", "off"]), default="auto", show_default=True,
               help="As in asgate run."),
        option(["--timeout"], type=float, default=2.0, show_default=True, metavar="SECONDS",
               help="How long the application may take for an answer, and to end."),
        option(["--strict"], is_flag=True, help="Header names with capitals are faults, too (ASGI-104)."),
        option(["--advice/--no-advice"], default=True, help="Show what is allowed and yet hardly meant."),
        option(["--format"], type=choice(["text", *FORMATS]), default="text", show_default=True, help="Of the report."),
        option(["--output"], type=click.Path(path_type=Path), metavar="FILE", help="Write the report there."),
        option(["--fail-on"], type=choice(list(FAIL_ON)), default="should", show_default=True,
               help="The level of findings that makes the exit code 11."),
        option(["--logs"], is_flag=True, help="Let the application log while it is checked."),
        option(["--progress/--no-progress"], default=None, help="Show what is being done."),
    ]  # fmt: skip


def check(load: Load) -> click.Command:
    """The command; `load` finds the application behind a target."""

    def run(**given: Any) -> int:
        return _run(load, given)

    return click.Command(
        "check",
        callback=run,
        params=_parameters(),
        help="Check an ASGI application without a server: asgate check main:app --path /items.",
        epilog="Exit codes: 0 nothing found, 11 faults, 5 and 6 the application cannot be loaded, 3 it does not start. "
        "See docs/check.md.",
    )
