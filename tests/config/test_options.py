import re

import pytest

from asgate.config.absent import ABSENT
from asgate.config.options import LIMITS, TIMES, WEBSOCKET, Options, names, table
from asgate.config.settings import OTHER_ADDRESSES, Settings

ROWS = list(table().values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_is_complete(row):
    assert row.help.endswith(".")
    assert row.flag.startswith("--")
    assert row.env == f"ASGATE_{row.name.upper()}"
    if row.group in (LIMITS, TIMES, WEBSOCKET):
        assert row.reason, "a limit carries its reason and its precedents"


@pytest.mark.parametrize("row", [row for row in ROWS if row.default is not None], ids=lambda row: row.name)
def test_every_default_is_a_value_that_the_option_takes(row):
    assert row.kind.parse(row.default) == row.default
    assert row.kind.parse(row.kind.show(row.default)) == row.default


@pytest.mark.parametrize(
    "name", ["limit_request_line", "limit_head_size", "limit_chunk_line", "limit_pipeline_size"]
)
def test_what_the_core_counts_in_32_bits_has_an_end(name):
    """Heads and lines (crates/wire/src/http1), and the receive buffer, which is there from the start."""
    kind = table()[name].kind
    assert kind.parse("256M") == 2**28
    for value in ("257M", "4G", str(2**32)):
        with pytest.raises(ValueError):
            kind.parse(value)
    assert "at most 256M" in kind.expected


def test_windows_are_those_that_zlib_can_write():
    """RFC 7692 7.1.2.1 has 8 to 15; deflate with 8 is not to be had of zlib."""
    kind = table()["ws_deflate_window_bits"].kind
    assert [bits for bits in range(20) if accepts(kind, bits)] == list(range(9, 16))


def accepts(kind, value):
    try:
        return kind.parse(value) == value
    except ValueError:
        return False


@pytest.mark.parametrize("row", [row for row in ROWS if row.advice], ids=lambda row: row.name)
def test_advice_is_only_for_values_that_are_refused(row):
    for value in (
        "trace",
        "warn",
        "/api/",
        "api",
        "/",
        "wsgi",
        "0",
        "x.yaml",
        "trio",
        "tcp://10.0.0.1:8000",
        "wsproto",
        "off",
        "none",
        "never",
    ):
        if any(re.fullmatch(pattern, value) for pattern, _ in row.advice):
            with pytest.raises(ValueError):
                row.kind.parse(value)


def test_names_flags_and_aliases_are_unique():
    assert len({row.flag for row in ROWS}) == len(ROWS)
    assert len(names()) == len(ROWS) + sum(len(row.aliases) for row in ROWS)
    assert not set(names()) & set(ABSENT)


def test_settings_have_the_attributes_that_the_extension_reads():
    settings = Settings()
    assert settings.limit_request_line == 16384
    assert settings.limit_drain_size == 262144
    assert (settings.timeout_body, settings.limit_body_rate) == (10.0, 240)
    assert settings.spec_version == "2.5"
    assert settings.root_path_mode == "auto"
    assert settings.headers == ()
    assert settings.batch == 64


def test_settings_have_the_attributes_of_websocket_that_the_extension_reads():
    settings = Settings()
    assert settings.ws == "auto"
    assert (settings.ws_max_size, settings.ws_max_queue) == (2**24, 32)
    assert (settings.ws_ping_interval, settings.ws_ping_timeout, settings.ws_close_timeout) == (
        20.0,
        20.0,
        10.0,
    )
    assert (settings.ws_per_message_deflate, settings.ws_deflate_takeover) == (True, False)
    assert (settings.ws_deflate_level, settings.ws_deflate_threshold) == (1, 1024)
    assert settings.ws_deflate_window_bits == 12
    assert settings.limit_websockets < settings.limit_connections


def test_options_of_uvicorn_with_the_same_meaning_have_the_same_name():
    same = {
        "host", "port", "uds", "fd", "loop", "lifespan", "interface", "env_file", "log_config", "log_level",
        "access_log", "use_colors", "server_header", "date_header", "root_path", "limit_concurrency",
        "backlog",
        "timeout_keep_alive", "timeout_graceful_shutdown", "header", "app_dir", "factory",
        "h11_max_incomplete_event_size",
        "ws", "ws_max_size", "ws_max_queue", "ws_ping_interval", "ws_ping_timeout", "ws_per_message_deflate",
    }  # fmt: skip
    assert same <= set(names())


def test_the_table_and_the_settings_are_one():
    assert set(table()) == set(Options.__dataclass_fields__) == set(Settings.__dataclass_fields__)
    assert set(OTHER_ADDRESSES) <= set(table())


def test_what_one_read_takes_is_said_as_it_is():
    """The receive buffer holds a head and what may follow it (crates/core/src/reactor/state.rs)."""
    assert "limit_head_size + limit_pipeline_size bytes" in table()["limit_pipeline_size"].help
