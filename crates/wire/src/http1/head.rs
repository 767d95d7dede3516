//! Bytes to a request: finds the end of a head, splits it into tokens (httparse does) and decides what its fields mean
//! for this protocol: framing, persistence, expectation, host.
//!
//! Everything that two implementations could read in two ways is refused here (RFC 9112 section 11.2, request smuggling).
//! Not here: the body's bytes (`body`), the target's forms (`target`), what may follow (`state`).

use std::mem::MaybeUninit;

use super::target::{self, Target};
use crate::error::Error;
use crate::event::{Head, Version};
use crate::grammar::{decimal, is_token, list};
use crate::headers::{Field, Fields};
use crate::limits::Limits;

/// Fields for which the stack has room; a larger limit costs a large head one allocation.
const INLINE_FIELDS: usize = 128;

/// How far the end of the current head was searched, so that no byte is looked at twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    at: u32,
    line: u32,
}

impl Scan {
    /// Looks for the empty line in `input` (which begins with the head). Gives the length of the head.
    #[inline]
    pub fn find_end(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Error> {
        let window = &input[..input.len().min(limits.head_bytes).min(u32::MAX as usize)];
        let from = (self.at as usize).min(window.len());
        for found in memchr::memchr_iter(b'\n', &window[from..]) {
            let feed = from + found;
            if self.line == 0 && feed > limits.request_line + 1 {
                return Err(TARGET_TOO_LONG);
            }
            // RFC 9112 section 2.2 lets a recipient take a single LF for a line's end. It also enables smuggling.
            if feed == 0 || window[feed - 1] != b'\r' {
                return Err(Error::peer(
                    400,
                    "A line of the head ends with LF instead of CRLF (RFC 9112 section 2.2).",
                ));
            }
            if self.line == 0 {
                check_version(&window[..feed - 1])?;
            } else if feed - 1 == self.line as usize {
                return Ok(Some(feed + 1));
            }
            self.line = feed as u32 + 1;
        }
        self.at = window.len() as u32;
        if self.line == 0 && window.len() > limits.request_line + 1 {
            return Err(TARGET_TOO_LONG);
        }
        if input.len() >= limits.head_bytes {
            return Err(Error::peer(431, "The request head is longer than this server allows (RFC 6585 section 5)."));
        }
        Ok(None)
    }
}

const TARGET_TOO_LONG: Error =
    Error::peer(414, "The request line is longer than this server allows (RFC 9112 section 3).");

/// HTTP-version = HTTP-name "/" DIGIT "." DIGIT (RFC 9112 section 2.3), at the end of the request line.
fn check_version(line: &[u8]) -> Result<(), Error> {
    match line {
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] => Ok(()),
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Error::peer(505, "This port speaks HTTP/1.0 and HTTP/1.1 (RFC 9110 section 15.6.6)."))
        }
        _ => Err(Error::peer(400, "The request line does not end with an HTTP version (RFC 9112 section 3).")),
    }
}

/// How the request's body is delimited (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
}

/// A request head and what it means for the connection.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub head: Head<'a>,
    pub framing: Framing,
    /// The client wants the connection to stay open (RFC 9112 section 9.3).
    pub persistent: bool,
    /// `Connection: upgrade`: the client asks to go on with another protocol (RFC 9110 section 7.8).
    pub upgrade: bool,
}

/// Parses a complete head, or recalls it. `fields` receives its field lines.
#[inline]
pub fn parse<'a>(base: &'a [u8], fields: &mut Fields, limits: &Limits) -> Result<Request<'a>, Error> {
    if let Some(request) = fields.recall(base) {
        return Ok(request);
    }
    let request = parse_anew(base, fields, limits)?;
    fields.remember(&request);
    Ok(request)
}

fn parse_anew<'a>(base: &'a [u8], fields: &mut Fields, limits: &Limits) -> Result<Request<'a>, Error> {
    let line = tokens(base, fields, limits)?;
    let method = &base[..line.method];
    let target = &base[line.method + 1..line.method + 1 + line.target];
    let mut seen = Seen::default();
    for (name, value) in fields.iter(base) {
        seen.field(name, value, line.version)?;
    }
    let Target { path, query, authority } = target::parse(method, target)?;
    seen.check_host(line.version, path, authority)?;
    let framing = seen.framing(line.version)?;
    let has_body = framing != Framing::Length(0);
    let head = Head {
        method,
        path,
        query,
        authority,
        version: line.version,
        base,
        has_body,
        body_length: seen.length,
        // RFC 9110 section 10.1.1: an expectation from an HTTP/1.0 client or without content is ignored.
        expects_continue: seen.expects_continue && has_body,
        accepts_trailers: seen.accepts_trailers && line.version == Version::Http11,
    };
    // RFC 9112 section 9.3: `close` wins; HTTP/1.1 persists by default, HTTP/1.0 only on request.
    let persistent = !seen.close && (line.version == Version::Http11 || seen.keep_alive);
    Ok(Request { head, framing, persistent, upgrade: seen.upgrade })
}

