"""Rows about Transfer-Encoding, alone and next to Content-Length (RFC 9112 sections 6.1 and 6.3)."""

from asgate.conformance.corpus.row import (
    END,
    HELLO,
    HIDDEN,
    MARKER,
    POSTED,
    SMUGGLED,
    Ending,
    Refused,
    Request,
    Row,
    Served,
    chunk,
    get,
    lenient,
    lines,
    optional,
    post,
    refused,
    served,
)
from asgate.spec.clauses import Level

# ruff: noqa: E501
# fmt: off

BOTH = "a server MAY process such a request by the Transfer-Encoding, if it then closes (RFC 9112 6.1)"
OLD = "the RFC lets such a message be processed, if the connection is then closed (RFC 9112 6.1)"
LIST = "a recipient must ignore only a reasonable number of empty elements (RFC 9110 5.6.1)"
UNKNOWN = (501, 400)


def coding(*values: bytes, body: bytes = HELLO, line: bytes = b"POST /a HTTP/1.1", before: tuple[bytes, ...] = ()) -> bytes:
    return post(*before, *(b"Transfer-Encoding:" + value for value in values), body=body, line=line)


NOT_FINAL = tuple(
    refused(f"coding_{name}", f"Transfer-Encoding {says} is refused: chunked is not its last coding.", coding(*values), "RFC 9112 6.3", statuses=(400, 501))
    for name, says, values in (
        ("identity", "identity", (b" identity",)),
        ("gzip", "gzip", (b" gzip",)),
        ("unknown", "of an unknown coding", (b" frob",)),
        ("empty", "without a value", (b"",)),
        ("of_commas", "of commas", (b" , ,",)),
        ("chunked_then_gzip", "`chunked, gzip`", (b" chunked, gzip",)),
        ("chunked_then_identity", "`chunked, identity`", (b" chunked, identity",)),
        ("chunked_then_unknown", "`chunked, frob`", (b" chunked, frob",)),
        ("two_fields_chunked_then_gzip", "in two fields, chunked and gzip,", (b" chunked", b" gzip")),
        ("two_fields_chunked_then_identity", "in two fields, chunked and identity,", (b" chunked", b" identity")),
        ("two_fields_chunked_then_unknown", "in two fields, chunked and frob,", (b" chunked", b" frob")),
        ("with_prefix", "xchunked", (b" xchunked",)),
        ("with_suffix", "chunkedx", (b" chunkedx",)),
        ("cut_short", "chunk", (b" chunk",)),
        ("with_space_inside", "`chun ked`", (b" chun ked",)),
        ("followed_by_word", "`chunked x`", (b" chunked x",)),
        ("followed_by_itself", "`chunked chunked`", (b" chunked chunked",)),
        ("with_semicolon_for_comma", "`gzip; chunked`", (b" gzip; chunked",)),
        ("with_colon", "`: chunked`", (b": chunked",)),
        ("with_equals", "`=chunked`", (b" =chunked",)),
        ("with_full_stop", "`chunked.`", (b" chunked.",)),
        ("in_quotes", "in quotes", (b' "chunked"',)),
        ("in_apostrophes", "in apostrophes", (b" 'chunked'",)),
        ("in_brackets", "in brackets", (b" [chunked]",)),
        ("with_vertical_tab_before", "with a vertical tab before it", (b" \x0bchunked",)),
        ("with_vertical_tab_behind", "with a vertical tab behind it", (b" chunked\x0b",)),
        ("with_form_feed_before", "with a form feed before it", (b" \x0cchunked",)),
        ("with_control_behind", "with a control character behind it", (b" chunked\x01",)),
        ("two_fields_in_other_case", "in two fields, one in capitals with frob,", (b" chunked\r\nTRANSFER-ENCODING: frob",)),
        ("with_nul_before", "with a NUL before it", (b" \0chunked",)),
        ("with_nul_behind", "with a NUL behind it", (b" chunked\0",)),
        ("with_nul_inside", "with a NUL in it", (b" chun\0ked",)),
        ("with_no_break_space", "with a no-break space before it", (b" \xa0chunked",)),
        ("with_next_line", "with a C1 line end behind it", (b" chunked\x85",)),
        ("with_kelvin_sign", "with letters that only look like chunked", (b" chun\xe2\x84\xaaed",)),
        ("with_backspace", "with a backspace before it", (b" \x08chunked",)),
    )
)

