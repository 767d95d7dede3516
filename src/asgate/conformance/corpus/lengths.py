"""Rows about Content-Length (RFC 9112 section 6.3, RFC 9110 section 8.6)."""

from asgate.conformance.corpus.row import (
    CONTENT,
    GOT,
    HALF_CLOSED,
    HELLO,
    MARKER,
    POSTED,
    Cut,
    Ending,
    Held,
    Refused,
    Request,
    Row,
    get,
    lenient,
    optional,
    post,
    refused,
    served,
    unfinished,
)
from asgate.spec.clauses import Level

# ruff: noqa: E501
# fmt: off

EQUAL = "equal values may be taken for one (RFC 9110 8.6)"
RFC = "RFC 9112 6.3"


def length(*values: bytes, body: bytes = b"hello", line: bytes = b"POST /a HTTP/1.1") -> bytes:
    return post(*(b"Content-Length:" + value for value in values), body=body, line=line)


BAD = (
    *(
        refused(f"length_{name}", f"A Content-Length {says} is refused.", length(value), RFC)
        for name, says, value in (
            ("empty", "without a value", b""),
            ("of_white_space", "of white space", b" \t"),
            ("with_plus", "with a plus sign", b" +5"),
            ("with_minus", "with a minus sign", b" -5"),
            ("minus_zero", "of minus zero", b" -0"),
            ("hexadecimal", "in hexadecimal", b" 0x5"),
            ("hexadecimal_letter", "with a letter for a digit", b" 5a"),
            ("octal", "with an octal prefix", b" 0o5"),
            ("in_words", "in words", b" five"),
            ("with_fraction", "with a fraction", b" 5.0"),
            ("with_exponent", "with an exponent", b" 5e0"),
            ("with_space_inside", "with a space between digits", b" 5 5"),
            ("with_tab_inside", "with a tab between digits", b" 5\t5"),
            ("with_underscore", "with an underscore between digits", b" 0_5"),
            ("with_semicolon", "with a semicolon", b" 5;"),
            ("with_parameter", "with a parameter", b" 5;a=b"),
            ("with_quotes", "in quotes", b' "5"'),
            ("with_apostrophes", "in apostrophes", b" '5'"),
            ("with_nul_behind", "with a NUL behind it", b" 5\0"),
            ("with_nul_before", "with a NUL before it", b" \x005"),
            ("with_vertical_tab", "with a vertical tab before it", b" \x0b5"),
            ("with_form_feed", "with a form feed behind it", b" 5\x0c"),
            ("with_no_break_space", "with a no-break space before it", b" \xa05"),
            ("with_arabic_digit", "with an Arabic digit", b" \xd9\xa5"),
            ("with_full_width_digit", "with a full-width digit", b" \xef\xbc\x95"),
            ("with_superscript_digit", "with a superscript digit", b" \xb2"),
            ("with_cr_inside", "with a bare CR between digits", b" 0\r5"),
            ("twice_different", "next to another, different one,", b" 5\r\nContent-Length: 6"),
            ("twice_zero_and_more", "of zero next to another one", b" 0\r\nContent-Length: 5"),
            ("twice_one_bad", "that is none next to a good one", b" 5\r\nContent-Length: abc"),
            ("twice_one_empty", "without a value next to a good one", b" 5\r\nContent-Length:"),
            ("twice_in_other_case", "next to a different one in capitals", b" 5\r\nCONTENT-LENGTH: 6"),
            ("list_different", "with a list of different values", b" 5, 6"),
            ("list_one_bad", "with a list of which one is none", b" 5, a"),
            ("list_of_nothing", "with a list of nothing", b" ,"),
        )
    ),
    refused("length_bad_of_get", "An invalid Content-Length is refused on a GET, too.", get(b"Content-Length: -1"), RFC),
    refused("length_bad_on_1_0", "An invalid Content-Length is refused on HTTP/1.0, too.", length(b" abc", line=b"POST /a HTTP/1.0"), RFC, ending=Ending.NOTHING),
    refused("length_different_on_1_0", "Different Content-Lengths are refused on HTTP/1.0, too.", length(b" 5", b" 6", line=b"POST /a HTTP/1.0"), RFC, ending=Ending.NOTHING),
)

