//! A client's frames, echoed. Outcomes: the same whichever way the bytes come, and the same as a naive decoder sees that
//! has all of them and shares no code with the first but the inflating, which `websocket_inflate` looks at; and an answer
//! that a client reads as what it sent (RFC 6455 section 5).

use wire::websocket::Connection;
use wire::websocket::deflate::{Agreed, Deflate, Effort};
use wire::{Command, Event, Limits, Sink, Status};

/// What is seen on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message {
        text: bool,
        bytes: Vec<u8>,
    },
    /// A ping, or the pong that answers it.
    Ping(Vec<u8>),
    Close {
        code: u16,
        reason: String,
    },
}

/// Events up to the first failure, and the code of that.
type Outcome = (Vec<Seen>, Option<u16>);

/// The target. Two bytes choose the terms and the size of the pieces; then come frames.
pub fn check(data: &[u8]) {
    let [terms, size, frames @ ..] = data else { return };
    let takeover = terms & 2 != 0;
    let agreed = Agreed { server_takeover: takeover, client_takeover: takeover, server_bits: 9, client_bits: 9 };
    let agreed = (terms & 1 != 0).then_some(agreed);
    let limits = Limits { message_bytes: 1 << (terms >> 2 & 15), deflate_threshold: 8, ..Limits::DEFAULT };
    let deflate = || agreed.map(|agreed| Deflate::new(agreed, Effort::of(&limits)));
    let expected = Naive { input: frames, limit: limits.message_bytes, inflater: deflate() }.frames();
    for size in [usize::MAX, 1, 2 + *size as usize % 30] {
        let (outcome, written) = echoed(deflate(), frames, &limits, size);
        assert_eq!(outcome.0, expected.0, "in pieces of {size}");
        // A large text that is not UTF-8 may be inflated to either of its faults first.
        let either = |code: Option<u16>| matches!(code, Some(1007 | 1009));
        let same = outcome.1 == expected.1 || (agreed.is_some() && either(outcome.1) && either(expected.1));
        assert!(same, "in pieces of {size}: {:?}, expected {:?}", outcome.1, expected.1);
        assert_eq!(answers(&written, deflate()), echo(outcome));
    }
}

/// The driver's memory, with the payload of the command that is being sent.
struct Out<'a> {
    written: &'a mut Vec<u8>,
    payload: &'a [u8],
}

impl Sink for Out<'_> {
    fn bytes(&mut self) -> &mut Vec<u8> {
        self.written
    }

    fn payload(&mut self, from: u64, to: u64) {
        self.written.extend_from_slice(&self.payload[from as usize..to as usize]);
    }
}

/// Feeds the frames in pieces of this size, and answers every event. Gives what was seen, and what was written.
fn echoed(deflate: Option<Deflate>, frames: &[u8], limits: &Limits, size: usize) -> (Outcome, Vec<u8>) {
    let mut connection = Connection::new(1, deflate, 0);
    let (mut seen, mut written, mut input) = (Vec::new(), Vec::new(), Vec::new());
    for piece in frames.chunks(size.min(frames.len().max(1))) {
        input.extend_from_slice(piece);
        loop {
            let before = input.clone();
            let received = match connection.receive(&mut input, limits, 0) {
                Ok(received) => (received.consumed, received.event.map(see), received.more),
                Err(error) => {
                    connection.refuse(&error, &mut Out { written: &mut written, payload: &[] });
                    assert!(matches!(connection.status(), Status::Closing { .. }), "a failed connection closes");
                    return ((seen, Some(error.status)), written);
                }
            };
            let (consumed, event, more) = received;
            assert_eq!(input[consumed..], before[consumed..], "what is not consumed was changed");
            input.drain(..consumed);
            let Some(event) = event else {
                assert!(!more || consumed > 0, "more of nothing");
                if more {
                    continue;
                }
                break;
            };
            answer(&mut connection, &event, &mut written);
            seen.push(event);
        }
    }
    let closed = matches!(seen.last(), Some(Seen::Close { .. }));
    assert_eq!(matches!(connection.status(), Status::Closing { .. }), closed);
    assert!(!closed || input.is_empty(), "what comes behind a close frame is dropped");
    assert_eq!(connection.receive_eof().is_some(), !closed);
    ((seen, None), written)
}

