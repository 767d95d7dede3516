import pytest

from asgate.config.absent import ABSENT, absent_suffix, harmless, refusal, suggestion

FLAGS = {"--" + name.replace("_", "-"): name for name in ABSENT}


@pytest.mark.parametrize("name", ABSENT)
def test_every_absent_option_says_what_to_do(name):
    sentence, hint = refusal({f"--{name}": name}, "the command line")
    assert sentence.startswith(f"--{name} from the command line is not in asgate")
    assert len(hint) > 20


def test_several_are_told_together_and_the_same_advice_once():
    given = {"--workers": "workers", "--ssl-keyfile": "ssl_keyfile", "--ssl-certfile": "ssl_certfile"}
    sentence, hint = refusal(given, "the command line")
    assert sentence == (
        "--workers, --ssl-keyfile and --ssl-certfile from the command line are not in asgate yet"
    )
    assert hint == (
        f"--workers: {ABSENT['workers'].advice}; --ssl-keyfile, --ssl-certfile: {ABSENT['ssl_keyfile'].advice}"
    )


def test_what_will_not_come_is_not_promised():
    assert refusal({"--http": "http"}, "x")[0] == "--http from x is not in asgate"
    assert absent_suffix(["http", "workers"]) == ""
    assert absent_suffix(["reload", "workers"]) == " yet"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", "1"),
        ("workers", 1),
        ("reload", False),
        ("reload", "false"),
        ("http", "auto"),
        ("http2", False),
        ("http2", "off"),
        ("proxy_headers", False),
        ("proxy_headers", "0"),
        ("limit_max_requests_jitter", 0),
        ("reset_contextvars", True),
        ("daemon", False),
        ("workers", None),
    ],
)
def test_a_value_that_says_what_asgate_does_anyway_is_harmless(name, value):
    assert harmless(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", "4"),
        ("workers", True),
        ("reload", True),
        ("http", "h11"),
        ("proxy_headers", True),
        ("reset_contextvars", False),
        ("forwarded_allow_ips", "*"),
        ("ssl_keyfile", ""),
    ],
)
def test_everything_else_is_refused(name, value):
    assert not harmless(name, value)


@pytest.mark.parametrize(
    ("typed", "start"),
    [
        ("--relaod", "did you mean '--reload'? It is not in asgate yet: restart"),
        ("--ssl-ciphres", "did you mean '--ssl-ciphers'? It is not in asgate yet: "),
        ("--limit-max-request", "did you mean '--limit-max-requests'? It is not in asgate yet: "),
        ("--worker", "did you mean '--workers'? It is not in asgate yet: "),
        ("--ssl-key", "did you mean '--ssl-keyfile'? It is not in asgate yet: "),
        ("--htp", "did you mean '--http'? It is not in asgate: "),
        ("--prot", "did you mean '--port'"),
        ("--zzzzzz", ""),
    ],
)
def test_suggestions_know_what_is_absent(typed, start):
    found = suggestion(typed, ["--port", "--host", "--header", "--limit-request-line"], FLAGS)
    assert found.startswith(start)
    assert bool(found) == bool(start)
