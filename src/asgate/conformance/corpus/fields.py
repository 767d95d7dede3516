"""Rows about field lines and Host (RFC 9112 sections 2.2, 3.2 and 5, RFC 9110 section 5.5)."""

from asgate.conformance.corpus.row import (
    FOLD,
    GOT,
    HELLO,
    LARGE,
    LF,
    MARKER,
    POSTED,
    Ending,
    Refused,
    Request,
    Row,
    Served,
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

REPLACED = "a recipient MAY replace CR and NUL in a value with a space (RFC 9110 5.5)"
RETAINED = "a recipient MAY retain other control characters (RFC 9110 5.5)"
IGNORED = "a recipient MAY drop lines with leading white space (RFC 9112 2.2)"
LINE = b"GET /a HTTP/1.1"


def got(**fields: str | None) -> Request:
    return Request("GET", "/a", fields=tuple((name.replace("_", "-"), value) for name, value in fields.items()))


WHITE_SPACE = tuple(
    refused(name, title, data, "RFC 9112 5.1")
    for name, title, data in (
        ("space_before_colon", "A space before the colon is refused.", get(b"X-A : b")),
        ("tab_before_colon", "A tab before the colon is refused.", get(b"X-A\t: b")),
        ("space_before_colon_of_host", "A space before Host's colon is refused.", lines(LINE, b"Host : probe")),
        ("space_before_colon_of_length", "A space before Content-Length's colon is refused.", post(b"Content-Length : %d" % len(MARKER))),
        ("space_before_colon_of_coding", "A space before Transfer-Encoding's colon is refused.", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
        ("space_before_colon_of_coding_with_length", "A space before Transfer-Encoding's colon is refused next to a Content-Length.", post(b"Content-Length: 5", b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    )
)

NAMES = (
    *(
        refused(f"name_{name}", f"A field name with {says} is refused.", get(text + b": b"), "RFC 9110 5.1", Level.SHOULD)
        for name, says, text in (
            ("empty", "no character", b""),
            ("with_space", "a space inside", b"X A"),
            ("with_nul", "a NUL", b"X\0A"),
            ("with_control", "a control character", b"X\x01A"),
            ("with_delete", "a DEL", b"X\x7fA"),
            ("with_vertical_tab", "a vertical tab", b"X-A\x0b"),
            ("with_8_bits", "8-bit characters", b"X-\xc3\xa9"),
            ("with_parenthesis", "a parenthesis", b"X(A"),
            ("with_comma", "a comma", b"X,A"),
            ("with_semicolon", "a semicolon", b"X;A"),
            ("with_equals", "an equals sign", b"X=A"),
            ("with_slash", "a slash", b"X/A"),
            ("with_backslash", "a backslash", b"X\\A"),
            ("with_at", "an at sign", b"X@A"),
            ("with_quote", "a quote", b'"X-A"'),
            ("with_bracket", "a bracket", b"[X-A]"),
            ("with_brace", "a brace", b"{X-A}"),
        )
    ),
    refused("no_colon", "A field line without a colon is refused.", get(b"X-A"), "RFC 9112 5", Level.SHOULD),
    refused("name_with_cr", "A bare CR in a name is refused.", get(b"X\rA: b"), "RFC 9112 2.2"),
    refused("name_of_length_with_nul", "A NUL behind the name Content-Length is refused.", post(b"Content-Length\0: 5", body=b"hello"), "RFC 9110 5.1", Level.SHOULD),
    refused("name_of_coding_with_no_break_space", "A no-break space behind the name Transfer-Encoding is refused.", post(b"Transfer-Encoding\xa0: chunked", body=b"0\r\n\r\n"), "RFC 9110 5.1", Level.SHOULD),
    served("name_of_every_token_character", "A field name with every character of a token is accepted.", get(b"X!#$%&'*+-.^_`|~09: b"), "RFC 9110 5.1", GOT),
    served("name_with_underscore", "A field name with an underscore is accepted.", get(b"X_A: b"), "RFC 9110 5.1", GOT),
    served("underscore_length", "Content_Length does not frame a body.", get(b"Content_Length: %d" % len(MARKER)), "RFC 9112 6.3", GOT),
    served("underscore_coding", "Transfer_Encoding does not frame a body.", get(b"Transfer_Encoding: chunked"), "RFC 9112 6.3", GOT),
    served("prefixed_length", "X-Content-Length does not frame a body.", get(b"X-Content-Length: %d" % len(MARKER)), "RFC 9112 6.3", GOT),
)

FOLDS = (
    lenient("fold", "Obsolete line folding is refused.", get(b"X-A: a\r\n b"), "RFC 9112 5.2", got(x_a="a b"), why=FOLD, level=Level.MUST),
    lenient("fold_with_tab", "Obsolete line folding with a tab is refused.", get(b"X-A: a\r\n\tb"), "RFC 9112 5.2", Request("GET", "/a"), why=FOLD, level=Level.MUST),
    lenient("fold_twice", "A value over three lines is refused.", get(b"X-A: a\r\n b\r\n c"), "RFC 9112 5.2", got(x_a="a b c"), why=FOLD, level=Level.MUST),
    lenient("fold_before_value", "A value that begins on the next line is refused.", get(b"X-A:\r\n b"), "RFC 9112 5.2", got(x_a="b"), why=FOLD, level=Level.MUST),
    lenient("fold_of_nothing", "A folded line of white space only is refused.", get(b"X-A: a\r\n \r\nX-B: c"), "RFC 9112 5.2", got(x_a="a", x_b="c"), why=FOLD, level=Level.MUST),
    lenient("fold_of_host", "A folded Host is refused.", lines(LINE, b"Host:\r\n probe"), "RFC 9112 5.2", got(host="probe"), why=FOLD, level=Level.MUST),
    lenient("fold_hides_length", "A Content-Length in a folded line does not frame a body.", get(b"X-A: a\r\n Content-Length: %d" % len(MARKER)), "RFC 9112 5.2", got(content_length=None), why=FOLD, level=Level.MUST),
    lenient("fold_of_length", "A folded Content-Length is refused.", post(b"Content-Length:\r\n 5", body=b"hello"), "RFC 9112 5.2", POSTED, why=FOLD, level=Level.MUST),
    refused("fold_inside_length", "Folding between the digits of Content-Length is refused.", post(b"Content-Length: 1\r\n 0", body=b"0123456789"), "RFC 9112 6.3"),
    lenient("fold_of_coding", "A folded Transfer-Encoding is refused.", post(b"Transfer-Encoding:\r\n chunked", body=HELLO), "RFC 9112 5.2", POSTED, why=FOLD, level=Level.MUST),
    lenient("fold_of_coding_after_lf", "A Transfer-Encoding folded behind a bare LF is refused.", post(b"Transfer-Encoding:\n chunked", body=HELLO), "RFC 9112 5.2", POSTED, why=FOLD, level=Level.MUST),
    lenient("fold_hides_coding", "A Transfer-Encoding in a folded line does not frame a body.", get(b"X-A: a\r\n Transfer-Encoding: chunked"), "RFC 9112 5.2", got(transfer_encoding=None), why=FOLD, level=Level.MUST),
    lenient("fold_hides_coding_behind_length", "A Transfer-Encoding folded into Content-Length makes no length of both.", post(b"X-A: a\r\n\tTransfer-Encoding: chunked", b"Content-Length: 5", body=b"hello"), "RFC 9112 5.2", POSTED, why=FOLD, level=Level.MUST),
    refused("fold_inside_coding", "Folding inside the word chunked is refused.", post(b"Transfer-Encoding: chun\r\n ked", body=HELLO), "RFC 9112 6.3", statuses=(400, 501)),
    refused("fold_between_codings", "Folding between codings of which one is unknown is refused.", post(b"Transfer-Encoding: frob,\r\n chunked", body=HELLO), "RFC 9112 6.1", Level.SHOULD, statuses=(400, 501)),
    refused("fold_inside_name_of_coding", "Folding before the colon of Transfer-Encoding is refused.", post(b"Transfer-Encoding\r\n : chunked", body=HELLO), "RFC 9112 5", Level.SHOULD),
    refused("fold_appends_to_host", "Folding that makes two names of Host is refused.", lines(LINE, b"Host: probe\r\n other"), "RFC 9112 3.2", closed=False),
    refused("fold_appends_to_coding", "Folding that makes `chunked x` of the coding is refused.", post(b"Transfer-Encoding: chunked\r\n x", body=b"0\r\n\r\n"), "RFC 9112 6.3", statuses=(400, 501)),
    lenient("space_before_first_field", "White space before the first field is refused.", lines(LINE, b" X-A: b", b"Host: probe"), "RFC 9112 2.2", got(x_a=None), why=IGNORED, level=Level.MUST),
    refused("space_before_host", "White space before Host, as the first field, is refused.", lines(LINE, b" Host: probe", b"X-A: b"), "RFC 9112 2.2"),
    lenient("space_before_first_length", "White space before Content-Length, as the first field, is refused.", lines(LINE, b" Content-Length: %d" % len(MARKER), b"Host: probe"), "RFC 9112 2.2", got(content_length=None), why=IGNORED, level=Level.MUST),
)

VALUES = (
    served("value_empty", "An empty value is accepted.", get(b"X-A:"), "RFC 9112 5.1", got(x_a="")),
    served("value_of_white_space", "A value of white space is empty.", get(b"X-A: \t "), "RFC 9112 5.1", got(x_a="")),
    served("value_without_space", "No white space is needed before a value.", get(b"X-A:b"), "RFC 9112 5.1", got(x_a="b")),
    served("value_with_colon", "A colon in a value belongs to it.", get(b"X-A: a: b"), "RFC 9112 5.1", got(x_a="a: b")),
    served("value_with_8_bits", "8-bit characters in a value are accepted.", get(b"X-A: \xc3\xa9"), "RFC 9110 5.5", got(x_a="\xc3\xa9")),
    served("value_with_tab", "A tab inside a value is accepted.", get(b"X-A: a\tb"), "RFC 9110 5.5", got(x_a="a\tb")),
    lenient("value_with_nul", "A NUL in a value is refused.", get(b"X-A: a\0b"), "RFC 9110 5.5", got(x_a="a b"), why=REPLACED, level=Level.MUST),
    lenient("value_with_cr", "A bare CR in a value is refused.", get(b"X-A: a\rb"), "RFC 9110 5.5", got(x_a="a b"), why=REPLACED, level=Level.MUST),
    lenient("value_with_cr_and_length", "A Content-Length behind a bare CR does not frame a body.", get(b"X-A: a\rContent-Length: %d" % len(MARKER)), "RFC 9110 5.5", got(content_length=None), why=REPLACED, level=Level.MUST),
    lenient("value_with_cr_at_end", "A value that ends with CR CR LF is refused.", get(b"X-A: a\r"), "RFC 9112 2.2", got(x_a="a"), why=REPLACED, level=Level.MUST),
    lenient("field_ends_with_lf", "A field line that ends with a bare LF is refused.", get(b"X-A: a\nX-B: b"), "RFC 9112 2.2", got(x_a="a", x_b="b"), why=LF),
    lenient("field_ends_with_lf_before_length", "A Content-Length behind a bare LF is refused.", post(b"X-A: a\nContent-Length: 5", body=b"hello"), "RFC 9112 2.2", POSTED, why=LF),
    lenient("field_ends_with_lf_before_coding", "A Transfer-Encoding behind a bare LF is refused.", post(b"X-A: a\nTransfer-Encoding: chunked", body=HELLO), "RFC 9112 2.2", POSTED, why=LF),
    lenient("cr_before_name_of_coding", "A Transfer-Encoding behind CR LF CR does not frame a body.", get(b"X-A: a\r\n\rTransfer-Encoding: chunked"), "RFC 9112 2.2", got(transfer_encoding=None), why=REPLACED, level=Level.MUST),
    lenient("length_ends_with_two_cr", "A Content-Length that ends with CR CR LF is refused.", post(b"Content-Length: 5\r", body=b"hello"), "RFC 9112 2.2", POSTED, why=REPLACED, level=Level.MUST),
    lenient("coding_ends_with_two_cr", "A Transfer-Encoding that ends with CR CR LF is refused.", post(b"Transfer-Encoding: chunked\r", body=HELLO), "RFC 9112 2.2", POSTED, why=REPLACED, level=Level.MUST),
    lenient("value_with_control", "A control character in a value is refused.", get(b"X-A: a\x01b"), "RFC 9110 5.5", GOT, why=RETAINED),
    lenient("value_with_escape", "An ESC in a value is refused.", get(b"X-A: a\x1b[2Jb"), "RFC 9110 5.5", GOT, why=RETAINED),
    lenient("value_with_delete", "A DEL in a value is refused.", get(b"X-A: a\x7fb"), "RFC 9110 5.5", GOT, why=RETAINED),
    lenient("value_with_vertical_tab", "A vertical tab in a value is refused.", get(b"X-A: a\x0bb"), "RFC 9110 5.5", GOT, why=RETAINED),
)

HOSTS = (
    *(
        refused(f"host_{name}", title, lines(LINE, *fields), "RFC 9112 3.2", closed=False)
        for name, title, fields in (
            ("missing", "HTTP/1.1 without Host is refused.", ()),
            ("twice_equal", "Two equal Host fields are refused.", (b"Host: probe", b"Host: probe")),
            ("twice_different", "Two different Host fields are refused.", (b"Host: probe", b"Host: other")),
            ("twice_in_other_case", "Two Host fields, one in capitals, are refused.", (b"Host: probe", b"HOST: other")),
            ("twice_with_field_between", "Two Host fields with another between them are refused.", (b"Host: probe", b"X-A: b", b"Host: other")),
            ("with_control", "A Host with a control character is refused.", (b"Host: pro\x01be",)),
            ("twice_one_empty", "An empty and a filled Host are refused.", (b"Host:", b"Host: probe")),
            ("of_two_names", "A Host with a list of names is refused.", (b"Host: probe, other",)),
            ("with_space", "A Host with a space in it is refused.", (b"Host: pro be",)),
            ("with_tab", "A Host with a tab in it is refused.", (b"Host: pro\tbe",)),
            ("with_nul", "A Host with a NUL in it is refused.", (b"Host: pro\0be",)),
            ("with_slash", "A Host with a path is refused.", (b"Host: probe/a",)),
            ("with_backslash", "A Host with a backslash is refused.", (b"Host: probe\\a",)),
            ("with_question_mark", "A Host with a question mark is refused.", (b"Host: probe?a",)),
            ("with_hash", "A Host with a hash sign is refused.", (b"Host: probe#a",)),
            ("with_user", "A Host with a user is refused.", (b"Host: user@probe",)),
            ("with_scheme", "A Host with a scheme is refused.", (b"Host: http://probe",)),
            ("with_angle_brackets", "A Host in angle brackets is refused.", (b"Host: <probe>",)),
            ("with_quotes", "A Host in quotes is refused.", (b'Host: "probe"',)),
            ("with_8_bits", "A Host with 8-bit characters is refused.", (b"Host: pr\xc3\xb6be",)),
            ("with_bad_port", "A Host with a port that is no number is refused.", (b"Host: probe:abc",)),
            ("with_signed_port", "A Host with a signed port is refused.", (b"Host: probe:+80",)),
            ("with_two_ports", "A Host with two ports is refused.", (b"Host: probe:80:80",)),
            ("with_open_bracket", "A Host with an open bracket is refused.", (b"Host: [::1",)),
            ("with_name_in_brackets", "A Host with a name in brackets is refused.", (b"Host: [probe]",)),
            ("with_text_after_bracket", "A Host with text behind the bracket is refused.", (b"Host: [::1]a",)),
            ("with_bad_percent", "A Host with a bare percent sign is refused.", (b"Host: pro%zz",)),
        )
    ),
    refused("host_missing_in_absolute_form", "The absolute form does not spare Host.", lines(b"GET http://probe/a HTTP/1.1"), "RFC 9112 3.2", closed=False),
    refused("host_twice_in_absolute_form", "Two Host fields are refused with the absolute form, too.", lines(b"GET http://probe/a HTTP/1.1", b"Host: probe", b"Host: probe"), "RFC 9112 3.2", closed=False),
    refused("host_bad_in_absolute_form", "An invalid Host is refused with the absolute form, too.", lines(b"GET http://probe/a HTTP/1.1", b"Host: pro be"), "RFC 9112 3.2", closed=False),
    refused("host_twice_on_1_0", "Two Host fields are refused on HTTP/1.0, too.", lines(b"GET /a HTTP/1.0", b"Host: probe", b"Host: other"), "RFC 9112 3.2", ending=Ending.NOTHING),
    served("host_missing_on_1_0", "HTTP/1.0 needs no Host.", lines(b"GET /a HTTP/1.0"), "RFC 9112 3.2", GOT, closed=True, ending=Ending.NOTHING),
    served("host_with_port", "A Host with a port is accepted.", lines(LINE, b"Host: probe:80"), "RFC 9112 3.2", got(host="probe:80")),
    served("host_with_empty_port", "A Host with an empty port is accepted.", lines(LINE, b"Host: probe:"), "RFC 9112 3.2", GOT),
    served("host_of_version_4", "A Host with an IPv4 address is accepted.", lines(LINE, b"Host: 127.0.0.1:80"), "RFC 9112 3.2", GOT),
    served("host_of_version_6", "A Host with an IPv6 address is accepted.", lines(LINE, b"Host: [::1]:80"), "RFC 9112 3.2", GOT),
    served("host_with_underscore", "A Host with an underscore is accepted.", lines(LINE, b"Host: a_b"), "RFC 9112 3.2", GOT),
    served("host_with_percent", "A Host with an escaped character is accepted.", lines(LINE, b"Host: a%41"), "RFC 9112 3.2", GOT),
    lenient("host_empty", "An empty Host is refused for an http target.", lines(LINE, b"Host:"), "RFC 9110 4.2.1", got(host=""), why="the field may be empty where the target has no authority (RFC 9112 3.2)"),
)

LARGE_STATUSES = (431, 400, 413)
SIZES = (
    served("field_of_4000_bytes", "A field of 4000 bytes is accepted.", get(b"X-A: " + b"b" * 4000), "RFC 9110 5.4", GOT, level=Level.SHOULD),
    *(
        Row(f"field_{name}", f"A head with {says} is refused.", get(*fields), "RFC 9110 5.4", Level.MUST, (Refused(LARGE_STATUSES),), (Served((GOT,)),), LARGE)
        for name, says, fields in (
            ("of_70000_bytes", "a field of 70000 bytes", (b"X-A: " + b"b" * 70_000,)),
            ("of_1000000_bytes", "a field of a million bytes", (b"X-A: " + b"b" * 1_000_000,)),
            ("name_of_70000_bytes", "a name of 70000 bytes", (b"X" * 70_000 + b": b",)),
            ("thousand_times", "a thousand fields", tuple(b"X-%d: b" % number for number in range(1000))),
            ("20000_times", "20000 fields", tuple(b"X-%d: b" % number for number in range(20_000))),
        )
    ),
    optional("field_hundred_times", "A head with 90 fields is accepted.", get(*(b"X-%d: b" % number for number in range(90))), "RFC 9110 5.4", GOT, why=LARGE, statuses=LARGE_STATUSES),
)

ROWS: tuple[Row, ...] = (*WHITE_SPACE, *NAMES, *FOLDS, *VALUES, *HOSTS, *SIZES)