fn see(event: Event<'_>) -> Seen {
    match event {
        Event::Message { stream: 1, text, bytes } => {
            assert!(!text || std::str::from_utf8(&bytes).is_ok());
            Seen::Message { text, bytes: bytes.into_owned() }
        }
        Event::Ping { stream: 1, bytes } => Seen::Ping(bytes.to_owned()),
        Event::Closed { stream: 1, code, reason } => Seen::Close { code, reason: reason.to_owned() },
        other => panic!("no frame makes this: {other:?}"),
    }
}

fn answer(connection: &mut Connection, event: &Seen, written: &mut Vec<u8>) {
    let (command, payload) = match event {
        Seen::Message { text, bytes } => (Command::Message { text: *text, bytes }, &bytes[..]),
        Seen::Ping(bytes) => (Command::Pong { bytes }, &bytes[..]),
        Seen::Close { code, reason } => (Command::Close { code: *code, reason }, &b""[..]),
    };
    connection.send(1, command, &mut Out { written, payload }, 0).expect("an echo is always legal");
}

/// What the client should read: everything again, and the code of a failure.
fn echo((mut seen, failure): Outcome) -> Vec<Seen> {
    seen.extend(failure.map(|code| Seen::Close { code, reason: String::new() }));
    seen
}

/// Reads the server's frames as a client that believes everything.
fn answers(mut written: &[u8], mut inflater: Option<Deflate>) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let [first, second, rest @ ..] = written {
        let extra = [2, 8].get((*second as usize).wrapping_sub(126)).copied().unwrap_or(0);
        let (length, rest) = rest.split_at(extra);
        let length = length.iter().fold(0, |length, byte| length << 8 | *byte as usize);
        let (payload, rest) = rest.split_at(if extra == 0 { *second as usize } else { length });
        written = rest;
        let opcode = first & 0x0f;
        assert_eq!(first & 0xb0, 0x80, "whole frames, and no reserved bits");
        seen.push(match opcode {
            1 | 2 => {
                let mut bytes = payload.to_vec();
                if first & 0x40 != 0 {
                    bytes.clear();
                    inflater.as_mut().expect("agreed").inflate(payload, true, 1 << 20, &mut bytes).expect("sound data");
                }
                Seen::Message { text: opcode == 1, bytes }
            }
            8 => {
                let Seen::Close { code, reason } = close(payload).expect("a sound close frame") else { unreachable!() };
                // The reason of a failure is for reading; only echoes are compared.
                let failed = matches!(code, 1002 | 1007 | 1009) && rest.is_empty() && reason.contains("RFC");
                Seen::Close { code, reason: if failed { String::new() } else { reason } }
            }
            10 => Seen::Ping(payload.to_vec()),
            _ => panic!("opcode {opcode}"),
        });
    }
    assert!(written.is_empty(), "half a frame was written");
    seen
}

/// Reads a client's frames, all of which there are.
struct Naive<'a> {
    input: &'a [u8],
    limit: usize,
    inflater: Option<Deflate>,
}

/// One frame, of whose payload some may be missing.
struct Frame {
    first: u8,
    length: u64,
    payload: Vec<u8>,
}

struct Message {
    text: bool,
    compressed: bool,
    bytes: Vec<u8>,
}

