"""The house is in order: import rules, generated pages, tests that mirror the source."""

from pathlib import Path

import pytest

import import_rules
import options_page

ROOT = Path(__file__).parents[1]
MIRRORED = ("config", "observe", "server", "spec", "testing")


def test_the_import_rules_are_kept():
    assert import_rules.broken_rules() == []


def test_the_reference_of_options_is_current():
    assert options_page.PAGE.read_text(encoding="utf-8") == options_page.page()


@pytest.mark.parametrize("package", MIRRORED)
def test_tests_mirror_the_source(package):
    source = {path.stem for path in (ROOT / "src" / "asgate" / package).glob("*.py")} - {"__init__"}
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / package).glob("test_*.py")}
    assert tests == source
