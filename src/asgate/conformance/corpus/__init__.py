"""The corpus: raw requests, good and bad, each with the closed list of what a server may make of it. The tables are
written from RFC 9112 and RFC 9110, one file per theme; `cases/smuggling.py` sends them.
"""

from asgate.conformance.corpus import chunks, codings, fields, lengths, request_lines, sequences
from asgate.conformance.corpus.row import Row

ROWS: tuple[Row, ...] = (
    *request_lines.ROWS,
    *fields.ROWS,
    *lengths.ROWS,
    *codings.ROWS,
    *chunks.ROWS,
    *sequences.ROWS,
)
"""All rows, in the order of their themes."""
