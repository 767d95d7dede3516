"""The adapters. Servers that are not installed here are skipped, visibly."""

import sys

import pytest

from asgate.conformance.process import NotStarted, Starter
from asgate.conformance.servers import ADAPTERS, OPTIONS, Unknown, custom
from asgate.version import version

INSTALLED = {name: adapter.version(sys.executable) for name, adapter in ADAPTERS.items()}


def test_asgate_stands_first_and_has_a_version():
    assert next(iter(ADAPTERS)) == "asgate"
    assert INSTALLED["asgate"] == version()


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_words(adapter):
    assert set(adapter.options) <= set(OPTIONS)
    words = adapter.words("python", "asgi_probe:app", 1234, None, dict.fromkeys(adapter.options, "value"))
    assert "asgi_probe:app" in words
    assert any("1234" in word for word in words)
    assert not any("{" in word for word in words)
    with pytest.raises(Unknown, match="nothing"):
        adapter.words("python", "asgi_probe:app", 1, None, {"nothing": "1"})


@pytest.mark.parametrize("name", ADAPTERS)
def test_each_server_serves(name):
    if INSTALLED[name] is None:
        pytest.skip(f"{name} is not installed")
    server = Starter(ADAPTERS[name], sys.executable).start()
    try:
        assert server.well() == ""
        assert server.crashed() == ""
    finally:
        server.stop()
    assert not server.running


@pytest.mark.parametrize("name", [name for name, adapter in ADAPTERS.items() if adapter.unix])
def test_each_server_serves_on_a_unix_socket(name):
    if INSTALLED[name] is None:
        pytest.skip(f"{name} is not installed")
    server = Starter(ADAPTERS[name], sys.executable).start(unix=True)
    try:
        assert server.well() == ""
    finally:
        server.stop()


def test_a_command():
    adapter = custom("server --at '{port} x' {target}", "mine", {"root_path": "--root {value}"})
    words = adapter.words("python", "asgi_probe:app", 1, None, {"root_path": "/r"})
    assert words == ["server", "--at", "1 x", "asgi_probe:app", "--root", "/r"]
    assert (adapter.name, adapter.version(sys.executable)) == ("mine", "")
    assert custom("server {port}", version="7.1").version(sys.executable) == "7.1"
    assert custom("server {port} {target}", options={"asgi2": ""}).options == {"asgi2": ()}
    assert not adapter.in_python
    assert custom("{python} -m server {port}").in_python
    assert all(it.in_python for it in ADAPTERS.values())
    with pytest.raises(Unknown, match="Unix sockets"):
        adapter.words("python", "asgi_probe:app", 1, "path", {})
    with pytest.raises(Unknown, match="another application"):
        custom("server {port}").words("python", "asgi_probe:asgi2", 1, None, {})


@pytest.mark.parametrize(
    "command", ["server", "server {port} {x}", "server {port} {", "server {port} '", "{port!r} {port}"]
)
def test_a_command_that_cannot_be_used(command):
    with pytest.raises(ValueError, match=r".+"):
        custom(command)


def test_the_environment_of_a_server_is_clean(monkeypatch):
    """A run does not depend on how the person who starts it has configured servers."""
    monkeypatch.setenv("ASGATE_ROOT_PATH", "/somewhere")
    monkeypatch.setenv("ASGATE_NO_SUCH_THING", "1")
    try:
        server = Starter(ADAPTERS["asgate"], sys.executable).start()
    except NotStarted as failure:
        pytest.fail(str(failure))
    server.stop()
