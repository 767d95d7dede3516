"""A verdict for machines: JSON of our own, and the neutral rows that JUnit and SARIF are made of."""

import json
from typing import Any

from asgate.conformance.check.findings import Found, Seen, Verdict
from asgate.conformance.report.junit import junit
from asgate.conformance.report.rows import Row
from asgate.conformance.report.rows import Verdict as Outcome
from asgate.conformance.report.sarif import sarif
from asgate.spec.clauses import Level, clause
from asgate.version import version

TOOL = "asgate check"
SCHEMA = 1


def as_json(verdict: Verdict) -> str:
    """`{"schema", "kit", "target", "findings", "seen", "notes"}`."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "kit": version(),
        "target": verdict.target,
        "findings": [_finding(found) for found in [*verdict.faults, *verdict.advice]],
        "seen": [
            {"where": seen.where, "scenario": seen.scenario, "says": seen.title, "answer": seen.answer}
            for seen in verdict.seen
        ],
        "notes": verdict.notes,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def as_junit(verdict: Verdict) -> str:
    """A test for each scenario that found nothing, and for each finding."""
    return junit(_rows(verdict), TOOL)


def as_sarif(verdict: Verdict) -> str:
    """A result for each finding."""
    log = sarif({verdict.target: _rows(verdict)}, TOOL, version())
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


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


def _rows(verdict: Verdict) -> list[Row]:
    found = [*verdict.faults, *verdict.advice]
    clean = [seen for seen in verdict.seen if not seen.findings]
    passed = [_passed(verdict, seen) for seen in clean]
    return sorted([*passed, *(_failed(verdict, entry) for entry in found)], key=lambda row: row.suite)


def _passed(verdict: Verdict, seen: Seen) -> Row:
    return Row(
        id=f"{seen.where}: {seen.scenario}",
        title=seen.title,
        level=Level.MUST,
        verdict=Outcome.PASSED,
        message=seen.answer,
        location=f"{verdict.target}, {seen.where}",
        evidence=(),
        suite=f"{verdict.target}: {seen.where}",
        seconds=seen.seconds,
    )


def _failed(verdict: Verdict, found: Found) -> Row:
    finding = found.finding
    return Row(
        id=f"{finding.clause} {finding.sentence}",
        title=clause(finding.clause).says,
        level=finding.level,
        verdict=Outcome.FAILED,
        message=f"{finding.sentence}; {finding.advice}",
        location=f"{verdict.target}, {finding.where}".rstrip(", "),
        evidence=finding.trace,
        suite=f"{verdict.target}: findings",
        clauses=(finding.clause,),
    )
