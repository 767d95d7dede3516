import math

import pytest

from asgate.config.kinds import Choice, Count, Each, Header, LogConfig, Mode, Seconds, Size, Switch, Text

ACCEPTED = [
    (Switch(), "yes", True),
    (Switch(), " OFF ", False),
    (Switch(), True, True),
    (Count(1, 10), "10", 10),
    (Count(), 7, 7),
    (Size(), "64K", 65536),
    (Size(), "1 MiB", 1048576),
    (Size(), "2g", 2147483648),
    (Size(), 0, 0),
    (Size(most=2**20), "1M", 1048576),
    (Seconds(), "0", 0.0),
    (Seconds(above_zero=True), "0.5", 0.5),
    (Seconds(), 75, 75.0),
    (Text("x", "X"), "word", "word"),
    (Choice("auto", "on"), "AUTO", "auto"),
    (Mode(), "0770", 0o770),
    (Mode(), "0o600", 0o600),
    (Mode(), 0o644, 0o644),
    (Header(), "X-Frame-Options:  DENY ", (b"x-frame-options", b"DENY")),
    (Header(), ("X-A", b"1"), (b"x-a", b"1")),
    (Header(), "X-Empty:", (b"x-empty", b"")),
    (Header(), "X-Colon: a:b", (b"x-colon", b"a:b")),
    (Header(), "X-Latin: \xe9", (b"x-latin", b"\xe9")),
    (LogConfig(), "logging.json", "logging.json"),
    (LogConfig(), {"version": 1}, {"version": 1}),
    (Each(Count(), ","), "1, 2,", (1, 2)),
    (Each(Count(), ","), [3], (3,)),
    (Each(Header(), "\n"), "A: 1\nB: 2", ((b"a", b"1"), (b"b", b"2"))),
    (Each(Header(), "\n"), {"A": "1"}, ((b"a", b"1"),)),
]

REFUSED = [
    (Switch(), "maybe"),
    (Switch(), 1),
    (Count(1, 10), "0"),
    (Count(1, 10), "11"),
    (Count(), "-1"),
    (Count(), "1.5"),
    (Count(), True),
    (Count(), "9" * 30),
    (Count(), "１"),  # noqa: RUF001 (a digit, but not one of ours)
    (Size(16), 15),
    (Size(), "9999999999G"),
    (Size(most=2**20), 2**20 + 1),
    (Size(most=2**20), "2M"),
    (Size(), "1T"),
    (Size(), -1),
    (Size(), 1.5),
    (Seconds(), "-1"),
    (Seconds(), "inf"),
    (Seconds(), math.nan),
    (Seconds(), "soon"),
    (Seconds(above_zero=True), 0),
    (Text("x", "X"), ""),
    (Text("x", "X"), "a\0b"),
    (Text("x", "X"), 5),
    (Choice("auto"), "manual"),
    (Mode(), "888"),
    (Mode(), 0o1777),
    (Header(), "no colon"),
    (Header(), "X y: 1"),
    (Header(), ": 1"),
    (Header(), "X-A: 1\r\nX-B: 2"),
    (Header(), ("x-a", "1\n")),
    (Header(), ("x-a", " 1")),
    (Header(), "X-A: \u20ac"),
    (Header(), "Content-Length: 1"),
    (Header(), "transfer-encoding: chunked"),
    (Header(), ("a", "b", "c")),
    (LogConfig(), "logging.yaml"),
    (LogConfig(), 5),
    (Each(Count(), ","), 5),
]


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED)
def test_accepted(kind, value, expected):
    result = kind.parse(value)
    assert result == expected
    assert type(result) is type(expected)
    assert kind.parse(result) == result, "a parsed value is accepted again"


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_refused(kind, value):
    with pytest.raises(ValueError):
        kind.parse(value)


@pytest.mark.parametrize(("kind", "value", "expected"), ACCEPTED)
def test_what_is_shown_is_accepted_again(kind, value, expected):
    assert kind.parse(kind.show(expected)) == expected
