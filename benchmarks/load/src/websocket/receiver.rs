//! Whether what comes back is the right message, seen frame by frame, and cheaply: nothing is copied while it is right.
//!
//! A message that is not compressed is compared with the right one where it lies in the read buffer. For a compressed
//! one there are many right forms, one per server: the first is inflated and compared, and proves its form; from then
//! on a message that equals the proven form is right without being inflated, and one that does not is inflated in its
//! turn. So every message of every connection is checked to the last byte. It takes that no message refers to one
//! before it, which `handshake` sees to where more than one message is exchanged.

use crate::Failure;
use crate::websocket::frame::{CLOSE, CONTINUATION, Head, parse_head};
use crate::websocket::message::inflates_to;

/// The right message, and what is known about its forms; shared by all connections.
pub struct Right {
    plain: Vec<u8>,
    /// A compressed form that inflates to it; empty until one has come.
    proven: Vec<u8>,
    /// Payload bytes of the messages that were found right, as they came.
    pub bytes: u64,
}

impl Right {
    pub fn new(plain: Vec<u8>) -> Self {
        Self { plain, proven: Vec::new(), bytes: 0 }
    }

    fn form(&self, compressed: bool) -> &[u8] {
        if compressed { &self.proven } else { &self.plain }
    }
}

/// One connection's place in the stream of frames.
#[derive(Default)]
pub struct Receiver {
    /// What has come of a head that is not complete.
    head: Vec<u8>,
    /// The frame whose payload is coming, and how much of it is still to come.
    frame: Option<(Head, u64)>,
    message: Option<Message>,
}

/// A message of which the first frame has begun.
struct Message {
    compressed: bool,
    /// How many bytes were equal to the form that is known.
    equal: usize,
    /// The message so far, once it differs from the proven form.
    different: Option<Vec<u8>>,
}

impl Receiver {
    /// Takes the next bytes; how many messages they complete, each of them right.
    pub fn take(&mut self, mut bytes: &[u8], right: &mut Right) -> Result<u64, Failure> {
        let mut messages = 0;
        while self.frame.is_some() || !bytes.is_empty() {
            let Some((head, left)) = self.frame else {
                self.head.push(bytes[0]);
                bytes = &bytes[1..];
                self.begin_frame()?;
                continue;
            };
            let (part, rest) = bytes.split_at(bytes.len().min(left as usize));
            bytes = rest;
            if !head.is_control() {
                let message = self.message.as_mut().ok_or("a continuation of nothing")?;
                message.compare(part, right)?;
            }
            let left = left - part.len() as u64;
            self.frame = (left > 0).then_some((head, left));
            if left > 0 {
                break;
            }
            if head.last
                && !head.is_control()
                && let Some(message) = self.message.take()
            {
                message.finish(right)?;
                messages += 1;
            }
        }
        Ok(messages)
    }

    /// Pings are not answered: a load is over before a server misses the answer.
    fn begin_frame(&mut self) -> Result<(), Failure> {
        let Some(head) = parse_head(&self.head)? else { return Ok(()) };
        self.head.clear();
        self.frame = Some((head, head.length));
        match head.opcode {
            CLOSE => return Err("the server closed a connection by a frame".into()),
            CONTINUATION => {}
            _ if head.is_control() => {}
            _ if self.message.is_some() => return Err("a message inside of a message".into()),
            _ => self.message = Some(Message { compressed: head.compressed, equal: 0, different: None }),
        }
        Ok(())
    }
}

impl Message {
    fn compare(&mut self, part: &[u8], right: &Right) -> Result<(), Failure> {
        let form = right.form(self.compressed);
        if let Some(different) = &mut self.different {
            different.extend_from_slice(part);
        } else if form.get(self.equal..self.equal + part.len()) == Some(part) {
            self.equal += part.len();
        } else if self.compressed {
            self.different = Some([&form[..self.equal], part].concat());
        } else {
            return Err(format!("a wrong message: it differs after byte {}", self.equal).into());
        }
        Ok(())
    }

    fn finish(self, right: &mut Right) -> Result<(), Failure> {
        let form = right.form(self.compressed);
        if self.different.is_none() && self.equal == form.len() && !form.is_empty() {
            right.bytes += self.equal as u64;
            return Ok(());
        }
        if !self.compressed {
            return Err(format!("a wrong message: {} of {} bytes", self.equal, form.len()).into());
        }
        let came = self.different.unwrap_or_else(|| form[..self.equal].to_vec());
        if !inflates_to(&came, &right.plain) {
            return Err(format!("a wrong message: {} compressed bytes do not inflate to it", came.len()).into());
        }
        right.bytes += came.len() as u64;
        right.proven = came;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::message::{deflate, json_lines};

    const SIZE: usize = 300;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u16;
        [&[first, 126], &length.to_be_bytes()[..], payload].concat()
    }

    /// Three ways to feed: whole, byte by byte, and with the next message behind.
    fn completed(stream: &[u8]) -> Result<Vec<u64>, String> {
        [stream.len(), 1, 7]
            .map(|size| {
                let (mut receiver, mut right) = (Receiver::default(), Right::new(json_lines(SIZE)));
                stream.chunks(size).try_fold(0, |sum, part| Ok(sum + receiver.take(part, &mut right)?))
            })
            .into_iter()
            .collect::<Result<_, Failure>>()
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn plain_fragmented_and_compressed() {
        let plain = json_lines(SIZE);
        let compressed = deflate(&plain).unwrap();
        // Another right form of the same text: stored blocks.
        let mut stored = vec![0, SIZE as u8, (SIZE >> 8) as u8, !(SIZE as u8), !((SIZE >> 8) as u8)];
        stored.extend(&plain);
        stored.push(0);
        let stream = [
            frame(0x82, &plain),
            frame(0x02, &plain[..100]),
            frame(0x89, b"ping"),
            frame(0x80, &plain[100..]),
            frame(0xc2, &compressed),
            frame(0xc2, &compressed),
            frame(0xc2, &stored),
            frame(0x42, &compressed[..20]),
            frame(0x80, &compressed[20..]),
        ];
        assert_eq!(completed(&stream.concat()), Ok(vec![6; 3]));
    }

    #[test]
    fn every_wrong_message_is_seen() {
        let plain = json_lines(SIZE);
        let compressed = deflate(&plain).unwrap();
        let mut flipped = plain.clone();
        flipped[SIZE - 1] ^= 1;
        let longer = [&plain[..], b"x"].concat();
        for wrong in [&flipped, &longer, &plain[..SIZE - 1].to_vec(), &Vec::new()] {
            assert!(completed(&frame(0x82, wrong)).is_err());
            let proven = frame(0xc2, &compressed);
            assert!(completed(&[proven.clone(), frame(0xc2, &deflate(wrong).unwrap())].concat()).is_err());
        }
        assert!(completed(&frame(0xc2, &[])).is_err());
    }

    #[test]
    fn what_a_server_must_not_do() {
        let plain = json_lines(SIZE);
        assert!(completed(&frame(0x80, &plain)).is_err());
        assert!(completed(&[frame(0x02, &plain[..9]), frame(0x82, &plain)].concat()).is_err());
        assert!(completed(&frame(0x88, &[])).is_err());
    }
}
