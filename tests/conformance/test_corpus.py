"""The corpus is sound as a table, and the comparison of what came with what is allowed says what it should."""

import re
from dataclasses import replace

import pytest

from asgate.conformance.case import cases
from asgate.conformance.corpus import ROWS
from asgate.conformance.corpus.row import (
    GOT,
    MARKER,
    POSTED,
    Allowed,
    Cut,
    Discarded,
    Ending,
    Held,
    Refused,
    Request,
    Row,
    Served,
    Switched,
    get,
    lenient,
    optional,
    post,
    refused,
    served,
    unfinished,
)
from asgate.conformance.corpus.verdict import Seeing, Seen, answers, requests, verdict
from asgate.conformance.results import Outcome
from asgate.spec.clauses import Level

HOST = ((b"host", b"probe"),)
SEEN = Seen("GET", "/a", b"", HOST, True)
SEEN_POST = Seen("POST", "/a", b"hello", HOST, True)
SMUGGLED = Seen("PUT", "/smuggled", b"", HOST, True)
BROKEN = replace(SEEN_POST, body=b"", whole=False)
REFUSAL = Seeing((400,), (), marker=False, ended=True)
SERVED = Seeing((200, 200), (SEEN,), marker=True, ended=True)

MUST_REFUSE = refused("a", "A.", b"", "RFC 9112 6.3")
SHOULD_REFUSE = refused("a", "A.", b"", "RFC 9112 2.2", Level.SHOULD)
LATE = refused("a", "A.", b"", "RFC 9112 2.2", late=True)
STAYS = refused("a", "A.", b"", "RFC 9112 3.2", closed=False)
SECOND = refused("a", "A.", b"", "RFC 9112 6.3", before=(GOT,))
MAY_SERVE = lenient("a", "A.", b"", "RFC 9112 2.2", GOT, why="LF may end a line")
CLOSES = lenient("a", "A.", b"", "RFC 9112 6.1", POSTED, why="both", level=Level.MUST, closed=True)
MUST_SERVE = served("a", "A.", b"", "RFC 9112 3", GOT)
FIELDS = served("a", "A.", b"", "RFC 9112 5", Request("GET", "/a", fields=(("x-a", "a b"), ("x-b", None))))
SETTINGS = b"\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x64"
ACKNOWLEDGED = b"\0\0\0\4\1\0\0\0\0"
UPGRADE = Row("a", "A.", b"", "RFC 9110 7.8", Level.MUST, (Switched((GOT,)),))
PREFACE = Row("a", "A.", b"", "RFC 9113 3.4", Level.MAY, (Switched(preface=True),))
TWO = served("a", "A.", b"", "RFC 9112 9.3", GOT, POSTED)
DROPS = Row("a", "A.", b"", "RFC 9112 7.1", Level.SHOULD, (Refused(),), (Discarded((POSTED,)), Cut()))
HALF = unfinished("a", "A.", b"", "RFC 9112 8", before=(GOT,))


def with_fields(*fields: tuple[bytes, bytes]) -> Seeing:
    return replace(SERVED, requests=(replace(SEEN, headers=HOST + fields),))


def test_there_are_many_rows_each_with_a_case_of_its_own():
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)) >= 600
    registered = {case.name: case for case in cases() if case.group == "smuggling"}
    assert set(registered) == {f"smuggling/{name}" for name in names}
    assert all(registered[f"smuggling/{row.name}"].title == row.title for row in ROWS)


def test_no_two_rows_send_the_same():
    sent = [(row.data, row.ending) for row in ROWS]
    assert len(sent) == len(set(sent))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_well_formed(row: Row):
    assert re.fullmatch(r"[a-z0-9_]+", row.name)
    assert re.fullmatch(r"[^\x00-\x1f\x7f]+\.", row.title) and row.title[0] == row.title[0].upper()
    assert re.fullmatch(r"RFC 9(110|112|113) \d+(\.\d+)*", row.rfc)
    reasoned = (Cut, Discarded)  # which have a reason of their own
    assert row.right and (row.why or all(isinstance(one, reasoned) for one in row.allowed))
    assert (row.data and MARKER not in row.data.removesuffix(MARKER)) or row.name in EMBEDDED


