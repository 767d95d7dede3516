//! Feeds every case three ways (whole, byte by byte, with trailing bytes) and tells what came out.
//!
//! `Driver` does what a real driver does: it goes through the handshake, keeps input that was not consumed, and (where
//! `answers` is set) answers pings and the close frame. Frames are written and read here by code that shares nothing with
//! the machine.

use std::borrow::Cow;

use wire::{Command, Error, Event, Fields, Limits, Session, Sink, Status, StreamId};

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
pub const FIN: u8 = 0x80;
pub const RSV1: u8 = 0x40;

/// An event with its bytes copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Message { text: bool, bytes: Vec<u8> },
    Ping(Vec<u8>),
    Closed(u16, String),
    Reset,
}

pub fn text(bytes: impl AsRef<[u8]>) -> Seen {
    Seen::Message { text: true, bytes: bytes.as_ref().to_vec() }
}

pub fn binary(bytes: impl AsRef<[u8]>) -> Seen {
    Seen::Message { text: false, bytes: bytes.as_ref().to_vec() }
}

/// A client's frame. `first`: FIN, reserved bits and opcode.
pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    masked(first, payload, [0x37, 0xfa, 0x21, 0x3d])
}

pub fn masked(first: u8, payload: impl AsRef<[u8]>, key: [u8; 4]) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(key);
    out.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]));
    out
}

/// A client's close frame.
pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes()[..], reason.as_ref()].concat())
}

/// A server's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub first: u8,
    pub payload: Vec<u8>,
}

pub fn sent(first: u8, payload: impl AsRef<[u8]>) -> Sent {
    Sent { first, payload: payload.as_ref().to_vec() }
}

pub fn sent_close(code: u16, reason: &str) -> Sent {
    sent(FIN | CLOSE, [&code.to_be_bytes()[..], reason.as_bytes()].concat())
}

/// Reads a server's frames back; they are whole, without a mask, and their lengths in the shortest form.
pub fn frames(mut bytes: &[u8]) -> Vec<Sent> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert!(*second < 128, "a server masks nothing");
        let (length, rest) = match second {
            126 => {
                let length = u16::from_be_bytes(rest[..2].try_into().unwrap());
                assert!(length > 125, "not the shortest form");
                (usize::from(length), &rest[2..])
            }
            127 => {
                let length = u64::from_be_bytes(rest[..8].try_into().unwrap());
                assert!(length > 65_535, "not the shortest form");
                (length as usize, &rest[8..])
            }
            short => (usize::from(*short), rest),
        };
        frames.push(sent(*first, &rest[..length]));
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty(), "half a header");
    frames
}

/// Output in memory. The payload is that of the command that is carried out.
#[derive(Clone, Debug, Default)]
pub struct Out {
    pub bytes: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Sink for Out {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
    fn payload(&mut self, from: u64, to: u64) {
        assert!(from < to, "an empty payload range");
        self.bytes.extend_from_slice(&self.payload[from as usize..to as usize]);
    }
}

/// A connection under a fake clock.
pub struct Driver {
    pub session: Session,
    pub limits: Limits,
    pub now: u64,
    pub out: Out,
    pub seen: Vec<Seen>,
    /// Whether the messages of the last call of `feed` were given as they lay in the input.
    pub borrowed: Vec<bool>,
    /// The memory that was taken for each of the others.
    pub taken: Vec<usize>,
    /// Answers pings and the close frame.
    pub answers: bool,
    pub buffer: Vec<u8>,
    pub error: Option<Error>,
}

pub const STREAM: StreamId = 1;

/// What a client says to open a WebSocket; `extra` are whole lines.
pub fn request(extra: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
    )
}

impl Driver {
    /// A WebSocket without compression.
    pub fn new(limits: Limits) -> Self {
        Self::opened(limits, "")
    }

    /// A WebSocket with compression, as the client `offers` it and `limits` allow.
    pub fn compressing(limits: Limits, offers: &str) -> Self {
        Self::opened(limits, &format!("Sec-WebSocket-Extensions: {offers}\r\n"))
    }

    fn opened(limits: Limits, extra: &str) -> Self {
        let mut session = Session::http1(0);
        let (mut fields, mut out, mut input) = (Fields::new(), Out::default(), request(extra).into_bytes());
        let received = session.receive(&mut input, &mut fields, &limits, 0).unwrap();
        assert!(matches!(received.event, Some(Event::Handshake { stream: STREAM, .. })), "{received:?}");
        let accept = Command::Accept { subprotocol: None, fields: &Fields::new(), base: b"" };
        session.send(STREAM, accept, &mut out, 0).unwrap();
        let extensions = String::from_utf8(out.bytes).unwrap().contains("sec-websocket-extensions");
        assert_eq!(extensions, !extra.is_empty(), "an offer was declined");
        Self {
            session,
            limits,
            now: 0,
            out: Out::default(),
            seen: Vec::new(),
            borrowed: Vec::new(),
            taken: Vec::new(),
            answers: false,
            buffer: Vec::new(),
            error: None,
        }
    }

    pub fn feed(&mut self, input: impl AsRef<[u8]>) {
        self.buffer.extend_from_slice(input.as_ref());
        self.borrowed.clear();
        while self.error.is_none() {
            let mut input = std::mem::take(&mut self.buffer);
            let outcome = self.session.receive(&mut input, &mut Fields::new(), &self.limits, self.now);
            let (consumed, seen, more) = match outcome {
                Ok(received) => (received.consumed, received.event.map(|event| self.copy(&event)), received.more),
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            };
            self.buffer = input.split_off(consumed);
            match seen {
                Some(seen) => self.note(seen),
                None if more => assert!(consumed > 0, "nothing was done"),
                None => return,
            }
        }
    }

