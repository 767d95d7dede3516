//! A message that comes in pieces: gathered, inflated and checked while it comes. Memory is taken for bytes that are here,
//! not for bytes that a header announces, and is given away with the message.

use super::deflate::Deflate;
use super::utf8;
use crate::error::Error;

#[derive(Default)]
pub struct Message {
    bytes: Vec<u8>,
    /// How many of the bytes of a text were found sound.
    checked: usize,
    pub text: bool,
    compressed: bool,
}

pub const TOO_LARGE: Error =
    Error::peer(1009, "The message is larger than ws_max_size allows (RFC 6455 section 7.4.1, ASGI-168).");
pub const NOT_UTF8: Error = Error::peer(1007, "A text message is not UTF-8 (RFC 6455 section 8.1, ASGI-161).");

/// The smallest piece of memory that is taken for a message.
const LEAST: usize = 1024;

impl Message {
    pub fn begin(&mut self, text: bool, compressed: bool) {
        *self = Self { text, compressed, ..Self::default() };
    }

    /// Bytes that are here, inflated.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// A frame of `length` bytes begins. Those of a compressed message say nothing of its size.
    pub fn announce(&self, length: u64, limit: usize) -> Result<(), Error> {
        if !self.compressed && self.bytes.len() as u64 + length > limit as u64 { Err(TOO_LARGE) } else { Ok(()) }
    }

    /// Takes a piece of a frame, of which so many more bytes are announced, and which may be the message's last. Gives
    /// whether the message is complete.
    pub fn push(
        &mut self,
        piece: &[u8],
        (left, last): (u64, bool),
        limit: usize,
        deflate: Option<&mut Deflate>,
    ) -> Result<bool, Error> {
        let end = last && left == 0;
        match deflate {
            Some(deflate) if self.compressed => deflate.inflate(piece, end, limit, &mut self.bytes)?,
            _ => {
                self.reserve(piece.len(), (left, last), limit);
                self.bytes.extend_from_slice(piece);
            }
        }
        if self.text {
            self.checked = utf8::check(&self.bytes, self.checked).ok_or(NOT_UTF8)?;
            if end && self.checked < self.bytes.len() {
                return Err(NOT_UTF8);
            }
        }
        Ok(end)
    }

    /// The whole message; nothing of it stays here.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Doubles as a vector does, but not beyond what the message can have: what its last frame announces, or the limit.
    fn reserve(&mut self, length: usize, (left, last): (u64, bool), limit: usize) {
        let needed = self.bytes.len() + length;
        if needed > self.bytes.capacity() {
            let most = if last { needed.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)) } else { limit };
            let capacity = (2 * needed).max(LEAST).min(most);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
    }
}
