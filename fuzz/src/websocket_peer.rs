//! The client's side for `websocket_operations`: what it sends, piece by piece, and what that should be to the server; and
//! what it reads. It never gives a codec back, so that a server which does is compared with one which does not.

use std::collections::VecDeque;

use wire::Event;
use wire::websocket::deflate::{Agreed, Deflate, Effort};

/// What one side should see of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Message {
        text: bool,
        bytes: Vec<u8>,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// The server must fail the connection with this code.
    Fault(u16),
}

impl Seen {
    /// What the server tells of the one stream.
    pub fn of(event: Event<'_>) -> Self {
        match event {
            Event::Message { stream: 1, text, bytes } => Self::Message { text, bytes: bytes.into_owned() },
            Event::Ping { stream: 1, bytes } => Self::Ping(bytes.to_owned()),
            Event::Closed { stream: 1, code, reason } => Self::Close(code, reason.to_owned()),
            other => panic!("no frame makes this: {other:?}"),
        }
    }
}

pub struct Peer {
    pub agreed: Option<Agreed>,
    deflate: Option<Deflate>,
    /// What is sent and has not arrived.
    way: VecDeque<u8>,
    sent: u64,
    arrived: u64,
    /// What the server should see, and behind how many bytes.
    pub due: VecDeque<(u64, Seen)>,
}

impl Peer {
    /// `answer`: the server's answer to the handshake, where the terms of the compression stand.
    pub fn new(answer: &str) -> Self {
        let line = answer.lines().find(|line| line.starts_with("sec-websocket-extensions: permessage-deflate"));
        let agreed = line.map(|line| Agreed {
            server_takeover: !line.contains("server_no_context_takeover"),
            client_takeover: !line.contains("client_no_context_takeover"),
            server_bits: bits(line, "server_max_window_bits="),
            client_bits: bits(line, "client_max_window_bits="),
        });
        // A codec is written from the server's point of view.
        let deflate = agreed.map(|agreed| {
            let turned = Agreed {
                server_takeover: agreed.client_takeover,
                client_takeover: agreed.server_takeover,
                server_bits: agreed.client_bits,
                client_bits: agreed.server_bits,
            };
            Deflate::new(turned, Effort { level: 2, mem_level: 5, threshold: 0 })
        });
        Self { agreed, deflate, way: VecDeque::new(), sent: 0, arrived: 0, due: VecDeque::new() }
    }

