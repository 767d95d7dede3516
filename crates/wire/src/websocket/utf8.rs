//! UTF-8 that comes in pieces (RFC 6455 section 8.1). The pieces lie behind each other in one buffer, so that all there is
//! to remember is how far it was found sound: up to three bytes of a character that is not complete are looked at again.

/// How far `bytes` are complete characters; the first `checked` of them are known to be. `None`: what is there is not
/// UTF-8, whatever may follow.
#[must_use]
pub fn check(bytes: &[u8], checked: usize) -> Option<usize> {
    match std::str::from_utf8(&bytes[checked..]) {
        Ok(_) => Some(bytes.len()),
        // No length of the error: the bytes end inside a character that is right so far.
        Err(error) if error.error_len().is_none() => Some(checked + error.valid_up_to()),
        Err(_) => None,
    }
}
