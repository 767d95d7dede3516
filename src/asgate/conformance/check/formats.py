"""A report for machines: JSON of our own, and the neutral rows that JUnit and SARIF are made of.

JSON is pure ASCII: an application may have given lone surrogates, and stdout any encoding.
"""

import json
from dataclasses import asdict
from typing import Any

from asgate.conformance.check.findings import Found, Report, Seen, Unjudged
from asgate.conformance.report.junit import junit
from asgate.conformance.report.rows import Mark, Row
from asgate.conformance.report.sarif import sarif
from asgate.spec.clauses import Level, clause
from asgate.version import version

TOOL = "asgate check"
SCHEMA = 1


def as_json(report: Report) -> str:
    """`{"schema", "kit", "target", "complete", "findings", "not_judged", "seen", "notes"}`."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "kit": version(),
        "target": report.target,
        "complete": report.complete,
        "findings": [_finding(found) for found in [*report.faults, *report.advice]],
        "not_judged": [asdict(unjudged) for unjudged in report.unjudged],
        "seen": [
            {"where": seen.where, "scenario": seen.scenario, "says": seen.title, "answer": seen.answer}
            for seen in report.seen
        ],
        "notes": report.notes,
    }
    return json.dumps(document, indent=1) + "\n"


def as_junit(report: Report) -> str:
    """A test for each scenario that found nothing, for each finding, and for what was not judged."""
    return junit(_rows(report), TOOL)


def as_sarif(report: Report) -> str:
    """A result for each finding, and for what was not judged."""
    log = sarif({report.target: _rows(report)}, TOOL, version())
    return json.dumps(log, indent=1) + "\n"


def _finding(found: Found) -> dict[str, Any]:
    finding = found.finding
    return {
        "clause": finding.clause,
        "level": finding.level.value,
        "kind": clause(finding.clause).kind,
        "sentence": finding.sentence,
        "advice": finding.advice,
        "where": found.places,
        "scenario": found.scenario,
        "count": found.count,
        "trace": list(finding.trace),
    }


def _rows(report: Report) -> list[Row]:
    found = [*report.faults, *report.advice]
    clean = [seen for seen in report.seen if not seen.findings]
    rows = [_passed(report, seen) for seen in clean]
    rows += [_failed(report, entry) for entry in found]
    rows += [_unjudged(report, entry) for entry in report.unjudged]
    return sorted(rows, key=lambda row: row.suite)


def _passed(report: Report, seen: Seen) -> Row:
    return Row(
        id=f"{seen.where}: {seen.scenario}",
        title=seen.title,
        level=Level.MUST,
        verdict=Mark.PASSED,
        message=seen.answer,
        location=f"{report.target}, {seen.where}",
        evidence=(),
        suite=f"{report.target}: {seen.where}",
        seconds=seen.seconds,
    )


def _failed(report: Report, found: Found) -> Row:
    finding = found.finding
    return Row(
        id=f"{finding.clause} {finding.sentence}",
        title=clause(finding.clause).says,
        level=finding.level,
        verdict=Mark.FAILED,
        message=f"{finding.sentence}; {finding.advice}",
        location=f"{report.target}, {finding.where}".rstrip(", "),
        evidence=finding.trace,
        suite=f"{report.target}: findings",
        clauses=(finding.clause,),
        file=report.source,
    )


def _unjudged(report: Report, unjudged: Unjudged) -> Row:
    return Row(
        id=f"not judged: {unjudged.where}",
        title=f"{unjudged.where} was not judged",
        level=Level.MUST,
        verdict=Mark.FAILED,
        message=unjudged.sentence,
        location=report.target if unjudged.where == report.target else f"{report.target}, {unjudged.where}",
        evidence=unjudged.trace,
        suite=f"{report.target}: not judged",
        file=report.source,
    )
