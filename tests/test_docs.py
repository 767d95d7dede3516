"""The documents say nothing that the code does not know: options, links, files, messages, exit codes, snippets."""

import ast
import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from asgate.cli import asgate as command
from asgate.cli import run
from asgate.config.absent import ABSENT
from asgate.config.load import from_keywords
from asgate.config.options import names, table
from asgate.errors import Exit

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GENERATED = {ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "clauses.md"}  # linked to, written by programs
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Options of the other programs that the pages call.
OTHERS = {
    "cargo": {"--workspace", "--all-targets", "--release", "--bin", "--features"},
    "pytest": {"--strict-markers"},
    "gunicorn": {"--no-control-socket"},
    "smoke": {"--iterations", "--seed", "--target"},
    "benchmarks": {"--scenario", "--rounds", "--servers", "--python", "--no-install"},
}
# Pages that speak about other servers' options, too.
COMPARING = {"conform.md", "conformance.md", "from-uvicorn.md", "options.md"}


def known_flags() -> set[str]:
    """Every flag of `asgate` and its commands, and of the other programs above."""
    ours = [parameter for parameter in run.params if parameter.name not in ABSENT]
    context = click.Context(command)
    others = [command.get_command(context, name) for name in command.list_commands(context) if name != "run"]
    ours += [parameter for other in others for parameter in other.params]
    flags = {flag for parameter in ours for flag in (*parameter.opts, *parameter.secondary_opts)}
    return (
        {flag for flag in flags if flag.startswith("--")}
        | {"--help", "--version"}
        | set().union(*OTHERS.values())
    )


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get on the usual hosts."""
    titles = re.findall(r"^#+ (.+)$", re.sub(FENCE, "", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_options_exist(page: Path) -> None:
    allowed = known_flags()
    if page.name in COMPARING:
        written = {name.replace("_", "-"): entry for name, entry in ABSENT.items()}
        allowed |= {f"--{name}" for name in written}
        allowed |= {f"--no-{name}" for name, entry in written.items() if entry.switch}
    # A family of switches is written `--no-` or `--no-NAME`.
    used = {flag for flag in OPTION.findall(read(page)) if flag.rstrip("-") != "--no"}
    assert used - allowed == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_variables_are_options(page: Path) -> None:
    used = set(re.findall(r"\bASGATE_([A-Z][A-Z_]*)", read(page)))
    assert {name for name in used if name != "NAME" and name.lower() not in names()} == set()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(read(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or target in GENERATED:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_snippets_are_well_formed(page: Path) -> None:
    for language, text in FENCE.findall(read(page)):
        if language == "python":
            ast.parse(text)
        elif language == "json":
            json.loads(text)
        elif language == "toml":
            options = tomllib.loads(text)
            if "version" not in options:  # a logging configuration has one, ours has not
                from_keywords(options)


@pytest.mark.parametrize("page", ["deployment.md", "embedding.md", "websocket.md"])
def test_python_is_quoted_from_examples_that_run(page: str) -> None:
    examples = [read(path) for path in (ROOT / "examples").glob("*.py")]
    quoted = [text for language, text in FENCE.findall(read(ROOT / "docs" / page)) if language == "python"]
    assert quoted
    assert [text for text in quoted if not any(text in example for example in examples)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_knows_the_machine(page: Path) -> None:
    assert re.findall(r"/(?:work|home|root|tmp|Users)/", read(page)) == []


def test_the_python_snippets_of_the_readme_name_what_exists() -> None:
    import asgate

    used = set(re.findall(r"\basgate\.([A-Za-z_]+)", read(ROOT / "README.md"))) - {"toml"}
    assert {name for name in used if not hasattr(asgate, name)} == set()


def test_every_source_file_has_its_place_in_the_design() -> None:
    text = read(ROOT / "DESIGN.md")
    drawing = next(block for _, block in FENCE.findall(text) if "crates/wire" in block)
    words = set(re.findall(r"\w+", drawing))
    rust = {path for path in ROOT.glob("crates/*/src/**/*.rs") if path.stem not in ("lib", "mod")}
    python = {path for path in ROOT.glob("src/asgate/**/*.py") if not path.stem.startswith("__")}
    assert {named(path) for path in rust | python if path.stem not in words} == set()


@pytest.mark.parametrize("page", ["DESIGN.md", "CONTRIBUTING.md", "STYLE.md"])
def test_the_files_that_are_named_exist(page: str) -> None:
    text = read(ROOT / page)
    paths = set(re.findall(r"`((?:crates|src|tests|docs|examples|scripts|fuzz|benchmarks)/[\w/.-]*)`", text))
    short = re.findall(r"`(core|net|wire)/([\w/]+\.rs)`", text)
    paths |= {f"crates/{crate}/src/{rest}" for crate, rest in short}
    paths |= {
        f"src/asgate/{path}" for path in re.findall(r"`((?:config|observe|server|spec)/\w+\.py)`", text)
    }
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def sources() -> str:
    """All text of the code, with Rust's continued lines in one piece."""
    files = [*ROOT.glob("src/asgate/**/*.py"), *ROOT.glob("crates/*/src/**/*.rs")]
    text = "\n".join(read(path) for path in files)
    text = re.sub(r"\\\n\s*", "", text)
    return re.sub(r'"\s*\n\s*f?"', "", text)  # Python's adjacent strings


def test_the_messages_of_the_troubleshooting_page_are_in_the_code() -> None:
    code = sources()
    messages = re.findall(r"^\| (`.+?`) \|", read(ROOT / "docs" / "troubleshooting.md"), re.MULTILINE)
    fragments = {
        fragment
        for cell in messages
        for message in re.findall(r"`([^`]+)`", cell)
        for part in message.split("…")
        if len(fragment := re.sub(r"^\d{3}, ", "", part.strip(" ,:();"))) > 7
    }
    assert len(fragments) > 60
    assert {fragment for fragment in fragments if fragment not in code} == set()


def test_every_exit_code_is_explained() -> None:
    text = read(ROOT / "docs" / "troubleshooting.md")
    assert {code.name for code in Exit if code and not re.search(rf"\b{int(code)}\b", text)} == set()


def test_everything_that_uvicorn_has_is_answered() -> None:
    text = read(ROOT / "docs" / "from-uvicorn.md")
    shared = {
        "host", "port", "uds", "fd", "backlog", "loop", "lifespan", "interface", "factory", "app-dir", "env-file",
        "log-config", "log-level", "access-log", "use-colors", "root-path", "header", "server-header", "date-header",
        "limit-concurrency", "timeout-keep-alive", "timeout-graceful-shutdown", "h11-max-incomplete-event-size",
        "reset-contextvars", "http", "http2", "workers", "timeout-worker-healthcheck", "reload", "limit-max-requests",
        "limit-max-requests-jitter", "ws", "ws-max-size", "ws-max-queue", "ws-ping-interval", "ws-ping-timeout",
        "ws-per-message-deflate", "ssl-keyfile", "proxy-headers", "forwarded-allow-ips", "version",
    }  # fmt: skip
    assert {name for name in shared if f"--{name}`" not in text and f"--{name} " not in text} == set()
    offered = {row.flag for row in table().values()} | set().union(
        *({"--" + alias.replace("_", "-") for alias in row.aliases} for row in table().values())
    )
    answered = {name for name in shared if f"--{name}" in offered or name.replace("-", "_") in ABSENT}
    assert shared - answered == {"version"}
