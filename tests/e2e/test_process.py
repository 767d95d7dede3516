"""The process from outside: what it says when it starts, where it listens, and how it ends when it cannot."""

import re
import socket
from pathlib import Path

import httpx
import pytest
from harness.connection import Client, fetch, request
from harness.process import APPS, PATIENCE, Command, Process, Serve, Serving, tcp_address


def test_start_line_names_what_is_served_and_where(serve: Serve) -> None:
    server = serve("plain:app", "--bind", "127.0.0.1:0", "--bind", "127.0.0.1:0")
    assert server.what == "plain:app (ASGI 3)"
    assert len(server.urls) == 2
    assert len({tcp_address(url)[1] for url in server.urls}) == 2
    for url in server.urls:
        assert httpx.get(url).text == "Hello, World!"


@pytest.mark.clause("ASGI-193", "ASGI-194", "ASGI-199", "ASGI-202")
def test_lifespan_runs_around_everything(serve: Serve) -> None:
    server = serve("plain:app")
    assert fetch(server.address).status == 200
    assert server.stop() == 0
    said = re.findall(
        r"lifespan startup|serves plain:app|stopping|lifespan shutdown|stopped", server.log.text
    )
    assert said == ["lifespan startup", "serves plain:app", "stopping", "lifespan shutdown", "stopped"]


def test_every_kind_of_address_at_once(serve: Serve, short_directory: Path) -> None:
    path = short_directory / "server.sock"
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        number = inherited.fileno()
        binds = ["127.0.0.1:0", f"unix:{path}", f"fd:{number}"]
        if _has_ipv6():
            binds.append("[::1]:0")
        options = [word for bind in binds for word in ("--bind", bind)]
        server = serve("plain:app", *options, descriptors=[number])
        inherited_address = inherited.getsockname()
    ours, theirs = r"http://127\.0\.0\.1:\d+", f"http://127.0.0.1:{inherited_address[1]}"
    expected = [ours, f"unix:{path}", theirs, r"http://\[::1\]:\d+"]
    for url, pattern in zip(server.urls, expected, strict=False):
        assert re.fullmatch(pattern, url)
    assert len(server.urls) == len(binds)
    for address in (str(path), *(tcp_address(url) for url in server.urls if url.startswith("http"))):
        assert fetch(address).body == b"Hello, World!"
    assert server.stop() == 0
    assert not path.exists()


@pytest.mark.clause("ASGI-060", "ASGI-064")
def test_client_and_server_are_absent_or_a_path_on_a_unix_socket(serve: Serve, short_directory: Path) -> None:
    path = short_directory / "server.sock"
    server = serve("plain:app", "--bind", f"unix:{path}")
    assert fetch(str(path)).body == b"Hello, World!"
    server.output.expect(r'^\S+ \S+ INFO     - "GET / HTTP/1.1" 200')


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_options_come_from_the_environment_and_a_file(serve: Serve, short_directory: Path) -> None:
    config = short_directory / "asgate.toml"
    config.write_text('header = ["X-From: file"]\n')
    server = serve("plain:app", "--config", str(config), environment={"ASGATE_SERVER_HEADER": "false"})
    answer = fetch(server.address)
    assert (answer.header("x-from"), answer.header("server")) == ("file", None)


@pytest.mark.clause("ASGI-320", "ASGI-321")
def test_asgi_2_application_is_served(serve: Serve) -> None:
    server = serve("troubled:Old")
    assert server.what == "troubled:Old (ASGI 2)"
    assert fetch(server.address).body == b"ASGI 3.0"


def _told(process: Process, code: int) -> str:
    """What a command that failed said; one sentence and perhaps a hint, no traceback."""
    assert process.wait() == code
    said = process.log.text
    assert "Traceback" not in said
    lines = said.splitlines()
    assert lines[0].startswith("asgate: "), said
    assert all(line.startswith("  hint: ") for line in lines[1:]), said
    return said


def test_port_in_use_is_one_sentence_and_exit_code_7(plain: Serving, command: Command) -> None:
    where = f"127.0.0.1:{plain.port}"
    said = _told(command("run", "plain:app", "--app-dir", str(APPS), "--bind", where), 7)
    assert f"cannot listen on {where}: the address is in use" in said
    assert fetch(plain.address).status == 200


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["missing_module:app"], 5, "no module named missing_module"),
        (["plain:ap"], 5, "did you mean 'app'"),
        (["plain"], 5, "is not module:attribute"),
        (["troubled:NOT_CALLABLE"], 5, "is not callable"),
        (["plain:app", "--prot", "1"], 2, "--port"),
        (["plain:app", "--bind", "127.0.0.1:http"], 2, "port"),
        (["plain:app", "--loop", "no_such_module:loop"], 8, "cannot be imported"),
        (["plain:app", "--config", "missing.toml"], 4, "missing.toml"),
    ],
)
def test_what_the_user_can_put_right_is_one_sentence(
    command: Command, arguments: list[str], code: int, sentence: str
) -> None:
    assert sentence in _told(command("run", "--app-dir", str(APPS), *arguments), code)


@pytest.mark.parametrize("option", [[], ["--log-format", "json"]])
def test_error_at_import_shows_the_traceback_of_the_application(command: Command, option: list[str]) -> None:
    process = command("run", "broken_import:app", "--app-dir", str(APPS), *option)
    assert process.wait() == 6
    said = process.log.text
    assert "broken_import.py" in said
    assert "JSONDecodeError" in said
    assert "importlib" not in said
    assert "asgate/" not in said


@pytest.mark.clause("ASGI-195")
def test_failed_startup_ends_with_its_message(command: Command) -> None:
    said = _told(command("run", "troubled:no_start", "--app-dir", str(APPS), "--bind", "127.0.0.1:0"), 3)
    assert "the application failed to start: no database" in said


@pytest.mark.clause("ASGI-201")
def test_failed_shutdown_is_told_and_has_its_exit_code(serve: Serve) -> None:
    server = serve("troubled:no_end")
    assert server.stop() == 9
    server.expect("the application failed to shut down: still busy")


@pytest.mark.clause("ASGI-025")
def test_application_may_end_the_server(serve: Serve) -> None:
    server = serve("plain:app")
    with Client(server.address) as client:
        client.send(request("GET", "/quit?code=42"))
        client.read_to_end()
    assert server.wait(PATIENCE) == 42
    server.expect("lifespan shutdown")
    assert "Traceback" not in server.log.text


def test_version_and_effective_options_are_printed(command: Command) -> None:
    version = command("--version")
    assert version.wait() == 0
    assert re.fullmatch(r"asgate \d+\.\d+\.\d+\S*", version.output.text)
    printed = command("run", "plain:app", "--port", "9", "--print-config")
    assert printed.wait() == 0
    assert "9" in printed.output.text