EMBEDDED = {"length_of_a_request", "coding_of_a_request"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_allows_what_it_names_and_no_smuggling(row: Row):
    """Every allowed outcome is recognized as such; one more request makes every outcome a failure."""
    for allowed in row.right + row.allowed:
        seeing = made(allowed)
        expected = Outcome.PASS if allowed in row.right else Outcome.DIFFERS
        assert verdict(row, seeing)[0] is expected
        more = replace(seeing, requests=(*seeing.requests, SMUGGLED), statuses=(*seeing.statuses, 200))
        assert verdict(row, more)[0] is Outcome.FAIL


def made(allowed: Allowed) -> Seeing:
    """Just what is allowed, and no more."""
    wanted = allowed.requests if isinstance(allowed, Served | Discarded | Switched) else allowed.before
    seen = tuple(
        Seen(
            request.method,
            request.path or "/any",
            request.body,
            tuple(
                (name.encode(), value.encode("latin-1"))
                for name, value in request.fields
                if value is not None
            ),
            True,
        )
        for request in wanted
    )
    statuses = (200,) * len(seen)
    if isinstance(allowed, Refused):
        statuses += (allowed.statuses[0],)
    if isinstance(allowed, Switched):
        statuses = () if allowed.preface else (101,)
    flaw = SETTINGS if isinstance(allowed, Switched) and allowed.preface else b""
    return Seeing(statuses, seen, marker=False, ended=not isinstance(allowed, Held), flaw=flaw)


@pytest.mark.parametrize(
    ("row", "seeing", "expected"),
    [
        (MUST_REFUSE, REFUSAL, Outcome.PASS),
        (MUST_REFUSE, replace(REFUSAL, statuses=(431,)), Outcome.DIFFERS),
        (MUST_REFUSE, replace(REFUSAL, statuses=(500,)), Outcome.FAIL),
        (MUST_REFUSE, replace(REFUSAL, statuses=()), Outcome.FAIL),
        (MUST_REFUSE, replace(REFUSAL, ended=False), Outcome.FAIL),
        (MUST_REFUSE, replace(REFUSAL, marker=True, statuses=(400, 200)), Outcome.FAIL),
        (MUST_REFUSE, replace(REFUSAL, requests=(BROKEN,)), Outcome.PASS),
        (MUST_REFUSE, replace(REFUSAL, flaw=b"HTTP/1.1 2"), Outcome.FAIL),
        (MUST_REFUSE, SERVED, Outcome.FAIL),
        (SHOULD_REFUSE, replace(REFUSAL, statuses=()), Outcome.DIFFERS),
        (SHOULD_REFUSE, SERVED, Outcome.FAIL),
        (LATE, Seeing((200,), (BROKEN,), marker=False, ended=True), Outcome.DIFFERS),
        (LATE, Seeing((200,), (SEEN_POST,), marker=False, ended=True), Outcome.FAIL),
        (STAYS, replace(REFUSAL, marker=True, statuses=(400, 200), ended=False), Outcome.PASS),
        (SECOND, Seeing((200, 400), (SEEN,), marker=False, ended=True), Outcome.PASS),
        (SECOND, Seeing((400,), (SEEN,), marker=False, ended=True), Outcome.FAIL),
        (MAY_SERVE, REFUSAL, Outcome.PASS),
        (MAY_SERVE, SERVED, Outcome.DIFFERS),
        (MAY_SERVE, replace(SERVED, requests=(SEEN, SMUGGLED), statuses=(200, 200, 200)), Outcome.FAIL),
        (CLOSES, Seeing((200,), (SEEN_POST,), marker=False, ended=True), Outcome.DIFFERS),
        (CLOSES, Seeing((200, 200), (SEEN_POST,), marker=True, ended=True), Outcome.FAIL),
        (MUST_SERVE, SERVED, Outcome.PASS),
        (MUST_SERVE, Seeing((200,), (SEEN,), marker=False, ended=True), Outcome.PASS),
        (MUST_SERVE, Seeing((200, 400), (SEEN,), marker=False, ended=True), Outcome.FAIL),
        (MUST_SERVE, replace(SERVED, ended=False), Outcome.FAIL),
        (MUST_SERVE, REFUSAL, Outcome.FAIL),
        (FIELDS, with_fields((b"x-a", b"a  b")), Outcome.PASS),
        (FIELDS, with_fields((b"x-a", b"a b"), (b"X-B", b"")), Outcome.FAIL),
        (FIELDS, with_fields((b"x-a", b"a\rb")), Outcome.FAIL),
        (MUST_SERVE, with_fields((b"x-a", b"a\nb")), Outcome.FAIL),
        (HALF, Seeing((200,), (SEEN,), marker=False, ended=True), Outcome.PASS),
        (HALF, Seeing((200, 408), (SEEN, BROKEN), marker=False, ended=True), Outcome.PASS),
        (HALF, Seeing((200,), (SEEN,), marker=False, ended=False), Outcome.DIFFERS),
        (HALF, Seeing((), (SEEN,), marker=False, ended=True), Outcome.FAIL),
        (HALF, Seeing((200,), (SEEN, SEEN_POST), marker=False, ended=True), Outcome.FAIL),
        (HALF, Seeing((200,), (SEEN,), marker=False, ended=True, flaw=b"garbage"), Outcome.FAIL),
        (TWO, Seeing((200,), (SEEN,), marker=False, ended=True, last=True), Outcome.NOT_OFFERED),
        (TWO, Seeing((200,), (SEEN,), marker=False, ended=True), Outcome.FAIL),
        (TWO, Seeing((200,), (SEEN, SMUGGLED), marker=False, ended=True, last=True), Outcome.FAIL),
        (TWO, Seeing((200,), (SMUGGLED,), marker=False, ended=True, last=True), Outcome.FAIL),
        (TWO, Seeing((400,), (), marker=False, ended=True, last=True), Outcome.FAIL),
        (SECOND, Seeing((200,), (SEEN,), marker=False, ended=True, last=True), Outcome.NOT_OFFERED),
        (SECOND, Seeing((200,), (SEEN, SMUGGLED), marker=False, ended=True, last=True), Outcome.FAIL),
        (DROPS, REFUSAL, Outcome.PASS),
        (DROPS, Seeing((200,), (SEEN_POST,), marker=False, ended=False), Outcome.DIFFERS),
        (DROPS, Seeing((200,), (SEEN_POST,), marker=False, ended=True), Outcome.DIFFERS),
        (DROPS, Seeing((200, 200), (SEEN_POST,), marker=True, ended=True), Outcome.FAIL),
        (DROPS, Seeing((200,), (SEEN,), marker=False, ended=False), Outcome.FAIL),
        (DROPS, Seeing((200,), (SEEN_POST,), marker=False, ended=False, flaw=b"garbage"), Outcome.FAIL),
        (DROPS, Seeing((), (BROKEN,), marker=False, ended=False), Outcome.FAIL),
        (UPGRADE, Seeing((101,), (), marker=False, ended=False), Outcome.PASS),
        (UPGRADE, Seeing((101,), (SEEN,), marker=False, ended=True), Outcome.PASS),
        (UPGRADE, Seeing((101,), (SEEN, SMUGGLED), marker=False, ended=True), Outcome.FAIL),
        (UPGRADE, Seeing((101, 101), (), marker=False, ended=True), Outcome.FAIL),
        (UPGRADE, Seeing((), (), marker=False, ended=True, flaw=b"garbage"), Outcome.FAIL),
        (UPGRADE, Seeing((), (), marker=False, ended=True, flaw=SETTINGS), Outcome.FAIL),
        (PREFACE, Seeing((), (), marker=False, ended=False, flaw=SETTINGS), Outcome.PASS),
        (PREFACE, Seeing((), (), marker=False, ended=False, flaw=ACKNOWLEDGED), Outcome.FAIL),
        (PREFACE, Seeing((), (), marker=False, ended=False, flaw=b"\1" + SETTINGS), Outcome.FAIL),
        (PREFACE, Seeing((), (), marker=False, ended=True, flaw=b"garbage"), Outcome.FAIL),
        (PREFACE, Seeing((101,), (), marker=False, ended=True), Outcome.FAIL),
    ],
)
def test_verdict(row: Row, seeing: Seeing, expected: Outcome):
    outcome, why = verdict(row, seeing)
    assert outcome is expected
    assert bool(why) is (outcome is not Outcome.PASS)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\necho"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\necho\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"", ((), b"")),
        (OK, ((200,), b"")),
        (OK + CHUNKED + OK, ((200, 200, 200), b"")),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + OK, ((200, 200), b"")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, ((200,), b"")),
        (b"HTTP/1.1 204 No Content\r\n\r\n" + OK, ((204, 200), b"")),
        (b"HTTP/1.1 400 Bad Request\r\n\r\nto the end", ((400,), b"")),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n\0\0\0", ((101,), b"")),
        (OK + b"echo", ((200,), b"echo")),
        (OK + OK[:-1], ((200,), OK[:-1])),
        (OK + CHUNKED[:-5], ((200,), CHUNKED[:-5])),
        (OK + CHUNKED[:-2], ((200,), CHUNKED[:-2])),
        (OK.replace(b": 4", b": four"), ((), OK.replace(b": 4", b": four"))),
        (b"HTTP/1.1 100 Continue\r\n\r\n", ((), b"")),
        (OK.replace(b"200", b"100"), ((), OK.replace(b"200", b"100"))),
        (OK.replace(b"200", b"101"), ((), OK.replace(b"200", b"101"))),
        (b"\0\0\x12\4\0\0\0\0\0", ((), b"\0\0\x12\4\0\0\0\0\0")),
    ],
)
def test_answers(received: bytes, expected: tuple[tuple[int, ...], bytes]):
    assert told(received) == expected


