"""What a run of the suite is worth beside what is expected of it."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "interop"))

import expected

WANTED = expected.Expected({"1": 2, "7": 1}, {"7.1.6": ("INFORMATIONAL", "INFORMATIONAL")}, {})
RIGHT = {"1.1.1": ("OK", "OK"), "1.1.2": ("OK", "OK"), "7.1.6": ("INFORMATIONAL", "INFORMATIONAL")}


def test_as_expected_is_no_deviation():
    assert expected.deviations(RIGHT, WANTED, ["1", "7"]) == []


@pytest.mark.parametrize(
    ("case", "result", "line"),
    [
        ("1.1.2", ("FAILED", "OK"), "1.1.2: FAILED instead of OK"),
        ("1.1.2", ("NON-STRICT", "OK"), "1.1.2: NON-STRICT instead of OK"),
        ("1.1.2", ("OK", "WRONG CODE"), "1.1.2: OK, close WRONG CODE instead of OK"),
        ("7.1.6", ("OK", "OK"), "7.1.6: OK instead of INFORMATIONAL, close INFORMATIONAL"),
    ],
)
def test_whatever_is_not_as_expected_is_told(case, result, line):
    assert expected.deviations(RIGHT | {case: result}, WANTED, ["1", "7"]) == [line]


def test_a_case_that_is_missing_or_too_many_is_told():
    fewer = {"1.1.1": ("OK", "OK"), "7.1.6": RIGHT["7.1.6"]}
    assert expected.deviations(fewer, WANTED, ["1", "7"]) == ["group 1: 1 cases instead of 2"]
    assert expected.deviations(fewer, WANTED, []) == []
    more = RIGHT | {"1.1.3": ("OK", "OK")}
    assert expected.deviations(more, WANTED, ["1", "7"]) == ["group 1: 3 cases instead of 2"]


def test_deviations_come_in_the_order_of_the_numbers():
    wrong = {"1.1.10": ("FAILED", "OK"), "1.1.9": ("FAILED", "OK"), "10.1.1": ("FAILED", "OK")}
    lines = expected.deviations(wrong, WANTED, [])
    assert [line.partition(":")[0] for line in lines] == ["1.1.9", "1.1.10", "10.1.1"]


def test_the_table_counts_the_worse_column():
    lines = expected.table(RIGHT | {"1.1.2": ("OK", "UNCLEAN")}).splitlines()
    assert [line.split() for line in lines] == [
        ["group", "OK", "INFORMATIONAL", "UNCLEAN"],
        ["1", "1", "·", "1"],
        ["7", "·", "1", "·"],
        ["all", "1", "1", "1"],
    ]


def test_what_is_expected_of_asgate_has_reasons_and_all_groups():
    """Acceptance: every case `OK` or `INFORMATIONAL`, `NON-STRICT` only with a written reason."""
    found = expected.read()
    assert sum(found.groups.values()) == 517
    assert {word for result in found.others.values() for word in result} <= {
        "INFORMATIONAL",
        "NON-STRICT",
        "OK",
    }
    assert all(len(reason) > 40 for reason in found.reasons.values())
    assert set(map(expected.group, found.others)) <= set(found.groups)


def test_an_entry_without_a_reason_is_refused(tmp_path):
    entry = {"cases": ["1.1.1"], "behavior": "NON-STRICT", "close": "OK", "reason": " "}
    path = tmp_path / "expected.json"
    path.write_text(json.dumps({"groups": {"1": 1}, "others": [entry]}))
    with pytest.raises(ValueError, match="without a reason"):
        expected.read(path)
