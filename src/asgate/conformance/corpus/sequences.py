"""Rows of several requests, and of what changes a connection: Connection, Upgrade, Expect (RFC 9112 section 9, RFC 9110
sections 7.8 and 10.1.1).
"""

from asgate.conformance.corpus.row import (
    CONTENT,
    END,
    FOLD,
    GOT,
    HALF_CLOSED,
    HELLO,
    HIDDEN,
    POSTED,
    SMUGGLED,
    Allowed,
    Cut,
    Ending,
    Held,
    Refused,
    Request,
    Row,
    Served,
    Switched,
    chunk,
    chunked,
    get,
    lenient,
    lines,
    optional,
    post,
    refused,
    served,
    unfinished,
)
from asgate.spec.clauses import Level

# ruff: noqa: E501
# fmt: off

SECOND = b"GET /b HTTP/1.1\r\nHost: probe\r\n\r\n"
SECOND_GOT = Request("GET", "/b")
POST = post(b"Content-Length: 5", body=b"hello")

PIPELINED = (
    served("two_requests", "Two requests in one piece are two.", get() + SECOND, "RFC 9112 9.3.2", GOT, SECOND_GOT),
    served("request_after_length", "What follows a body of known length is the next request.", POST + SECOND, "RFC 9112 6.3", POSTED, SECOND_GOT),
    served("request_after_chunks", "What follows a chunked body is the next request.", chunked(HELLO) + SECOND, "RFC 9112 7.1", POSTED, SECOND_GOT),
    served("request_after_trailers", "What follows trailers is the next request.", chunked(b"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n") + SECOND, "RFC 9112 7.1.2", POSTED, SECOND_GOT),
    served("three_bodies", "Three bodies in one piece stay apart.", POST + chunked(HELLO) + POST, "RFC 9112 9.3.2", POSTED, POSTED, POSTED),
    served("ten_requests", "Ten requests in one piece are ten.", get() * 10, "RFC 9112 9.3.2", *[GOT] * 10),
    served("request_in_length", "A request inside a body of known length is data.", post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + SECOND, "RFC 9112 6.3", HIDDEN, SECOND_GOT),
    served("request_in_chunk", "A request inside a chunk is data.", chunked(chunk(SMUGGLED) + END) + SECOND, "RFC 9112 7.1", HIDDEN, SECOND_GOT),
    optional("request_in_get", "A request inside the body of a GET is data.", get(b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED, "RFC 9110 9.3.1", Request("GET", "/a", SMUGGLED), why=CONTENT),
    optional("request_in_head", "A request inside the body of a HEAD is data.", get(b"Content-Length: %d" % len(SMUGGLED), line=b"HEAD /a HTTP/1.1") + SMUGGLED, "RFC 9110 9.3.2", Request("HEAD", "/a", SMUGGLED), why=CONTENT),
    optional("request_in_delete", "A request inside the body of a DELETE is data.", get(b"Content-Length: %d" % len(SMUGGLED), line=b"DELETE /a HTTP/1.1") + SMUGGLED, "RFC 9110 9.3.5", Request("DELETE", "/a", SMUGGLED), why=CONTENT),
    served("request_in_options", "A request inside the body of an OPTIONS is data.", get(b"Content-Length: %d" % len(SMUGGLED), line=b"OPTIONS /a HTTP/1.1") + SMUGGLED, "RFC 9110 9.3.7", Request("OPTIONS", "/a", SMUGGLED)),
    served("request_in_put", "A request inside the body of a PUT is data.", post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED, line=b"PUT /a HTTP/1.1"), "RFC 9112 6.3", Request("PUT", "/a", SMUGGLED)),
    *(
        optional(f"request_in_chunk_of_{name.lower()}", f"A request inside a chunk of a {name} is data.", post(b"Transfer-Encoding: chunked", body=chunk(SMUGGLED) + END, line=name.encode() + b" /a HTTP/1.1"), rfc, Request(name, "/a", SMUGGLED), why=CONTENT)
        for name, rfc in (("GET", "RFC 9110 9.3.1"), ("HEAD", "RFC 9110 9.3.2"), ("DELETE", "RFC 9110 9.3.5"))
    ),
    served("request_in_chunk_of_options", "A request inside a chunk of an OPTIONS is data.", post(b"Transfer-Encoding: chunked", body=chunk(SMUGGLED) + END, line=b"OPTIONS /a HTTP/1.1"), "RFC 9110 9.3.7", Request("OPTIONS", "/a", SMUGGLED)),
    served("empty_line_after_body", "An empty line after a body is ignored.", POST + b"\r\n" + SECOND, "RFC 9112 2.2", POSTED, SECOND_GOT, level=Level.SHOULD),
    refused("bad_request_after_good", "A bad request after a good one is refused, and the good one is answered.", get() + get(b"X-A : b"), "RFC 9112 5.1", before=(GOT,)),
    refused("bad_request_after_body", "A bad request after a body is refused, and the first one is answered.", POST + b"(((\r\n\r\n", "RFC 9112 2.2", Level.SHOULD, before=(POSTED,)),
    refused("bad_framing_after_good", "A bad framing after a good request is refused, and the good one is answered.", get() + post(b"Content-Length: 5, 6", body=b"hello"), "RFC 9112 6.3", before=(GOT,)),
    refused("missing_host_after_good", "A missing Host is seen on the second request, too.", get() + lines(b"GET /b HTTP/1.1"), "RFC 9112 3.2", closed=False, before=(GOT,)),
    unfinished("half_request_after_good", "Half a request after a whole one is not served.", get() + SECOND[:-2], "RFC 9112 8", before=(GOT,)),
    unfinished("half_line", "Half a request line is not served.", b"GET /a HT", "RFC 9112 8"),
    unfinished("half_head", "A head without its empty line is not served.", get()[:-2], "RFC 9112 8"),
)

