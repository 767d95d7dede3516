"""Applications that do everything wrong: the client sees an honest answer, the worker lives, and its next
request works.

One server for all of it: what one misuse breaks, the next test notices.
"""

from itertools import count

import pytest
from harness.connection import Client, Incomplete, request
from harness.process import Serve, Serving

number = count()


@pytest.fixture(scope="module")
def server(serve_all: Serve) -> Serving:
    return serve_all("misuse:app")


@pytest.fixture(autouse=True)
def survivor(server: Serving):
    """After each test the same process answers as if nothing had happened."""
    yield
    assert server.alive, server.log.text
    with Client(server.address) as client:
        for _ in range(2):
            assert client.get("/ok").body == b"ok"


@pytest.mark.parametrize(
    "name",
    [
        "returns_at_once",
        "returns_after_start",
        "raises_at_once",
        "raises_after_start",
        "raises_base_exception",
        "raises_generator_exit",
        "raises_stop_iteration",
        "raises_cancelled",
        "cancels_itself",
        "recurses",
        "raises_unprintable",
        "returns_no_coroutine",
        "raises_when_called",
        "awaits_a_stranger",
        "sends_from_a_thread",
    ],
)
@pytest.mark.clause("ASGI-016", "ASGI-017", "ASGI-018", "ASGI-025", "ASGI-041")
def test_end_without_a_response_is_a_500_and_a_close(server: Serving, name: str) -> None:
    with Client(server.address) as client:
        response = client.get(f"/{name}")
        assert (response.status, response.header("connection")) == (500, "close")
        assert response.body == b"Internal Server Error"
        assert client.read_to_end() == b""


@pytest.mark.parametrize("name", ["returns_half_way", "raises_half_way", "too_short"])
@pytest.mark.clause("ASGI-018", "ASGI-019", "ASGI-115")
def test_end_in_the_middle_cuts_the_response_visibly_short(server: Serving, name: str) -> None:
    with Client(server.address) as client, pytest.raises((Incomplete, ConnectionResetError)):
        client.get(f"/{name}")


@pytest.mark.clause("ASGI-016", "ASGI-111")
def test_error_after_a_complete_response_changes_nothing_of_it(server: Serving) -> None:
    with Client(server.address) as client:
        assert client.get("/raises_afterwards").body == b"ok"
    server.expect("the application raised ValueError on GET /raises_afterwards")


WRONG_TYPES = {
    "none", "number", "list", "type_bytes", "type_awful", "status_text", "status_bool", "status_float",
    "headers_none", "headers_text", "headers_number", "headers_dict", "header_str_name",
    "header_str_value", "header_none_value", "header_awful", "hint_text", "body_text", "body_none",
    "body_number", "body_list", "body_awful", "more_number", "more_text", "pathsend_bytes",
    "zerocopy_text", "zerocopy_number",
}  # fmt: skip
WRONG_VALUES = {
    "no_type", "unknown", "websocket", "push", "lifespan", "no_status", "status_interim",
    "status_negative", "status_huge", "header_single", "header_triple", "header_crlf", "header_lf",
    "header_nul", "header_name_space", "header_name_crlf", "header_name_empty", "header_pseudo",
    "length_twice", "length_odd", "body_first", "trailers_first", "pathsend_first", "zerocopy_first",
    "hint_none", "hint_crlf", "second_start", "too_long", "trailers_unannounced", "pathsend_relative",
    "pathsend_directory", "pathsend_endless", "zerocopy_offset",
}  # fmt: skip
OTHERS = {"pathsend_missing": "FileNotFoundError", "zerocopy_closed": "OSError", "pathsend_nul": "OSError"}


@pytest.mark.parametrize("name", sorted(WRONG_TYPES | WRONG_VALUES | OTHERS.keys()))
@pytest.mark.clause(
    "ASGI-030", "ASGI-031", "ASGI-032", "ASGI-037", "ASGI-038", "ASGI-039", "ASGI-040", "ASGI-041"
)
@pytest.mark.clause("ASGI-104", "ASGI-115", "ASGI-116", "SERVER-20", "ASGI-261", "ASGI-264", "ASGI-274")
def test_wrong_message_raises_and_the_right_one_still_works(server: Serving, name: str) -> None:
    with Client(server.address) as client:
        response = client.get(f"/wrong/{name}")
        assert (response.status, response.body) == (200, b"ok")
        assert response.header("x-evil") is None
        assert client.get("/ok").body == b"ok"
    expected = "TypeError" if name in WRONG_TYPES else OTHERS.get(name, "MessageError")
    assert server.expect(f"^{name}: (.+)")[1] == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("receives_on_and_on", "^received on and on"),
        ("sends_on_and_on", "^sent on and on"),
        ("keeps_its_channels", ""),
        ("uses_channels_of_others", ""),
        ("awaits_twice", "^awaits_twice: RuntimeError"),
        ("never_awaits", ""),
        ("receives_at_once", "^received at once 1"),
        ("cancels_receive", ""),
        ("wrecks_the_scope", ""),
        ("wrecks_the_request_event", ""),
        ("headers_that_raise", "^headers_that_raise: KeyError"),
        ("odd_dict", ""),
        ("many_headers", ""),
        ("makes_cycles", ""),
        ("swallows_its_cancellation", ""),
    ],
)
@pytest.mark.clause("ASGI-014", "ASGI-021", "ASGI-022", "ASGI-094", "ASGI-096", "ASGI-111")
def test_odd_use_of_the_channels_does_no_harm(server: Serving, name: str, said: str) -> None:
    with Client(server.address) as client:
        response = client.get(f"/{name}?{next(number)}")
        assert (response.status, response.body) == (200, b"ok")
        if said:
            server.expect(said)
        assert client.get("/ok").body == b"ok"


@pytest.mark.clause("ASGI-023", "ASGI-021")
def test_many_sends_at_once_keep_the_framing(server: Serving) -> None:
    with Client(server.address) as client:
        assert client.get("/sends_at_once").body == b"x" * 99


@pytest.mark.clause("ASGI-012", "ASGI-113")
def test_buffer_that_changes_after_send_was_sent_as_it_was(server: Serving) -> None:
    with Client(server.address) as client:
        client.send(request("GET", "/changes_its_buffer"))
        assert client.response().body == b"a" * 400_000


@pytest.mark.clause("ASGI-037", "ASGI-040")
def test_send_inside_the_headers_of_send_is_one_response_only(server: Serving) -> None:
    with Client(server.address) as client:
        assert client.get("/sends_within_headers").status == 204
        server.expect("^sends_within_headers: MessageError")
        assert client.get("/ok").body == b"ok"


@pytest.mark.clause("ASGI-012")
def test_misuse_leaks_no_memory_of_the_process_into_responses(server: Serving) -> None:
    """A server in C answered a `str` body with bytes of its own memory."""
    with Client(server.address) as client:
        client.send(request("GET", "/wrong/body_text"))
        assert client.read_until(b"\r\n\r\nok").endswith(b"\r\n\r\nok")
