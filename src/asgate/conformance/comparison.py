"""Two runs beside each other, for `--compare`: what changed from the earlier one to this one, and what of it counts.
The kit and the choice of cases may differ between them; only a case that both have judged can have changed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from asgate.conformance.results import Judgement, Result


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the servers since an earlier run."""

    lines: tuple[str, ...]  # to be told, one for each difference
    changed: bool  # a server is gone, or a case has another outcome
    gone: bool  # a server of the earlier run was not judged
    regressions: tuple[Result, ...]  # what is faulty now and was not broken before


def compare(before: Sequence[Judgement], now: Sequence[Judgement], unselected: Collection[str]) -> Comparison:
    """Compares two runs, both complete and each server in them once. `unselected`: names of cases that this run was
    not to judge.

    A case or server that only this run has, and a case that is no more in the kit, is told and is no change. Nor is
    another level of a case: what was broken as MAY and is as MUST has become no worse.
    """
    earlier = {judgement.server: judgement for judgement in before}
    gone = sorted(set(earlier) - {judgement.server for judgement in now})
    lines: list[str] = []
    regressions: list[Result] = []
    changed = bool(gone)
    for judgement in now:
        if judgement.server not in earlier:
            lines.append(f"{judgement.server}: the earlier run did not judge it")
            continue
        old, new = _results(earlier[judgement.server]), _results(judgement)
        told = _differences(old, new, unselected)
        common = [case for case in new if case in old]
        changed |= any(old[case].outcome is not new[case].outcome for case in common)
        regressions += [new[case] for case in common if new[case].faulty and not old[case].broken]
        lines += [f"{judgement.server}: {it}" for it in told or ["the same table as before"]]
    lines += [f"{server}: judged before, not judged now" for server in gone]
    return Comparison(tuple(lines), changed, bool(gone), tuple(regressions))


def _results(judgement: Judgement) -> Mapping[str, Result]:
    return {result.case: result for result in judgement.results}


def _differences(
    old: Mapping[str, Result], new: Mapping[str, Result], unselected: Collection[str]
) -> list[str]:
    """A line for each case that differs, in the order of the kit before."""
    told = []
    for case in dict.fromkeys([*old, *new]):
        if case not in new:
            if case not in unselected:
                told.append(f"{case}: {old[case].outcome} before, now no such case")
        elif case not in old:
            told.append(f"{case}: no such case before, now {new[case].outcome}")
        elif old[case].outcome is not new[case].outcome:
            told.append(f"{case}: {old[case].outcome} before, now {new[case].outcome}")
    return told
