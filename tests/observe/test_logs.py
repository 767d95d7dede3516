import io
import json
import logging
import logging.config
import re
import sys

import pytest

from asgate.config.settings import Settings
from asgate.errors import Exit, Failure
from asgate.observe import access, logs


@pytest.fixture(autouse=True)
def restored():
    loggers = [logging.getLogger(name) for name in ("asgate", "asgate.access", None)]
    before = [
        (logger, type(logger), logger.handlers[:], logger.level, logger.propagate) for logger in loggers
    ]
    yield
    for logger, kind, handlers, level, propagate in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate
        logger.disabled = False
        logger.__class__ = kind


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def streams(monkeypatch):
    def put(out, err):
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return err

    return put


def test_dated_lines_when_it_is_no_terminal(streams):
    err = streams(io.StringIO(), io.StringIO())
    logs.configure(Settings())
    logging.getLogger("asgate").warning("hello %s", "there")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d{4} WARNING  hello there\n", err.getvalue()
    )


@pytest.mark.parametrize(
    ("settings", "environ", "coloured"),
    [
        ({}, {}, True),
        ({}, {"NO_COLOR": "1"}, False),
        ({}, {"NO_COLOR": ""}, True),
        ({}, {"TERM": "dumb"}, False),
        ({"use_colors": False}, {}, False),
        ({"use_colors": True}, {"NO_COLOR": "1"}, True),
        ({"log_format": "json"}, {}, False),
    ],
)
def test_colours_on_a_terminal(streams, monkeypatch, settings, environ, coloured):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    err = streams(Terminal(), Terminal())
    logs.configure(Settings(**settings))
    logging.getLogger("asgate").info("hello")
    assert ("\x1b[32mINFO" in err.getvalue()) is coloured


def test_json_lines(streams):
    err = streams(io.StringIO(), io.StringIO())
    logs.configure(Settings(log_format="json"))
    try:
        raise ValueError("broken\nvalue")
    except ValueError:
        logging.getLogger("asgate").exception("it happened")
    entry = json.loads(err.getvalue())
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", "asgate", "it happened")
    assert "ValueError: broken" in entry["traceback"]


@pytest.mark.parametrize("hostile", ["a\x1b[31mb", "a\rb", "a\x00b", "a\x9bb", "a\u2028b"])
def test_control_characters_are_made_visible(streams, hostile):
    err = streams(io.StringIO(), io.StringIO())
    logs.configure(Settings())
    logging.getLogger("asgate").info(hostile)
    assert err.getvalue().rstrip("\n").isprintable()


def test_a_message_cannot_forge_another(streams):
    err = streams(io.StringIO(), io.StringIO())
    logs.configure(Settings())
    logging.getLogger("asgate").info("one\n2026-11-22 07:54:01.250+0000 ERROR    forged")
    first, second = err.getvalue().splitlines()
    assert first.endswith("one")
    assert second.startswith("    2026")


def test_the_level_counts_for_both(streams):
    err = streams(out := io.StringIO(), io.StringIO())
    logs.configure(Settings(log_level="warning"))
    logging.getLogger("asgate").info("hello")
    assert not access.enabled()
    assert (out.getvalue(), err.getvalue()) == ("", "")
    logs.configure(Settings(log_level="info"))
    assert access.enabled()


CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "mine %(message)s"}},
    "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
    "loggers": {"asgate": {"level": "INFO", "handlers": ["h"], "propagate": False}},
}
TOML = """
version = 1
disable_existing_loggers = false
formatters.plain.format = "mine %(message)s"
handlers.h = {class = "logging.StreamHandler", formatter = "plain", stream = "ext://sys.stderr"}
loggers.asgate = {level = "INFO", handlers = ["h"], propagate = false}
"""
INI = """
[loggers]
keys=root,asgate
[handlers]
keys=h
[formatters]
keys=plain
[logger_root]
handlers=
[logger_asgate]
qualname=asgate
level=INFO
handlers=h
propagate=0
[handler_h]
class=StreamHandler
args=(sys.stderr,)
formatter=plain
[formatter_plain]
format=mine %(message)s
"""


@pytest.mark.parametrize(
    ("name", "text"), [("log.json", json.dumps(CONFIG)), ("log.toml", TOML), ("log.ini", INI), (None, None)]
)
def test_a_logging_configuration_replaces_ours(streams, tmp_path, name, text):
    err = streams(io.StringIO(), io.StringIO())
    if name is not None:
        (tmp_path / name).write_text(text)
    logs.configure(Settings(log_config=CONFIG if name is None else str(tmp_path / name)))
    logging.getLogger("asgate").info("hello")
    assert err.getvalue() == "mine hello\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.json", None, "cannot be read: No such file"),
        ("a.json", "{", "is wrong"),
        ("a.json", "{}", "is wrong"),
        ("a.toml", "=", "is wrong"),
        ("a.ini", "", "is wrong"),
        ("a.json", '{"version": 1, "handlers": {"h": {"class": "no.such"}}}', "is wrong"),
    ],
)
def test_a_wrong_logging_configuration(tmp_path, name, text, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(Failure, match=words) as caught:
        logs.configure(Settings(log_config=str(tmp_path / name)))
    assert caught.value.exit_code is Exit.CONFIG


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "gives the loggers asgate and asgate.access no handler"),
        ({"disable_existing_loggers": True}, "disables the loggers asgate and asgate.access"),
        ({"root": {"handlers": ["h"]}}, None),
        ({"loggers": {"asgate": {"handlers": ["n"], "propagate": False}}}, None),
    ],
)
def test_a_logging_configuration_that_forgets_us_is_told(streams, monkeypatch, changes, words):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    err = streams(io.StringIO(), io.StringIO())
    ours = {
        "handlers": CONFIG["handlers"] | {"n": {"class": "logging.NullHandler"}},
        "formatters": CONFIG["formatters"],
    }
    theirs = {"version": 1, "disable_existing_loggers": False, "loggers": {"uvicorn": {"handlers": ["h"]}}}
    logs.configure(Settings(log_config=theirs | ours | changes))
    said = err.getvalue()
    assert (words or "") in said
    assert ("asgate: no message of asgate will be seen" in said) is (words is not None)
    assert logs.unheard() is (words is not None)


def test_a_reason_is_given_once(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(Failure) as caught:
        logs.configure(Settings(log_config=str(tmp_path / "a.json")))
    assert caught.value.sentence.count("version") == 1


def test_a_traceback_inside_a_message_is_one_in_json(streams):
    err = streams(io.StringIO(), io.StringIO())
    logs.configure(Settings(log_format="json"))
    logging.getLogger("asgate").error("it failed: no\nTraceback (most recent call last):\n  File\nno\n")
    entry = json.loads(err.getvalue())
    assert (entry["message"], entry["traceback"]) == (
        "it failed: no",
        "Traceback (most recent call last):\n  File\nno",
    )


def test_an_application_that_configures_logging_does_not_silence_us(streams):
    err = streams(io.StringIO(), io.StringIO())
    logs.configure(Settings())
    logging.config.dictConfig({"version": 1})  # with disable_existing_loggers, which is the default
    logging.getLogger("asgate").error("hello")
    assert "hello" in err.getvalue()
    assert access.enabled()
