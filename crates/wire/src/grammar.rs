//! What a token, a field and a list are: the ABNF of RFC 9110 section 5 as tables and small functions.
//!
//! Nothing here knows a protocol, a message or a state. `http1` reads and writes with it, `websocket` reads its handshake with
//! it, and the driver checks fields with it ([`check_field`] is public so that a field can be refused as soon as an application hands it over).

use crate::error::Error;

const TOKEN: u8 = 1;
const REG_NAME: u8 = 2;

/// Which classes each byte belongs to.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        // tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
        // (RFC 9110 section 5.6.2)
        if c.is_ascii_alphanumeric() || contains(b"!#$%&'*+-.^_`|~", c) {
            table[byte] |= TOKEN;
        }
        // reg-name = *( unreserved / pct-encoded / sub-delims ) (RFC 3986 section 3.2.2); "%" is looked at by its user.
        if c.is_ascii_alphanumeric() || contains(b"-._~!$&'()*+,;=", c) {
            table[byte] |= REG_NAME;
        }
        byte += 1;
    }
    table
}

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut index = 0;
    while index < set.len() {
        if set[index] == byte {
            return true;
        }
        index += 1;
    }
    false
}

#[inline]
pub(crate) fn is_tchar(byte: u8) -> bool {
    CLASSES[byte as usize] & TOKEN != 0
}

#[inline]
pub(crate) fn is_reg_name_char(byte: u8) -> bool {
    CLASSES[byte as usize] & REG_NAME != 0
}

/// token = 1*tchar (RFC 9110 section 5.6.2).
#[must_use]
#[inline]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_tchar(byte))
}

/// field-vchar = VCHAR / obs-text; SP and HTAB may stand between (RFC 9110 section 5.5).
#[inline]
pub(crate) fn is_field_char(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// field-value = *field-content (RFC 9110 section 5.5): no control characters but HTAB.
#[must_use]
#[inline]
pub fn is_field_value(bytes: &[u8]) -> bool {
    // Without an early exit the compiler looks at sixteen bytes at a time.
    bytes.iter().fold(true, |good, &byte| good & is_field_char(byte))
}

/// Refuses a field that would break the message it is written into.
///
/// # Errors
/// `Caller`, with a reason that names the clause.
#[inline]
pub fn check_field(name: &[u8], value: &[u8]) -> Result<(), Error> {
    if is_token(name) && is_field_value(value) { Ok(()) } else { Err(field_error(name)) }
}

#[cold]
fn field_error(name: &[u8]) -> Error {
    Error::caller(match name.first() {
        None => "A header name is empty (RFC 9110 section 5.1).",
        Some(b':') => "Pseudo-headers (names that begin with ':') must not be sent by the application (ASGI-104).",
        _ if !is_token(name) => {
            "A header name holds characters that no token may hold (RFC 9110 section 5.6.2, ASGI-116)."
        }
        _ => "A header value holds CR, LF, NUL or another control character (RFC 9110 section 5.5, ASGI-116).",
    })
}

/// OWS = *( SP / HTAB ) (RFC 9110 section 5.6.3), cut from both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// #element = [ element ] *( OWS "," OWS [ element ] ) (RFC 9110 section 5.6.1.2). Empty elements are given too.
/// Only for lists of tokens: a comma within a quoted string would split it.
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// 1*DIGIT that fits 64 bits (Content-Length, RFC 9110 section 8.6). No sign, no space, no list.
#[must_use]
pub fn decimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    bytes.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// HEXDIG, as a number.
#[inline]
pub(crate) fn hex_digit(byte: u8) -> Option<u64> {
    (byte as char).to_digit(16).map(u64::from)
}
