"""Rows as SARIF 2.1.0 (OASIS, 27 March 2020), the form in which code scanning takes findings. A run for
each subject; the rules are the clauses; a result for each row that failed. What passed or is not offered is no
finding and left out; a fault of ours is a notification of the tool.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from asgate.conformance.report.rows import Mark, Row
from asgate.conformance.report.visible import visible
from asgate.spec.clauses import Level, clauses

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Level.MUST: "error", Level.SHOULD: "warning", Level.MAY: "note"}  # SARIF 2.1.0, 3.27.10


def sarif(
    runs: Mapping[str, Sequence[Row]], tool: str, version: str, evidence_in: str = ""
) -> dict[str, Any]:
    """The log as JSON. `runs`: what was looked at, a server or an application, and its rows. `evidence_in`: the file
    beside the log that a row without a source file points to; code scanning takes no result that points nowhere.
    """
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [_run(subject, rows, tool, version, evidence_in) for subject, rows in runs.items()],
    }


def _run(subject: str, rows: Sequence[Row], tool: str, version: str, evidence_in: str) -> dict[str, Any]:
    found = [row for row in rows if row.verdict in (Mark.FAILED, Mark.CRASHED)]
    rules = list(dict.fromkeys(_rule_id(row) for row in found))
    driver: dict[str, Any] = {"name": tool, "rules": [_rule(rule) for rule in rules]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        # 3.17.3: tells the runs of one file apart.
        "automationDetails": {"id": f"{tool}/{visible(subject)}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(subject, row, rules.index(_rule_id(row)), evidence_in) for row in found],
    }
    if errors := [row for row in rows if row.verdict is Mark.ERROR]:
        told = [
            {"level": "error", "message": {"text": visible(f"{row.id}: {row.message}")}} for row in errors
        ]
        run["invocations"] = [{"executionSuccessful": False, "toolExecutionNotifications": told}]
    return run


def _rule_id(row: Row) -> str:
    return row.clauses[0] if row.clauses else row.rfc or row.id


def _rule(name: str) -> dict[str, Any]:
    known = clauses().get(name)
    if known is None:
        return {"id": name, "shortDescription": {"text": name}}
    return {
        "id": name,
        "shortDescription": {"text": known.says},
        "defaultConfiguration": {"level": LEVELS[known.level]},
        "properties": {"kind": known.kind, "section": known.section, "level": known.level.value},
    }


def _result(subject: str, row: Row, rule: int, evidence_in: str) -> dict[str, Any]:
    crashed = "The server crashed or hung. " if row.verdict is Mark.CRASHED else ""
    text = crashed + visible(row.message or row.title)
    place: dict[str, Any] = {
        "logicalLocations": [{"name": visible(row.location), "fullyQualifiedName": visible(row.location)}]
    }
    if file := row.file or evidence_in:
        uri = quote(file.encode("utf-8", "surrogateescape"))  # 3.4.3
        place["physicalLocation"] = {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
    return {
        "ruleId": _rule_id(row),
        "ruleIndex": rule,
        "level": LEVELS[row.level],
        "message": {"text": text},
        "locations": [place],
        "partialFingerprints": {"asgate/v1": visible(f"{row.id}@{subject}")},
        "properties": {
            "case": visible(row.id),
            "title": visible(row.title),
            "clauses": list(row.clauses),
            "rfc": row.rfc,
            "evidence": [visible(line) for line in row.evidence],
        },
    }