LAST = tuple(
    refused(f"coding_{name}", f"Transfer-Encoding {says} is refused.", coding(*values), rfc, Level.SHOULD, statuses=UNKNOWN)
    for name, says, values, rfc in (
        ("gzip_then_chunked", "`gzip, chunked`", (b" gzip, chunked",), "RFC 9112 6.1"),
        ("unknown_then_chunked", "`frob, chunked`", (b" frob, chunked",), "RFC 9112 6.1"),
        ("identity_then_chunked", "`identity, chunked`", (b" identity, chunked",), "RFC 9112 6.1"),
        ("two_fields_gzip_then_chunked", "in two fields, gzip and chunked,", (b" gzip", b" chunked"), "RFC 9112 6.1"),
        ("two_fields_identity_then_chunked", "in two fields, identity and chunked,", (b" identity", b" chunked"), "RFC 9112 6.1"),
        ("doubled", "`chunked, chunked`", (b" chunked, chunked",), "RFC 9112 6.1"),
        ("two_fields_chunked", "in two fields, chunked twice,", (b" chunked", b" chunked"), "RFC 9112 6.1"),
        ("with_parameter", "`chunked;a=b`", (b" chunked;a=b",), "RFC 9112 7.1"),
        ("with_quality", "`chunked;q=0`", (b" chunked;q=0",), "RFC 9112 7.1"),
        ("with_empty_parameter", "`chunked;`", (b" chunked;",), "RFC 9112 7.1"),
    )
)

WITH_LENGTH = (
    *(
        lenient(f"coding_{name}", f"Transfer-Encoding {says} is refused.", post(*fields, body=HELLO), "RFC 9112 6.1", POSTED, why=BOTH, level=Level.MUST, closed=True)
        for name, says, fields in (
            ("after_length", "after Content-Length", (b"Content-Length: 15", b"Transfer-Encoding: chunked")),
            ("before_length", "before Content-Length", (b"Transfer-Encoding: chunked", b"Content-Length: 15")),
            ("and_shorter_length", "with a shorter Content-Length", (b"Content-Length: 4", b"Transfer-Encoding: chunked")),
            ("and_longer_length", "with a longer Content-Length", (b"Transfer-Encoding: chunked", b"Content-Length: 70")),
            ("and_length_zero", "with a Content-Length of 0", (b"Content-Length: 0", b"Transfer-Encoding: chunked")),
            ("and_bad_length", "with an invalid Content-Length", (b"Content-Length: abc", b"Transfer-Encoding: chunked")),
            ("and_two_lengths", "with two Content-Lengths", (b"Content-Length: 4", b"Content-Length: 5", b"Transfer-Encoding: chunked")),
            ("upper_case_and_length", "in capitals with a Content-Length", (b"Content-Length: 4", b"TRANSFER-ENCODING: CHUNKED")),
        )
    ),
    lenient("coding_and_length_hide_a_request", "A request in the body of one with both framings is not served.", post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=END + SMUGGLED), "RFC 9112 6.1", Request("POST", "/a"), why=BOTH, level=Level.MUST, closed=True),
    lenient("coding_and_length_with_a_request_in_a_chunk", "A request in a chunk of one with both framings is not served.", post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=chunk(SMUGGLED) + END), "RFC 9112 6.1", HIDDEN, why=BOTH, level=Level.MUST, closed=True),
    *(
        refused(f"coding_{name}_and_length", f"Transfer-Encoding {says} is refused next to a Content-Length, too.", post(b"Content-Length: 15", b"Transfer-Encoding:" + value, body=HELLO), "RFC 9112 6.3", statuses=(400, 501))
        for name, says, value in (("identity", "identity", b" identity"), ("unknown", "of an unknown coding", b" frob"), ("empty", "without a value", b""), ("not_last", "`chunked, gzip`", b" chunked, gzip"), ("vertical_tab", "with a vertical tab before it", b" \x0bchunked"), ("with_suffix", "chunkedx", b" chunkedx"))
    ),
)

