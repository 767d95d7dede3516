"""The planted faults: `ASGATE_PLANT` names the one that is on. Each is a branch where the behaviour lives, so that the
right way and the wrong one stand side by side. What each of them breaks, `test_planted_faults.py` says.
"""

import os

PLANT = os.environ.get("ASGATE_PLANT", "")


def planted(name: str) -> bool:
    """Whether this fault is on."""
    return name == PLANT


def spared(path: bytes) -> bool:
    """Whether a fault that would hit every request leaves this one alone: by plain requests of its own the kit sees
    that a server lives, and it would take it for dead.
    """
    return b"/~aside/" in path
