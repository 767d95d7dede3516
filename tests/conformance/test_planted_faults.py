"""The judge judged: every planted fault of the reference server is caught by the cases for that clause, every case of
the kit catches one, and the reference without a fault passes the whole kit.

`faults.toml` says what each fault breaks and which cases must tell. A case that a fault makes wait forever proves
little, since a slow machine makes it wait as well: it counts for faults of which the file says that they hang.
"""

import os
import re
import socket
import sys
import tomllib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from asgate.conformance.case import Case, cases
from asgate.conformance.process import PROBE, Starter
from asgate.conformance.results import Outcome
from asgate.conformance.runner import Run, made
from asgate.conformance.servers import Adapter
from asgate.spec.clauses import Level

HERE = Path(__file__).parent
PATIENCE = 1.0  # seconds for a case that a fault makes hang: without the fault it needs a hundredth of that,
PATIENCE_FOR_STARTS = 2.5  # and for one that starts servers of its own
BATCH = 60  # cases of one test
KIT = {case.name: case for case in cases()}
BATCHES = [list(KIT)[start : start + BATCH] for start in range(0, len(KIT), BATCH)]
FAULTS = tomllib.loads((HERE / "faults.toml").read_text(encoding="utf-8"))

# How a case says that its time was up, and how the kit says that a server died and does not just hang.
OVERDUE = re.compile(r"in [\d.e-]+ s it did not come to this: ")
ENDED = re.compile(r"ended with (code|signal) ")

ENDINGS = {
    "caught_by": Outcome.FAIL,
    "told_by": Outcome.DIFFERS,
    "crashes": Outcome.CRASHED,
    "hangs": Outcome.FAIL,
}
"""The keys of `faults.toml` that name cases, and how these must end."""

NOT_OFFERED = {
    "extensions/unadvertised_early_hint_raises": "it advertises the extension",
    "extensions/unadvertised_pathsend_raises": "it advertises the extension",
    "extensions/unadvertised_trailers_raise": "it advertises the extension",
    "extensions/unadvertised_zerocopysend_raises": "it advertises the extension",
    "websocket_denial/unadvertised": "it advertises the extension",
}
"""Cases that the sound reference gives no occasion to judge."""

DIFFERENT = {"pathsend/missing_file_then_404": "its first head stands, as the text has it"}
"""Cases in which it takes the other of two ways that are allowed."""

IPV6, IPV6_CASE = "ipv6_in_brackets", "scope/addresses_over_ipv6"
"""A fault and its case that cannot be tried where the machine has no ::1."""


def named(fault: str) -> list[tuple[str, str]]:
    """The cases that must tell of a fault, each with the key of `faults.toml` under which it stands."""
    return [(case, key) for key in ENDINGS for case in FAULTS[fault].get(key, ())]


NAMED = {case for fault in FAULTS for case, _ in named(fault)}
SWEPT = [name for name, case in KIT.items() if name not in NAMED and case.group == "smuggling"]
SWEEPS = [SWEPT[start : start + BATCH] for start in range(0, len(SWEPT), BATCH)]


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
            "message_limit": ("--message-limit", "{value}"),
            "ping_interval": ("--ping-interval", "{value}"),
            "ping_timeout": ("--ping-timeout", "{value}"),
            "asgi2": ("--asgi2",),
            "ipv6": ("--host", "{value}"),
        },
        {"ASGATE_PLANT": plant, "PYTHONPATH": os.pathsep.join((str(PROBE), str(HERE)))},
    )


@contextmanager
def running(plant=""):
    """A run against the reference, with a planted fault if one is named."""
    run = Run(Starter(reference(plant), sys.executable))
    try:
        yield run
    finally:
        if run.server is not None:
            run.server.stop(grace=0)  # a fault may keep it from ending in good order


