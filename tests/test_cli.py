"""The command as it is typed: sentences, hints, exit codes, no traceback of ours."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest

from asgate import cli
from asgate.config.absent import ABSENT
from asgate.config.options import table

APP = "async def app(scope, receive, send): ...\ndef make(): return app\n"


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ASGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good_site.py").write_text(APP)
    (tmp_path / "broken_site.py").write_text("import asyncio\ndef helper():\n    return 1 / 0\nhelper()\n")


def typed(*arguments, **environ):
    """What a process of its own says."""
    done = subprocess.run(
        [sys.executable, "-m", "asgate", *arguments],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


WRONG = [
    # (arguments, exit code, the sentence, the hint)
    ([], 2, "there is no target to serve", "asgate run main:app; asgate run --help lists the options"),
    (["run"], 2, "there is no target to serve", "asgate run main:app"),
    (["good_site:app", "--prot", "1"], 2, "--prot from the command line is not an option", "'--port'"),
    (["good_site:app", "--port"], 2, "Option '--port' requires an argument", "asgate run --help"),
    (["good_site:app", "more"], 2, "there is one target to serve: more came after it", "asgate run --help"),
    (["runn", "good_site:app"], 2, "runn is not a command", "did you mean 'run'?"),
    (["--factory", "true", "good_site:app"], 2, "there is one target to serve", "a switch takes no value"),
    (
        ["good_site:app", "--ws-per-message-deflate", "perhaps"],
        2,
        "ws_per_message_deflate is 'perhaps' (--ws-per-message-deflate), expected true or false",
        "",
    ),
    (["--ws-per-message-deflate=perhaps", "good_site:app"], 2, "ws_per_message_deflate is 'perhaps'", ""),
    (["good_site:app", "--ws", "off"], 2, "ws is 'off' (--ws), expected one of auto", "use none"),
    (
        ["good_site:app", "--no-ws"],
        2,
        "--no-ws from the command line is not an option",
        "hint: use --ws none",
    ),
    (["good_site:app", "--no-lifespan"], 2, "--no-lifespan from", "hint: use --lifespan off"),
    (["good_site:app", "--no-ws-ping-interval"], 2, "--no-ws-ping-interval from", "use --ws-ping-interval 0"),
    (["good_site:app", "--no-timeout-head"], 2, "--no-timeout-head from", "did you mean '--timeout-head"),
    (["good_site:app", "--no-bind"], 2, "--no-bind from", "did you mean '--bind'"),
    (
        ["good_site:app", "--ws-max-size", "10", "MB"],
        2,
        "MB is no target to serve",
        "needs quotes, or write 10M",
    ),
    (["--ws-max-size", "10", "kib", "good_site:app"], 2, "kib is no target", "needs quotes, or write 10M"),
    (["--ws-max-size", "10", "m"], 2, "m is no target", "needs quotes, or write 10M"),
    (
        ["good_site:app", "--graceful-timeout", "3", "--timeout-graceful-shutdown", "5"],
        2,
        "graceful_timeout is given twice, as --graceful-timeout and as --timeout-graceful-shutdown",
        "leave one out",
    ),
    (
        ["good_site:app", "--relaod"],
        2,
        "--relaod from the command line is not an option",
        "'--reload'? It is",
    ),
    (["good_site:app", "-w", "4"], 2, "-w from the command line is not an option", "asgate run --help"),
    (["good_site:app", "--no-acces-log"], 2, "--no-acces-log from", "did you mean '--no-access-log'"),
    (["good_site:app", "--log-level", "trace"], 2, "log_level is 'trace' (--log-level)", "use debug"),
    (["good_site:app", "--log-level", "5"], 2, "log_level is '5' (--log-level)", "above info"),
    (
        ["good_site:app", "--port", "x"],
        2,
        "port is 'x' (--port), expected a whole number from 0 to 65535",
        "",
    ),
    (["--port", "70000", "good_site:app"], 2, "port is '70000' (--port)", ""),
    (["good_site:app", "--bind", ":1", "--bind", "1"], 2, "bind is '1' (--bind), expected host:port", ""),
    (
        ["good_site:app", "--bind", ":1", "--port", "1"],
        2,
        "the address is given twice, as --bind and as --port",
        "",
    ),
    (["good_site:app", "--loop", "trio"], 2, "loop is 'trio' (--loop), expected auto, asyncio", ""),
    (["good_site:app", "--limit-body-size", "1T"], 2, "limit_body_size is '1T'", ""),
    (["good_site:app", "--header", "X"], 2, "headers is 'X' (--header), expected a header such as", ""),
    (["good_site:app", "--access-log-format", "%(zz)s"], 2, "%(zz)s is none", ""),
    (
        ["good_site:app", "--workers", "4"],
        2,
        "--workers from the command line is not in asgate yet",
        "--bind",
    ),
    (["good_site:app", "--reload"], 2, "--reload from the command line is not in asgate yet", "watch"),
    (
        ["good_site:app", "--ssl-keyfile=k"],
        2,
        "--ssl-keyfile from the command line is not in asgate yet",
        "TLS",
    ),
    (
        ["good_site:app", "--workers=4", "--reload", "--proxy-headers"],
        2,
        "--workers, --reload and --proxy-headers from the command line are not in asgate yet",
        "; --reload: restart",
    ),
    (
        ["good_site:app", "--http", "h11", "--no-reset-contextvars"],
        2,
        "--http and --no-reset-contextvars from the command line are not in asgate",
        "",
    ),
    (["good_site:app", "--config", "none.toml"], 4, "the file none.toml cannot be read: No such file", ""),
    (["good_site:app", "--env-file", "none"], 4, "the env file none cannot be read: No such file", ""),
    (
        ["good_site:app", "--log-config", "none.json"],
        4,
        "the logging configuration none.json cannot be read",
        "",
    ),
    (["good_site"], 5, "the target good_site is not module:attribute", "good_site:app"),
    (["good_sit:app"], 5, "no module named good_sit for the target good_sit:app", "did you mean 'good_site'"),
    (["good_site:ap"], 5, "the module good_site has no attribute ap", "did you mean 'app'"),
    (["good_site:make"], 5, "good_site:make is not an ASGI application", "--factory"),
    (["good_site:__name__"], 5, "good_site:__name__ is not callable", "async callable"),
    (["good_site:app", "--app-dir", "none"], 5, "the directory none of --app-dir does not exist", ""),
    (
        ["good_site:app", "--uds", "no/such/dir"],
        7,
        "cannot listen on unix:no/such/dir: the directory",
        "make it",
    ),
    (["good_site:app", "--host", "203.0.113.1"], 7, "does not belong to this machine", ""),
    (["good_site:app", "--host", "no.such.invalid"], 7, "the host no.such.invalid", "an address"),
    (["good_site:app", "--fd", "999"], 7, "descriptor 999 is not open", "parent process"),
    (["good_site:app", "--loop", "no_such:loop"], 8, "the event loop no_such:loop cannot be imported", ""),
]


@pytest.mark.parametrize(("arguments", "exit_code", "sentence", "hint"), WRONG)
def test_what_is_wrong_is_one_sentence_a_hint_and_an_exit_code(arguments, exit_code, sentence, hint):
    code, out, err = typed(*arguments)
    assert code == exit_code
    assert out == ""
    first, *rest = err.splitlines()
    assert first.startswith("asgate: ")
    assert sentence in first
    assert hint in "".join(rest)
    assert len(rest) <= 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--log-format", "json", "--prot", "1"], {}),
        (["good_site:app", "--port=x", "--log-format=json"], {}),
        (["good_site:app", "--port", "x"], {"ASGATE_LOG_FORMAT": "json"}),
        (["good_site:app", "more", "--log-format", "human", "--log-format", "json"], {}),
    ],
)
def test_what_is_wrong_is_one_json_line(arguments, environ):
    code, _, err = typed(*arguments, **environ)
    entry = json.loads(err)
    assert (code, entry["level"], entry["logger"]) == (2, "error", "asgate")


def test_the_last_word_about_the_log_format_counts():
    arguments = ["--log-format=json", "--log-format", "human", "--prot", "1"]
    assert typed(*arguments, ASGATE_LOG_FORMAT="json")[2].startswith("asgate: --prot")


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as server:
        code, _, err = typed("good_site:app", "--port", str(server.getsockname()[1]))
    assert code == 7
    assert "the address is in use\n  hint: stop the other process" in err


def test_an_error_in_the_application_shows_its_own_traceback_only():
    code, _, err = typed("broken_site:app")
    assert code == 6
    lines = err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "broken_site.py" in lines[1]
    assert "in helper" in err
    assert lines[-1] == "asgate: importing broken_site:app raised ZeroDivisionError"
    assert "importlib" not in err
    assert cli.__file__.removesuffix("cli.py") not in err


def test_a_wrong_variable_and_a_wrong_file_name_themselves(tmp_path):
    assert typed("good_site:app", ASGATE_PORT="x")[2].startswith(
        "asgate: port is 'x' (the environment variable ASGATE_PORT), expected a whole number"
    )
    (tmp_path / "asgate.toml").write_text("port = 'x'")
    code, _, err = typed("good_site:app")
    assert (code, err.splitlines()[0]) == (
        4,
        "asgate: port is 'x' (asgate.toml), expected a whole number from 0 to 65535",
    )


def test_all_that_is_wrong_in_one_source_is_told_at_once(tmp_path):
    code, out, err = typed("good_site:app", "--port=x", "--ws", "off", "--workers", "4")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "asgate: 3 mistakes in the command line:",
        "    --workers from the command line is not in asgate yet (" + ABSENT["workers"].advice + ")",
        "    port is 'x' (--port), expected a whole number from 0 to 65535 (Port, with --host: the same as --bind.)",
        "    ws is 'off' (--ws), expected one of auto, none (use none to switch it off)",
    ]


@pytest.mark.parametrize("name", ABSENT)
def test_options_of_other_servers_say_what_to_do(name, capsys):
    flag = "--" + name.replace("_", "-")
    if ABSENT[name].switch:
        flag = flag if name != "reset_contextvars" else "--no-reset-contextvars"
    assert cli.outcome(["run", "good_site:app", flag, *([] if ABSENT[name].switch else ["7"])]) == 2
    assert ABSENT[name].advice in capsys.readouterr().err


def test_options_that_say_what_asgate_does_anyway_are_accepted(capsys):
    same = ["--workers", "1", "--no-proxy-headers", "--http", "auto", "--ws", "none", "--reset-contextvars"]
    assert cli.outcome(["good_site:app", *same, "--print-config"]) == 0
    out, err = capsys.readouterr()
    assert 'target = "good_site:app"' in out
    assert err == ""


def test_print_config_shows_values_and_sources(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("ASGATE_BACKLOG", "5")
    (tmp_path / "asgate.toml").write_text("target = 'good_site:app'\nbatch = 7")
    arguments = ["--print-config", "--port=0", "--no-access-log", "--header", "A: 1", "--header", "B: 2"]
    assert cli.outcome(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        'target = "good_site:app"  # asgate.toml',
        'bind = ["127.0.0.1:0"]  # --port',
        "access_log = false  # --no-access-log",
        "# options file: asgate.toml  # found",
        'headers = ["a: 1", "b: 2"]  # --header',
        "backlog = 5  # the environment variable ASGATE_BACKLOG",
        "batch = 7  # asgate.toml",
        "factory = false  # default",
    ):
        assert line in lines


def test_the_help_has_every_option_in_its_group(capsys):
    assert cli.outcome(["run", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--timeout-graceful-shutdown" in text
    assert "--workers" not in text
    for row in table().values():
        if row.name != "target":
            assert f"{row.flag} " in text or f"{row.flag}," in text
        assert f"\n{row.group}:\n" in text


def test_the_help_shows_the_default_of_switches(capsys):
    assert cli.outcome(["run", "--help"]) == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "Send `date`. [true]" in text
    assert "makes the application. [false]" in text
    assert "without NO_COLOR. --" in text


def test_the_help_says_how_a_size_is_written(capsys):
    assert cli.outcome(["run", "--help"]) == 0
    assert "10485760, 10M, 10MB or '10 MB'" in re.sub(r"\s+", " ", capsys.readouterr().out)
    for size in ("10485760", "10M", "10MB", "10 MB"):
        assert cli.outcome(["--ws-max-size", size, "--print-config"]) == 0
        assert "ws_max_size = 10485760 " in capsys.readouterr().out


def test_the_help_of_the_command(capsys):
    assert cli.outcome(["--help"]) == 0
    assert "Serve TARGET" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--version"], ["good_site:app", "--version"], ["run", "--version"]])
def test_the_version(arguments):
    code, out, _ = typed(*arguments)
    assert code == 0
    assert out.startswith("asgate 0.")


def test_windows_is_told_that_it_does_not_run_there_yet(capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert cli.outcome(["good_site:app"]) == 10
    assert "asgate does not run on Windows yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--ws-per-message-deflate", "false"], "false"),
        (["--ws-per-message-deflate", "True"], "true"),
        (["--ws-per-message-deflate=0"], "false"),
        (["--ws-per-message-deflate", "true", "--ws-per-message-deflate", "false"], "false"),
        (["--ws-per-message-deflate"], "true"),
        (["--no-ws-per-message-deflate"], "false"),
    ],
)
def test_uvicorns_spelling_of_a_switch(capsys, words, meant):
    for order in (["good_site:app", *words], [*words, "good_site:app"]):
        assert cli.outcome([*order, "--print-config"]) == 0
        assert f"ws_per_message_deflate = {meant}" in re.sub(" +", " ", capsys.readouterr().out)


def test_help_and_print_config_need_no_event_loop():
    code = "import sys; from asgate.cli import outcome; outcome(['--print-config']);"
    code += "sys.exit('asgate._core' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