OLDER = (
    *(
        lenient(f"coding_on_1_0_{name}", f"Transfer-Encoding on HTTP/1.0 is refused {says}.", post(*fields, b"Transfer-Encoding: chunked", body=HELLO, line=b"POST /a HTTP/1.0"), "RFC 9112 6.1", POSTED, why=OLD, level=Level.MUST, closed=True, ending=Ending.NOTHING)
        for name, says, fields in (("alone", "when it stands alone", ()), ("and_length", "next to a Content-Length", (b"Content-Length: 15",)), ("and_keep_alive", "and the connection is not kept", (b"Connection: keep-alive",)))
    ),
    Row("coding_on_1_0_not_chunked", "Transfer-Encoding identity on HTTP/1.0 is refused.", coding(b" identity", line=b"POST /a HTTP/1.0"), "RFC 9112 6.3", Level.MUST, (Refused((400, 501)),), ending=Ending.NOTHING),
)

GOOD = (
    served("coding", "A chunked body is read to its end and no further.", coding(b" chunked"), "RFC 9112 7.1", POSTED),
    served("coding_without_space", "No white space is needed before the coding.", coding(b"chunked"), "RFC 9112 5.1", POSTED),
    served("coding_with_white_space", "White space around the coding is ignored.", coding(b"\t chunked \t"), "RFC 9112 5.1", POSTED),
    served("coding_capitalized", "The coding's name may be capitalized.", coding(b" Chunked"), "RFC 9112 7", POSTED),
    served("coding_upper_case", "The coding's name may be upper case.", coding(b" CHUNKED"), "RFC 9112 7", POSTED),
    served("coding_field_lower_case", "The name in lower case frames a body like Transfer-Encoding.", post(b"transfer-encoding: chunked", body=HELLO), "RFC 9110 5.1", POSTED),
    optional("coding_with_comma_behind", "An empty element behind the coding is ignored.", coding(b" chunked,"), "RFC 9110 5.6.1", POSTED, why=LIST),
    optional("coding_with_comma_before", "An empty element before the coding is ignored.", coding(b" , chunked"), "RFC 9110 5.6.1", POSTED, why=LIST),
    optional("coding_and_empty_field", "An empty second Transfer-Encoding field is ignored.", coding(b" chunked", b""), "RFC 9110 5.6.1", POSTED, why=LIST),
    served("coding_of_get", "A GET may have a chunked body, and it is read.", get(b"Transfer-Encoding: chunked") + HELLO, "RFC 9110 9.3.1", Request("GET", "/a", b"hello")),
    served("coding_named_by_connection", "A Transfer-Encoding that Connection names still frames the body.", post(b"Connection: transfer-encoding", b"Transfer-Encoding: chunked", body=HELLO), "RFC 9112 6.3", POSTED),
    served("coding_wished_for", "TE does not frame a body.", get(b"Connection: TE", b"TE: chunked, trailers"), "RFC 9110 10.1.4", Request("GET", "/a")),
    served("coding_of_a_request", "A chunk that looks like a request is a chunk.", coding(b" chunked", body=chunk(MARKER) + END), "RFC 9112 7.1", Request("POST", "/a", MARKER)),
    Row("coding_on_1_2", "Chunked on a later minor version is read.", lines(b"POST /a HTTP/1.2", b"Host: probe", b"Transfer-Encoding: chunked", body=HELLO), "RFC 9110 2.5", Level.SHOULD, (Served((POSTED,)),), (Refused((400, 505)),), "a server may refuse versions that do not exist"),
)

ROWS: tuple[Row, ...] = (*NOT_FINAL, *LAST, *WITH_LENGTH, *OLDER, *GOOD)
