import io
import json
import logging
import re

import pytest

from asgate.config.atoms import ATOMS
from asgate.observe.access import _ATOMS, AccessLog, custom_line, human, json_line, line_format
from asgate.observe.logs import AccessHandler

HEADERS = [(b"host", b"a"), (b"user-agent", b'evil"\x1b[31m\n'), (b"x-id", b"1"), (b"x-id", b"2")]
RECORD = (
    ("127.0.0.1", 53412), "GET", b"/caf%C3%A9", b"q=1", "1.1", HEADERS, 200, 13, 0.0004212, "complete", None,
)  # fmt: skip
UNIX = (None, "POST", b"/", b"", "1.0", [], 0, 0, 2.5, "disconnected", None)
V6 = (("::1", 80), "GET", b'/"\xff\\', b"", "1.1", [], 503, 5, 0.0, "aborted", None)
CLOSED = (("::1", 80), "GET", b"/chat", b"", "1.1", [], 101, 12, 0.0034, "complete", 1000)
LOST = (*CLOSED[:9], "disconnected", 1006)
OPENED = (*CLOSED[:7], 0, 0.0006, "opened", None)
NOW = 1_790_000_000.25


def test_human_lines():
    assert human(RECORD, colour=False) == '127.0.0.1:53412 "GET /caf%C3%A9?q=1 HTTP/1.1" 200 13 B 0.42 ms'
    assert human(UNIX, colour=False) == '- "POST / HTTP/1.0" --- 0 B 2500.00 ms disconnected'
    assert human(V6, colour=False) == '[::1]:80 "GET /\\"\\xff\\\\ HTTP/1.1" 503 5 B 0.00 ms aborted'
    assert "\x1b[32m200\x1b[0m" in human(RECORD, colour=True)


def test_the_line_of_a_websocket_says_how_it_was_closed():
    line = '[::1]:80 "GET /chat HTTP/1.1" 101 12 B 3.40 ms'
    assert human(OPENED, colour=False) == '[::1]:80 "GET /chat HTTP/1.1" 101 0 B 0.60 ms opened'
    assert human(CLOSED, colour=False) == f"{line}, closed 1000"
    assert human(LOST, colour=False) == f"{line} disconnected, closed 1006"
    assert json.loads(json_line(CLOSED, NOW))["close_code"] == 1000
    assert "close_code" not in json.loads(json_line(RECORD, NOW))


def test_json_lines():
    entry = json.loads(json_line(RECORD, NOW))
    assert re.fullmatch(r"2026-09-2\d \d\d:\d\d:\d\d\.250[+-]\d{4}", entry.pop("time"))
    assert entry == {
        "level": "info", "logger": "asgate.access", "client": "127.0.0.1:53412", "method": "GET",
        "path": "/caf%C3%A9", "query": "q=1", "http_version": "1.1", "status": 200, "bytes": 13,
        "duration_ms": 0.421, "outcome": "complete",
    }  # fmt: skip
    assert json.loads(json_line(UNIX, NOW))["status"] is None


@pytest.mark.parametrize(
    ("style", "record", "line"),
    [
        (
            '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s',
            RECORD,
            '127.0.0.1 - - "GET /caf%C3%A9?q=1 HTTP/1.1" 200 13',
        ),
        ("%(m)s|%(U)s|%(q)s|%(H)s|%(c)s", RECORD, "GET|/caf%C3%A9|q=1|HTTP/1.1|127.0.0.1:53412"),
        ("%(T)s %(L)s %(M)s %(D)s", UNIX, "2 2.500000 2500 2500000"),
        ("%(h)s %(s)s %(b)s %(B)s %(o)s", UNIX, "- - - 0 disconnected"),
        ("%(s)s %(w)s", CLOSED, "101 1000"),
        ("%(s)s %(w)s", RECORD, "200 -"),
        ('"%(a)s" "%(f)s"', RECORD, '"evil\\"\\x1b[31m\\n" "-"'),
        ("%({X-Id}i)s %({none}i)s 100%%", RECORD, "1, 2 - 100%"),
    ],
)
def test_custom_lines(style, record, line):
    assert custom_line(style)(record, NOW) == line


def test_time_and_process_atoms():
    line = custom_line("%(t)s %(p)s")(RECORD, NOW)
    assert re.fullmatch(r"\[2\d/Sep/2026:\d\d:\d\d:\d\d [+-]\d{4}\] <\d+>", line)