def reachable(host: str) -> bool:
    """Whether this machine has the address of IPv6."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def hasty(case: Case) -> Case:
    """The case with the time that is enough to see a hang."""
    return replace(case, seconds=min(case.seconds, PATIENCE_FOR_STARTS if case.alone else PATIENCE))


def miss(result, key: str) -> str:
    """Why a result does not prove that the case tells of the fault; "" if it does."""
    saw = f"{result.case}: {result.outcome}: {result.detail}"
    overdue, crash = OVERDUE.match(result.detail), key == "crashes"
    if result.outcome is not ENDINGS[key]:
        return f"{saw} (and not {ENDINGS[key]}, as {key!r} has it)"
    if crash and not ENDED.search(result.detail):
        return f"{saw} (which need not be a crash)"
    if overdue and not crash and key != "hangs":
        return f"{saw} (its time was up, which says nothing of a fault that does not hang)"
    if key == "hangs" and not overdue:
        return f"{saw} (it fails without waiting, and belongs into 'caught_by')"
    return ""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    if fault == IPV6 and not reachable("::1"):
        pytest.skip("this machine has no IPv6")
    with running(fault) as run:
        results = [
            (run.result(hasty(KIT[name]) if key == "hangs" else KIT[name]), key) for name, key in named(fault)
        ]
    missed = [why for result, key in results if (why := miss(result, key))]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize(
    ("outcome", "detail", "keys"),
    [
        (Outcome.FAIL, "expected: status 500; saw: 200", {"caught_by"}),
        (Outcome.FAIL, "in 1 s it did not come to this: receive() returned", {"hangs"}),
        (Outcome.CRASHED, "then the server process ended with signal SIGABRT", {"crashes"}),
        (Outcome.CRASHED, "then the server no longer answers a plain request", set()),
        (Outcome.DIFFERS, "it is dropped, which HTTP allows", {"told_by"}),
        (Outcome.PASS, "", set()),
        (Outcome.NOT_OFFERED, "it is not advertised", set()),
        (Outcome.ERROR, "the kit itself failed", set()),
    ],
)
def test_what_proves_that_a_case_tells_of_a_fault(outcome, detail, keys):
    result = made(next(iter(KIT.values())), outcome, detail, (), 0.0)
    assert {key for key in ENDINGS if not miss(result, key)} == keys


@pytest.mark.parametrize("batch", SWEEPS, ids=lambda batch: f"{batch[0]} to {batch[-1]}")
def test_every_row_of_the_corpus_can_fail(batch):
    """The faults that misread requests of every kind, one after the other, until each row has failed for one."""
    left = batch
    for fault in (name for name in FAULTS if FAULTS[name].get("sweeps")):
        with running(fault) as run:
            left = [name for name in left if miss(run.result(KIT[name]), "caught_by")]
    assert not left, f"no fault makes these fail: {', '.join(left)}"


def test_every_case_can_fail():
    assert sorted(KIT.keys() - NAMED - set(SWEPT)) == []
    assert sorted(NAMED - KIT.keys()) == []


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: f"{batch[0]} to {batch[-1]}")
def test_the_sound_reference_passes(batch):
    with running() as run:
        results = [run.result(KIT[name]) for name in batch]
    expected = dict.fromkeys(batch, Outcome.PASS)
    expected |= {name: Outcome.NOT_OFFERED for name in NOT_OFFERED if name in batch}
    expected |= {name: Outcome.DIFFERS for name in DIFFERENT if name in batch}
    if IPV6_CASE in batch and not reachable("::1"):
        expected[IPV6_CASE] = Outcome.NOT_OFFERED
    missed = [result for result in results if result.outcome is not expected[result.case]]
    assert not missed, "\n".join(f"{result.case}: {result.outcome}: {result.detail}" for result in missed)


def test_what_the_reference_does_not_pass_is_no_obligation():
    assert [name for name in DIFFERENT if KIT[name].level is not Level.MAY] == []


def test_every_fault_that_is_planted_is_listed():
    text = "".join(path.read_text(encoding="utf-8") for path in (HERE / "reference").glob("*.py"))
    assert sorted(set(re.findall(r'planted\(\s*"(\w+)"', text))) == sorted(FAULTS)


def test_every_listed_fault_is_caught():
    assert [fault for fault in FAULTS if not named(fault) and not FAULTS[fault].get("sweeps")] == []


def test_the_kit_does_not_know_the_faults():
    kit = Path(sys.modules[Case.__module__].__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in kit.rglob("*.py"))
    assert "ASGATE_PLANT" not in text
