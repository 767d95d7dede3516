import logging

import pytest

from asgate.observe.reports import Allowance, Reports, request

SCOPE = {"type": "http", "method": "GET", "path": "/a\nb"}


@pytest.fixture
def messages(caplog):
    logger = logging.getLogger("asgate")
    logger.propagate = True
    caplog.set_level(logging.DEBUG, "asgate")
    return caplog


NOT_NOTICED = (
    "the client of GET /a\\nb left and the application did not notice: cancelled (--timeout-disconnect)"
)


def raised():
    try:
        raise ValueError("broken")
    except ValueError as error:
        return error


@pytest.mark.clause("ASGI-016")
def test_an_application_that_raises_is_logged_with_method_path_and_traceback(messages):
    Reports(None).application_raised(raised(), SCOPE)
    [record] = messages.records
    assert record.getMessage() == "the application raised ValueError on GET /a\\nb"
    assert record.exc_info[2].tb_frame.f_code.co_name == "raised"


def test_an_error_without_frames_of_the_application(messages):
    Reports(None).application_raised(TypeError("not awaitable"), SCOPE)
    assert "TypeError: not awaitable" in messages.text


def test_other_reports(messages):
    reports = Reports(None)
    reports.application_broke("it returned without a response\n", SCOPE)
    reports.application_cancelled(SCOPE)
    reports.trouble("out of descriptors")
    reports.refused(("::1", 5), 400, "two Host fields\x1b")
    reports.refused(None, 0, "too slow")
    reports.refused(("a", 5), 503, "too many requests")
    reports.accessed([])
    assert [(record.levelname, record.getMessage()) for record in messages.records] == [
        ("ERROR", "on GET /a\\nb: it returned without a response\\n"),
        ("INFO", NOT_NOTICED),
        ("WARNING", "out of descriptors"),
        ("INFO", "refused ::1: 400, two Host fields\\x1b"),
        ("INFO", "refused -: closed, too slow"),
        ("WARNING", "refused a: 503, too many requests"),
    ]


def test_peers_cannot_fill_the_log(messages):
    reports = Reports(None)
    for _ in range(1000):
        reports.refused(("a", 1), 400, "broken")
    assert len(messages.records) <= 30


def test_what_was_passed_over_is_counted():
    allowance = Allowance(2)
    assert [allowance.take(1.0), allowance.take(1.5), allowance.take(1.6), allowance.take(1.7)] == [
        0,
        0,
        None,
        None,
    ]
    assert allowance.take(2.0) == 2
    assert allowance.take(2.1) == 0


def test_a_request_is_named_on_one_line():
    assert request(SCOPE) == "GET /a\\nb"
    assert request({"type": "lifespan"}) == "lifespan "
