"""The rules that keep the house in order (DESIGN.md, "Three crates, two wings"), checked on the
source text.

Each rule is one function that yields sentences about what breaks it. A file is known by its module name, such
as `asgate.server.worker`; imports count wherever they stand, those under `if TYPE_CHECKING:` only for the
wing rules.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER_WING = ("config", "observe", "server")
ABOVE = ("cli", "__main__")  # may use both wings, and is used by neither
APP_WING = ("channels", "conformance", "middleware", "testing", "toolkit", "wsgi")
CORE_IMPORTER = "asgate.server.worker"
FORBIDDEN_NAMES = ("common", "helper", "helpers", "misc", "util", "utils")
FILE_LIMIT = 400
FUNCTION_LIMIT = 40
TABLES = ("asgate.config.options",)  # tables may be as long as they need
LONG_RUST = {  # file, or file::function -> why it may be longer
    "crates/wire/src/http1/response.rs::phrase": "one `match`, a line for each status",
}
RUST_FUNCTION = re.compile(r'( *)(?:pub(?:\([\w:]+\))? )?(?:(?:const|async|unsafe|extern "C") )*fn (\w+)')
RUST_HEAD_END = re.compile(r"([{;}])\s*(?://.*)?$")  # what follows: a body, nothing, nothing after one line
PROTOCOLS = ("http1", "http2", "http3", "websocket")


@dataclass(frozen=True)
class Module:
    name: str
    tree: ast.Module
    lines: int
    imports: frozenset[str]  # modules of ours, at run time
    all_imports: frozenset[str]  # and for the type checker

    @property
    def wing(self) -> str:
        return self.name.split(".")[1] if "." in self.name else ""


def python_modules(source: Path) -> dict[str, Module]:
    """Every module under `source/asgate` by its name."""
    texts = {}
    for path in sorted((source / "asgate").rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        texts[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    known = set(texts) | {"asgate._core"}
    return {name: _module(name, text, known) for name, text in texts.items()}


def _module(name: str, text: str, known: set[str]) -> Module:
    tree = ast.parse(text)
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    found = [
        (target, id(node) in typing_only) for node in ast.walk(tree) for target in _imported(node, known)
    ]
    return Module(
        name,
        tree,
        len(text.splitlines()),
        frozenset(target for target, typing in found if not typing),
        frozenset(target for target, _ in found),
    )


def _imported(node: ast.AST, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            if inner in known:
                yield inner
            elif node.module in known:
                yield node.module


def wings(modules: dict[str, Module]) -> Iterator[str]:
    """The server wing and the app wing never import each other, nor what stands above them; `spec` imports
    nothing of ours.
    """
    for module in modules.values():
        for target in module.all_imports:
            other = target.split(".")[1] if "." in target else ""
            if (module.wing in SERVER_WING and other in APP_WING) or (
                module.wing in APP_WING and other in SERVER_WING
            ):
                yield f"{module.name} imports {target}: the server wing and the app wing know only spec"
            if other in ABOVE and module.wing not in ABOVE:
                yield f"{module.name} imports {target}: it stands above both wings"
            if module.wing == "spec" and other != "spec":
                yield f"{module.name} imports {target}: spec imports nothing of ours"


def core_importer(modules: dict[str, Module]) -> Iterator[str]:
    """Exactly one file imports the extension."""
    for module in modules.values():
        if "asgate._core" in module.all_imports and module.name != CORE_IMPORTER:
            yield f"{module.name} imports asgate._core: only {CORE_IMPORTER} does"


def cycles(modules: dict[str, Module]) -> Iterator[str]:
    """No import cycles at run time, lazy imports included."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> Iterator[str]:
        if name in path:
            yield "import cycle: " + " -> ".join([*path[path.index(name) :], name])
        elif name in modules and name not in done:
            for target in sorted(modules[name].imports):
                yield from visit(target, [*path, name])
            done.add(name)

    for name in sorted(modules):
        yield from visit(name, [])


def sizes(modules: dict[str, Module]) -> Iterator[str]:
    """Files and functions stay short."""
    for module in modules.values():
        if module.lines > FILE_LIMIT and module.name not in TABLES:
            yield f"{module.name} has {module.lines} lines: {FILE_LIMIT} at most"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LIMIT:
                    yield f"{module.name}.{node.name} has {length} lines: {FUNCTION_LIMIT} at most"


def names(modules: dict[str, Module]) -> Iterator[str]:
    """A module is named for what it is."""
    for module in modules.values():
        if module.name.rpartition(".")[2] in FORBIDDEN_NAMES:
            yield f"{module.name}: name it for what it holds"


def crates(root: Path) -> Iterator[str]:
    """`wire` knows neither `net` nor Python, `net` neither `wire` nor Python; protocols do not use their
    siblings.
    """
    for crate, strangers in (
        ("wire", ("net", "asgate-net", "pyo3", "mio", "polling", "libc")),
        ("net", ("wire", "asgate-wire", "pyo3")),
    ):
        manifest = root / "crates" / crate / "Cargo.toml"
        if not manifest.exists():
            continue
        for name, fact in tomllib.loads(manifest.read_text(encoding="utf-8")).get("dependencies", {}).items():
            package = fact.get("package", name) if isinstance(fact, dict) else name
            if name in strangers or package in strangers:
                yield f"crates/{crate} depends on {package}: it must not"
    for folder in PROTOCOLS:
        for path in (root / "crates" / "wire" / "src" / folder).rglob("*.rs"):
            text = path.read_text(encoding="utf-8")
            for other in PROTOCOLS:
                if other != folder and re.search(rf"\b(crate|super)::{other}\b", text):
                    yield f"{path.relative_to(root)} uses {other}: only session.rs picks between protocols"


def rust_sizes(root: Path) -> Iterator[str]:
    """Files and functions of the crates stay short, their tests apart."""
    for path in sorted((root / "crates").glob("*/src/**/*.rs")):
        place = path.relative_to(root).as_posix()
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > FILE_LIMIT and place not in LONG_RUST:
            yield f"{place} has {len(lines)} lines: {FILE_LIMIT} at most"
        for name, length in _rust_functions(lines):
            if length > FUNCTION_LIMIT and f"{place}::{name}" not in LONG_RUST:
                yield f"{place}::{name} has {length} lines: {FUNCTION_LIMIT} at most"


def _rust_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Every function with its length. rustfmt puts a body's last brace under the first letter of its head."""
    for start, line in enumerate(lines):
        if found := RUST_FUNCTION.match(line):
            ends = (
                (at, end[1]) for at in range(start, len(lines)) if (end := RUST_HEAD_END.search(lines[at]))
            )
            last, sign = next(ends, (start, ";"))
            if sign == "{":
                last = next(
                    (at for at in range(last, len(lines)) if lines[at] == found[1] + "}"), len(lines) - 1
                )
            yield found[2], last - start + 1


def broken_rules(root: Path = ROOT) -> list[str]:
    """A sentence for everything that breaks a rule."""
    modules = python_modules(root / "src")
    rules = (wings, core_importer, cycles, sizes, names)
    found = [sentence for rule in rules for sentence in rule(modules)]
    return [*found, *crates(root), *rust_sizes(root)]


if __name__ == "__main__":
    found = broken_rules()
    print("\n".join(found), file=sys.stderr)
    sys.exit(bool(found))
