//! Chunked bodies. Outcomes: the same whichever way the bytes come, and the same as a naive decoder gives that looks at
//! the whole body at once and shares no code with the first (RFC 9112 section 7.1).

use wire::Limits;

use crate::harness::{Seen, in_pieces};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The target. The first byte chooses the size of the pieces.
pub fn check(data: &[u8]) {
    let Some((&size, body)) = data.split_first() else { return };
    let input = [HEAD, body].concat();
    let outcome = in_pieces(&input, Limits::default(), &[1, 2 + size as usize % 30]);
    let (bytes, end) = match outcome.seen.get(1) {
        Some(Seen::Body { bytes, end, .. }) => (bytes.as_slice(), *end),
        _ => (&b""[..], false),
    };
    let mut expected = Vec::new();
    let verdict = naive(body, &mut expected);
    match verdict {
        Verdict::Whole => assert!(end, "a whole body did not end"),
        Verdict::Partial => assert!(!end && outcome.error.is_none(), "{:?}", outcome.error),
        Verdict::Bad => {
            assert!(
                !end && outcome.error.is_some_and(|error| [400, 431].contains(&error.status)),
                "accepted: {outcome:?}"
            );
        }
    }
    assert_eq!(bytes, expected, "the data differs ({verdict:?})");
}

#[derive(Clone, Copy, Debug)]
enum Verdict {
    Whole,
    Partial,
    Bad,
}

fn naive(mut body: &[u8], data: &mut Vec<u8>) -> Verdict {
    loop {
        let (line, rest) = match line(body) {
            Ok(found) => found,
            Err(partial) => return unfinished(partial, is_size_prefix, |line| size(line).is_some()),
        };
        let Some(size) = size(line) else { return Verdict::Bad };
        body = rest;
        if size == 0 {
            return trailers(body);
        }
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(body.len());
        data.extend(&body[..length]);
        match &body[length..] {
            [b'\r', b'\n', rest @ ..] if length as u64 == size => body = rest,
            [] | [b'\r'] => return Verdict::Partial,
            _ => return Verdict::Bad,
        }
    }
}

fn trailers(mut body: &[u8]) -> Verdict {
    loop {
        match line(body) {
            Ok((b"", _)) => return Verdict::Whole,
            Ok((line, rest)) if is_trailer(line) => body = rest,
            Ok(_) => return Verdict::Bad,
            Err(partial) => return unfinished(partial, is_trailer_prefix, is_trailer),
        }
    }
}

/// The line up to the first CR or LF, which must be a CRLF; or what there is of it.
fn line(body: &[u8]) -> Result<(&[u8], &[u8]), &[u8]> {
    let end = body.iter().position(|byte| matches!(byte, b'\r' | b'\n')).ok_or(body)?;
    match &body[end..] {
        [b'\r', b'\n', rest @ ..] => Ok((&body[..end], rest)),
        _ => Err(body),
    }
}

/// A line that has not ended: could it still become a good one?
fn unfinished(partial: &[u8], is_prefix: fn(&[u8]) -> bool, is_whole: fn(&[u8]) -> bool) -> Verdict {
    let good = match partial.split_last() {
        None => true,
        // A CR stands last: then the line before it has to be whole.
        Some((b'\r', line)) => is_whole(line),
        Some(_) => is_prefix(partial),
    };
    if good { Verdict::Partial } else { Verdict::Bad }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// 1*HEXDIG and extensions
fn size(line: &[u8]) -> Option<u64> {
    sized(line).and_then(|(number, whole)| whole.then_some(number))
}

fn is_size_prefix(partial: &[u8]) -> bool {
    sized(partial).is_some()
}

/// The number, and whether the line may end here; None where nothing that follows could make it good.
fn sized(line: &[u8]) -> Option<(u64, bool)> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (number, rest) = line.split_at(digits);
    let number = std::str::from_utf8(number).ok().filter(|_| line.len() <= Limits::default().chunk_line)?;
    Some((u64::from_str_radix(number, 16).ok()?, extensions(rest)?))
}

/// *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ): whether that is whole, None where it is neither
/// whole nor the beginning of such.
fn extensions(mut rest: &[u8]) -> Option<bool> {
    while !rest.is_empty() {
        let Some((&semicolon, behind)) = unspaced(rest).split_first() else { return Some(false) };
        let behind = unspaced(behind);
        let name = token(behind);
        if semicolon != b';' || (name == 0 && !behind.is_empty()) {
            return None;
        }
        rest = &behind[name..];
        if name == 0 {
            return Some(false);
        }
        if let Some((b'=', value)) = unspaced(rest).split_first() {
            let value = unspaced(value);
            let length = if value.first() == Some(&b'"') { quoted(value)? } else { Some(token(value)) };
            match length {
                None => return Some(false),
                Some(0) if value.is_empty() => return Some(false),
                Some(0) => return None,
                Some(length) => rest = &value[length..],
            }
        }
    }
    Some(true)
}

fn unspaced(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[spaces..]
}

/// How long the token is that stands here.
fn token(bytes: &[u8]) -> usize {
    let other = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"!#$%&'*+-.^_`|~".contains(byte);
    bytes.iter().position(other).unwrap_or(bytes.len())
}

/// How long the quoted-string is that begins here; inner None where its end is missing, outer None where it is bad.
fn quoted(bytes: &[u8]) -> Option<Option<usize>> {
    let mut escaped = false;
    for (index, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if !is_text(&[*byte]) => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(Some(index + 1)),
            _ => {}
        }
    }
    Some(None)
}

/// A whole field line, or the empty one.
fn is_trailer(line: &[u8]) -> bool {
    line.is_empty() || (line.contains(&b':') && is_trailer_prefix(line))
}

fn is_trailer_prefix(partial: &[u8]) -> bool {
    let colon = partial.iter().position(|byte| *byte == b':').unwrap_or(partial.len());
    let (name, value) = partial.split_at(colon);
    let tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(tchar) && is_text(value)
}
