import pytest

from asgate.testing.errors import MessageRefused
from asgate.testing.http_rules import HttpRules
from asgate.testing.options import ALL_EXTENSIONS, Served
from asgate.testing.scopes import http_scope

START = {"type": "http.response.start", "status": 200}
BODY = {"type": "http.response.body"}
TE = [(b"te", b"trailers")]


def rules(method="GET", extensions=ALL_EXTENSIONS, spec_version="2.5", headers=TE):
    served = Served(extensions=extensions, spec_version=spec_version)
    return HttpRules(http_scope(method, "http://a/", headers, served, None))


def seen(judge, *messages):
    return [piece for message in messages for piece in judge.accept(message) or ()]


def test_missing_keys_have_defaults():
    assert seen(rules(), START, BODY) == [
        {**START, "headers": [], "trailers": False},
        {**BODY, "body": b"", "more_body": False},
    ]


@pytest.mark.parametrize(
    ("before", "late"),
    [
        ([], BODY),
        ([START], START),
        ([START, {**BODY, "more_body": True}], START),
        ([START], {"type": "http.response.trailers", "headers": []}),
        ([{**START, "trailers": True}, BODY], BODY),
        ([START, {**BODY, "more_body": True}], {"type": "http.response.pathsend", "path": "/"}),
        ([{**START, "trailers": True}, BODY], {"type": "http.response.early_hint", "links": []}),
        ([START], {"type": "http.response.debug", "info": {}}),
        ([{"type": "http.response.debug", "info": {}}], {"type": "http.response.debug", "info": {}}),
        ([], {"type": "http.response.bodyy"}),
        ([], {"type": "websocket.accept"}),
    ],
)
def test_out_of_order_is_refused_and_changes_nothing(before, late):
    judge = rules()
    seen(judge, *before)
    state = judge.state
    with pytest.raises(MessageRefused):
        judge.accept(late)
    assert judge.state == state


@pytest.mark.parametrize("kind", ["pathsend", "zerocopysend", "push", "early_hint", "trailers", "debug"])
def test_extensions_that_are_not_offered_are_unknown(kind):
    judge = rules(extensions=())
    if kind not in ("early_hint", "debug"):
        seen(judge, START)
    with pytest.raises(MessageRefused, match="not offered"):
        judge.accept({"type": f"http.response.{kind}"})


def test_early_hints_may_come_until_the_last_body():
    hint = {"type": "http.response.early_hint", "links": [b"</a>"]}
    judge = rules()
    assert len(seen(judge, hint, START, hint, {**BODY, "more_body": True}, hint, BODY)) == 6


@pytest.mark.parametrize("status", [99, 100, 101, 103, 199, 1000])
def test_a_status_must_be_final(status):
    with pytest.raises(MessageRefused):
        rules().accept({**START, "status": status})


def test_after_the_end_messages_are_ignored():
    judge = rules()
    seen(judge, START, BODY)
    assert judge.accept({"type": "whatever"}) is None
    assert judge.farewell == {"type": "http.disconnect"}


def test_transfer_encoding_is_the_servers():
    start = {**START, "headers": [(b"Transfer-Encoding", b"chunked"), (b"a", b"b")]}
    assert seen(rules(), start)[0]["headers"] == [(b"a", b"b")]


def test_a_body_longer_than_declared_is_refused():
    judge = rules()
    seen(judge, {**START, "headers": [(b"content-length", b"2")]}, {**BODY, "body": b"a", "more_body": True})
    with pytest.raises(MessageRefused, match="1 bytes longer"):
        judge.accept({**BODY, "body": b"bc"})
    assert seen(judge, {**BODY, "body": b"b"})[0]["body"] == b"b"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_some_responses_have_no_body(method, status):
    start = {**START, "status": status, "headers": [(b"content-length", b"2")]}
    assert seen(rules(method), start, {**BODY, "body": b"ignored"})[1]["body"] == b""


def test_files_are_bodies(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    length = {**START, "headers": [(b"content-length", b"4")]}
    pathsend = {"type": "http.response.pathsend", "path": str(path)}
    pieces = seen(rules(), length, pathsend)[1:]
    assert [piece["body"] for piece in pieces] == [b"0123", b""]  # no more than declared
    with path.open("rb") as file:
        copy = {"type": "http.response.zerocopysend", "file": file, "offset": 8, "more_body": True}
        pieces = seen(rules(), START, copy, {**BODY, "body": b"!"})[1:]
    assert b"".join(piece["body"] for piece in pieces) == b"89!"
    assert [piece["more_body"] for piece in pieces] == [True, True, False]
    with path.open("rb") as file, pytest.raises(MessageRefused, match="6 bytes longer"):
        seen(rules(), length, {"type": "http.response.zerocopysend", "file": file})


def test_a_missing_file_leaves_the_response_as_it_was(tmp_path):
    judge = rules()
    seen(judge, START)
    with pytest.raises(FileNotFoundError):
        judge.accept({"type": "http.response.pathsend", "path": str(tmp_path / "none")})
    assert seen(judge, BODY)


def test_trailers_are_awaited_and_dropped_when_nobody_asked():
    trailers = {"type": "http.response.trailers", "headers": [(b"a", b"b")]}
    for headers, wanted in ((TE, [(b"a", b"b")]), ([], [])):
        judge = rules(headers=headers)
        seen(judge, {**START, "trailers": True}, BODY)
        assert not judge.complete
        assert seen(judge, {**trailers, "more_trailers": True})[0]["headers"] == wanted
        assert not judge.complete
        seen(judge, trailers)
        assert judge.complete


@pytest.mark.parametrize(
    ("version", "speaks"), [("2.5", True), ("2.4", True), ("2.3", False), ("2.0", False)]
)
def test_who_left_is_told_from_version_2_4(version, speaks):
    judge = rules(spec_version=version)
    assert not judge.speaks_up()
    judge.leave(1006, "")
    assert judge.speaks_up() is speaks
    assert judge.farewell == {"type": "http.disconnect"}
    if not speaks:
        assert judge.accept({"type": "whatever"}) is None


def test_after_a_complete_response_nobody_is_missed():
    judge = rules()
    seen(judge, START, BODY)
    judge.leave(1006, "")
    assert not judge.speaks_up()
