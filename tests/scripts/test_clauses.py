"""Every clause in scope has a test, and the page that says which is current."""

import ast

import pytest

import clauses

SOURCE = """
import pytest
clause = pytest.mark.clause

@pytest.mark.clause("ASGI-001", "ASGI-002")
def test_one(): ...

@clause("ASGI-003")
@pytest.mark.parametrize("x", [pytest.param(1, marks=clause("ASGI-004"))])
async def test_two(): ...

@clause("ASGI-005")
def helper(): ...

def test_none(): ...

class TestThree:
    pytestmark = [clause("ASGI-006")]

    def test_inner(self): ...
"""


def test_what_tests_cite():
    found = dict(clauses.citations(ast.parse(SOURCE), set()))
    assert found == {
        "test_one": {"ASGI-001", "ASGI-002"},
        "test_two": {"ASGI-003", "ASGI-004"},
        "test_none": set(),
        "TestThree::test_inner": {"ASGI-006"},
    }


def test_a_mark_of_the_whole_module():
    found = dict(clauses.citations(ast.parse('pytestmark = clause("ASGI-007")\ndef test_one(): ...'), set()))
    assert found == {"test_one": {"ASGI-007"}}


@pytest.mark.parametrize(
    ("cited", "words"),
    [
        ({}, "ASGI-001 is in scope and cited by no test"),
        ({"ASGI-001": ["a"], "ASGI-9": ["b"]}, "ASGI-9 is not in"),
    ],
)
def test_complaints(cited, words):
    (complaint,) = clauses.Clauses({"Section": {"ASGI-001": "text"}}, {"ASGI-002": "why"}, cited).complaints()
    assert complaint.startswith(words)


def test_every_clause_in_scope_has_a_test():
    assert clauses.gathered().complaints() == []


def test_the_page_is_current():
    assert clauses.PAGE.read_text(encoding="utf-8") == clauses.page(clauses.gathered())
