//! `http1/head`: what good heads mean, and the limits of a head. The bad ones stand in `refused`.

use wire::{Limits, Status, Version};

use crate::harness::{Driver, Outcome, Seen, feed, three_ways};

fn get(fields: &str) -> Outcome {
    feed(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

#[test]
fn a_plain_request() {
    let outcome = feed("GET /a?b HTTP/1.1\r\nHost: h\r\nX-One:  1 \t\r\nx-one:2\r\nEmpty:\r\nHigh: \u{e9}\r\n\r\n");
    let request = outcome.request();
    assert_eq!((request.stream, request.method.as_str(), request.version), (1, "GET", Version::Http11));
    assert!(!request.has_body && !request.expects_continue && !request.accepts_trailers);
    assert_eq!(request.body_length, None);
    let fields: Vec<_> = request.fields.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
    let expected: [(&[u8], &[u8]); 5] =
        [(b"Host", b"h"), (b"X-One", b"1"), (b"x-one", b"2"), (b"Empty", b""), (b"High", "\u{e9}".as_bytes())];
    assert_eq!(fields, expected);
    assert_eq!(outcome.seen.len(), 1, "no body, no further event");
    assert_eq!(outcome.status, Status::Idle);
}

#[test]
fn methods_keep_their_case() {
    for method in ["GET", "get", "PROPFIND", "x!#$%&'*+-.^_`|~9", "Head"] {
        assert_eq!(feed(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).request().method, method);
    }
}

#[test]
fn versions() {
    for (text, version) in
        [("1.0", Version::Http10), ("1.1", Version::Http11), ("1.2", Version::Http11), ("1.9", Version::Http11)]
    {
        let outcome = feed(format!("GET /x?y HTTP/{text}\r\nHost: a\r\nX: y\r\n\r\n"));
        assert_eq!(outcome.error, None, "{text}");
        assert_eq!((outcome.request().version, outcome.request().path.as_str()), (version, "/x"), "{text}");
        assert_eq!(outcome.request().fields[1], (b"X".to_vec(), b"y".to_vec()), "{text}");
    }
    assert_eq!(feed("GET / HTTP/1.0\r\n\r\n").error, None, "HTTP/1.0 needs no Host");
}

#[test]
fn a_few_empty_lines_before_a_request_are_tolerated() {
    assert_eq!(feed("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").request().path, "/");
    assert_eq!(feed("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").request().path, "/");
    let twice = feed("\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(twice.seen.len(), 2, "the count begins anew: {twice:?}");
}

#[test]
fn body_lengths() {
    let cases =
        [("", None, false), ("Content-Length: 0\r\n", Some(0), false), ("Content-Length: 00\r\n", Some(0), false)];
    for (fields, length, has_body) in cases {
        let outcome = get(fields);
        assert_eq!((outcome.request().body_length, outcome.request().has_body), (length, has_body), "{fields}");
    }
    let mut driver = Driver::fed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n");
    assert_eq!(driver.requests()[0].body_length, Some(u64::MAX));
    driver.feed("x");
    assert_eq!(driver.received_body(), (b"x".to_vec(), false));
    let driver = Driver::fed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tChunked \r\n\r\n");
    assert!(driver.requests()[0].has_body && driver.requests()[0].body_length.is_none());
}

#[test]
fn expectations() {
    let expects = |text: &str| Driver::fed(text).requests()[0].expects_continue;
    assert!(expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"));
    assert!(expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert!(!expects("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"), "no body");
    assert!(!expects("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"), "HTTP/1.0");
    assert!(!expects("POST / HTTP/1.0\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n"), "HTTP/1.0");
}

#[test]
fn trailers_are_accepted_by_those_who_say_so() {
    assert!(get("TE: trailers\r\n").request().accepts_trailers);
    assert!(get("te: deflate;q=0.5,\tTRAILERS\r\n").request().accepts_trailers);
    assert!(get("TE: gzip\r\nTE: trailers\r\n").request().accepts_trailers);
    assert!(!get("TE: trailersx, gzip\r\n").request().accepts_trailers);
    assert!(!feed("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n").request().accepts_trailers);
}

#[test]
fn persistence() {
    let stays = |version: &str, fields: &str| {
        let outcome = feed(format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(outcome.error, None);
        outcome.status == Status::Idle
    };
    assert!(stays("1.1", ""));
    assert!(!stays("1.1", "Connection: close\r\n"));
    assert!(!stays("1.1", "Connection: x,\tCLOSE ,y\r\n"));
    assert!(!stays("1.1", "Connection: keep-alive\r\nConnection: close\r\n"), "close wins");
    assert!(!stays("1.1", "Connection: close, keep-alive\r\n"), "close wins");
    assert!(stays("1.1", "Connection: closed, x-close\r\n"));
    assert!(stays("1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n"));
    assert!(!stays("1.0", ""));
    assert!(stays("1.0", "Connection: Keep-Alive\r\n"));
    assert!(!stays("1.0", "Connection: keep-alive, close\r\n"), "close wins");
}

#[test]
fn pipelined_requests_wait_for_their_turn() {
    let two = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut driver = Driver::fed(two);
    assert_eq!(driver.requests().len(), 1);
    assert!(!driver.session.wants_input());
    let waiting = driver.buffer.len();
    driver.run();
    assert_eq!(driver.buffer.len(), waiting, "nothing is consumed");
    driver.respond(200, &[], Some(0), 0);
    driver.run();
    assert_eq!((driver.requests().len(), driver.requests()[1].stream), (2, 2));
    assert!(driver.buffer.is_empty());
    let outcome = feed(two);
    assert_eq!(outcome.seen.len(), 3);
    assert!(matches!(&outcome.seen[1], Seen::Body { bytes, end: true, stream: 1 } if bytes == b"hi"));
}

const SMALL: Limits = Limits {
    request_line: 20,
    head_bytes: 60,
    head_fields: 3,
    head_timeout: 30_000,
    idle_timeout: 75_000,
    body_bytes: 10,
    body_rate: 0,
    body_grace: 10_000,
    drain_bytes: 100,
    chunk_line: 8,
    ..Limits::DEFAULT
};

fn line_of(length: usize) -> String {
    format!("GET /{} HTTP/1.1", "a".repeat(length - 14))
}

#[test]
fn request_lines_have_a_limit() {
    let request = |length| format!("{}\r\nHost: a\r\n\r\n", line_of(length));
    assert_eq!(three_ways(request(20), SMALL).error, None);
    assert_eq!(three_ways(request(21), SMALL).code(), Some(414));
    assert_eq!(three_ways("a".repeat(21), SMALL).code(), None, "a CR might follow");
    assert_eq!(three_ways("a".repeat(22), SMALL).code(), Some(414), "no end in sight");
    assert_eq!(three_ways(format!("{}\n", "a".repeat(30)), SMALL).code(), Some(414));
}

#[test]
fn heads_have_a_limit() {
    let request = |length: usize| {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
        format!("{start}{}\r\n\r\n", "b".repeat(length - start.len() - 4))
    };
    assert_eq!(three_ways(request(60), SMALL).error, None);
    assert_eq!(three_ways(request(61), SMALL).code(), Some(431));
    assert_eq!(three_ways(&request(100)[..59], SMALL).code(), None);
    assert_eq!(three_ways(&request(100)[..60], SMALL).code(), Some(431), "no end in sight");
    let narrow = Limits { head_bytes: 10, ..SMALL };
    assert_eq!(three_ways("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", narrow).code(), Some(431));
}

#[test]
fn fields_have_a_limit() {
    let request = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count - 1));
    assert_eq!(three_ways(request(3), SMALL).error, None);
    assert_eq!(three_ways(request(4), SMALL).code(), Some(431));
    // Also with HTTP/1.2, which takes another way through the parser.
    assert_eq!(three_ways(request(4).replace("1.1", "1.2"), SMALL).code(), Some(431));
    let default = Limits::default();
    assert_eq!(three_ways(request(128), default).error, None);
    assert_eq!(three_ways(request(129), default).code(), Some(431));
    let wide = Limits { head_fields: 1000, ..default };
    let outcome = three_ways(request(1000), wide);
    assert_eq!(outcome.request().fields.len(), 1000);
    assert_eq!(three_ways(request(1001), wide).code(), Some(431));
    let endless = Limits { head_fields: usize::MAX, ..default };
    assert_eq!(three_ways(request(5000), endless).request().fields.len(), 5000);
    assert_eq!(three_ways(request(200).replace("1.1", "1.7"), wide).request().fields.len(), 200);
}

#[test]
fn known_body_lengths_are_refused_at_the_head() {
    let post = |length| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    assert_eq!(three_ways(post(11), SMALL).code(), Some(413));
    assert!(three_ways(post(11), SMALL).seen.is_empty());
    assert_eq!(three_ways(post(10), SMALL).code(), None);
    assert_eq!(three_ways(post(11), Limits { body_bytes: 0, ..SMALL }).code(), None, "0 is no limit");
    let mut driver = Driver::with(SMALL);
    driver.feed("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n");
    assert!(driver.refuse().ends_with("\r\n\r\n"), "the answer to HEAD has no body");
}

#[test]
fn a_head_that_trickles_in_is_looked_at_once() {
    // Quadratic searching would make this take minutes: 4 MiB, in pieces of 16 bytes.
    let limits = Limits { head_bytes: 8 << 20, head_fields: usize::MAX, ..Limits::default() };
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", format!("X: {}\r\n", "y".repeat(4091)).repeat(1024));
    let mut head = head.into_bytes();
    let mut session = wire::Session::http1(0);
    let mut fields = wire::Fields::new();
    for end in (16..head.len()).step_by(16) {
        let received = session.receive(&mut head[..end], &mut fields, &limits, 0).unwrap();
        assert_eq!((received.consumed, received.event), (0, None));
    }
    let received = session.receive(&mut head, &mut fields, &limits, 0).unwrap();
    let consumed = received.consumed;
    assert_eq!((consumed, fields.len()), (head.len(), 1025));
}