CLOSED = (
    *(
        served(f"close_{name}", f"No request after {says} is served.", data + SECOND, rfc, request, level=level, closed=True)
        for name, says, data, rfc, request, level in (
            ("alone", "`Connection: close`", get(b"Connection: close"), "RFC 9112 9.6", GOT, Level.MUST),
            ("upper_case", "`Connection: CLOSE`", get(b"Connection: CLOSE"), "RFC 9112 9.6", GOT, Level.MUST),
            ("before_keep_alive", "`Connection: close, keep-alive`", get(b"Connection: close, keep-alive"), "RFC 9112 9.3", GOT, Level.MUST),
            ("after_keep_alive", "`Connection: keep-alive, close`", get(b"Connection: keep-alive, close"), "RFC 9112 9.3", GOT, Level.MUST),
            ("in_second_field", "a second Connection field with close", get(b"Connection: x-a", b"Connection: close"), "RFC 9112 9.3", GOT, Level.MUST),
            ("with_empty_elements", "`Connection: , close,`", get(b"Connection: , close,"), "RFC 9112 9.6", GOT, Level.MUST),
            ("with_body", "a body and `Connection: close`", post(b"Connection: close", b"Content-Length: 5", body=b"hello"), "RFC 9112 9.6", POSTED, Level.MUST),
            ("with_chunks", "a chunked body and `Connection: close`", post(b"Connection: close", b"Transfer-Encoding: chunked", body=HELLO), "RFC 9112 9.6", POSTED, Level.MUST),
            ("on_1_0", "HTTP/1.0 without keep-alive", lines(b"GET /a HTTP/1.0", b"Host: probe"), "RFC 9112 9.3", GOT, Level.MUST),
            ("on_1_0_with_both", "HTTP/1.0 with close and keep-alive", lines(b"GET /a HTTP/1.0", b"Host: probe", b"Connection: close, keep-alive"), "RFC 9112 9.3", GOT, Level.MUST),
        )
    ),
    Row("keep_alive_on_1_0", "A request after HTTP/1.0 with keep-alive is served, or the connection is closed.", lines(b"GET /a HTTP/1.0", b"Host: probe", b"Connection: keep-alive") + SECOND, "RFC 9112 9.3", Level.MUST, (Served((GOT, SECOND_GOT)), Served((GOT,), closed=True))),
    Row("close_in_a_word", "`Connection: closed` does not close.", get(b"Connection: closed") + SECOND, "RFC 9112 9.3", Level.SHOULD, (Served((GOT, SECOND_GOT)),), (Served((GOT,), closed=True),), "a server may close a connection at any time"),
)


