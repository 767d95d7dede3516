"""The pytest plugin: the fixture `validated`. Loaded into every run of people who have asgate installed, so it imports
nothing before the fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from asgate.spec.findings import Finding
    from asgate.spec.validator import Validator


class Wraps(Protocol):
    """What the fixture gives."""

    def __call__(self, app: Any) -> "Validator":
        """The application behind a validator; its `findings` may be read, and cleared, by the test."""


@pytest.fixture
def validated() -> Iterator[Wraps]:
    """`app = validated(app)`: an application that is watched; the test fails at its end if it, or the client, broke a
    clause of ASGI. Each finding is told with its clause and with what to change.
    """
    from asgate.spec.validator import Validator

    watching: list[Validator] = []

    def wrap(app: Any) -> "Validator":
        watching.append(Validator(app, mode="collect"))
        return watching[-1]

    yield wrap
    # What is only hardly meant (MAY) breaks nothing.
    broken = [finding for validator in watching for finding in validator.findings if finding.level != "MAY"]
    if broken:
        pytest.fail(report(broken), pytrace=False)


def report(findings: "list[Finding]") -> str:
    """The findings in words."""
    lines = [f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'} of the ASGI validator"]
    for finding in findings:
        lines += ["", str(finding)]
    return "\n".join(lines)
