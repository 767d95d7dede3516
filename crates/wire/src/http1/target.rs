//! The request target and the `Host` field: which forms there are, and what they split into (RFC 9112 section 3.2).
//!
//! request-target = origin-form / absolute-form / authority-form / asterisk-form. Authority-form belongs to CONNECT,
//! which ASGI cannot express (ASGI-357).

use std::net::Ipv6Addr;

use crate::error::Error;
use crate::grammar::is_reg_name_char;

/// A target, split. Nothing is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    pub path: &'a [u8],
    pub query: &'a [u8],
    pub authority: Option<&'a [u8]>,
}

/// Splits a request target according to its method.
#[inline]
pub fn parse<'a>(method: &[u8], target: &'a [u8]) -> Result<Target<'a>, Error> {
    // The application sees methods in upper case, so any case of CONNECT would become one.
    if method.eq_ignore_ascii_case(b"CONNECT") {
        return Err(Error::peer(501, "CONNECT has no meaning for this server (RFC 9110 section 9.3.6)."));
    }
    if !target.is_ascii() {
        return Err(Error::peer(400, "The request target holds bytes outside of ASCII (RFC 3986 section 2)."));
    }
    match target {
        [b'/', ..] => split(target, None),
        // asterisk-form = "*" (RFC 9112 section 3.2.4)
        b"*" if method == b"OPTIONS" => Ok(Target { path: target, query: b"", authority: None }),
        b"*" => Err(Error::peer(400, "The target '*' is for OPTIONS only (RFC 9112 section 3.2.4).")),
        _ => absolute(target),
    }
}

/// origin-form = absolute-path [ "?" query ] (RFC 9112 section 3.2.1)
fn split<'a>(target: &'a [u8], authority: Option<&'a [u8]>) -> Result<Target<'a>, Error> {
    let end = match memchr::memchr2(b'?', b'#', target) {
        None => return Ok(Target { path: target, query: b"", authority }),
        Some(at) if target[at] == b'?' && memchr::memchr(b'#', &target[at..]).is_none() => at,
        Some(_) => return Err(Error::peer(400, "The request target has a fragment (RFC 9112 section 3.2).")),
    };
    Ok(Target { path: &target[..end], query: &target[end + 1..], authority })
}

/// absolute-form = absolute-URI, of the schemes http and https only (RFC 9112 section 3.2.2, RFC 9110 section 4.2)
fn absolute(target: &[u8]) -> Result<Target<'_>, Error> {
    let Some(rest) = strip_scheme(target, b"http://").or_else(|| strip_scheme(target, b"https://")) else {
        return Err(Error::peer(400, "The request target is neither a path nor an http URI (RFC 9112 section 3.2)."));
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    // An empty host and user information are to be refused (RFC 9110 sections 4.2.1 and 4.2.4).
    if !is_authority(authority) || matches!(authority, [] | [b':', ..]) {
        return Err(Error::peer(400, "The authority of the request target is not host[:port] (RFC 9110 section 4.2)."));
    }
    let mut target = split(rest, Some(authority))?;
    if target.path.is_empty() {
        target.path = b"/"; // RFC 9112 section 3.2.1: an empty path is sent as "/".
    }
    Ok(target)
}

fn strip_scheme<'a>(target: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = target.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Host = uri-host [ ":" port ] (RFC 9110 section 7.2); may be empty.
pub fn is_authority(value: &[u8]) -> bool {
    if let [b'[', rest @ ..] = value {
        let Some(close) = memchr::memchr(b']', rest) else { return false };
        return is_ip_literal(&rest[..close]) && (close + 1 == rest.len() || is_port(&rest[close + 1..]));
    }
    let colon = memchr::memchr(b':', value).unwrap_or(value.len());
    is_reg_name(&value[..colon]) && (colon == value.len() || is_port(&value[colon..]))
}

/// ":" port, where port = *DIGIT (RFC 3986 section 3.2.3)
fn is_port(bytes: &[u8]) -> bool {
    matches!(bytes, [b':', port @ ..] if port.iter().all(u8::is_ascii_digit))
}

/// reg-name = *( unreserved / pct-encoded / sub-delims ); IPv4address is one, too (RFC 3986 section 3.2.2)
fn is_reg_name(mut bytes: &[u8]) -> bool {
    // Nearly every host is one without percent-encoding: one look per byte.
    if bytes.iter().all(|&byte| is_reg_name_char(byte)) {
        return true;
    }
    loop {
        bytes = match bytes {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if is_reg_name_char(*byte) => rest,
            _ => return false,
        }
    }
}

/// IP-literal = "[" ( IPv6address / IPvFuture ) "]" (RFC 3986 section 3.2.2); zone identifiers do not travel.
fn is_ip_literal(bytes: &[u8]) -> bool {
    if let [b'v' | b'V', rest @ ..] = bytes {
        // IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
        let dot = memchr::memchr(b'.', rest).unwrap_or(0);
        return dot > 0
            && rest[..dot].iter().all(u8::is_ascii_hexdigit)
            && rest.len() > dot + 1
            && rest[dot + 1..].iter().all(|&byte| is_reg_name_char(byte) || byte == b':');
    }
    std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}
