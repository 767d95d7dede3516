from asgate.testing.transcript import FIRST, LAST, Transcript, described, short


def test_a_message_is_a_line():
    message = {"type": "http.response.body", "body": b"ab", "more_body": True}
    assert described(message) == "http.response.body body=b'ab' more_body=True"


def test_long_values_are_cut_and_their_size_is_told():
    assert short(b"x" * 1000).endswith("… (1000 bytes)")
    assert short("x" * 1000).endswith("… (1000 characters)")
    assert len(short(list(range(10000)))) < 130


def test_the_first_and_the_last_lines_are_kept():
    transcript = Transcript("http GET /")
    for number in range(FIRST + LAST + 5):
        transcript.note("app", f"line {number}")
    lines = transcript.lines()
    assert lines[0] == "http GET /"
    assert lines[1] == "   app: line 0"
    assert lines[FIRST + 1].strip() == "… 5 more …"
    assert lines[-1] == f"   app: line {FIRST + LAST + 4}"
