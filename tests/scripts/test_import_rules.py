import pytest

import import_rules

GOOD = {
    "asgate/__init__.py": "",
    "asgate/spec/types.py": "import typing",
    "asgate/server/worker.py": "from asgate._core import Reactor\nfrom asgate.spec.types import Scope",
    "asgate/testing/client.py": "from asgate.spec import types",
    "asgate/cli.py": "import asgate.server.worker\nimport asgate.testing.client",
    "asgate/__main__.py": "import asgate.cli",
}

BROKEN = [
    ("asgate/testing/client.py", "from asgate.server.worker import Worker", "know only spec"),
    ("asgate/server/worker.py", "from asgate.testing import client", "know only spec"),
    ("asgate/server/other.py", "import asgate.cli", "stands above both wings"),
    ("asgate/testing/other.py", "def f():\n    from asgate import cli", "stands above both wings"),
    ("asgate/spec/types.py", "import asgate.server.worker", "spec imports nothing of ours"),
    ("asgate/server/other.py", "from asgate import _core", "only asgate.server.worker does"),
    (
        "asgate/server/other.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from asgate._core import Reactor",
        "only asgate.server.worker does",
    ),
    ("asgate/server/utils.py", "", "name it for what it holds"),
    ("asgate/server/long.py", "x = 1\n" * 401, "has 401 lines"),
    ("asgate/server/long.py", "def f():\n" + "    x = 1\n" * 40, "has 41 lines"),
]


def tree(directory, files):
    for name, text in files.items():
        path = directory / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def test_a_good_tree(tmp_path):
    assert import_rules.broken_rules(tree(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("name", "text", "words"), BROKEN)
def test_a_broken_rule_is_named(tmp_path, name, text, words):
    broken = import_rules.broken_rules(tree(tmp_path, GOOD | {name: text}))
    assert any(words in sentence for sentence in broken)


def test_a_cycle_even_a_lazy_one(tmp_path):
    lazy = "def f():\n    from asgate.config import b"
    found = import_rules.broken_rules(
        tree(tmp_path, {"asgate/config/a.py": lazy, "asgate/config/b.py": "import asgate.config.a"})
    )
    assert found == ["import cycle: asgate.config.a -> asgate.config.b -> asgate.config.a"]


def test_a_cycle_for_the_type_checker_only_is_none(tmp_path):
    typing = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from asgate.config import b"
    files = {"asgate/config/a.py": typing, "asgate/config/b.py": "import asgate.config.a"}
    assert import_rules.broken_rules(tree(tmp_path, files)) == []


def test_crates(tmp_path):
    manifest = tmp_path / "crates" / "wire" / "Cargo.toml"
    source = tmp_path / "crates" / "wire" / "src" / "http1" / "head.rs"
    source.parent.mkdir(parents=True)
    (tmp_path / "src" / "asgate").mkdir(parents=True)
    manifest.write_text('[dependencies]\nsockets = { package = "asgate-net", path = "../net" }\npyo3 = "1"\n')
    source.write_text("use crate::websocket::frame;\n")
    assert import_rules.broken_rules(tmp_path) == [
        "crates/wire depends on asgate-net: it must not",
        "crates/wire depends on pyo3: it must not",
        "crates/wire/src/http1/head.rs uses websocket: only session.rs picks between protocols",
    ]


def rust(body, name="f", indent=""):
    """A function as rustfmt writes it, `body` lines long inside."""
    return f"{indent}pub(crate) unsafe fn {name}(\n{indent}    x: [u8; 2],\n{indent}) -> u8 {{ // why\n" + (
        f"{indent}    match x {{\n{indent}    }}\n" * (body // 2) + f"{indent}}}\n"
    )


RUST = [
    ("long.rs", "// x\n" * 401, ["crates/net/src/long.rs has 401 lines: 400 at most"]),
    ("long.rs", "// x\n" * 400, []),
    ("a/deep.rs", rust(38), ["crates/net/src/a/deep.rs::f has 42 lines: 40 at most"]),
    ("a/deep.rs", rust(36), []),
    ("many.rs", "impl A {\n" + rust(20, indent="    ") * 3 + "}\n", []),
    ("many.rs", "impl A {\n" + rust(40, indent="    ") + "}\n", ["many.rs::f has 44 lines"]),
    ("short.rs", "trait A {\n    fn f(&self);\n}\n\nfn g() {}\n" + "// x\n" * 50 + "fn h() {\n}\n", []),
    (
        "inner.rs",
        rust(2) + "fn outer() {\n" + rust(40, "inner", "    ") + "}\n",
        ["::outer has 46", "::inner has 44"],
    ),
    ("table.rs", rust(60, "table"), []),
]


@pytest.mark.parametrize(("name", "text", "words"), RUST)
def test_lengths_in_crates(tmp_path, monkeypatch, name, text, words):
    monkeypatch.setattr(import_rules, "LONG_RUST", {"crates/net/src/table.rs::table": "a table"})
    (tmp_path / "src" / "asgate").mkdir(parents=True)
    source = tmp_path / "crates" / "net" / "src" / name
    source.parent.mkdir(parents=True)
    source.write_text(text)
    (tmp_path / "crates" / "net" / "tests").mkdir()
    (tmp_path / "crates" / "net" / "tests" / "long.rs").write_text("// x\n" * 500)
    found = import_rules.broken_rules(tmp_path)
    assert len(found) == len(words)
    assert all(expected in sentence for expected, sentence in zip(words, found, strict=True))


def test_what_may_be_long_is_there(monkeypatch):
    """An exemption that nothing needs any more is struck off."""
    kept = import_rules.LONG_RUST
    monkeypatch.setattr(import_rules, "LONG_RUST", {})
    sentences = list(import_rules.rust_sizes(import_rules.ROOT))
    assert all(any(it.startswith(f"{place} has") for it in sentences) for place in kept)
