//! Commands to bytes: status lines, field lines and the choice of a response's framing (RFC 9112 sections 4 to 7).
//!
//! Everything appends to a vector of the caller's. On an error the vector holds half a head: `connection` cuts it back.
//! What a response may look like depends on its request, of which [`Asked`] is all that is needed.

use crate::error::Error;
use crate::grammar::{check_field, decimal, list};
use crate::headers::Fields;

/// What a response has to know about its request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// HTTP/1.0: no chunks, no interim responses.
    pub old: bool,
    /// HEAD: the answer has no body.
    pub head_only: bool,
    pub accepts_trailers: bool,
}

/// How a response's payload is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none; what the application sends is dropped.
    Bodiless,
    /// So many bytes are still owed.
    Length(u64),
    Chunked,
    /// Until the connection closes.
    Close,
}

/// A final head as the driver asks for it.
#[derive(Clone, Copy)]
pub struct Final<'a> {
    pub status: u16,
    pub fields: &'a Fields,
    pub base: &'a [u8],
    pub length: Option<u64>,
    pub trailers: bool,
}

/// Writes a final head. Gives the framing of its payload, and whether the connection can be kept.
pub fn write_final(out: &mut Vec<u8>, asked: Asked, keep: bool, head: Final<'_>) -> Result<(Framing, bool), Error> {
    let status = head.status;
    if !(200..=999).contains(&status) {
        return Err(status_error(status));
    }
    out.reserve(160 + head.base.len() + 4 * head.fields.len());
    status_line(out, status);
    let own = own_fields(out, status, head.fields, head.base)?;

    let mut keep = keep && !own.close;
    let bodiless = asked.head_only || matches!(status, 204 | 205 | 304);
    let trailers = head.trailers && asked.accepts_trailers;
    let framing = match (own.length, head.length) {
        _ if bodiless => Framing::Bodiless,
        (Some(length), _) => Framing::Length(length),
        (None, Some(length)) if !trailers || asked.old => {
            length_line(out, length);
            Framing::Length(length)
        }
        _ if asked.old => {
            keep = false;
            Framing::Close
        }
        _ => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            Framing::Chunked
        }
    };
    if status == 205 {
        length_line(out, 0); // RFC 9110 section 15.3.6: no content, and the client must be able to see that.
    }
    connection_line(out, asked, keep, &own, head);
    out.extend_from_slice(b"\r\n");
    Ok((framing, keep))
}

#[cold]
fn status_error(status: u16) -> Error {
    Error::caller(match status {
        100..=199 => "An interim status (1xx) cannot start a response (SERVER-20, RFC 9110 section 15.2).",
        _ => "A status is a number from 200 to 999 (SERVER-20, RFC 9110 section 15).",
    })
}

/// What the application's own fields said about the framing.
#[derive(Default)]
struct Own {
    length: Option<u64>,
    close: bool,
    /// Connection options other than close and keep-alive.
    options: bool,
}

#[inline]
fn own_fields(out: &mut Vec<u8>, status: u16, fields: &Fields, base: &[u8]) -> Result<Own, Error> {
    let mut own = Own::default();
    for field in fields.spans() {
        let (name, value) = (field.name(base), field.value(base));
        if !fields.is_prepared() {
            check_field(name, value)?;
        }
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let length = decimal(value).ok_or(Error::caller(
                    "Content-Length is not a plain number of 64 bits (RFC 9110 section 8.6, ASGI-115).",
                ))?;
                if own.length.replace(length).is_some() {
                    return Err(Error::caller("Content-Length is given twice (RFC 9110 section 8.6, ASGI-115)."));
                }
                // RFC 9110 section 8.6: none with 204. With 205 only 0 is right, which we write ourselves.
                if matches!(status, 204 | 205) {
                    continue;
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => continue, // ASGI-107
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in list(value) {
                    let close = option.eq_ignore_ascii_case(b"close");
                    own.close |= close;
                    own.options |= !close && !option.is_empty() && !option.eq_ignore_ascii_case(b"keep-alive");
                }
                continue;
            }
            _ => {}
        }
        if fields.is_prepared() {
            out.extend_from_slice(&base[field.name_start as usize..][..name.len() + value.len() + 4]);
        } else {
            field_line(out, name, value);
        }
    }
    Ok(own)
}

