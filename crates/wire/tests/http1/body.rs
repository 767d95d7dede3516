//! `http1/body`: request bodies of both framings. The bad ones stand in `refused`.

use wire::{Limits, Status};

use crate::harness::{Driver, Outcome, Seen, feed, three_ways};

fn chunked(body: &str, limits: Limits) -> Outcome {
    three_ways(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}"), limits)
}

fn decoded(outcome: &Outcome) -> (&[u8], bool) {
    match outcome.seen.get(1) {
        Some(Seen::Body { bytes, end, .. }) => (bytes, *end),
        _ => panic!("no body: {outcome:?}"),
    }
}

#[test]
fn lengths() {
    let outcome = feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(decoded(&outcome), (&b"hello"[..], true));
    assert_eq!(outcome.seen.len(), 2);
    let outcome = feed("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(decoded(&outcome), (&b"hello"[..], true));
    let partial = Driver::fed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    assert_eq!(partial.received_body(), (b"hell".to_vec(), false));
    assert!(partial.session.wants_input());
}

#[test]
fn the_end_comes_with_the_last_bytes_of_a_known_length() {
    let mut driver = Driver::fed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
    driver.feed("cd");
    let bodies = driver.seen.iter().filter(|seen| matches!(seen, Seen::Body { .. })).count();
    assert_eq!(bodies, 1, "pieces are joined by the harness, and no empty end follows");
    assert_eq!(driver.received_body(), (b"abcd".to_vec(), true));
}

#[test]
fn chunks() {
    let cases = [
        ("0\r\n\r\n", ""),
        ("00000\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "hello"),
        ("A\r\n0123456789\r\na\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789"),
        ("0000000000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a\r\nhello\r\n0;b\r\n\r\n", "hello"),
        ("5 \t; a = \"b;c\" ;d\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a=b;c=\"d\\\"e;\" ; f\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5;a=\"\u{e9}\"\r\nhello\r\n0\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\nEmpty:\r\n\r\n", "hello"),
    ];
    for (body, expected) in cases {
        let outcome = chunked(body, Limits::default());
        assert_eq!(outcome.error, None, "{body:?}");
        assert_eq!(decoded(&outcome), (expected.as_bytes(), true), "{body:?}");
        assert_eq!((outcome.seen.len(), outcome.status), (2, Status::Idle), "{body:?}");
    }
}

#[test]
fn the_largest_chunk_size_is_64_bits() {
    let driver = Driver::fed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx");
    assert_eq!((driver.error, driver.received_body()), (None, (b"x".to_vec(), false)));
}

#[test]
fn chunk_lines_have_a_limit() {
    let limits = Limits { chunk_line: 8, ..Limits::default() };
    assert_eq!(chunked("5;abcdef\r\nhello\r\n0\r\n\r\n", limits).error, None);
    assert_eq!(chunked("5;abcdefg\r\nhello\r\n0\r\n\r\n", limits).code(), Some(400));
    assert_eq!(chunked("000000005\r\nhello\r\n0\r\n\r\n", limits).code(), Some(400));
    let many = "1;abcdef\r\nx\r\n".repeat(50);
    assert_eq!(chunked(&format!("{many}0\r\n\r\n"), limits).error, None, "the limit is per line");
}

#[test]
fn trailers_have_limits() {
    let limits = Limits { head_bytes: 120, head_fields: 4, ..Limits::default() };
    let trailers = |count: usize| format!("0\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert_eq!(chunked(&trailers(4), limits).error, None);
    assert_eq!(chunked(&trailers(5), limits).code(), Some(431));
    assert_eq!(chunked(&format!("0\r\nX: {}\r\n\r\n", "y".repeat(113)), limits).error, None);
    assert_eq!(chunked(&format!("0\r\nX: {}\r\n\r\n", "y".repeat(114)), limits).code(), Some(431));
}

#[test]
fn chunked_bodies_are_refused_when_they_exceed_the_limit() {
    let limits = Limits { body_bytes: 10, ..Limits::default() };
    assert_eq!(decoded(&chunked("a\r\n0123456789\r\n0\r\n\r\n", limits)), (&b"0123456789"[..], true));
    let outcome = chunked("9\r\n012345678\r\n2\r\n9", limits);
    assert_eq!((outcome.code(), decoded(&outcome)), (Some(413), (&b"012345678"[..], false)));
    assert_eq!(chunked("ffffffffffffffff\r\n", limits).code(), Some(413), "announced is enough");
}