    fn copy(&mut self, event: &Event<'_>) -> Seen {
        if let Event::Message { bytes, .. } = event {
            self.borrowed.push(matches!(bytes, Cow::Borrowed(_)));
            if let Cow::Owned(bytes) = bytes {
                self.taken.push(bytes.capacity());
            }
        }
        copy(event)
    }

    fn note(&mut self, seen: Seen) {
        if self.answers {
            match &seen {
                Seen::Ping(bytes) => self.send(Command::Pong { bytes }).unwrap(),
                Seen::Closed(code, _) if self.status() == Status::Busy => {
                    self.send(Command::Close { code: *code, reason: "" }).unwrap();
                }
                _ => {}
            }
        }
        self.seen.push(seen);
    }

    pub fn send(&mut self, command: Command<'_>) -> Result<(), Error> {
        if let Command::Message { bytes, .. } = command {
            self.out.payload = bytes.to_vec();
        }
        let before = (self.out.bytes.len(), self.status(), self.deadline());
        let result = self.session.send(STREAM, command, &mut self.out, self.now);
        if let Err(error) = &result {
            assert_eq!(error.fault, wire::Fault::Caller);
            assert_eq!(
                (self.out.bytes.len(), self.status(), self.deadline()),
                before,
                "a refused command left a trace"
            );
        }
        result
    }

    pub fn message(&mut self, text: bool, bytes: impl AsRef<[u8]>) {
        self.send(Command::Message { text, bytes: bytes.as_ref() }).unwrap();
    }

    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        self.send(Command::Close { code, reason })
    }

    /// Refuses the error that came; gives what was written.
    pub fn refuse(&mut self) -> Vec<Sent> {
        let error = self.error.unwrap();
        self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
        self.written()
    }

    /// The frames that were written since the last call.
    pub fn written(&mut self) -> Vec<Sent> {
        frames(&std::mem::take(&mut self.out.bytes))
    }

    pub fn eof(&mut self) {
        if let Some(event) = self.session.receive_eof() {
            self.note(copy(&event));
        }
    }

    pub fn status(&self) -> Status {
        self.session.status()
    }

    pub fn deadline(&self) -> Option<u64> {
        self.session.next_timeout(&self.limits)
    }

    /// Lets the time pass until `now`.
    pub fn wait(&mut self, now: u64) -> Result<(), Error> {
        self.now = now;
        let result = self.session.handle_timeout(&self.limits, &mut self.out, now);
        if let Err(error) = result {
            self.error = Some(error);
        }
        result
    }
}

fn copy(event: &Event<'_>) -> Seen {
    match event {
        Event::Message { stream: STREAM, text, bytes } => {
            assert!(!text || std::str::from_utf8(bytes).is_ok(), "a text that is none");
            Seen::Message { text: *text, bytes: bytes.to_vec() }
        }
        Event::Ping { stream: STREAM, bytes } => Seen::Ping(bytes.to_vec()),
        Event::Closed { stream: STREAM, code, reason } => Seen::Closed(*code, reason.to_string()),
        Event::Reset { stream: STREAM } => Seen::Reset,
        other => panic!("not of this WebSocket: {other:?}"),
    }
}

/// A driver that answers, fed with `pieces`.
pub fn fed_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, open: impl Fn() -> Driver) -> Driver {
    let mut driver = open();
    driver.answers = true;
    pieces.into_iter().for_each(|piece| driver.feed(piece));
    driver
}

/// What came out, whichever way the bytes came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub seen: Vec<Seen>,
    pub error: Option<Error>,
    pub status: Status,
    pub written: Vec<Sent>,
}

impl Outcome {
    pub fn of(mut driver: Driver) -> Self {
        let written = driver.written();
        Self { status: driver.status(), seen: driver.seen, error: driver.error, written }
    }

    pub fn code(&self) -> Option<u16> {
        self.error.map(|error| error.status)
    }
}

/// Feeds `input` whole, byte by byte and with trailing bytes; asserts that the same comes out.
pub fn three_ways(input: impl AsRef<[u8]>, open: impl Fn() -> Driver) -> Outcome {
    let input = input.as_ref();
    let whole = Outcome::of(fed_in_pieces([input], &open));
    assert_eq!(whole, Outcome::of(fed_in_pieces(input.chunks(1), &open)), "byte by byte: {input:02x?}");
    let trailing = frame(FIN | TEXT, "next");
    let followed = Outcome::of(fed_in_pieces([&[input, &trailing].concat()[..]], &open));
    if whole.error.is_some() || whole.status != Status::Busy {
        assert_eq!(whole, followed, "with trailing bytes: {input:02x?}");
    } else {
        assert_eq!([&whole.seen[..], &[text("next")]].concat(), followed.seen, "with trailing bytes: {input:02x?}");
    }
    whole
}

/// [`three_ways`] with the default limits, without compression.
pub fn feed(input: impl AsRef<[u8]>) -> Outcome {
    three_ways(input, || Driver::new(Limits::default()))
}

/// What `input` is refused with; what had been seen before it.
#[track_caller]
pub fn refused(input: impl AsRef<[u8]>, code: u16) -> Vec<Seen> {
    let outcome = feed(input.as_ref());
    assert_eq!(outcome.code(), Some(code), "{:02x?}", input.as_ref());
    outcome.seen
}
