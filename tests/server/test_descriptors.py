"""On the process itself, so with the soft limit alone; test_command.py has hard limits, in other processes."""

import resource

import pytest

from asgate.server.descriptors import ROOM, raise_limit


@pytest.fixture
def soft():
    """Reads and sets the soft limit; put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def limit(wanted=None):
        if wanted is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, before[1]))
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_it_is_raised_as_far_as_needed(soft):
    soft(512)
    assert raise_limit(600) is None
    assert soft() == 600 + ROOM


def test_it_is_never_lowered(soft):
    soft(600 + ROOM + 1)
    assert raise_limit(600) is None
    assert soft() == 600 + ROOM + 1


def test_the_hard_limit_is_the_end(soft):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        pytest.skip("there is no hard limit here")
    soft(512)
    assert raise_limit(hard + 1) == hard
    assert soft() == hard
    assert raise_limit(hard) is None
