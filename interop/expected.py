"""What the suite should say of asgate, and what a run is worth beside that.

`autobahn-expected.json` has the number of cases in each group, so that none gets lost, and every case that is not
`OK` in both columns, each with its reason. Better than expected is a deviation, too: the file is to be put right.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("autobahn-expected.json")
FINE = ("OK", "OK")


@dataclass(frozen=True)
class Expected:
    """`groups`: how many cases each has. `others`: what is expected of the cases that are not `OK`. `reasons`: why,
    by case.
    """

    groups: Mapping[str, int]
    others: Mapping[str, tuple[str, str]]
    reasons: Mapping[str, str]

    def of(self, case: str) -> tuple[str, str]:
        return self.others.get(case, FINE)


def read(path: Path = FILE) -> Expected:
    """Raises `ValueError` for an entry without a reason."""
    data = json.loads(path.read_text(encoding="utf-8"))
    others, reasons = {}, {}
    for entry in data["others"]:
        if not entry["reason"].strip():
            raise ValueError(f"{path.name}: {entry['cases']} without a reason")
        for case in entry["cases"]:
            others[case] = (entry["behavior"], entry["close"])
            reasons[case] = entry["reason"]
    return Expected(data["groups"], others, reasons)


def group(case: str) -> str:
    """`12` of `12.3.4`."""
    return case.partition(".")[0]


def in_order(cases: Iterable[str]) -> list[str]:
    return sorted(cases, key=lambda case: [int(part) for part in case.split(".")])


def deviations(
    results: Mapping[str, tuple[str, str]], expected: Expected, groups: Iterable[str]
) -> list[str]:
    """One line for each case that is not as expected, and for each of the `groups` that is not complete."""
    counted = Counter(map(group, results))
    lines = [
        f"group {name}: {counted[name]} cases instead of {expected.groups[name]}"
        for name in groups
        if counted[name] != expected.groups[name]
    ]
    for case in in_order(results):
        if results[case] != expected.of(case):
            lines.append(f"{case}: {_said(results[case])} instead of {_said(expected.of(case))}")
    return lines


def table(results: Mapping[str, tuple[str, str]]) -> str:
    """How many cases of each group behaved how; the worse of the two columns counts."""
    counts: dict[str, Counter[str]] = {}
    for case in in_order(results):
        behavior, close = results[case]
        counts.setdefault(group(case), Counter())[behavior if behavior != "OK" else close] += 1
    words = sorted({word for row in counts.values() for word in row}, key=lambda word: (word != "OK", word))
    head = ["group", *words]
    rows = [[name, *(str(row[word] or "·") for word in words)] for name, row in counts.items()]
    total = ["all", *(str(sum(row[word] for row in counts.values())) for word in words)]
    return "\n".join(
        "  ".join(f"{cell:>{max(len(word), 5)}}" for cell, word in zip(row, head, strict=True))
        for row in [head, *rows, total]
    )


def _said(result: tuple[str, str]) -> str:
    behavior, close = result
    return behavior if close == "OK" else f"{behavior}, close {close}"
