//! `http1/response`: what commands look like on the wire.

use wire::{Command, Error, Fault, Fields, Status};

use crate::harness::Driver;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const OLD_KEPT: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const TE: &str = "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";

type List = &'static [(&'static str, &'static str)];

/// Request, status, fields, length known to the driver, body bytes; what is written, what becomes of the connection.
type Row = (&'static str, u16, List, Option<u64>, u64, &'static str, Status);

const TABLE: &[Row] = &[
    (GET, 200, &[("a", "b")], Some(2), 2, "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nxx", Status::Idle),
    (GET, 200, &[], Some(0), 0, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Status::Idle),
    (GET, 200, &[("Content-Length", "2")], None, 2, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxx", Status::Idle),
    (
        GET,
        200,
        &[("content-length", "2"), ("z", "")],
        Some(2),
        2,
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nz: \r\n\r\nxx",
        Status::Idle,
    ),
    (GET, 200, &[], None, 2, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n", Status::Idle),
    (GET, 200, &[], None, 0, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Status::Idle),
    (GET, 404, &[], Some(1), 1, "HTTP/1.1 404 Not Found\r\ncontent-length: 1\r\n\r\nx", Status::Idle),
    (GET, 299, &[], Some(1), 1, "HTTP/1.1 299 \r\ncontent-length: 1\r\n\r\nx", Status::Idle),
    (GET, 999, &[], Some(1), 1, "HTTP/1.1 999 \r\ncontent-length: 1\r\n\r\nx", Status::Idle),
    // ASGI-103: order and duplicates. ASGI-072: set-cookie is not merged.
    (
        GET,
        200,
        &[("x-a", "1"), ("x-b", "2"), ("x-a", "3")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\nx-a: 1\r\nx-b: 2\r\nx-a: 3\r\ncontent-length: 0\r\n\r\n",
        Status::Idle,
    ),
    (
        GET,
        200,
        &[("set-cookie", "a"), ("set-cookie", "b")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 0\r\n\r\n",
        Status::Idle,
    ),
    // ASGI-107: the application's transfer-encoding is ignored.
    (
        GET,
        200,
        &[("Transfer-Encoding", "chunked")],
        Some(1),
        1,
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        Status::Idle,
    ),
    (
        GET,
        200,
        &[("transfer-encoding", "gzip")],
        None,
        1,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        Status::Idle,
    ),
    (
        GET,
        200,
        &[("transfer-encoding", "chunked"), ("content-length", "1")],
        None,
        1,
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        Status::Idle,
    ),
    // ASGI-114: no body for HEAD, 204, 304; a length stays with HEAD and 304.
    (HEAD, 200, &[("content-length", "9")], None, 9, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", Status::Idle),
    (HEAD, 200, &[("content-length", "9")], None, 0, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", Status::Idle),
    (HEAD, 200, &[], Some(5), 5, "HTTP/1.1 200 OK\r\n\r\n", Status::Idle),
    (HEAD, 200, &[], None, 5, "HTTP/1.1 200 OK\r\n\r\n", Status::Idle),
    (
        GET,
        304,
        &[("content-length", "9")],
        Some(0),
        0,
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        Status::Idle,
    ),
    (GET, 304, &[], Some(5), 5, "HTTP/1.1 304 Not Modified\r\n\r\n", Status::Idle),
    (GET, 204, &[("content-length", "9")], Some(9), 9, "HTTP/1.1 204 No Content\r\n\r\n", Status::Idle),
    (GET, 204, &[], None, 3, "HTTP/1.1 204 No Content\r\n\r\n", Status::Idle),
    (
        GET,
        205,
        &[("content-length", "9")],
        Some(9),
        9,
        "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n",
        Status::Idle,
    ),
    // ASGI-108: never chunked towards HTTP/1.0. Our version is told nevertheless (RFC 9110 section 6.2).
    (OLD, 200, &[], None, 2, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nxx", Status::Closing { linger: false }),
    (
        OLD,
        200,
        &[],
        Some(2),
        2,
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nxx",
        Status::Closing { linger: false },
    ),
    (
        OLD_KEPT,
        200,
        &[],
        Some(2),
        2,
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nxx",
        Status::Idle,
    ),
    (OLD_KEPT, 200, &[], None, 2, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nxx", Status::Closing { linger: true }),
    (OLD_KEPT, 204, &[], None, 0, "HTTP/1.1 204 No Content\r\nconnection: keep-alive\r\n\r\n", Status::Idle),
    (
        OLD_KEPT,
        200,
        &[("connection", "close")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Status::Closing { linger: true },
    ),
    // ASGI-117: the application's connection options. Never two fields.
    (
        GET,
        200,
        &[("Connection", "Close")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Status::Closing { linger: true },
    ),
    (
        GET,
        200,
        &[("connection", "keep-alive")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        Status::Idle,
    ),
    (
        GET,
        200,
        &[("connection", "keep-alive, x"), ("connection", "close,,y")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, y, close\r\n\r\n",
        Status::Closing { linger: true },
    ),
    (
        GET,
        200,
        &[("connection", "upgrade"), ("upgrade", "h2c")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\nupgrade: h2c\r\ncontent-length: 0\r\nconnection: upgrade\r\n\r\n",
        Status::Idle,
    ),
    (
        OLD_KEPT,
        200,
        &[("connection", "x")],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, keep-alive\r\n\r\n",
        Status::Idle,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        200,
        &[],
        Some(0),
        0,
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Status::Closing { linger: false },
    ),
];

#[test]
fn heads_and_bodies() {
    for (request, status, list, length, body, expected, after) in TABLE {
        let mut driver = Driver::fed(request);
        assert_eq!(driver.respond(*status, list, *length, *body), *expected, "{request:?} {status} {list:?}");
        assert_eq!(driver.status(), *after, "{request:?} {status} {list:?}");
    }
}

#[test]
fn prepared_fields_are_written_like_others() {
    for (request, status, list, length, body, expected, _) in TABLE {
        let (mut fields, mut base) = (Fields::new(), b"something before".to_vec());
        list.iter().for_each(|(name, value)| fields.append_checked(&mut base, name.as_bytes(), value.as_bytes()));
        assert_eq!(fields.is_prepared(), !list.is_empty());
        let mut driver = Driver::fed(request);
        let head = Command::Head { status: *status, fields: &fields, base: &base, length: *length, trailers: false };
        driver.send(head).unwrap();
        driver.body(*body, true).unwrap();
        assert_eq!(driver.out.take(), *expected, "{request:?} {status} {list:?}");
    }
}

#[test]
fn a_mixed_block_is_checked() {
    for checked_first in [true, false] {
        let (mut fields, mut base) = (Fields::new(), Vec::new());
        if checked_first {
            fields.append_checked(&mut base, b"a", b"b");
        }
        fields.append(&mut base, b"x", b"y\r\nset-cookie: z");
        fields.append_checked(&mut base, b"c", b"d");
        let mut driver = Driver::fed(GET);
        let head = Command::Head { status: 200, fields: &fields, base: &base, length: None, trailers: false };
        assert!(driver.send(head).unwrap_err().reason.contains("ASGI-116"));
    }
}

#[test]
fn bodies_come_in_pieces() {
    let mut driver = Driver::fed(GET);
    driver.head(200, &[], None, false).unwrap();
    driver.out.take();
    for (length, end, expected) in
        [(3, false, "3\r\nxxx\r\n"), (0, false, ""), (17, false, "11\r\nxxxxxxxxxxxxxxxxx\r\n"), (0, true, "0\r\n\r\n")]
    {
        driver.body(length, end).unwrap();
        assert_eq!(driver.out.take(), expected, "ASGI-112");
    }
    assert_eq!(driver.status(), Status::Idle);
}

#[test]
fn chunk_sizes_are_hexadecimal() {
    struct Lengths(Vec<u8>, u64);
    impl wire::Sink for Lengths {
        fn bytes(&mut self) -> &mut Vec<u8> {
            &mut self.0
        }
        fn payload(&mut self, from: u64, to: u64) {
            self.1 = to - from;
        }
    }
    for length in [1, 9, 10, 15, 16, 255, 256, 65_535, 65_536, 1 << 40, u64::MAX] {
        let mut driver = Driver::fed(GET);
        driver.head(200, &[], None, false).unwrap();
        let mut out = Lengths(Vec::new(), 0);
        driver.session.send(1, wire::Command::Body { length, end: false }, &mut out, 0).unwrap();
        assert_eq!((out.0, out.1), (format!("{length:x}\r\n\r\n").into_bytes(), length));
    }
}

#[test]
fn content_length_is_enforced() {
    let mut driver = Driver::fed(GET);
    driver.head(200, &[("content-length", "5")], None, false).unwrap();
    driver.out.take();
    assert_eq!(driver.body(6, true), Err(Error::BODY_LONG));
    driver.body(3, false).unwrap();
    assert_eq!(driver.body(3, false), Err(Error::BODY_LONG));
    assert_eq!(driver.body(1, true), Err(Error::BODY_SHORT));
    assert_eq!(driver.out.take(), "xxx", "ASGI-115: a refused body leaves no byte");
    assert_eq!((Error::BODY_LONG.fault, Error::BODY_SHORT.fault), (Fault::Caller, Fault::Caller));
    driver.body(2, true).unwrap();
    assert_eq!((driver.out.take().as_str(), driver.status()), ("xx", Status::Idle));
}

#[test]
fn bad_heads_leave_no_trace() {
    let cases: &[(u16, List)] = &[
        (0, &[]),
        (99, &[]),
        (1000, &[]),
        (100, &[]),
        (101, &[]),
        (103, &[]),
        (199, &[]),
        (200, &[("a", "b"), ("", "x")]),
        (200, &[("a", "b"), (":status", "200")]),
        (200, &[("a", "b"), ("x y", "z")]),
        (200, &[("a", "b\r\nset-cookie: c")]),
        (200, &[("a", "b\n")]),
        (200, &[("a", "\0")]),
        (200, &[("connection", "close\r\n")]),
        (200, &[("transfer-encoding", "\n")]),
        (200, &[("content-length", "1"), ("content-length", "1")]),
        (200, &[("content-length", "1"), ("Content-Length", "2")]),
        (200, &[("content-length", "-1")]),
        (200, &[("content-length", "1, 1")]),
        (200, &[("content-length", "")]),
        (204, &[("content-length", "x")]),
        (200, &[("content-length", "18446744073709551616")]),
    ];
    let mut driver = Driver::fed(GET);
    for (status, list) in cases {
        let error = driver.head(*status, list, Some(1), false).unwrap_err();
        assert_eq!(error.fault, Fault::Caller, "{status} {list:?}");
        assert!(error.reason.contains("ASGI-") || error.reason.contains("RFC"), "{error}");
    }
    assert!(driver.head(200, &[(":path", "/")], None, false).unwrap_err().reason.contains("ASGI-104"));
    assert!(driver.out.0.is_empty());
    // ASGI-040: a good one can still be sent.
    assert!(driver.respond(500, &[], Some(1), 1).starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
}

#[test]
fn trailers_are_written_where_they_are_wanted() {
    let run = |request: &str, list: List, length: Option<u64>| {
        let mut driver = Driver::fed(request);
        driver.head(200, list, length, true).unwrap();
        driver.out.take();
        driver.body(1, true).unwrap();
        assert_eq!(driver.status(), Status::Busy, "ASGI-122");
        assert!(driver.body(0, true).is_err(), "the body is complete");
        driver.trailers(&[("x-sum", "1"), ("x-sum", "2")]).unwrap();
        (driver.out.take(), driver.status())
    };
    let chunked = "1\r\nx\r\n0\r\nx-sum: 1\r\nx-sum: 2\r\n\r\n".to_owned();
    assert_eq!(run(TE, &[], None), (chunked.clone(), Status::Idle));
    assert_eq!(run(TE, &[], Some(1)), (chunked, Status::Idle), "a length known to the driver gives way");
    assert_eq!(run(TE, &[("content-length", "1")], None), ("x".to_owned(), Status::Idle), "ASGI-284");
    assert_eq!(run(GET, &[], None), ("1\r\nx\r\n0\r\n\r\n".to_owned(), Status::Idle), "ASGI-282");
    assert_eq!(run(GET, &[], Some(1)), ("x".to_owned(), Status::Idle));
    assert_eq!(run(HEAD, &[], None), (String::new(), Status::Idle));
    assert_eq!(run(OLD, &[], None), ("x".to_owned(), Status::Closing { linger: false }));
}

#[test]
fn trailers_that_must_not_be_are_refused() {
    for request in [TE, GET] {
        let mut driver = Driver::fed(request);
        assert!(driver.trailers(&[]).is_err(), "before the head");
        driver.head(200, &[], None, true).unwrap();
        assert!(driver.trailers(&[]).is_err(), "before the end of the body");
        driver.body(0, true).unwrap();
        driver.out.take();
        let forbidden = [
            "content-length",
            "Transfer-Encoding",
            "host",
            "set-cookie",
            "content-type",
            "trailer",
            "authorization",
            "TE",
        ];
        for name in forbidden {
            let error = driver.trailers(&[("x", "y"), (name, "1")]).unwrap_err();
            assert!(error.reason.contains("6.5.1"), "{name}: {error}");
        }
        assert!(driver.trailers(&[("x", "a\r\nb")]).is_err());
        assert!(driver.out.0.is_empty());
        driver.trailers(&[]).unwrap();
        assert_eq!(driver.out.take(), "0\r\n\r\n");
        assert!(driver.trailers(&[]).is_err(), "twice");
    }
    let mut driver = Driver::fed(TE);
    driver.respond(200, &[], None, 1);
    assert!(driver.trailers(&[]).is_err(), "ASGI-280: not announced");
}

#[test]
fn hints_come_before_the_head() {
    let mut driver = Driver::fed(GET);
    driver.hint(&[("link", "</a.css>; rel=preload"), ("link", "</b.js>")]).unwrap();
    driver.hint(&[("content-length", "1"), ("transfer-encoding", "chunked"), ("connection", "close")]).unwrap();
    let expected = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>\r\n\r\n\
                    HTTP/1.1 103 Early Hints\r\n\r\n";
    assert_eq!(driver.out.take(), expected);
    assert!(driver.hint(&[("link", "a\r\nb")]).is_err(), "ASGI-274");
    driver.head(200, &[], None, false).unwrap();
    assert!(driver.hint(&[("link", "a")]).unwrap_err().reason.contains("ASGI-273"));
    driver.body(0, true).unwrap();
    assert!(driver.hint(&[]).is_err());

    let mut old = Driver::fed(OLD);
    old.hint(&[("link", "a")]).unwrap();
    assert!(old.out.0.is_empty(), "ASGI-272");
    assert!(old.hint(&[("link", "a\n")]).is_err());
}

#[test]
fn refusals_carry_the_drivers_fields() {
    let mut driver = Driver::fed("GET / HTTP/1.1\r\n\r\n");
    let (fields, base) = crate::harness::block(&[("date", "now"), ("server", "asgate"), ("bad", "a\r\nb")]);
    driver.session.refuse(&Error::peer(400, "No."), &fields, &base, &mut driver.out);
    let expected = "HTTP/1.1 400 Bad Request\r\ndate: now\r\nserver: asgate\r\n\
                    content-type: text/plain; charset=utf-8\r\ncontent-length: 4\r\nconnection: close\r\n\r\nNo.\n";
    assert_eq!(driver.out.take(), expected);
}
