import dataclasses

import pytest

from asgate.config.binds import Descriptor, Tcp, Unix
from asgate.config.settings import Settings
from asgate.errors import Exit, Failure


@pytest.mark.parametrize(
    ("options", "binds"),
    [
        ({}, (Tcp("127.0.0.1", 8000),)),
        ({"port": 0}, (Tcp("127.0.0.1", 0),)),
        ({"host": "0.0.0.0"}, (Tcp("0.0.0.0", 8000),)),
        ({"host": "::1", "port": 80}, (Tcp("::1", 80),)),
        ({"host": "[::1]"}, (Tcp("::1", 8000),)),
        ({"host": ""}, (Tcp("", 8000),)),
        ({"uds": "a.sock"}, (Unix("a.sock"),)),
        ({"fd": 3}, (Descriptor(3),)),
        ({"bind": "127.0.0.1:1,[::1]:2"}, (Tcp("127.0.0.1", 1), Tcp("::1", 2))),
        ({"bind": ["unix:a", ":3"]}, (Unix("a"), Tcp("", 3))),
    ],
)
def test_addresses_end_up_in_bind(options, binds):
    settings = Settings(**options)
    assert settings.bind == binds
    assert (settings.host, settings.port, settings.uds, settings.fd) == (None, None, None, None)


def test_values_are_parsed_and_checked():
    settings = Settings(limit_body_size="1M", headers=[("X-A", "1")], timeout_head=5)
    assert settings.limit_body_size == 1048576
    assert settings.headers == ((b"x-a", b"1"),)
    assert type(settings.timeout_head) is float


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"port": 70000}, "port is 70000 (the program), expected a whole number from 0 to 65535"),
        ({"timeout_head": 0}, "timeout_head is 0 (the program), expected a number of seconds above 0"),
        ({"bind": [":1", "8000"]}, "bind is '8000' (the program), expected host:port"),
        ({"headers": ["Content-Length: 1"]}, "expected a header other than content-length"),
        ({"lifespan": "sometimes"}, "expected one of auto, on, off"),
        ({"root_path": "api"}, "expected a path that starts with / and does not end with it"),
        ({"root_path": "/"}, "root_path is '/'"),
        ({"loop": "trio"}, "expected auto, asyncio, uvloop or module:factory"),
        ({"access_log": None}, "access_log is None"),
        ({"access_log_format": "%(zz)s"}, "%(zz)s is none"),
    ],
)
def test_a_wrong_value_says_option_value_source_and_what_was_expected(options, sentence):
    with pytest.raises(Failure) as caught:
        Settings(**options)
    assert sentence in caught.value.sentence
    assert caught.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"log_level": "trace"}, "use debug, nothing is below it"),
        ({"log_level": "warn"}, "use warning"),
        ({"root_path": "/api/"}, "write /api"),
        ({"root_path": "api"}, "write /api"),
        ({"root_path": "api/v1//"}, "write /api/v1"),
        ({"root_path": "/"}, "leave it out when the application is at the root"),
        ({"interface": "wsgi"}, "wrap the application with a2wsgi.WSGIMiddleware"),
        ({"timeout_keep_alive": 0}, "0.1 closes idle connections almost at once"),
        ({"timeout_write": "0.0"}, "86400 is a day"),
        ({"log_config": "logging.yaml"}, "write it as .json or .toml"),
        ({"loop": "trio"}, "asyncio"),
        ({"ws": "wsproto"}, "use auto, asgate has one of its own"),
        ({"ws": "websockets-sansio"}, "use auto, asgate has one of its own"),
        ({"ws": "off"}, "use none"),
        ({"ws": False}, "use none"),
        ({"lifespan": "none"}, "use off"),
        ({"ws_ping_interval": "off"}, "use 0"),
        ({"ws_ping_interval": "Never"}, "use 0"),
        ({"ws_ping_timeout": "none"}, "use 0"),
        ({"timeout_disconnect": False}, "use 0"),
        ({"timeout_lifespan": "never"}, "use 0"),
        ({"limit_body_size": "off"}, "use 0"),
        ({"limit_body_rate": "none"}, "use 0"),
        ({"timeout_head": "never"}, "86400 is a day"),
        ({"ws_close_timeout": 0}, "0.1 hardly waits"),
        ({"ws_deflate_level": 0}, "--no-ws-per-message-deflate compresses nothing"),
        ({"bind": "127.0.0.1"}, ""),
        ({"port": "x"}, "Port, with --host: the same as --bind."),
    ],
)
def test_a_wrong_value_that_is_often_typed_gets_advice(options, hint):
    with pytest.raises(Failure) as caught:
        Settings(**options)
    assert hint in caught.value.hint
    assert bool(caught.value.hint) == bool(hint)


def test_settings_can_be_replaced():
    settings = dataclasses.replace(Settings(port=0, headers=["a: b"]), access_log=False)
    assert settings.bind == (Tcp("127.0.0.1", 0),)
    assert settings.headers == ((b"a", b"b"),)
    assert settings.access_log is False
