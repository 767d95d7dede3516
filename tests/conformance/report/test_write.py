"""The directory of reports, and the JSON that is the public form."""

import json

import pytest

from asgate.conformance.report import write
from asgate.conformance.results import dumps, loads


def test_five_files_are_written(judgements, tmp_path):
    paths = write(judgements, tmp_path / "new" / "reports")
    assert [path.name for path in paths] == [
        "results.json",
        "junit.xml",
        "results.sarif",
        "matrix.md",
        "index.html",
    ]
    assert all(path.stat().st_size > 1000 for path in paths)


def test_the_json_is_read_back_as_it_was(judgements, tmp_path):
    write(judgements, tmp_path)
    assert loads((tmp_path / "results.json").read_text(encoding="ascii")) == judgements


def test_no_judgement_is_no_accident(tmp_path):
    assert len(write([], tmp_path)) == 5


def test_who_was_not_judged_stands_in_every_format(judgements, tmp_path):
    paths = write(judgements, tmp_path, {"<other>": "it did not start: \ud800"})
    for path in paths:
        told = path.read_text(encoding="utf-8").replace("\\", "").replace("&lt;", "<").replace("&gt;", ">")
        assert ("<other>" in told, "it did not start: " in told) == (True, True), path.name
    assert loads(paths[0].read_text(encoding="ascii")) == judgements


def test_another_schema_is_refused(judgements):
    data = json.loads(dumps(judgements))
    with pytest.raises(ValueError, match="schema"):
        loads(json.dumps(data | {"schema": 2}))
    with pytest.raises(ValueError, match="schema"):
        loads("[]")
