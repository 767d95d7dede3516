"""The clauses are plain sentences with levels, and nothing of how they were gathered shows."""

import pytest

from asgate.spec.clauses import Level, clause, clauses


def test_every_clause_is_a_sentence():
    for row in clauses().values():
        assert row.says.endswith(".") and row.says.isascii() and "`" not in row.says, row
        assert len(row.says) <= 120, row
        assert row.kind in ("text", "implied", "practice"), row


def test_clauses_by_name():
    first = clause("ASGI-085")
    assert (first.level, first.kind, first.section) == (Level.MUST, "text", "HTTP receive")
    with pytest.raises(KeyError):
        clause("ASGI-999")