impl Naive<'_> {
    fn frames(mut self) -> Outcome {
        let mut seen = Vec::new();
        let mut message = None;
        loop {
            let frame = match self.frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return (seen, None),
                Err(code) => return (seen, Some(code)),
            };
            let whole = frame.payload.len() as u64 == frame.length;
            match (frame.first & 0x0f, self.take(&frame, whole, &mut message)) {
                (8, Ok(event)) if whole => {
                    seen.extend(event);
                    return (seen, None);
                }
                (_, Ok(event)) => seen.extend(event),
                (_, Err(code)) => return (seen, Some(code)),
            }
        }
    }

    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.input.split_at_checked(count)?;
        self.input = rest;
        Some(bytes)
    }

    /// `None`: not even the header is all there.
    fn frame(&mut self) -> Result<Option<Frame>, u16> {
        let compression = self.inflater.is_some();
        let Some(&[first]) = self.bytes(1) else { return Ok(None) };
        let (opcode, is_control) = (first & 0x0f, first & 0x08 != 0);
        let reserved = if compression && matches!(opcode, 1 | 2) { 0x30 } else { 0x70 };
        if !matches!(opcode, 0..=2 | 8..=10) || first & reserved != 0 || (is_control && first & 0x80 == 0) {
            return Err(1002);
        }
        let Some(&[second]) = self.bytes(1) else { return Ok(None) };
        if second & 0x80 == 0 || (is_control && second > 0x80 + 125) {
            return Err(1002);
        }
        let (size, least) = [(2, 126), (8, 65_536)].get(second as usize & 0x7f ^ 0x7e).copied().unwrap_or((0, 0));
        let Some(number) = self.bytes(size) else { return Ok(None) };
        let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        if number < least || number >> 63 == 1 {
            return Err(1002);
        }
        let length = if size == 0 { u64::from(second & 0x7f) } else { number };
        let Some(key) = self.bytes(4).map(<[u8]>::to_vec) else { return Ok(None) };
        let there = self.bytes(self.input.len().min(usize::try_from(length).unwrap_or(usize::MAX)));
        let payload = there.unwrap_or_default().iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        Ok(Some(Frame { first, length, payload }))
    }

    fn take(&mut self, frame: &Frame, whole: bool, message: &mut Option<Message>) -> Result<Option<Seen>, u16> {
        match (frame.first & 0x0f, message.is_some()) {
            (8, _) if whole => return close(&frame.payload).map(Some),
            (9, _) if whole => return Ok(Some(Seen::Ping(frame.payload.clone()))),
            (8..=10, _) => return Ok(None),
            (0, false) | (1 | 2, true) => return Err(1002),
            (0, true) => {}
            (opcode, false) => {
                *message = Some(Message { text: opcode == 1, compressed: frame.first & 0x40 != 0, bytes: Vec::new() });
            }
            _ => unreachable!(),
        }
        let current = message.as_mut().expect("a message");
        let end = frame.first & 0x80 != 0 && whole;
        self.append(frame, end, current)?;
        if current.text {
            check_text(&current.bytes, end)?;
        }
        if !end {
            return Ok(None);
        }
        Ok(message.take().map(|message| Seen::Message { text: message.text, bytes: message.bytes }))
    }

    fn append(&mut self, frame: &Frame, end: bool, message: &mut Message) -> Result<(), u16> {
        match &mut self.inflater {
            Some(inflater) if message.compressed => {
                inflater.inflate(&frame.payload, end, self.limit, &mut message.bytes).map_err(|error| error.status)
            }
            _ if message.bytes.len() as u64 + frame.length > self.limit as u64 => Err(1009),
            _ => {
                message.bytes.extend_from_slice(&frame.payload);
                Ok(())
            }
        }
    }
}

fn check_text(bytes: &[u8], end: bool) -> Result<(), u16> {
    match std::str::from_utf8(bytes) {
        Err(error) if end || error.error_len().is_some() => Err(1007),
        _ => Ok(()),
    }
}

fn close(payload: &[u8]) -> Result<Seen, u16> {
    let (code, reason) = match payload {
        [] => return Ok(Seen::Close { code: 1005, reason: String::new() }),
        [high, low, reason @ ..] => (u16::from(*high) << 8 | u16::from(*low), reason),
        _ => return Err(1002),
    };
    if !(1000..5000).contains(&code) || (1015..3000).contains(&code) || (1004..1007).contains(&code) {
        return Err(1002);
    }
    let reason = String::from_utf8(reason.to_vec()).map_err(|_| 1007_u16)?;
    Ok(Seen::Close { code, reason })
}