/// Lengths of the request line's parts. Between them stands exactly one SP (RFC 9112 section 3).
struct Line {
    method: usize,
    target: usize,
    version: Version,
}

fn tokens(base: &[u8], fields: &mut Fields, limits: &Limits) -> Result<Line, Error> {
    let room = limits.head_fields.min(INLINE_FIELDS);
    let mut inline = [const { MaybeUninit::uninit() }; INLINE_FIELDS];
    match tokens_into(base, fields, &mut inline[..room]) {
        Ok(line) => Ok(line),
        Err(error) => tokens_again(base, fields, limits, error),
    }
}

/// The two rare heads that the first attempt cannot take: more fields than fit the stack, and HTTP/1.2 to HTTP/1.9.
#[cold]
fn tokens_again(base: &[u8], fields: &mut Fields, limits: &Limits, mut error: httparse::Error) -> Result<Line, Error> {
    let mut copy = Vec::new();
    let mut bytes = base;
    if error == httparse::Error::Version {
        // RFC 9110 section 2.5: a higher minor version is processed as the highest that we know. httparse knows no
        // other than 1.0 and 1.1, so it is shown a copy that says 1.1; all results are offsets.
        copy.extend_from_slice(base);
        if let Some(end) = memchr::memchr(b'\r', &copy).filter(|&end| end > 0) {
            copy[end - 1] = b'1';
        }
        bytes = &copy;
    }
    if matches!(error, httparse::Error::Version | httparse::Error::TooManyHeaders) {
        let mut room = Vec::new();
        // A field line has at least four bytes ("a:" CRLF), so a generous limit costs no more than the head is worth.
        room.resize_with(limits.head_fields.min(base.len() / 4), MaybeUninit::uninit);
        match tokens_into(bytes, fields, &mut room) {
            Ok(line) => return Ok(line),
            Err(again) => error = again,
        }
    }
    Err(refusal(error))
}

#[inline]
fn tokens_into<'h>(
    base: &'h [u8],
    fields: &mut Fields,
    room: &mut [MaybeUninit<httparse::Header<'h>>],
) -> Result<Line, httparse::Error> {
    fields.clear();
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse_with_uninit_headers(base, room)?;
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
        return Err(httparse::Error::Token);
    };
    if parsed != httparse::Status::Complete(base.len()) {
        return Err(httparse::Error::NewLine);
    }
    let start = base.as_ptr() as usize;
    for header in request.headers.iter() {
        fields.push(Field {
            name_start: (header.name.as_ptr() as usize - start) as u32,
            value_start: (header.value.as_ptr() as usize - start) as u32,
            name_length: header.name.len() as u32,
            value_length: header.value.len() as u32,
        });
    }
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    Ok(Line { method: method.len(), target: target.len(), version })
}

fn refusal(error: httparse::Error) -> Error {
    match error {
        httparse::Error::TooManyHeaders => {
            Error::peer(431, "The request has more header fields than this server allows (RFC 6585 section 5).")
        }
        httparse::Error::HeaderName => Error::peer(
            400,
            "A field name is empty or not a token, has a space before its colon, or a line is folded (RFC 9112 section 5).",
        ),
        httparse::Error::HeaderValue => {
            Error::peer(400, "A field value holds a control character or a bare CR (RFC 9110 section 5.5).")
        }
        _ => Error::peer(400, "The request line is not method SP target SP version CRLF (RFC 9112 section 3)."),
    }
}

/// What the fields said that concerns this protocol.
#[derive(Default)]
struct Seen<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    coding: Coding,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    expects_continue: bool,
    accepts_trailers: bool,
}

/// The transfer codings of all `Transfer-Encoding` fields so far (RFC 9112 section 6.1).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    /// Some that we do not know, and `chunked` last.
    UnknownChunked,
    /// Some that we do not know, and no `chunked` yet.
    Unknown,
}

