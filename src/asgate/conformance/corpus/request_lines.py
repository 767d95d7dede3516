"""Rows about the request line (RFC 9112 sections 2.2, 2.3 and 3): its ends, its white space, its three parts."""

from asgate.conformance.corpus.row import (
    GOT,
    LF,
    Ending,
    Refused,
    Request,
    Row,
    Served,
    Switched,
    get,
    lenient,
    lines,
    optional,
    refused,
    served,
)
from asgate.spec.clauses import Level

# ruff: noqa: E501
# fmt: off

SPACE = "a recipient MAY split the request line at any white space (RFC 9112 3)"
CHARACTERS = "clients send these characters unescaped and no two readers disagree about them"
GATEWAY = "a server may take the client for a trusted gateway (RFC 9110 7.4)"
FRAGMENT = "the fragment has no meaning here, and where the target ends is clear"
HOST = b"Host: probe"


def line(text: bytes, *fields: bytes) -> bytes:
    return get(*fields, line=text)


ENDS = (
    lenient("line_ends_with_lf", "A request line that ends with a bare LF is refused.", b"GET /a HTTP/1.1\nHost: probe\r\n\r\n", "RFC 9112 2.2", GOT, why=LF),
    lenient("head_ends_with_lf", "A head whose empty line is a bare LF is refused.", b"GET /a HTTP/1.1\r\nHost: probe\r\n\n", "RFC 9112 2.2", GOT, why=LF),
    lenient("head_with_lf_only", "A head with bare LFs only is refused.", b"GET /a HTTP/1.1\nHost: probe\n\n", "RFC 9112 2.2", GOT, why=LF),
    lenient("line_ends_with_two_cr", "A request line that ends with CR CR LF is refused.", b"GET /a HTTP/1.1\r\r\nHost: probe\r\n\r\n", "RFC 9112 2.2", GOT, why=LF + " and ignore a CR before it"),
    refused("line_ends_with_cr", "A bare CR does not end the request line.", b"GET /a HTTP/1.1\rHost: probe\r\n\r\n", "RFC 9112 2.2"),
    refused("line_ends_with_lf_cr", "LF CR does not end the request line.", b"GET /a HTTP/1.1\n\rHost: probe\n\r\n\r", "RFC 9112 2.2"),
    refused("cr_inside_target", "A bare CR inside the target is refused.", line(b"GET /a\rb HTTP/1.1"), "RFC 9112 2.2"),
    refused("cr_hides_a_request", "A bare CR does not begin another request.", line(b"GET /a HTTP/1.1\r\rGET /smuggled HTTP/1.1"), "RFC 9112 2.2"),
    served("empty_line_before", "One empty line before the request line is ignored.", b"\r\n" + get(), "RFC 9112 2.2", GOT, level=Level.SHOULD),
    optional("two_empty_lines_before", "Two empty lines before the request line are ignored, or refused.", b"\r\n\r\n" + get(), "RFC 9112 2.2", GOT, why="a server SHOULD ignore at least one"),
    optional("thousand_empty_lines_before", "A thousand empty lines before the request line are ignored, or refused.", b"\r\n" * 1000 + get(), "RFC 9112 2.2", GOT, why="a server SHOULD ignore at least one"),
    lenient("lf_before", "A bare LF before the request line is refused.", b"\n" + get(), "RFC 9112 2.2", GOT, why=LF),
    lenient("cr_before", "A bare CR before the request line is refused.", b"\r" + get(), "RFC 9112 2.2", GOT, why=SPACE, level=Level.MUST),
    refused("nul_before", "A NUL before the request line is refused.", b"\0" + get(), "RFC 9112 2.2", Level.SHOULD),
    refused("byte_order_mark_before", "A byte order mark before the request line is refused.", b"\xef\xbb\xbf" + get(), "RFC 9112 2.2", Level.SHOULD),
)

