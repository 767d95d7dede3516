"""The judge judged: every planted fault of the reference server is caught by the case for that clause, and the
reference without one passes the whole kit.

`faults.toml` says what each fault breaks and names cases that must fail for it. A case that a fault makes wait is not
given its full time: without the fault it needs a hundredth of that.
"""

import os
import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from asgate.conformance.case import Case, cases
from asgate.conformance.process import PROBE, Starter
from asgate.conformance.results import Outcome
from asgate.conformance.runner import Run, attempt
from asgate.conformance.servers import Adapter
from asgate.conformance.trial import Trial
from asgate.spec.clauses import Level

HERE = Path(__file__).parent
PATIENCE = 1.0  # seconds for a case with a planted fault,
PATIENCE_FOR_STARTS = 4.0  # and for one that starts servers of its own
BATCH = 60  # cases of one test
KIT = {case.name: case for case in cases()}
GROUPS = sorted({case.group for case in KIT.values()})
BATCHES = [list(KIT)[start : start + BATCH] for start in range(0, len(KIT), BATCH)]

FAULTS = tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))
ALLOWED: dict[str, str] = {}
"""Cases of a MUST or SHOULD that the sound reference does not pass, and why that is no fault."""


def reference(plant: str = "") -> Adapter:
    """How the reference server is started."""
    return Adapter(
        "reference",
        "",
        ("{python}", "-S", "-m", "reference", "{target}"),
        ("--port", "{port}"),
        ("--path", "{path}"),
        {
            "root_path": ("--root-path", "{value}"),
            "grace": ("--grace", "{value}"),
            "lifespan": ("--lifespan", "{value}"),
            "body_limit": ("--body-limit", "{value}"),
            "asgi2": ("--asgi2",),
        },
        {"ASGATE_PLANT": plant, "PYTHONPATH": os.pathsep.join((str(PROBE), str(HERE)))},
    )


def outcome(plant: str, case: Case) -> str:
    """How a case ends against the reference with a planted fault, with the reason."""
    starter = Starter(reference(plant), sys.executable)
    server = starter.start()
    patience = PATIENCE_FOR_STARTS if case.alone else PATIENCE
    trial = Trial(replace(case, seconds=min(case.seconds, patience)), server, starter)
    try:
        ending, detail = attempt(trial.case, trial)
        if ending is Outcome.PASS and (trouble := server.well()):
            return f"{Outcome.CRASHED}: {trouble}"
        return f"{ending}: {detail}"
    finally:
        trial.clean()
        server.stop(grace=0)  # a fault may keep it from ending in good order


@pytest.mark.parametrize("plant", FAULTS)
def test_a_planted_fault_is_caught(plant):
    outcomes = {name: outcome(plant, KIT[name]) for name in FAULTS[plant]["caught_by"]}
    assert outcomes
    assert [text for text in outcomes.values() if not text.startswith(("fail", "crashed"))] == [], outcomes


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch[0]} to {batch[-1]}")
def test_the_sound_reference_passes(batch):
    run = Run(Starter(reference(), sys.executable))
    try:
        results = [run.result(KIT[name]) for name in batch]
    finally:
        run.stop()
    missed = {
        result.case: f"{result.outcome}: {result.detail}"
        for result in results
        if result.faulty or (result.outcome is Outcome.DIFFERS and result.level is not Level.MAY)
    }
    assert {name: why for name, why in missed.items() if name not in ALLOWED} == {}


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_catches_a_fault(group):
    caught = [name for fault in FAULTS.values() for name in fault["caught_by"]]
    assert [name for name in caught if name.startswith(f"{group}/")]


def test_every_fault_that_is_planted_is_listed():
    text = "".join(path.read_text(encoding="utf-8") for path in (HERE / "reference").glob("*.py"))
    assert sorted(set(re.findall(r'planted\(\s*"(\w+)"', text))) == sorted(FAULTS)


def test_the_kit_does_not_know_the_faults():
    kit = Path(sys.modules[Case.__module__].__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in kit.rglob("*.py"))
    assert "ASGATE_PLANT" not in text