impl<'a> Seen<'a> {
    #[inline]
    fn field(&mut self, name: &[u8], value: &'a [u8], version: Version) -> Result<(), Error> {
        match name.len() {
            2 if name.eq_ignore_ascii_case(b"te") => {
                // t-codings = "trailers" / ( transfer-coding [ weight ] ) (RFC 9110 section 10.1.4)
                self.accepts_trailers |= list(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
            }
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value)?,
            6 if name.eq_ignore_ascii_case(b"expect") => self.expect(value, version)?,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value)?,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value)?,
            _ => {}
        }
        Ok(())
    }

    fn host(&mut self, value: &'a [u8]) -> Result<(), Error> {
        if self.host.replace(value).is_some() {
            return Err(Error::peer(400, "There is more than one Host field (RFC 9112 section 3.2)."));
        }
        Ok(())
    }

    /// Expect = #expectation; only 100-continue is defined, without regard to case (RFC 9110 section 10.1.1).
    fn expect(&mut self, value: &[u8], version: Version) -> Result<(), Error> {
        if version == Version::Http10 {
            return Ok(());
        }
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Error::peer(417, "The only expectation there is is 100-continue (RFC 9110 section 10.1.1)."));
        }
        self.expects_continue = true;
        Ok(())
    }

    /// Content-Length = 1*DIGIT, once (RFC 9110 section 8.6, RFC 9112 section 6.3 rule 5). Equal duplicates could be
    /// taken for one; who sends them is broken or hostile.
    fn content_length(&mut self, value: &[u8]) -> Result<(), Error> {
        let Some(length) = decimal(value) else {
            return Err(Error::peer(400, "Content-Length is not a plain number of 64 bits (RFC 9110 section 8.6)."));
        };
        if self.length.replace(length).is_some() {
            return Err(Error::peer(400, "There is more than one Content-Length field (RFC 9112 section 6.3)."));
        }
        Ok(())
    }

    /// Transfer-Encoding = #transfer-coding (RFC 9112 section 6.1)
    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Error> {
        for coding in list(value) {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.coding = match self.coding {
                Coding::Chunked | Coding::UnknownChunked => {
                    return Err(Error::peer(400, "A transfer coding follows 'chunked' (RFC 9112 section 6.1)."));
                }
                _ if !is_token(coding) => {
                    return Err(Error::peer(400, "Transfer-Encoding holds something odd (RFC 9112 section 7)."));
                }
                Coding::None if chunked => Coding::Chunked,
                Coding::Unknown if chunked => Coding::UnknownChunked,
                Coding::None | Coding::Unknown => Coding::Unknown,
            };
        }
        Ok(())
    }

    /// The rules of RFC 9112 section 6.3, as strict as it allows.
    fn framing(&self, version: Version) -> Result<Framing, Error> {
        match (self.coding, self.length) {
            (Coding::None, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (_, Some(_)) => {
                Err(Error::peer(400, "Transfer-Encoding and Content-Length exclude each other (RFC 9112 section 6.3)."))
            }
            _ if version == Version::Http10 => {
                Err(Error::peer(400, "HTTP/1.0 knows no Transfer-Encoding (RFC 9112 section 6.1)."))
            }
            (Coding::Chunked, None) => Ok(Framing::Chunked),
            (Coding::UnknownChunked, None) => {
                Err(Error::peer(501, "No transfer coding but 'chunked' is understood (RFC 9112 section 6.1)."))
            }
            (Coding::Unknown, None) => {
                Err(Error::peer(400, "The last transfer coding is not 'chunked' (RFC 9112 section 6.3)."))
            }
        }
    }

    /// RFC 9112 section 3.2: Host exactly once on HTTP/1.1, and valid wherever it is.
    fn check_host(&self, version: Version, path: &[u8], authority: Option<&[u8]>) -> Result<(), Error> {
        let Some(host) = self.host else {
            if version == Version::Http10 {
                return Ok(());
            }
            return Err(Error::peer(400, "HTTP/1.1 needs a Host field (RFC 9112 section 3.2)."));
        };
        // Empty where the target has no authority ("*") or brings its own; an http URI has a host (RFC 9110 section 4.2.1).
        let empty_allowed = authority.is_some() || path == b"*" || version == Version::Http10;
        let empty = matches!(host, [] | [b':', ..]);
        if !target::is_authority(host) || (empty && !(empty_allowed && host.is_empty())) {
            return Err(Error::peer(400, "Host is not host[:port] (RFC 9110 section 7.2)."));
        }
        Ok(())
    }
}
