//! Request heads. Outcomes: the same whichever way the bytes come; a known status; and what is accepted also passes a
//! second, naive reading of RFC 9112 that shares no code with the first.

use wire::{Limits, Version};

use crate::harness::{Request, Seen, in_pieces};

pub(crate) const LIMITS: Limits = Limits {
    request_line: 200,
    head_bytes: 1000,
    head_fields: 20,
    head_timeout: 30_000,
    idle_timeout: 75_000,
    body_bytes: 5000,
    body_rate: 0,
    body_grace: 0,
    drain_bytes: 1000,
    chunk_line: 100,
    websocket: false,
    ..Limits::DEFAULT
};

/// The target. The first byte chooses the size of the pieces.
pub fn check(data: &[u8]) {
    let Some((&size, input)) = data.split_first() else { return };
    let outcome = in_pieces(input, LIMITS, &[1, 2 + size as usize % 30]);
    if let Some(error) = outcome.error {
        assert!([400, 413, 414, 417, 431, 501, 505].contains(&error.status), "{error:?}");
    }
    if let Some(Seen::Request(request)) = outcome.seen.first() {
        second_reading(input, request);
    }
}

fn second_reading(input: &[u8], request: &Request) {
    let mut input = input;
    while let Some(rest) = input.strip_prefix(b"\r\n") {
        input = rest;
    }
    let end = input.windows(4).position(|four| four == b"\r\n\r\n").expect("a head has an end");
    let head = &input[..end];
    for (at, byte) in head.iter().enumerate() {
        let line_end = match byte {
            b'\r' => head.get(at + 1) == Some(&b'\n'),
            b'\n' => at > 0 && head[at - 1] == b'\r',
            byte => *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f),
        };
        assert!(line_end, "a character that no head holds: {byte:#x} at {at}");
    }
    let text: String = head.iter().map(|&byte| byte as char).collect();
    let mut lines = text.split("\r\n");
    let words: Vec<_> = lines.next().expect("a request line").split(' ').collect();
    let [method, target, version] = words[..] else { panic!("not three words: {words:?}") };
    assert_eq!(method, request.method);
    assert!(version.starts_with("HTTP/1.") && version.len() == 8);
    assert_eq!(version.ends_with('0'), request.version == Version::Http10);
    assert!(!target.contains('#') && target.is_ascii());
    if target.starts_with('/') {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        assert_eq!((path, query), (request.path.as_str(), request.query.as_str()));
    }
    second_fields(lines, request);
}

fn second_fields<'a>(lines: impl Iterator<Item = &'a str>, request: &Request) {
    let (mut hosts, mut lengths, mut codings) = (0, Vec::new(), Vec::new());
    let mut fields = request.fields.iter();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a colon");
        let value = value.trim_matches([' ', '\t']);
        let (got_name, got_value) = fields.next().expect("as many fields as lines");
        let got_value: String = got_value.iter().map(|&byte| byte as char).collect();
        assert_eq!((name.as_bytes(), value), (got_name.as_slice(), got_value.as_str()));
        assert!(!name.is_empty() && !name.contains([' ', '\t']));
        match name.to_ascii_lowercase().as_str() {
            "host" => hosts += 1,
            "content-length" => lengths.push(value.to_owned()),
            "transfer-encoding" => codings.push(value.to_ascii_lowercase()),
            _ => {}
        }
    }
    assert!(fields.next().is_none());
    assert!(hosts == 1 || (hosts == 0 && request.version == Version::Http10));
    assert!(lengths.len() + codings.len() <= 1, "ambiguous framing was accepted");
    assert!(codings.iter().all(|coding| coding == "chunked"));
    assert!(codings.is_empty() || request.version == Version::Http11);
    assert_eq!(request.body_length, lengths.first().map(|length| length.parse().expect("a number")));
    assert!(lengths.iter().all(|length| length.bytes().all(|byte| byte.is_ascii_digit())));
    assert_eq!(request.has_body, !codings.is_empty() || request.body_length.is_some_and(|length| length > 0));
}
