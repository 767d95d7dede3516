import asgate.config.kinds
from asgate.observe.tracebacks import outside


def caught(action):
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError


def test_frames_before_ours_and_after_are_kept_apart():
    error = caught(lambda: asgate.config.kinds.Count().parse("x"))
    first = outside(error.__traceback__)
    assert first.tb_frame.f_code.co_name == "caught", "leading frames of others are kept"
    ours = first.tb_next.tb_next
    assert ours.tb_frame.f_code.co_name == "parse"
    assert outside(ours) is None


def test_nothing_stays_nothing():
    assert outside(None) is None
