import pytest

from asgate.config.absent import ABSENT
from asgate.config.load import unknown
from asgate.errors import Exit


@pytest.mark.parametrize("name", ABSENT)
def test_every_absent_option_says_what_to_do(name):
    failure = unknown("--" + name.replace("_", "-"), "the command line", Exit.USAGE)
    assert failure.sentence.endswith("is not in asgate yet")
    assert len(failure.hint) > 20