def upgrade(protocol: bytes, *fields: bytes) -> bytes:
    return get(b"Connection: Upgrade" + (b", HTTP2-Settings" if protocol == b"h2c" else b""), b"Upgrade: " + protocol, *fields)


SETTINGS = b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"
IGNORED: tuple[Allowed, ...] = (Served((GOT,)),)
TAKEN: tuple[Allowed, ...] = (Switched((GOT,)),)
UPGRADES = (
    Row("upgrade_unknown", "An Upgrade to an unknown protocol is ignored.", upgrade(b"frob/2"), "RFC 9110 7.8", Level.MUST, IGNORED),
    Row("upgrade_list", "An Upgrade to a list of unknown protocols is ignored.", upgrade(b"frob/2, nofrob"), "RFC 9110 7.8", Level.MUST, IGNORED),
    Row("upgrade_empty", "An empty Upgrade is ignored.", upgrade(b""), "RFC 9110 7.8", Level.MUST, IGNORED, (Refused(),), "a server may refuse an Upgrade without a protocol"),
    Row("upgrade_to_h2c", "An Upgrade to h2c is taken, or ignored.", upgrade(b"h2c", SETTINGS), "RFC 9110 7.8", Level.MUST, IGNORED + TAKEN),
    Row("upgrade_to_h2c_with_body", "An Upgrade to h2c leaves the framing as it is.", post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", SETTINGS, b"Content-Length: 5", body=b"hello"), "RFC 9110 7.8", Level.MUST, (Served((POSTED,)), Switched((POSTED,)))),
    Row("upgrade_to_tls", "An Upgrade to TLS is ignored.", upgrade(b"TLS/1.3"), "RFC 9110 7.8", Level.MUST, IGNORED),
    Row("upgrade_with_body", "An Upgrade to an unknown protocol leaves the framing as it is.", post(b"Connection: Upgrade", b"Upgrade: frob", b"Content-Length: 5", body=b"hello") + SECOND, "RFC 9110 7.8", Level.MUST, (Served((POSTED, SECOND_GOT)),)),
    Row("upgrade_with_chunks", "An Upgrade to an unknown protocol leaves a chunked body as it is.", post(b"Connection: Upgrade", b"Upgrade: frob", b"Transfer-Encoding: chunked", body=HELLO) + SECOND, "RFC 9110 7.8", Level.MUST, (Served((POSTED, SECOND_GOT)),)),
    Row("upgrade_without_connection", "An Upgrade that Connection does not name is ignored.", get(b"Upgrade: h2c", SETTINGS), "RFC 9110 7.8", Level.SHOULD, IGNORED, TAKEN, "only the sender is told to name Upgrade in Connection"),
    Row("upgrade_on_1_0", "An Upgrade on HTTP/1.0 is ignored.", get(b"Connection: Upgrade", b"Upgrade: h2c", SETTINGS, line=b"GET /a HTTP/1.0"), "RFC 9110 7.8", Level.MUST, (Served((GOT,), closed=True),), ending=Ending.NOTHING),
    Row("upgrade_named_and_missing", "`Connection: Upgrade` without an Upgrade is ignored.", get(b"Connection: Upgrade") + SECOND, "RFC 9110 7.8", Level.MUST, (Served((GOT, SECOND_GOT)),)),
    Row("upgrade_hides_a_request", "What follows a refused Upgrade is the next request.", upgrade(b"frob") + SECOND, "RFC 9110 7.8", Level.MUST, (Served((GOT, SECOND_GOT)),)),
)

EXPECTED = (
    served("expect_and_body", "A body that came without waiting for 100 is read.", post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"), "RFC 9110 10.1.1", POSTED),
    served("expect_and_chunks", "A chunked body that came without waiting for 100 is read.", post(b"Expect: 100-continue", b"Transfer-Encoding: chunked", body=HELLO), "RFC 9110 10.1.1", POSTED),
    served("expect_upper_case", "The expectation's name may be upper case.", post(b"Expect: 100-CONTINUE", b"Content-Length: 5", body=b"hello"), "RFC 9110 10.1.1", POSTED),
    served("expect_without_body", "An expectation without a body is no body.", get(b"Expect: 100-continue") + SECOND, "RFC 9110 10.1.1", GOT, SECOND_GOT),
    served("expect_on_1_0", "An expectation on HTTP/1.0 is ignored.", post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello", line=b"POST /a HTTP/1.0"), "RFC 9110 10.1.1", POSTED, closed=True, ending=Ending.NOTHING),
    optional("expect_unknown", "An unknown expectation is ignored, or refused with 417.", post(b"Expect: frob", b"Content-Length: 5", body=b"hello"), "RFC 9110 10.1.1", POSTED, why="a server MAY answer 417 (RFC 9110 10.1.1)", statuses=(417,)),
    optional("expect_with_other", "100-continue next to an unknown expectation is ignored, or refused with 417.", post(b"Expect: 100-continue, frob", b"Content-Length: 5", body=b"hello"), "RFC 9110 10.1.1", POSTED, why="a server MAY answer 417 (RFC 9110 10.1.1)", statuses=(417,)),
    optional("expect_empty", "An empty expectation is ignored.", post(b"Expect:", b"Content-Length: 5", body=b"hello"), "RFC 9110 10.1.1", POSTED, why="a server MAY answer 417 (RFC 9110 10.1.1)", statuses=(417, 400)),
    Row("expect_and_no_body", "A client that leaves before its announced body makes no whole request.", post(b"Expect: 100-continue", b"Content-Length: 5"), "RFC 9112 8", Level.MUST, (Cut(),), (Held(),), HALF_CLOSED, Ending.FIN),
    *(
        optional(f"expect_{name}", f"An expectation {says} is ignored, or refused with 417.", post(*fields, b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + SECOND, "RFC 9110 10.1.1", HIDDEN, SECOND_GOT, why="a server MAY answer 417 (RFC 9110 10.1.1)", statuses=(417, 400))
        for name, says, fields in (
            ("with_word_before", "with a word before 100-continue", (b"Expect: y 100-continue",)),
            ("with_word_behind", "with a word behind 100-continue", (b"Expect: 100-continue y",)),
            ("with_parameter", "with a parameter", (b"Expect: 100-continue;a=b",)),
            ("of_other_status", "of 200-ok", (b"Expect: 200-ok",)),
            ("and_other_in_second_field", "of 100-continue and an unknown one in a second field", (b"Expect: 100-continue", b"Expect: frob")),
        )
    ),
    served("expect_twice", "An expectation that stands there twice leaves the framing as it is.", post(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + SECOND, "RFC 9110 10.1.1", HIDDEN, SECOND_GOT),
    served("expect_and_hidden_request", "A request inside a body that was not waited for is data.", post(b"Expect: 100-continue", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + SECOND, "RFC 9110 10.1.1", HIDDEN, SECOND_GOT),
    served("expect_and_request_in_chunk", "A request inside a chunk that was not waited for is data.", post(b"Expect: 100-continue", b"Transfer-Encoding: chunked", body=chunk(SMUGGLED) + END) + SECOND, "RFC 9110 10.1.1", HIDDEN, SECOND_GOT),
    optional("expect_and_request_in_get", "A request inside the body of a GET with an expectation is data.", get(b"Expect: 100-continue", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED, "RFC 9110 10.1.1", Request("GET", "/a", SMUGGLED), why=CONTENT),
    served("expect_and_length_zero", "An expectation with a Content-Length of 0 is no body.", post(b"Expect: 100-continue", b"Content-Length: 0") + SECOND, "RFC 9110 10.1.1", Request("POST", "/a"), SECOND_GOT),
    lenient("expect_folded", "A folded expectation is refused.", post(b"Expect:\r\n 100-continue", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED) + SECOND, "RFC 9112 5.2", HIDDEN, SECOND_GOT, why=FOLD, level=Level.MUST),
    refused("expect_and_unknown_coding", "An expectation does not spare the coding.", post(b"Expect: 100-continue", b"Content-Length: 4", b"Transfer-Encoding: frob", body=HELLO), "RFC 9112 6.3", statuses=(400, 501)),
    refused("expect_and_bad_length", "An expectation does not spare the framing.", post(b"Expect: 100-continue", b"Content-Length: 5, 6", body=b"hello"), "RFC 9112 6.3"),
)

ROWS: tuple[Row, ...] = (*PIPELINED, *CLOSED, *UPGRADES, *EXPECTED)