    /// Sends a message in this many frames; compressed, where that was agreed on. `limit`: the largest that is taken.
    pub fn message(&mut self, text: bool, bytes: &[u8], frames: usize, compressed: bool, limit: usize) {
        let mut payload = bytes.to_vec();
        let mut first = if text { 1 } else { 2 };
        if let Some(deflate) = self.deflate.as_mut().filter(|_| compressed) {
            payload.clear();
            deflate.compress(bytes, &mut payload);
            first |= 0x40;
        }
        let size = payload.len().div_ceil(frames).max(1);
        let pieces: Vec<_> = payload.chunks(size).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let opcode = if number == 0 { first } else { 0 };
            self.frame(opcode | if number + 1 == pieces.len() { 0x80 } else { 0 }, piece);
        }
        if pieces.is_empty() {
            self.frame(0x80 | first, b"");
        }
        let message = Seen::Message { text, bytes: bytes.to_vec() };
        self.due.push_back((self.sent, if bytes.len() > limit { Seen::Fault(1009) } else { message }));
    }

    pub fn ping(&mut self, bytes: &[u8]) {
        self.frame(0x89, bytes);
        self.due.push_back((self.sent, Seen::Ping(bytes.to_vec())));
    }

    pub fn pong(&mut self, bytes: &[u8]) {
        self.frame(0x8a, bytes);
        self.due.push_back((self.sent, Seen::Pong(bytes.to_vec())));
    }

    pub fn close(&mut self, code: u16, reason: &str) {
        self.frame(0x88, &[&code.to_be_bytes(), reason.as_bytes()].concat());
        self.due.push_back((self.sent, Seen::Close(code, reason.to_owned())));
    }

    /// A frame of a kind that there is not.
    pub fn nonsense(&mut self) {
        self.frame(0x83, b"");
        self.due.push_back((self.sent, Seen::Fault(1002)));
    }

    fn frame(&mut self, first: u8, payload: &[u8]) {
        let key = [first, payload.len() as u8, 0x5a, 0x0f];
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | length as u8),
            length @ 126..65_536 => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(0x80 | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(key);
        bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        self.sent += bytes.len() as u64;
        self.way.extend(bytes);
    }

    /// At most `count` bytes arrive.
    pub fn arrive(&mut self, count: usize) -> Vec<u8> {
        let bytes: Vec<u8> = self.way.drain(..count.min(self.way.len())).collect();
        self.arrived += bytes.len() as u64;
        bytes
    }

    /// The next thing that the server must have seen by now.
    pub fn seen_by_now(&mut self) -> Option<Seen> {
        self.due.pop_front_if(|(end, _)| *end <= self.arrived).map(|(_, seen)| seen)
    }

    /// What is begun at least, which the server may complain of before all of it is there.
    pub fn begun(&self) -> Option<&Seen> {
        self.due.front().map(|(_, seen)| seen)
    }

    /// Reads what the server has written since the last call: whole frames. `shrinks`: how the server compresses, as the
    /// size from which it does.
    pub fn read(&mut self, mut written: &[u8], threshold: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        while let [first, second, rest @ ..] = written {
            let (size, least) = [(2, 126), (8, 65_536)].get(usize::from(*second ^ 126)).copied().unwrap_or((0, 0));
            let (number, rest) = rest.split_at(size);
            let number = number.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
            let length = if size == 0 { usize::from(*second) } else { number };
            assert!(length >= least && *second < 128, "not the shortest length, or a mask");
            let (payload, rest) = rest.split_at(length);
            written = rest;
            seen.push(self.read_frame(*first, payload, threshold));
        }
        assert!(written.is_empty(), "half a header");
        seen
    }

    fn read_frame(&mut self, first: u8, payload: &[u8], threshold: usize) -> Seen {
        match first {
            0x81 | 0x82 => {
                let must = self.agreed.is_some_and(|agreed| agreed.server_takeover) && payload.len() >= threshold;
                assert!(!must, "a message that the client's memory lacks from now on");
                Seen::Message { text: first == 0x81, bytes: payload.to_vec() }
            }
            0xc1 | 0xc2 => {
                let (deflate, mut bytes) = (self.deflate.as_mut().expect("agreed"), Vec::new());
                deflate.inflate(payload, true, 1 << 20, &mut bytes).expect("sound data");
                assert!(bytes.len() >= threshold, "too small to be compressed");
                let keeps = self.agreed.is_some_and(|agreed| agreed.server_takeover);
                assert!(keeps || payload.len() < bytes.len(), "compressed for nothing");
                Seen::Message { text: first == 0xc1, bytes }
            }
            0x89 => Seen::Ping(payload.to_vec()),
            0x8a => Seen::Pong(payload.to_vec()),
            0x88 => match payload {
                [] => Seen::Close(1005, String::new()),
                [high, low, reason @ ..] => Seen::Close(
                    u16::from_be_bytes([*high, *low]),
                    String::from_utf8(reason.to_vec()).expect("a reason in UTF-8"),
                ),
                _ => panic!("half a close code"),
            },
            other => panic!("a server sends no frame like {other:#x}"),
        }
    }
}

fn bits(line: &str, name: &str) -> u8 {
    let value = line.split_once(name).map(|(_, rest)| rest.split(';').next().unwrap_or_default().trim());
    value.map_or(15, |value| value.parse().expect("a number"))
}
