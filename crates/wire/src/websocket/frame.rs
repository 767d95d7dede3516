//! A frame's header (RFC 6455 section 5.2), read and written. What may follow what is not known here, nor any payload.
//!
//! ```text
//!  FIN RSV1 RSV2 RSV3 opcode(4) │ MASK length(7) │ length(16 or 64, where 7 bits say 126 or 127) │ key(32, where MASK)
//! ```

use super::mask::Key;
use crate::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The longest payload of a control frame (RFC 6455 section 5.5).
pub const CONTROL_PAYLOAD: usize = 125;

/// The header of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub opcode: Opcode,
    /// The last frame of its message.
    pub fin: bool,
    /// RSV1 of a message's first frame: the message is compressed (RFC 7692 section 6).
    pub compressed: bool,
    pub length: u64,
    pub key: Key,
    /// How many bytes the header has.
    pub size: usize,
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV23: u8 = 0x30;
const MASK: u8 = 0x80;

/// Reads a header from the start of `input`; `None` if it is not all there. `compression`: it was agreed on.
///
/// A fault is found with the byte that is wrong, so that it does not matter how many bytes are there.
#[inline]
pub fn parse(input: &[u8], compression: bool) -> Result<Option<Header>, Error> {
    let Some((&first, rest)) = input.split_first() else { return Ok(None) };
    let opcode = opcode(first, compression)?;
    let Some((&second, rest)) = rest.split_first() else { return Ok(None) };
    if second & MASK == 0 {
        return Err(Error::peer(1002, "A client's frame is not masked (RFC 6455 section 5.1)."));
    }
    let short = second & !MASK;
    if opcode.is_control() && usize::from(short) > CONTROL_PAYLOAD {
        return Err(Error::peer(1002, "A control frame has more than 125 bytes (RFC 6455 section 5.5)."));
    }
    let Some((length, rest)) = length(short, rest)? else { return Ok(None) };
    let Some(&key) = rest.first_chunk() else { return Ok(None) };
    let size = input.len() - rest.len() + key.len();
    Ok(Some(Header { opcode, fin: first & FIN != 0, compressed: first & RSV1 != 0, length, key, size }))
}

#[inline]
fn opcode(first: u8, compression: bool) -> Result<Opcode, Error> {
    let opcode = match first & 0x0f {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        _ => return Err(Error::peer(1002, "A frame has a reserved opcode (RFC 6455 section 5.2).")),
    };
    if first & RSV23 != 0 {
        return Err(Error::peer(1002, "A frame has a reserved bit set (RFC 6455 section 5.2)."));
    }
    if first & RSV1 != 0 && !(compression && matches!(opcode, Opcode::Text | Opcode::Binary)) {
        return Err(Error::peer(
            1002,
            "RSV1 is set where no compressed message begins (RFC 6455 section 5.2, RFC 7692 section 6).",
        ));
    }
    if opcode.is_control() && first & FIN == 0 {
        return Err(Error::peer(1002, "A control frame is fragmented (RFC 6455 section 5.5)."));
    }
    Ok(opcode)
}

/// The payload's length, and what is behind it.
#[inline]
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Error> {
    let (length, least, rest) = match short {
        126 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), 126, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 1 << 16, rest),
            None => return Ok(None),
        },
        _ => (u64::from(short), 0, rest),
    };
    if length < least {
        return Err(Error::peer(1002, "A frame's length is not in its shortest form (RFC 6455 section 5.2)."));
    }
    if length > i64::MAX as u64 {
        return Err(Error::peer(1002, "A frame's length has its highest bit set (RFC 6455 section 5.2)."));
    }
    Ok(Some((length, rest)))
}

/// The header of a server's frame: whole, and not masked.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    bytes: [u8; 10],
    size: usize,
}

impl Written {
    #[inline]
    #[must_use]
    pub fn new(opcode: Opcode, compressed: bool, length: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = FIN | if compressed { RSV1 } else { 0 } | opcode as u8;
        let size = Self::size(length);
        match size {
            2 => bytes[1] = length as u8,
            4 => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
            }
        }
        Self { bytes, size }
    }

    /// How many bytes the header of such a payload has.
    #[inline]
    #[must_use]
    pub fn size(length: usize) -> usize {
        match length {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        }
    }

    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

/// Appends a control frame.
pub fn write_control(out: &mut Vec<u8>, opcode: Opcode, payload: &[&[u8]]) {
    let length = payload.iter().map(|part| part.len()).sum();
    debug_assert!(length <= CONTROL_PAYLOAD && opcode.is_control());
    out.extend_from_slice(Written::new(opcode, false, length).as_slice());
    payload.iter().for_each(|part| out.extend_from_slice(part));
}

/// Whether a close frame may hold this code (RFC 6455 section 7.4; 1012 to 1014 are of the registry in section 11.7).
#[must_use]
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