LENIENT = tuple(
    lenient(f"length_{name}", f"A Content-Length {says} is refused.", length(*values), "RFC 9110 8.6", POSTED, why=EQUAL, level=Level.MUST)
    for name, says, values in (
        ("twice_equal", "next to an equal one", (b" 5", b" 5")),
        ("list_equal", "with a list of equal values", (b" 5, 5",)),
        ("list_equal_three_times", "with a list of three equal values", (b" 5,5,5",)),
        ("list_with_empty_end", "with an empty element at the end", (b" 5,",)),
        ("list_with_empty_start", "with an empty element at the start", (b" ,5",)),
        ("list_with_empty_middle", "with an empty element between equal ones", (b" 5,,5",)),
        ("twice_with_zero", "next to an equal one with a leading zero", (b" 5", b" 05")),
    )
)

HUGE = tuple(
    Row(f"length_{name}", f"A Content-Length of {says} is not taken for 5.", length(b" " + value), "RFC 9110 8.6", Level.MUST, (Refused((413, 400)), Cut()), (Held(),), HALF_CLOSED, Ending.FIN)
    for name, says, value in (("2_32", "2^32 + 5", b"4294967301"), ("2_63", "2^63 + 5", b"9223372036854775813"), ("2_64", "2^64 + 5", b"18446744073709551621"), ("2_128", "2^128 + 5", b"340282366920938463463374607431768211461"), ("of_400_digits", "400 digits", b"9" * 400), ("of_5000_digits", "5000 digits", b"9" * 5000))
)

GOOD = (
    served("length", "A body of the given length is read to its end and no further.", length(b" 5"), RFC, POSTED),
    served("length_without_space", "No white space is needed before Content-Length's value.", length(b"5"), RFC, POSTED),
    served("length_with_white_space", "White space around Content-Length's value is ignored.", length(b"\t 5 \t"), RFC, POSTED),
    served("length_zero", "A Content-Length of 0 is an empty body.", length(b" 0", body=b""), RFC, Request("POST", "/a")),
    served("length_missing", "A request without framing has no body.", post(), RFC, Request("POST", "/a")),
    optional("length_of_get", "A GET may have a body, and it is read.", get(b"Content-Length: 5") + b"hello", "RFC 9110 9.3.1", Request("GET", "/a", b"hello"), why=CONTENT),
    served("length_zero_of_get", "A GET with a Content-Length of 0 has an empty body.", get(b"Content-Length: 0"), RFC, GOT),
    optional("length_with_leading_zeros", "A Content-Length may have leading zeros.", length(b" 005"), "RFC 9110 8.6", POSTED, why="no sender has a reason for leading zeros"),
    optional("length_with_40_zeros", "A Content-Length may have many leading zeros.", length(b" " + b"0" * 40 + b"5"), "RFC 9110 8.6", POSTED, why="no sender has a reason for leading zeros"),
    served("length_of_a_request", "A body that looks like a request is a body.", length(b" %d" % len(MARKER), body=MARKER), RFC, Request("POST", "/a", MARKER)),
    served("length_of_line_ends", "A body of line ends is a body.", length(b" 8", body=b"\r\n\r\n\n\n\r\r"), RFC, Request("POST", "/a", b"\r\n\r\n\n\n\r\r")),
    served("length_of_chunks", "A body that looks chunked is a body.", length(b" 15", body=HELLO), RFC, Request("POST", "/a", HELLO)),
    served("length_upper_case", "CONTENT-LENGTH frames a body like Content-Length.", post(b"CONTENT-LENGTH: 5", body=b"hello"), "RFC 9110 5.1", POSTED),
    served("length_named_by_connection", "A Content-Length that Connection names still frames the body.", post(b"Connection: content-length", b"Content-Length: 5", body=b"hello"), RFC, POSTED),
    served("content_coding_of_chunked", "`Content-Encoding: chunked` does not frame a body.", post(b"Content-Encoding: chunked", b"Content-Length: 5", body=b"hello"), RFC, POSTED),
    refused("length_too_small", "What is left behind a body is read as the next request.", length(b" 3", body=b"hel(lo) / HTTP/1.1\r\n\r\n"), RFC, Level.SHOULD, before=(Request("POST", "/a", b"hel"),)),
    unfinished("length_too_large", "A body that ends before its length is not taken for whole.", length(b" 6"), "RFC 9112 8"),
    unfinished("length_and_no_body", "A body that never begins is not taken for whole.", length(b" 6", body=b""), "RFC 9112 8"),
)

ROWS: tuple[Row, ...] = (*BAD, *LENIENT, *HUGE, *GOOD)
