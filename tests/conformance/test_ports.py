import errno
import resource
import socket

import pytest

from asgate.conformance import ports
from asgate.conformance.ports import Port


def test_a_port_is_nobody_elses_before_its_server_listens(monkeypatch):
    first, second = Port(), Port()
    second.close()
    monkeypatch.setattr(ports, "PORTS", (first.number, second.number))
    third = Port()
    assert third.number == second.number
    first.close()
    fourth = Port()
    assert fourth.number == first.number
    third.close()
    fourth.close()


def test_a_server_may_listen_on_it_with_or_without_reuse():
    port = Port()
    for options in ({}, {"reuse_port": True}):
        socket.create_server(("127.0.0.1", port.number), **options).close()
    with socket.socket() as plain:  # some servers set no option at all
        plain.bind(("127.0.0.1", port.number))
        plain.listen()
    port.close()


def test_a_port_on_which_another_listens_is_passed_over(monkeypatch):
    taken, free = Port(), Port()
    with socket.create_server(("127.0.0.1", taken.number)):
        taken.close()
        free.close()
        monkeypatch.setattr(ports, "PORTS", (taken.number, free.number))
        found = Port()
    assert found.number == free.number
    found.close()


def test_what_is_wrong_besides_is_told():
    """No loop without end, when no file can be opened."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            Port()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert caught.value.errno == errno.EMFILE