#[inline]
fn field_line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn length_line(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The one Connection field (RFC 9110 section 7.6.1, RFC 9112 section 9.3): the application's options and ours.
#[inline]
fn connection_line(out: &mut Vec<u8>, asked: Asked, keep: bool, own: &Own, head: Final<'_>) {
    let ours: &[u8] = match (keep, asked.old) {
        (false, _) => b"close",
        (true, true) => b"keep-alive",
        (true, false) => b"",
    };
    if own.options {
        connection_options(out, ours, head);
    } else if !ours.is_empty() {
        field_line(out, b"connection", ours);
    }
}

#[cold]
fn connection_options(out: &mut Vec<u8>, ours: &[u8], head: Final<'_>) {
    let theirs = head
        .fields
        .iter(head.base)
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"))
        .flat_map(|(_, value)| list(value))
        .filter(|option| !option.eq_ignore_ascii_case(b"close") && !option.eq_ignore_ascii_case(b"keep-alive"));
    let mut separator: &[u8] = b"connection: ";
    for option in theirs.chain([ours]).filter(|option| !option.is_empty()) {
        out.extend_from_slice(separator);
        out.extend_from_slice(option);
        separator = b", ";
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes `103 Early Hints` (RFC 8297). Fields of framing do not belong into an interim response (RFC 9110 section 8.6,
/// RFC 9112 section 6.1) and are left out.
pub fn write_hint(out: &mut Vec<u8>, fields: &Fields, base: &[u8]) -> Result<(), Error> {
    status_line(out, 103);
    for (name, value) in fields.iter(base) {
        check_field(name, value)?;
        if [&b"content-length"[..], b"transfer-encoding", b"connection"]
            .iter()
            .all(|own| !name.eq_ignore_ascii_case(own))
        {
            field_line(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Writes `101 Switching Protocols` with the new protocol's `lines` before the application's fields. Of those, the ones
/// of framing and of the upgrade are left out as in `write_hint`, and the handshake's own belong to the server.
pub fn write_switch(out: &mut Vec<u8>, lines: &[u8], fields: &Fields, base: &[u8]) -> Result<(), Error> {
    status_line(out, 101);
    out.extend_from_slice(lines);
    for (name, value) in fields.iter(base) {
        check_field(name, value)?;
        if name.get(..14).is_some_and(|start| start.eq_ignore_ascii_case(b"sec-websocket-")) {
            return Err(Error::caller("Fields that begin with Sec-WebSocket- are written by the server (ASGI-149)."));
        }
        if [&b"content-length"[..], b"transfer-encoding", b"connection", b"upgrade"]
            .iter()
            .all(|own| !name.eq_ignore_ascii_case(own))
        {
            field_line(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Writes a chunk's size line (RFC 9112 section 7.1). Data and CRLF follow.
#[inline]
pub fn chunk_line(out: &mut Vec<u8>, length: u64) {
    let mut digits = [0; 18];
    digits[16..].copy_from_slice(b"\r\n");
    let (mut at, mut rest) = (16, length);
    while rest > 0 || at == 16 {
        at -= 1;
        digits[at] = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Checks trailer fields, and writes the last chunk with them behind it where there is an `out` that wants them.
pub fn write_trailers(out: Option<&mut Vec<u8>>, fields: &Fields, base: &[u8]) -> Result<(), Error> {
    check_trailers(fields, base)?;
    if let Some(out) = out {
        out.extend_from_slice(b"0\r\n");
        fields.iter(base).for_each(|(name, value)| field_line(out, name, value));
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

/// Whether these fields may stand behind a body.
pub fn check_trailers(fields: &Fields, base: &[u8]) -> Result<(), Error> {
    for (name, value) in fields.iter(base) {
        check_field(name, value)?;
        if FORBIDDEN_TRAILERS.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
            return Err(Error::caller("This field must not be sent as a trailer (RFC 9110 section 6.5.1)."));
        }
    }
    Ok(())
}

/// Framing, routing, request modifiers, authentication, content handling: RFC 9110 section 6.5.1 forbids the kinds, RFC 7230
/// section 4.1.2 names them.
const FORBIDDEN_TRAILERS: [&[u8]; 27] = [
    b"transfer-encoding",
    b"content-length",
    b"host",
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"upgrade",
    b"trailer",
    b"te",
    b"cache-control",
    b"expect",
    b"max-forwards",
    b"pragma",
    b"range",
    b"if-match",
    b"if-none-match",
    b"if-modified-since",
    b"if-unmodified-since",
    b"if-range",
    b"authorization",
    b"www-authenticate",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"set-cookie",
    b"content-encoding",
    b"content-type",
    b"content-range",
];

/// Writes a whole plain-text response that ends the connection. `upgrade`: lines that name another protocol. `extra`:
/// fields of the driver's (date, server).
pub fn write_refusal(out: &mut Vec<u8>, asked: Asked, error: &Error, upgrade: &[u8], extra: (&Fields, &[u8])) {
    status_line(out, error.status);
    for (name, value) in extra.0.iter(extra.1).filter(|(name, value)| check_field(name, value).is_ok()) {
        field_line(out, name, value);
    }
    field_line(out, b"content-type", b"text/plain; charset=utf-8");
    length_line(out, error.reason.len() as u64 + 1);
    out.extend_from_slice(upgrade);
    // Who sends Upgrade names it as an option of the connection (RFC 9110 section 7.8).
    field_line(out, b"connection", if upgrade.is_empty() { b"close" } else { b"upgrade, close" });
    out.extend_from_slice(b"\r\n");
    if !asked.head_only {
        out.extend_from_slice(error.reason.as_bytes());
        out.push(b'\n');
    }
}

/// status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF (RFC 9112 section 4). The version is always our
/// own highest, also towards HTTP/1.0 (RFC 9110 section 6.2).
#[inline]
fn status_line(out: &mut Vec<u8>, status: u16) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The phrases of the IANA registry; empty for what it does not know.
fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a Teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        510 => "Not Extended",
        511 => "Network Authentication Required",
        _ => "",
    }
}