WHITE_SPACE = tuple(
    lenient(f"line_{name}", f"A request line with {says} is refused.", line(text), "RFC 9112 3", GOT, why=SPACE)
    for name, says, text in (
        ("two_spaces_before_target", "two spaces before the target", b"GET  /a HTTP/1.1"),
        ("two_spaces_before_version", "two spaces before the version", b"GET /a  HTTP/1.1"),
        ("tab_before_target", "a tab before the target", b"GET\t/a HTTP/1.1"),
        ("tab_before_version", "a tab before the version", b"GET /a\tHTTP/1.1"),
        ("vertical_tab_before_target", "a vertical tab before the target", b"GET\x0b/a HTTP/1.1"),
        ("form_feed_before_version", "a form feed before the version", b"GET /a\x0cHTTP/1.1"),
        ("cr_before_target", "a bare CR before the target", b"GET\r/a HTTP/1.1"),
        ("space_at_start", "a space at its start", b" GET /a HTTP/1.1"),
        ("tab_at_start", "a tab at its start", b"\tGET /a HTTP/1.1"),
        ("space_at_end", "a space at its end", b"GET /a HTTP/1.1 "),
        ("tab_at_end", "a tab at its end", b"GET /a HTTP/1.1\t"),
    )
)

PARTS = tuple(
    refused(name, title, data, "RFC 9112 3", Level.SHOULD, statuses=(400, 301))
    for name, title, data in (
        ("space_in_target", "A target with a space in it is refused.", line(b"GET /a b HTTP/1.1")),
        ("two_versions", "A request line with two versions is refused.", line(b"GET /a HTTP/1.1 HTTP/1.1")),
        ("no_target", "A request line without a target is refused.", line(b"GET HTTP/1.1")),
        ("empty_target", "A request line with an empty target is refused.", line(b"GET  HTTP/1.1")),
        ("method_only", "A request line with a method only is refused.", line(b"GET")),
        ("no_method", "A request line without a method is refused.", line(b"/a HTTP/1.1")),
        ("version_only", "A request line with a version only is refused.", line(b"HTTP/1.1")),
        ("no_version", "A request line without a version is refused.", line(b"GET /a")),
        ("no_version_but_space", "A request line with a space for a version is refused.", line(b"GET /a ")),
        ("simple_request", "A request in the manner of HTTP/0.9 is refused.", b"GET /a\r\n"),
        ("answer_for_request", "A status line is refused.", line(b"HTTP/1.1 200 OK")),
        ("field_for_request_line", "A head without a request line is refused.", lines(HOST, b"X-A: b")),
        ("json_for_request", "JSON is refused.", b'{"jsonrpc": "2.0", "method": "a"}\r\n\r\n'),
        ("tls_for_request", "The beginning of TLS is refused.", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00\r\n\r\n"),
        ("ssh_for_request", "The beginning of SSH is refused.", b"SSH-2.0-probe\r\n\r\n"),
    )
)

VERSIONS = (
    *(
        refused(f"version_{name}", f"The version {text} is refused.", line(b"GET /a " + text.encode()), rfc, Level.SHOULD, statuses=(400, 505))
        for name, text, rfc in (
            ("lower_case", "http/1.1", "RFC 9112 2.3"),
            ("mixed_case", "Http/1.1", "RFC 9112 2.3"),
            ("without_minor", "HTTP/1", "RFC 9112 2.3"),
            ("without_number", "HTTP/", "RFC 9112 2.3"),
            ("minor_of_two_digits", "HTTP/1.10", "RFC 9112 2.3"),
            ("major_of_two_digits", "HTTP/01.1", "RFC 9112 2.3"),
            ("with_three_numbers", "HTTP/1.1.1", "RFC 9112 2.3"),
            ("with_letter", "HTTP/1.1x", "RFC 9112 2.3"),
            ("with_letter_for_digit", "HTTP/1.a", "RFC 9112 2.3"),
            ("with_comma", "HTTP/1,1", "RFC 9112 2.3"),
            ("with_sign", "HTTP/-1.1", "RFC 9112 2.3"),
            ("with_plus", "HTTP/+1.1", "RFC 9112 2.3"),
            ("with_space_inside", "HTTP/ 1.1", "RFC 9112 2.3"),
            ("with_space_before_slash", "HTTP /1.1", "RFC 9112 2.3"),
            ("of_https", "HTTPS/1.1", "RFC 9112 2.3"),
            ("of_ftp", "FTP/1.1", "RFC 9112 2.3"),
        )
    ),
    *(
        lenient(f"version_{major}_{minor}", f"HTTP/{major}.{minor} on a connection for HTTP/1.1 is refused.", line(b"GET /a HTTP/%d.%d" % (major, minor)), "RFC 9110 6.2", GOT, why="a server may refuse other major versions, and need not", statuses=(505, 400), ending=Ending.NOTHING if major == 0 else Ending.MARKER)
        for major, minor in ((0, 9), (2, 0), (3, 0), (9, 9))
    ),
    *(served(f"version_1_{minor}", f"HTTP/1.{minor} is processed as HTTP/1.1.", line(b"GET /a HTTP/1.%d" % minor), "RFC 9110 2.5", GOT, level=Level.SHOULD) for minor in (2, 9)),
)

METHODS = (
    *(
        refused(f"method_{name}", f"A method with {says} is refused.", line(text + b" /a HTTP/1.1"), "RFC 9110 9.1", Level.SHOULD)
        for name, says, text in (
            ("with_colon", "a colon", b"GET:"),
            ("with_slash", "a slash", b"G/T"),
            ("with_parenthesis", "a parenthesis", b"G(T"),
            ("with_quote", "a quote", b'"GET"'),
            ("with_comma", "a comma", b"GET,"),
            ("with_nul", "a NUL", b"G\0T"),
            ("with_control", "a control character", b"G\x01T"),
            ("with_delete", "a DEL", b"G\x7fT"),
            ("with_8_bits", "8-bit characters", b"G\xc3\x89T"),
        )
    ),
    Row("method_unknown", "An unknown method reaches the application, or is refused.", line(b"FROB /a HTTP/1.1"), "RFC 9110 9.1", Level.MUST, (Served((Request("FROB", "/a"),)), Refused((501, 405), closed=False)), (Refused((400,)),), "a server may know fewer methods than its applications"),
    Row(
        "method_of_every_token_character",
        "A method with every character of a token is taken, or refused as unknown.",
        line(b"M!#$%&'*+-.^_`|~09 /a HTTP/1.1"),
        "RFC 9110 9.1",
        Level.MUST,
        (Served((Request("M!#$%&'*+-.^_`|~09", "/a"),)), Refused((501, 405), closed=False)),
        (Refused((400,)),),
        "a server may know fewer methods than its applications",
    ),
    Row("method_of_10000_letters", "A method of 10000 letters is refused.", line(b"M" * 10000 + b" /a HTTP/1.1"), "RFC 9112 3", Level.SHOULD, (Refused((501, 400, 414, 431)),), (Served((Request("M" * 10000, "/a"),)),), "a server may take long methods"),
)

TARGETS = (
    *(
        refused(f"target_{name}", f"A target with {says} is refused.", line(b"GET " + text + b" HTTP/1.1"), rfc, Level.SHOULD)
        for name, says, text, rfc in (
            ("with_nul", "a NUL", b"/a\0b", "RFC 9112 3.2"),
            ("with_control", "a control character", b"/a\x01b", "RFC 9112 3.2"),
            ("with_escape", "an ESC", b"/a\x1bb", "RFC 9112 3.2"),
            ("with_delete", "a DEL", b"/a\x7fb", "RFC 9112 3.2"),
            ("without_slash", "no slash before the path", b"a/b", "RFC 9112 3.2.1"),
            ("of_query_only", "a query only", b"?a=b", "RFC 9112 3.2.1"),
            ("of_fragment_only", "a fragment only", b"#a", "RFC 9112 3.2.1"),
            ("in_authority_form", "the form of an authority", b"probe:80", "RFC 9112 3.2.3"),
            ("asterisk_for_get", "an asterisk and the method GET", b"*", "RFC 9112 3.2.4"),
            ("asterisk_and_more", "more than an asterisk", b"*a", "RFC 9112 3.2.4"),
            ("absolute_with_user", "user and password", b"http://user:secret@probe/a", "RFC 9110 4.2.4"),
            ("absolute_with_bad_port", "a port that is no number", b"http://probe:abc/a", "RFC 9112 3.2.2"),
            ("absolute_with_open_bracket", "an open bracket in the host", b"http://[::1/a", "RFC 9112 3.2.2"),
            ("absolute_with_space_in_host", "an escaped space in the host's name", b"http://pr\tobe/a", "RFC 9112 3.2.2"),
        )
    ),
    refused("target_absolute_without_host", "A target with http and an empty host is refused.", line(b"GET http:///a HTTP/1.1"), "RFC 9110 4.2.1"),
    lenient("target_with_8_bits", "A target with 8-bit characters is refused.", line(b"GET /\xc3\xa9 HTTP/1.1"), "RFC 9112 3.2", Request("GET", None), why=CHARACTERS),
    lenient("target_with_excluded_characters", "A target with characters that a URI excludes is refused.", line(b'GET /a{b}|"c"<d>^` HTTP/1.1'), "RFC 9112 3.2", Request("GET", None), why=CHARACTERS),
    lenient("target_with_backslash", "A target with a backslash is refused.", line(b"GET /a\\b HTTP/1.1"), "RFC 9112 3.2", Request("GET", "/a\\b"), why=CHARACTERS),
    lenient("target_with_fragment", "A target with a fragment is refused.", line(b"GET /a#b HTTP/1.1"), "RFC 9112 3.2.1", Request("GET", None), why=FRAGMENT),
    lenient("target_absolute_with_fragment", "A target in absolute form with a fragment is refused.", line(b"GET http://probe/a#b HTTP/1.1"), "RFC 9112 3.2.2", Request("GET", None), why=FRAGMENT),
    lenient("target_with_bad_percent", "A target with a percent sign and no hexadecimal digits is refused.", line(b"GET /a%zz HTTP/1.1"), "RFC 9112 3.2.1", Request("GET", None), why=CHARACTERS),
    optional("target_with_escaped_line_end", "An escaped CR LF in the target is data.", line(b"GET /a%0d%0aX-B:%20c HTTP/1.1"), "RFC 9112 3.2.1", Request("GET", "/a\r\nX-B: c", fields=(("x-b", None),)), why="a server may refuse control characters, escaped ones too"),
    served("target_with_two_slashes", "A target that begins with two slashes is a path and no authority.", line(b"GET //other/a HTTP/1.1"), "RFC 9112 3.2.1", Request("GET", "//other/a", fields=(("host", "probe"),))),
    served("target_with_scheme_in_query", "An address inside the query is data.", line(b"GET /a?b=http://other/c HTTP/1.1"), "RFC 9112 3.2.1", GOT),
    served("target_absolute", "The absolute form is accepted.", line(b"GET http://probe/a HTTP/1.1"), "RFC 9112 3.2.2", GOT),
    served("target_absolute_upper_case", "The scheme of the absolute form may be upper case.", line(b"GET HTTP://probe/a HTTP/1.1"), "RFC 9112 3.2.2", GOT),
    served("target_absolute_without_path", "The absolute form without a path asks for /.", line(b"GET http://probe HTTP/1.1"), "RFC 9112 3.2.2", Request("GET", "/")),
    served("target_absolute_with_query_only", "The absolute form with a query and no path asks for /.", line(b"GET http://probe?a HTTP/1.1"), "RFC 9112 3.2.2", Request("GET", "/")),
    served("target_absolute_with_other_host", "The host of an absolute target replaces Host.", lines(b"GET http://probe/a HTTP/1.1", b"Host: other"), "RFC 9112 3.2.2", Request("GET", "/a", fields=(("host", "probe"),))),
    served("target_absolute_with_port", "The port of an absolute target replaces that of Host.", lines(b"GET http://probe:81/a HTTP/1.1", b"Host: probe:80"), "RFC 9112 3.2.2", Request("GET", "/a", fields=(("host", "probe:81"),))),
    served("target_absolute_in_path", "An address behind a slash is a path.", line(b"GET /http://other/a HTTP/1.1"), "RFC 9112 3.2.1", Request("GET", "/http://other/a", fields=(("host", "probe"),))),
    refused("target_absolute_with_one_slash", "A target with http and one slash is refused.", line(b"GET http:/a HTTP/1.1"), "RFC 9112 3.2.2", Level.SHOULD),
    lenient("target_absolute_of_https", "A target with https is refused on a connection that is not secured.", line(b"GET https://probe/a HTTP/1.1"), "RFC 9110 7.4", GOT, why=GATEWAY, statuses=(421, 400, 404), level=Level.MUST),
    Row("target_absolute_of_other_scheme", "A target of another scheme is refused, or served as it stands.", line(b"GET ftp://probe/a HTTP/1.1"), "RFC 9110 7.4", Level.SHOULD, (Refused((400, 404, 421)),), (Served((Request("GET", None),)),), "an origin server may serve targets of any scheme"),
    Row("target_asterisk_for_options", "OPTIONS * is served or answered.", line(b"OPTIONS * HTTP/1.1"), "RFC 9112 3.2.4", Level.MUST, (Served((Request("OPTIONS", None),)),)),
    served("target_of_7900_bytes", "A request line of almost 8000 bytes is accepted.", line(b"GET /" + b"a" * 7900 + b" HTTP/1.1"), "RFC 9112 3", Request("GET", "/" + "a" * 7900), level=Level.SHOULD),
    lenient("target_of_200000_bytes", "A target of 200000 bytes is refused with 414.", line(b"GET /" + b"a" * 200_000 + b" HTTP/1.1"), "RFC 9112 3", Request("GET", None), why="there is no limit in the text", statuses=(414,), level=Level.MUST),
)

TUNNELS = (
    Row("connect", "CONNECT is refused.", lines(b"CONNECT probe:80 HTTP/1.1", b"Host: probe:80"), "RFC 9110 9.3.6", Level.SHOULD, (Refused((501, 405, 400)),), (Served((Request("CONNECT", None),), closed=True), Served((Request("CONNECT", None),))), "a server may leave it to the application"),
    *(
        refused(f"connect_{name}", f"CONNECT with {says} is refused.", lines(b"CONNECT " + text + b" HTTP/1.1", HOST), rfc, level, statuses=(400, 501, 405))
        for name, says, text, rfc, level in (
            ("with_path", "a path", b"/a", "RFC 9112 3.2.3", Level.SHOULD),
            ("with_absolute_form", "an absolute target", b"http://probe/a", "RFC 9112 3.2.3", Level.SHOULD),
            ("without_port", "a target without a port", b"probe", "RFC 9110 9.3.6", Level.MUST),
            ("with_empty_port", "an empty port", b"probe:", "RFC 9110 9.3.6", Level.MUST),
            ("with_bad_port", "a port that is no number", b"probe:abc", "RFC 9110 9.3.6", Level.MUST),
        )
    ),
    Row("preface_of_http_2", "The preface of HTTP/2 starts HTTP/2, or is refused.", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "RFC 9113 3.4", Level.MAY, (Switched(preface=True), Refused((400, 505)))),
)

ROWS: tuple[Row, ...] = (*ENDS, *WHITE_SPACE, *PARTS, *VERSIONS, *METHODS, *TARGETS, *TUNNELS)
