"""Rows as JUnit XML, in the form that CI systems read: a suite for each group, a failure for each MUST or SHOULD
that is not kept, an error for each fault of ours. JUnit knows no wishes: what fails at level MAY is skipped with its
message, as is what is not offered.
"""

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from asgate.conformance.report.rows import Mark, Row
from asgate.conformance.report.visible import visible
from asgate.spec.clauses import Level


def junit(rows: Sequence[Row], name: str) -> str:
    """The document. Rows of one suite stand together."""
    root = Element("testsuites", _counts(name, rows))
    for suite, members in groupby(rows, key=lambda row: row.suite):
        found = list(members)
        element = SubElement(root, "testsuite", _counts(suite, found))
        for row in found:
            _case(element, row)
    indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _counts(name: str, rows: Sequence[Row]) -> dict[str, str]:
    return {
        "name": visible(name),
        "tests": str(len(rows)),
        "failures": str(sum(map(_failure, rows))),
        "errors": str(sum(row.verdict is Mark.ERROR for row in rows)),
        "skipped": str(sum(map(_skipped, rows))),
        "time": f"{sum(row.seconds for row in rows):.3f}",
    }


def _failure(row: Row) -> bool:
    return row.verdict in (Mark.FAILED, Mark.CRASHED) and row.level is not Level.MAY


def _skipped(row: Row) -> bool:
    return not _failure(row) and row.verdict not in (Mark.PASSED, Mark.ERROR)


def _case(suite: Element, row: Row) -> None:
    attributes = {"name": visible(row.id), "classname": visible(row.suite), "time": f"{row.seconds:.3f}"}
    element = SubElement(suite, "testcase", attributes)
    cited = ", ".join((*row.clauses, *([row.rfc] if row.rfc else [])))
    if _failure(row):
        failure = SubElement(
            element, "failure", message=visible(row.message), type=f"{row.level} {row.verdict}"
        )
        failure.text = visible(f"{row.title}\n{cited}\n{row.location}\n{row.message}\n")
    elif row.verdict is Mark.ERROR:
        SubElement(element, "error", message=visible(row.message), type="asgate")
    elif _skipped(row):
        wish = "" if row.verdict is Mark.SKIPPED else f"{row.level}, {row.verdict}: "
        SubElement(element, "skipped", message=visible(wish + row.message))
    lines = row.evidence if _failure(row) or row.verdict is Mark.ERROR else ()
    if row.verdict is Mark.PASSED and row.message:
        lines = (row.message,)
    if lines:
        SubElement(element, "system-out").text = visible("\n".join(lines))