def test_every_atom_is_documented_and_every_documented_atom_exists():
    assert set(_ATOMS) == set(ATOMS) - {"{name}i"}


def test_a_byte_is_not_taken_for_the_text_of_its_escape():
    lines = [human((*RECORD[:2], path, *RECORD[3:]), colour=False) for path in (b"/\xff\n", rb"/\xff\n")]
    assert [line.split()[2] for line in lines] == ["/\\xff\\n?q=1", r"/\\xff\\n?q=1"]


@pytest.mark.parametrize("style", ["human", "json", '%(h)s "%(r)s" %(U)s %({user-agent}i)s'])
def test_no_record_can_forge_a_line(style):
    hostile = bytes(range(256))
    record = (
        ("evil\nhost", 1),
        "GET",
        hostile,
        hostile,
        "1.1",
        [(b"user-agent", hostile)],
        200,
        1,
        0.1,
        "complete",
        None,
    )
    line = line_format(style, None)(record, NOW)
    assert line.isprintable()
    assert line.isascii()


class Counting(io.StringIO):
    writes = 0

    def write(self, text):
        self.writes += 1
        return super().write(text)


@pytest.fixture
def access_logger():
    logger = logging.getLogger("asgate.access")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield logger
    logger.handlers[:], logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def own_handler(logger, stream, **how):
    handler = AccessHandler(stream, **({"colour": False, "short": False, "json_lines": False} | how))
    logger.handlers[:] = [handler]
    logger.setLevel("INFO")
    logger.propagate = False


def test_a_batch_is_one_write(access_logger):
    stream = Counting()
    own_handler(access_logger, stream)
    AccessLog("human").write([RECORD, UNIX, V6])
    lines = stream.getvalue().splitlines()
    assert stream.writes == 1
    assert len(lines) == 3
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d{4} INFO     127\.0\.0\.1:53412 ", lines[0])


def test_the_handlers_json_and_colours_are_followed(access_logger):
    stream = io.StringIO()
    own_handler(access_logger, stream, json_lines=True)
    AccessLog("human").write([RECORD])
    assert json.loads(stream.getvalue())["status"] == 200
    own_handler(access_logger, stream := io.StringIO(), colour=True, short=True)
    AccessLog("human").write([RECORD])
    assert "\x1b[32m200\x1b[0m" in stream.getvalue()


@pytest.mark.parametrize(
    ("style", "json_lines", "lines"),
    [("human", False, 2), ("human", True, 1), ("json", False, 1), ("%(s)s %(w)s", False, 1)],
)
def test_only_people_are_told_that_a_websocket_was_opened(access_logger, style, json_lines, lines):
    stream = io.StringIO()
    own_handler(access_logger, stream, json_lines=json_lines)
    AccessLog(style).write([OPENED])
    AccessLog(style).write([CLOSED])
    assert len(stream.getvalue().splitlines()) == lines
    assert "1000" in stream.getvalue().splitlines()[-1]


def test_a_closed_stream_is_no_reason_to_stop(access_logger):
    stream = io.StringIO()
    own_handler(access_logger, stream)
    stream.close()
    AccessLog("human").write([RECORD])


def test_a_users_configuration_gets_ordinary_records(access_logger, caplog):
    access_logger.handlers[:] = []
    access_logger.propagate = True
    logging.getLogger("asgate").propagate = True
    with caplog.at_level("INFO", "asgate.access"):
        AccessLog("human").write([RECORD, UNIX, CLOSED])
    first, second, third = caplog.records
    assert first.getMessage() == human(RECORD, colour=False)
    assert (first.status, first.duration_ms, second.outcome) == (200, 0.421, "disconnected")
    assert (first.close_code, third.close_code) == (None, 1000)


@pytest.mark.parametrize("spoilt", [[5], [(b"x-id", "text")], [(b"x-id",)], None])
def test_spoilt_headers_of_a_scope_spoil_no_other_line(caplog, spoilt):
    caplog.set_level(logging.INFO, "asgate.access")
    AccessLog("%(m)s %({x-id}i)s").write([UNIX, (*RECORD[:5], spoilt, *RECORD[6:]), RECORD])
    assert caplog.messages == ["POST -", "GET -", "GET 1, 2"]
