"""Markdown: the counts, the faults, and that no text is markup."""

from dataclasses import replace

from asgate.conformance.report.markdown import markdown, tables
from asgate.conformance.report.visible import prose


def table(text, start):
    """The cells of the table that follows the first line with this start."""
    lines = text[text.index(start) :].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")
    ]


def test_the_head_says_which_kit_and_when(judgements):
    assert markdown(judgements).startswith("# Conformance\n\nasgate 0.3.0, 2026-11-22\n")


def test_every_server_is_listed_with_its_faults(judgements):
    rows = table(markdown(judgements), "## Servers")
    assert rows[2][:5] == ["broken", "1.1", "3.12.1", "1", "2"]


def test_groups_and_levels_are_counted_by_server(judgements):
    text = markdown(judgements)
    assert "| **SHOULD** | ✓ 2 | ✗ 1 ☠\ufe0e 1 | ✓ 1 ≈ 1 |" in text
    assert "| request (3) | ✓ 3 | ✓ 1 ✗ 2 | ✓ 2 ≈ 1 |" in text


def test_faults_are_listed_and_a_practice_is_called_one(judgements):
    text = markdown(judgements)
    broken = text[text.index("## broken 1.1") : text.index("## odd 1.2")]
    assert "3 faults:" in broken
    assert "ASGI-022 (practice)" in broken
    assert "ASGI-065, ASGI-066 " in broken
    assert "No fault." in text[text.index("## plain 1.0") : text.index("## broken 1.1")]


def test_a_run_that_was_interrupted_is_marked(judgements):
    told = "The run was interrupted: only 6 cases were judged."
    assert told in markdown([replace(judgements[0], complete=False)])
    assert told not in markdown(judgements)


def test_cases_that_were_not_run_are_counted(judgements):
    plain, broken, _ = judgements
    text = markdown([plain, replace(broken, results=broken.results[:2])])
    assert "4 of 6 cases were not run." in text[text.index("## broken 1.1") :]
    assert "were not run" not in markdown(judgements)


def test_a_fault_of_the_kit_is_listed_and_not_called_the_servers(judgements):
    odd = markdown(judgements)[markdown(judgements).index("## odd 1.2") :]
    assert "The kit itself failed: 1" in odd
    assert "No fault." not in odd


def test_what_is_not_offered_is_listed_with_its_reason(judgements):
    text = markdown(judgements)
    assert "<details><summary>Not offered: 1</summary>" in text
    assert "expected: hints; saw:" in text[text.index("Not offered: 1") :]


def test_every_row_of_a_table_has_as_many_cells_as_its_head(judgements):
    width = 0
    for line in tables(judgements).splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = line.replace("\\|", "").count("|")
        assert width in (0, cells), line
        width = cells


def test_texts_are_no_markup(judgements):
    text = markdown(judgements)
    assert "<script" not in text.replace("\\<script", "")
    assert "\u202e" not in text and "\x00" not in text
    assert prose("a|b\n<c> *d* [e](f)") == r"a\|b \<c\> \*d\* \[e\](f)"
