//! The table of requests that must not pass: input, status, clause. Fed three ways each.

use wire::Status;

use crate::harness::{Driver, feed};

const CASES: &[(u16, &str, &[u8])] = &[
    // --- request line ---------------------------------------------------------------------------------------------
    (400, "RFC 9112 3: HTTP/0.9 is gone", b"GET /\r\n"),
    (400, "RFC 9112 3: version missing", b"GET / \r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: method only", b"GET\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: two spaces after the method", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: two spaces before the version", b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: tab for a space", b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: tab before the version", b"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: space behind the version", b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: something behind the version", b"GET / HTTP/1.1 x\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: space in the target", b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: space before the method", b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3: vertical tab", b"GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 9.1: method is a token", b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 9.1: method is a token", b"GET: / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 9.1: method is a token", b"(GET) / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 9.1: method is ASCII", b"G\xc3\x89T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 9.1: NUL in the method", b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 9.1: empty method", b"/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: name in lower case", b"GET / http/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: two digits", b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: two digits", b"GET / HTTP/01.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: no minor version", b"GET / HTTP/1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: no minor version", b"GET / HTTP/1.\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: comma", b"GET / HTTP/1,1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: not a digit", b"GET / HTTP/1.x\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: sign", b"GET / HTTP/+1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: another name", b"GET / HTTQ/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: another name", b"GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.3: no slash", b"GET / HTTP 1.1\r\nHost: a\r\n\r\n"),
    (505, "RFC 9110 15.6.6: major version", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (505, "RFC 9110 15.6.6: major version", b"GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
    (505, "RFC 9110 15.6.6: major version", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
    (505, "RFC 9110 15.6.6: major version", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n"),
    (505, "RFC 9113 3.4: HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    // --- target ---------------------------------------------------------------------------------------------------
    (400, "RFC 9112 3.2: relative target", b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2: query alone", b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2: fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2: fragment behind a query", b"GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2: fragment in absolute-form", b"GET http://a/#c HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2: fragment behind an authority", b"GET http://a#c HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2.4: * is for OPTIONS", b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2.4: * stands alone", b"OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 3.2.3: authority-form is for CONNECT", b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (501, "RFC 9110 9.3.6: CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    (501, "ASGI-053, ASGI-357: connect would become CONNECT", b"connect / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2: another scheme", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2: scheme alone", b"GET http: HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2: one slash", b"GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2.1: empty host", b"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2.1: empty host", b"GET http://:80/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2.1: empty host", b"GET http://?q HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9110 4.2.4: user information", b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 3986 3.2.3: port", b"GET http://a:8x/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 3986 2: not ASCII", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 3986 2: not UTF-8 either", b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 3986 2: NUL", b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 3986 2: DEL", b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 3986 2: escape", b"GET /\x1b HTTP/1.1\r\nHost: a\r\n\r\n"),
    // --- lines ----------------------------------------------------------------------------------------------------
    (400, "RFC 9112 2.2: LF behind the request line", b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: LF behind a field", b"GET / HTTP/1.1\r\nHost: a\n\r\n"),
    (400, "RFC 9112 2.2: LF for the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    (400, "RFC 9112 2.2: LF everywhere", b"GET / HTTP/1.1\nHost: a\n\n"),
    (400, "RFC 9112 2.2: LF between fields", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    (400, "RFC 9112 2.2: LF within a value", b"GET / HTTP/1.1\r\nX: a\nContent-Length: 5\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: CR within the request line", b"GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: CR within a value", b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"),
    (400, "RFC 9112 2.2: CR twice", b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
    (400, "RFC 9112 2.2: CR twice at the end", b"GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n"),
    (400, "RFC 9112 2.2: CR within a name", b"GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n"),
    (400, "RFC 9112 2.2: CR begins a field", b"GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n"),
    (400, "RFC 9112 2.2: LF before the request", b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: CR before the request", b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: too many empty lines", b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: space before the first field", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    (400, "RFC 9112 2.2: tab before the first field", b"GET / HTTP/1.1\r\n\tX: b\r\nHost: a\r\n\r\n"),
    (400, "RFC 9112 2.2: space for the empty line", b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"),
    // --- fields ---------------------------------------------------------------------------------------------------
    (400, "RFC 9112 5.1: space before the colon", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    (400, "RFC 9112 5.1: tab before the colon", b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
    (
        400,
        "RFC 9112 5.1: space before TE's colon",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
    ),
    (400, "RFC 9112 5.1: space before CL's colon", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n"),
    (400, "RFC 9112 5.1: space in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n"),
    (400, "RFC 9112 5: no colon", b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
    (400, "RFC 9112 5: empty name", b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n"),
    (400, "RFC 9110 5.1: name is a token", b"GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n"),
    (400, "RFC 9110 5.1: name is a token", b"GET / HTTP/1.1\r\nHost: a\r\nX@: z\r\n\r\n"),
    (400, "RFC 9110 5.1: name is a token", b"GET / HTTP/1.1\r\nHost: a\r\n\"X\": z\r\n\r\n"),
    (400, "RFC 9110 5.1: name is ASCII", b"GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa9: z\r\n\r\n"),
    (400, "RFC 9110 5.1: NUL in a name", b"GET / HTTP/1.1\r\nHost: a\r\nX\0: z\r\n\r\n"),
    (400, "RFC 9110 5.5: NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    (400, "RFC 9110 5.5: DEL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n"),
    (400, "RFC 9110 5.5: bell in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x07\r\n\r\n"),
    (400, "RFC 9110 5.5: form feed in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x0c\r\n\r\n"),
    (400, "RFC 9112 5.2: obs-fold with a space", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    (400, "RFC 9112 5.2: obs-fold with a tab", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n"),
    (400, "RFC 9112 5.2: obs-fold of TE", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"),
    // --- Host -----------------------------------------------------------------------------------------------------
    (400, "RFC 9112 3.2: Host missing", b"GET / HTTP/1.1\r\n\r\n"),
    (400, "RFC 9112 3.2: Host missing with absolute-form", b"GET http://a/ HTTP/1.1\r\nX: y\r\n\r\n"),
    (400, "RFC 9112 3.2: Host doubled", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, "RFC 9112 3.2: Host doubled, equal", b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
    (400, "RFC 9112 3.2: Host doubled on HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, "RFC 9110 4.2.1: empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    (400, "RFC 9110 4.2.1: empty Host", b"GET / HTTP/1.1\r\nHost: \t \r\n\r\n"),
    (400, "RFC 9110 4.2.1: port only", b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    (400, "RFC 9110 7.2: space", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (400, "RFC 9110 7.2: path", b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (400, "RFC 9110 7.2: scheme", b"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
    (400, "RFC 9110 7.2: query", b"GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
    (400, "RFC 9110 7.2: fragment", b"GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"),
    (400, "RFC 9110 7.2: user information", b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
    (400, "RFC 9110 7.2: backslash", b"GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"),
    (400, "RFC 9110 7.2: angle", b"GET / HTTP/1.1\r\nHost: <a>\r\n\r\n"),
    (400, "RFC 9110 7.2: port not a number", b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"),
    (400, "RFC 9110 7.2: two ports", b"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"),
    (400, "RFC 9110 7.2: signed port", b"GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n"),
    (400, "RFC 9110 7.2: IPv6 without brackets", b"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
    (400, "RFC 9110 7.2: bracket open", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    (400, "RFC 9110 7.2: not an address", b"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n"),
    (400, "RFC 9110 7.2: not an address", b"GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
    (400, "RFC 9110 7.2: behind the bracket", b"GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n"),
    (400, "RFC 9110 7.2: future address", b"GET / HTTP/1.1\r\nHost: [v.a]\r\n\r\n"),
    (400, "RFC 3986 2.1: percent-encoding", b"GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"),
    (400, "RFC 3986 2.1: percent-encoding", b"GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n"),
    (400, "RFC 9110 7.2: not ASCII", b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"),
    // --- Content-Length -------------------------------------------------------------------------------------------
    (400, "RFC 9110 8.6: not a number", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: a\r\n\r\n"),
    (400, "RFC 9110 8.6: empty", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
    (400, "RFC 9110 8.6: plus", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"),
    (400, "RFC 9110 8.6: minus", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"),
    (400, "RFC 9110 8.6: minus zero", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -0\r\n\r\n"),
    (400, "RFC 9110 8.6: hexadecimal", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"),
    (400, "RFC 9110 8.6: fraction", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n"),
    (400, "RFC 9110 8.6: exponent", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1e1\r\n\r\n"),
    (400, "RFC 9110 8.6: underscore", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n"),
    (400, "RFC 9110 8.6: space", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n"),
    (400, "RFC 9110 8.6: quoted", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\n"),
    (400, "RFC 9110 8.6: other digits", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa5\r\n\r\n"),
    (400, "RFC 9110 8.6: 2^64", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"),
    (400, "RFC 9110 8.6: huge", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
    (400, "RFC 9112 6.3: list", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\n"),
    (400, "RFC 9112 6.3: list, equal", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\n"),
    (400, "RFC 9112 6.3: list, one", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,\r\n\r\n"),
    (400, "RFC 9112 6.3: doubled", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    (
        400,
        "RFC 9112 6.3: doubled, equal",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n",
    ),
    (400, "RFC 9112 6.3: doubled zero", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    // --- Transfer-Encoding ----------------------------------------------------------------------------------------
    (
        400,
        "RFC 9112 6.3: with CL",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        400,
        "RFC 9112 6.3: with CL before",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        400,
        "RFC 9112 6.3: with CL 0",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        400,
        "RFC 9112 6.3: unknown, with CL",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n",
    ),
    (400, "RFC 9112 6.1: on HTTP/1.0", b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (
        400,
        "RFC 9112 6.1: on HTTP/1.0, kept",
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (400, "RFC 9112 6.1: doubled", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
    (
        400,
        "RFC 9112 6.1: doubled fields",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (400, "RFC 9112 6.1: not final", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"),
    (
        400,
        "RFC 9112 6.1: not final",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
    ),
    (400, "RFC 9112 6.3: no chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (400, "RFC 9112 6.3: no chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    (400, "RFC 9112 6.3: no chunked", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    (400, "RFC 9112 7: parameter", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n"),
    (400, "RFC 9112 7: quoted", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"),
    (400, "RFC 9112 7: empty", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"),
    (400, "RFC 9112 7: comma behind", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n"),
    (400, "RFC 9112 7: comma before", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n"),
    (400, "RFC 9112 7: two words", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked chunked\r\n\r\n"),
    (400, "RFC 9110 5.5: vertical tab", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n"),
    (501, "RFC 9112 6.1: unknown coding", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    (
        501,
        "RFC 9112 6.1: unknown coding",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        501,
        "RFC 9112 6.1: unknown coding",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
    ),
    // --- Expect ---------------------------------------------------------------------------------------------------
    (417, "RFC 9110 10.1.1: unknown", b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n"),
    (
        417,
        "RFC 9110 10.1.1: one more",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\nContent-Length: 1\r\n\r\n",
    ),
    // --- not HTTP -------------------------------------------------------------------------------------------------
    (400, "TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (400, "RFC 9112 3: binary", b"\0\0\0\0"),
    (400, "RFC 9112 3: binary", b"\xff\xfe"),
];

/// Chunked bodies; behind a good head.
const CHUNKED: &[(u16, &str, &[u8])] = &[
    (400, "RFC 9112 7.1: empty size", b"\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: not hexadecimal", b"g\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: prefix", b"0x5\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: underscore", b"1_0\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: space before", b" 5\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: space behind", b"5 \r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: space within", b"5 5\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: 2^64", b"10000000000000000\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: huge", b"fffffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: wraps to 5", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: LF", b"5\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: CR alone", b"5\rhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: CR twice", b"5\r\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: data too long", b"5\r\nhello!\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: data too short", b"5\r\nhell\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: data then LF", b"5\r\nhello\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: data then LF LF", b"5\r\nhello\n\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: data then CR CR", b"5\r\nhello\r\r0\r\n\r\n"),
    (400, "RFC 9112 7.1: data then size", b"5\r\nhello0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: LF in an extension", b"5;a\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: CR in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: NUL in an extension", b"5;\0\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: an extension without a name", b"5;\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: an extension that is no token", b"5;a/b\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: an extension without its value", b"5;a=\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: a second value", b"5;a=b=c\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: a quoted-string without its end", b"5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: a quoted-string whose end is escaped", b"5;a=\"b\\\"\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: something behind a quoted-string", b"5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: white space behind an extension", b"5;a \r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: white space behind a value", b"5;a=b \r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: white space behind a quoted-string", b"5;a=\"b\"\t\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: CR before an extension", b"5\r;a\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1.1: another separator", b"5,a\r\nhello\r\n0\r\n\r\n"),
    (400, "RFC 9112 7.1: LF behind the last chunk", b"0\n\r\n"),
    (400, "RFC 9112 7.1: LF for the end", b"0\r\n\n"),
    (400, "RFC 9112 7.1: CR then something", b"0\r\n\rX"),
    (400, "RFC 9112 7.1.2: trailer without colon", b"0\r\nX\r\n\r\n"),
    (400, "RFC 9112 7.1.2: trailer with an empty name", b"0\r\n: x\r\n\r\n"),
    (400, "RFC 9112 5.1: space before a trailer's colon", b"0\r\nX : y\r\n\r\n"),
    (400, "RFC 9112 5.2: folded trailer", b"0\r\nX: y\r\n z\r\n\r\n"),
    (400, "RFC 9112 2.2: LF behind a trailer", b"0\r\nX: y\n\r\n"),
    (400, "RFC 9112 2.2: CR within a trailer", b"0\r\nX: y\rz\r\n\r\n"),
    (400, "RFC 9110 5.5: NUL within a trailer", b"0\r\nX: \0\r\n\r\n"),
    (400, "RFC 9110 5.1: name of a trailer", b"0\r\nX@: y\r\n\r\n"),
];

const CHUNKED_HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn bad_heads_are_refused_without_an_event() {
    assert!(CASES.len() + CHUNKED.len() >= 120);
    for (status, clause, input) in CASES {
        let shown = String::from_utf8_lossy(input);
        let outcome = feed(input);
        assert_eq!(outcome.code(), Some(*status), "{clause}: {shown:?} gave {outcome:?}");
        assert!(outcome.seen.is_empty(), "{clause}: {shown:?}");
    }
}

#[test]
fn bad_chunked_bodies_are_refused_and_never_end() {
    for (status, clause, body) in CHUNKED {
        let outcome = feed([CHUNKED_HEAD, body].concat());
        assert_eq!(outcome.code(), Some(*status), "{clause}: {outcome:?}");
        let ended = outcome.seen.iter().any(|seen| matches!(seen, crate::harness::Seen::Body { end: true, .. }));
        assert!(!ended, "{clause}: {outcome:?}");
    }
}

#[test]
fn every_refusal_is_one_response_that_closes() {
    for (status, clause, input) in CASES {
        let mut driver = Driver::fed(input);
        let answer = driver.refuse();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{clause}: {head}");
        assert!(head.contains("\r\nconnection: close"), "{clause}: {head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())), "{clause}: {head}");
        assert_eq!(body, format!("{}\n", driver.error.unwrap().reason), "{clause}");
        assert_eq!(driver.status(), Status::Closing { linger: true }, "{clause}");
        driver.session.refuse(&driver.error.unwrap(), &wire::Fields::new(), b"", &mut driver.out);
        assert!(driver.out.0.is_empty(), "{clause}: refused twice");
    }
}

#[test]
fn no_byte_that_ends_a_line_or_a_word_passes_where_it_does_not_belong() {
    // httparse looks at 8, 16 or 32 bytes at a time: every offset is tried.
    for byte in 0..=255_u8 {
        for offset in 0..70 {
            let at = |mut text: Vec<u8>| {
                text[offset] = byte;
                text
            };
            let target = [b"GET /", &at(vec![b'a'; 70])[..], b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
            let visible = (b'!'..=b'~').contains(&byte) && byte != b'#';
            assert_eq!(Driver::fed(target).error.is_none(), visible, "target, {byte:#x} at {offset}");

            let value = [b"GET / HTTP/1.1\r\nHost: a\r\nX: ", &at(vec![b'a'; 70])[..], b"\r\n\r\n"].concat();
            let good = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
            assert_eq!(Driver::fed(value).error.is_none(), good, "value, {byte:#x} at {offset}");

            let name = [b"GET / HTTP/1.1\r\nHost: a\r\n", &at(vec![b'a'; 70])[..], b": x\r\n\r\n"].concat();
            let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            // A colon further on ends the name, and the rest is value.
            let good = token || (byte == b':' && offset > 0);
            assert_eq!(Driver::fed(name).error.is_none(), good, "name, {byte:#x} at {offset}");
        }
    }
}

#[test]
fn tls_on_a_plain_port_is_told_so() {
    assert!(Driver::fed(b"\x16").refuse().contains("TLS"));
}
