"""The reports of a run: one directory with JSON, JUnit, SARIF, Markdown and one self-contained HTML page. Every
format is a file here that turns judgements (or, for JUnit and SARIF, neutral rows that `asgate check` has too) into
text; this one only writes them.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from asgate.conformance.report.junit import junit
from asgate.conformance.report.markdown import markdown
from asgate.conformance.report.matrix import distinct
from asgate.conformance.report.page import page
from asgate.conformance.report.rows import missed, rows
from asgate.conformance.report.sarif import sarif
from asgate.conformance.results import Judgement, dumps

TOOL = "asgate conform"
FILES = ("results.json", "junit.xml", "results.sarif", "matrix.md", "index.html")


def write(
    judgements: Sequence[Judgement], directory: Path, missing: Mapping[str, str] | None = None
) -> list[Path]:
    """Writes `FILES`, and returns their paths.

    `missing`: servers that were to be judged and were not, and why: every format tells of them. The
    directory is made when it is missing. Raises OSError.
    """
    judgements = distinct(judgements)
    runs = {judgement.server: rows(judgement) for judgement in judgements}
    missing = missing or {}
    runs |= {server: [missed(server, why)] for server, why in missing.items()}
    kit = max((judgement.kit for judgement in judgements), default="")
    texts = (
        dumps(judgements, missing),
        junit([row for run in runs.values() for row in run], TOOL),
        json.dumps(sarif(runs, TOOL, kit, FILES[0]), indent=1) + "\n",
        markdown(judgements, missing),
        page(judgements, missing),
    )
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / name for name in FILES]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths
