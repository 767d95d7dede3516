"""Messages that `send` must refuse, and the correct ones around them, for misuse.py."""

OK = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
PIECE = {"type": "http.response.body", "body": b"ok", "more_body": True}
END = {"type": "http.response.body", "body": b"ok"}


class Awful:
    def __eq__(self, other):
        raise RuntimeError("awful comparison")

    def __hash__(self):
        raise RuntimeError("awful hash")

    def __repr__(self):
        raise RuntimeError("awful repr")


class Closed:
    """A file whose descriptor is closed."""

    def fileno(self):
        return 987


WRONG = {
    "none": None,
    "number": 7,
    "list": [("type", "http.response.start")],
    "no_type": {"status": 200},
    "type_bytes": {"type": b"http.response.start", "status": 200},
    "type_awful": {"type": Awful()},
    "unknown": {"type": "http.response.unknown"},
    "websocket": {"type": "websocket.send", "text": "hello"},
    "push": {"type": "http.response.push", "path": "/x", "headers": []},
    "lifespan": {"type": "lifespan.startup.complete"},
    "no_status": {"type": "http.response.start", "headers": []},
    "status_text": {"type": "http.response.start", "status": "200"},
    "status_bool": {"type": "http.response.start", "status": True},
    "status_float": {"type": "http.response.start", "status": 200.0},
    "status_interim": {"type": "http.response.start", "status": 100},
    "status_negative": {"type": "http.response.start", "status": -1},
    "status_huge": {"type": "http.response.start", "status": 1 << 70},
    "headers_none": {"type": "http.response.start", "status": 200, "headers": None},
    "headers_text": {"type": "http.response.start", "status": 200, "headers": "x: y"},
    "headers_number": {"type": "http.response.start", "status": 200, "headers": 3},
    "headers_dict": {"type": "http.response.start", "status": 200, "headers": {b"x-a": b"b"}},
    "header_single": {"type": "http.response.start", "status": 200, "headers": [(b"x-a",)]},
    "header_triple": {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b", b"c")]},
    "header_str_name": {"type": "http.response.start", "status": 200, "headers": [("x-a", b"b")]},
    "header_str_value": {"type": "http.response.start", "status": 200, "headers": [(b"x-a", "b")]},
    "header_none_value": {"type": "http.response.start", "status": 200, "headers": [(b"x-a", None)]},
    "header_awful": {"type": "http.response.start", "status": 200, "headers": [Awful()]},
    "header_crlf": {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b\r\nx-evil: 1")]},
    "header_lf": {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b\nx-evil: 1")]},
    "header_nul": {"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b\0")]},
    "header_name_space": {"type": "http.response.start", "status": 200, "headers": [(b"x a", b"b")]},
    "header_name_crlf": {"type": "http.response.start", "status": 200, "headers": [(b"x\r\ny", b"b")]},
    "header_name_empty": {"type": "http.response.start", "status": 200, "headers": [(b"", b"b")]},
    "header_pseudo": {"type": "http.response.start", "status": 200, "headers": [(b":status", b"200")]},
    "length_twice": {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-length", b"2")] * 2,
    },
    "length_odd": {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"+2")]},
    "body_first": END,
    "trailers_first": {"type": "http.response.trailers", "headers": []},
    "pathsend_first": {"type": "http.response.pathsend", "path": "/etc/hostname"},
    "zerocopy_first": {"type": "http.response.zerocopysend", "file": 0},
    "hint_text": {"type": "http.response.early_hint", "links": "x"},
    "hint_none": {"type": "http.response.early_hint"},
    "hint_crlf": {"type": "http.response.early_hint", "links": [b"</x>\r\nx-evil: 1"]},
}

# After a correct start of two bytes that is still held back.
WRONG_BODIES = {
    "second_start": OK,
    "body_text": {"type": "http.response.body", "body": "ok"},
    "body_none": {"type": "http.response.body", "body": None},
    "body_number": {"type": "http.response.body", "body": 2},
    "body_list": {"type": "http.response.body", "body": [b"ok"]},
    "body_awful": {"type": "http.response.body", "body": Awful()},
    "more_number": {"type": "http.response.body", "body": b"ok", "more_body": 1},
    "more_text": {"type": "http.response.body", "body": b"ok", "more_body": "yes"},
    "too_long": {"type": "http.response.body", "body": b"too long"},
    "trailers_unannounced": {"type": "http.response.trailers", "headers": []},
    "pathsend_relative": {"type": "http.response.pathsend", "path": "etc/hostname"},
    "pathsend_bytes": {"type": "http.response.pathsend", "path": b"/etc/hostname"},
    "pathsend_missing": {"type": "http.response.pathsend", "path": "/no/such/file"},
    "pathsend_directory": {"type": "http.response.pathsend", "path": "/tmp"},
    "pathsend_nul": {"type": "http.response.pathsend", "path": "/tmp/\0"},
    "pathsend_endless": {"type": "http.response.pathsend", "path": "/dev/zero"},
    "zerocopy_number": {"type": "http.response.zerocopysend", "file": 0},
    "zerocopy_closed": {"type": "http.response.zerocopysend", "file": Closed()},
    "zerocopy_text": {"type": "http.response.zerocopysend", "file": "file"},
    "zerocopy_offset": {"type": "http.response.zerocopysend", "file": 0, "offset": -1},
}
