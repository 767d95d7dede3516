"""Each planted fault is found under its clause, and the sound application has none."""

import importlib.util
from pathlib import Path

import pytest

from asgate.conformance.check.drive import drive
from asgate.conformance.check.findings import Report
from asgate.conformance.check.plan import Wish, subjects

HERE = Path(__file__).parent


def imported(name):
    """A module beside this file; tests are no package."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


faulty = imported("faulty")


@pytest.mark.parametrize("fault", faulty.FAULTS, ids=lambda fault: fault.name)
def test_it_is_found(fault):
    asked = subjects((), (), ("/",)) if fault.websocket else subjects(("/",), fault.methods, ())
    report = Report(fault.name)
    drive(fault.app, Wish(fault.name, tuple(asked), timeout=0.3, **fault.wish), report)
    assert fault.clause in {found.finding.clause for found in report.found.values()}, report


def test_there_are_enough():
    assert len(faulty.FAULTS) >= 25
    assert len({fault.name for fault in faulty.FAULTS}) == len(faulty.FAULTS)