def told(received: bytes, method: str = "GET") -> tuple[tuple[int, ...], bytes]:
    found, rest = answers(received, method=method)
    return tuple(answer.status for answer in found), rest


@pytest.mark.parametrize("received", [OK, OK[:-4]])
def test_an_answer_to_connect_is_whole_with_its_head(received: bytes):
    """A tunnel begins there; servers that take it for any other request send a body, too."""
    assert told(received, method="CONNECT") == ((200,), b"")
    refusal = OK[:-4].replace(b"200", b"405")
    assert told(refusal, method="CONNECT") == ((), refusal)


def test_the_answer_to_head_has_no_body():
    assert told(OK[:-4] + OK, method="HEAD") == ((200, 200), b"")
    assert told(OK + OK, method="HEAD") == ((200,), b"echo" + OK)


def test_a_difference_is_told_as_it_is():
    """A status that the row names is never told as a missing one."""
    row = optional("a", "A.", b"", "RFC 9110 10.1.1", GOT, why="a server MAY answer 417", statuses=(417,))
    assert verdict(row, replace(REFUSAL, statuses=(417,)))[1].startswith("a server MAY answer 417; saw:")
    assert verdict(row, replace(REFUSAL, statuses=(400,)))[1].startswith("refused, though not with 417; saw:")


def test_what_is_no_answer_is_told():
    why = verdict(MUST_SERVE, replace(SERVED, flaw=b"garbage"))[1]
    assert "answers 200, 200, then b'garbage', which is no whole answer of HTTP/1.1, the connection" in why


def test_requests_are_put_together_from_reports():
    scope = {"type": "http", "method": "POST", "path": "/a", "headers": [[b"host", b"probe"]]}
    reports = [
        {"open": 1, "scope": scope},
        {"echo": 1, "body": b"hello", "ended": "complete"},
        {"closed": 1, "how": "returned"},
        {"open": 2, "scope": scope},
        {"open": 3, "scope": {"type": "lifespan"}},
    ]
    assert requests(reports) == [SEEN_POST, BROKEN]


def test_bytes_of_a_row():
    assert get(b"X-A: b") == b"GET /a HTTP/1.1\r\nHost: probe\r\nX-A: b\r\n\r\n"
    assert post(b"Content-Length: 1", body=b"a").endswith(b"Content-Length: 1\r\n\r\na")
    assert HALF.ending is Ending.LATE_FIN
