//! Frames: those of a client are built whole, of those of a server the head is read (RFC 6455 section 5.2).

use crate::Failure;

pub const CONTINUATION: u8 = 0;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;

const FIN: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;
/// Constant, so that the frame is built once; not zero, so that the server has to unmask.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A whole binary message of a client in one masked frame.
pub fn client_frame(payload: &[u8], compressed: bool) -> Vec<u8> {
    let mut frame = vec![FIN | BINARY | if compressed { COMPRESSED } else { 0 }];
    match payload.len() {
        size @ 0..126 => frame.push(MASKED | size as u8),
        size @ 126..65536 => {
            frame.push(MASKED | 126);
            frame.extend((size as u16).to_be_bytes());
        }
        size => {
            frame.push(MASKED | 127);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The head of a frame of the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    pub last: bool,
    pub compressed: bool,
    pub opcode: u8,
    pub length: u64,
}

impl Head {
    pub fn is_control(self) -> bool {
        self.opcode >= CLOSE
    }
}

/// The head that `bytes` are; `None` while they are only a part of it.
pub fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Failure> {
    let [flags, short, extended @ ..] = bytes else { return Ok(None) };
    if flags & RESERVED != 0 || short & MASKED != 0 {
        return Err(format!("not a frame of a server: {flags:#04x} {short:#04x}").into());
    }
    let length = match short {
        126 => extended.try_into().ok().map(|size| u64::from(u16::from_be_bytes(size))),
        127 => extended.try_into().ok().map(u64::from_be_bytes),
        short => Some(u64::from(*short)),
    };
    let (last, compressed) = (flags & FIN != 0, flags & COMPRESSED != 0);
    Ok(length.map(|length| Head { last, compressed, opcode: flags & 0x0f, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server would make of a client's frame: the same, unmasked.
    fn unmasked(frame: &[u8], head: usize) -> (Vec<u8>, Vec<u8>) {
        let mut start = frame[..head].to_vec();
        start[1] &= !MASKED;
        let body = &frame[head + KEY.len()..];
        (start, body.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect())
    }

    #[test]
    fn the_three_forms_of_the_length() {
        for (size, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let payload = vec![b'x'; size];
            let (start, body) = unmasked(&client_frame(&payload, true), head);
            let expected = Head { last: true, compressed: true, opcode: BINARY, length: size as u64 };
            assert_eq!(parse_head(&start).unwrap(), Some(expected));
            assert!((0..head).all(|part| parse_head(&start[..part]).unwrap().is_none()), "{size}");
            assert_eq!(body, payload);
        }
    }

    #[test]
    fn a_masked_frame_is_not_of_a_server() {
        assert!(parse_head(&client_frame(b"x", false)).is_err());
    }
}
