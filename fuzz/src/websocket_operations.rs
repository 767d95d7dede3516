//! A whole WebSocket in any order of operations: the client's frames in pieces, the server's commands, time, times in
//! which nobody waits for the client, ends. Where the wire's own `operations` asks for rules, this has an oracle: outcomes
//! are exactly what follows from the sequence.
//!
//! 1. The server sees what the client has sent, once all of it has arrived, and nothing else; behind its own close frame
//!    only the client's.
//! 2. The client reads what was commanded, in that order, and nothing else, whatever compression remembers or has given
//!    back meanwhile.
//! 3. Pings go out, and the connection fails, when the clock says so and not before; the next deadline is known exactly.
//! 4. What is refused changes nothing, and what is over stays over.

use std::collections::VecDeque;
use std::sync::LazyLock;

use wire::{Command, Error, Event, Fault, Fields, Limits, Session, Sink, Status};

use crate::websocket_peer::{Peer, Seen};

const OFFERS: [&str; 4] = [
    "",
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits=10; server_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover; client_max_window_bits",
];
const CODES: [u16; 8] = [1000, 1001, 1011, 3000, 4999, 1005, 1006, 999];

/// The target. The first byte chooses the terms; then come operations of two bytes each.
pub fn check(data: &[u8]) {
    let [terms, operations @ ..] = data else { return };
    let mut talk = Talk::new(*terms);
    for pair in operations.chunks(2) {
        talk.operation(pair[0], pair.get(1).copied().unwrap_or(0));
        talk.compare();
    }
    talk.flushes(true);
    talk.arrive(usize::MAX);
    talk.compare();
}

/// The driver's memory, with the payload of the command that is carried out.
#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    payload: Vec<u8>,
}

impl Sink for Out {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn payload(&mut self, from: u64, to: u64) {
        self.bytes.extend_from_slice(&self.payload[from as usize..to as usize]);
    }
}

/// Both sides, and what should be true of them.
struct Talk {
    session: Session,
    limits: Limits,
    out: Out,
    input: Vec<u8>,
    peer: Peer,
    /// What the client should read next.
    due: VecDeque<Seen>,
    now: u64,
    reading: bool,
    /// The client has what was written.
    flushed: bool,
    /// Our close frame is out.
    closed: bool,
    /// Nothing is to come from either side.
    over: bool,
    /// When the present wait began.
    since: u64,
    /// The payload of a ping that was not answered.
    owed: Option<Vec<u8>>,
    /// When the compressor that is held was last used.
    held: Option<u64>,
}

impl Talk {
    fn new(terms: u8) -> Self {
        let limits = Limits {
            websocket: true,
            message_bytes: 2048,
            deflate_threshold: 16,
            deflate_takeover: terms & 4 != 0,
            deflate_bits: 10,
            ping_interval: if terms & 8 != 0 { 0 } else { 20_000 },
            ping_timeout: if terms & 16 != 0 { 0 } else { 15_000 },
            ..Limits::DEFAULT
        };
        let offer = OFFERS[usize::from(terms & 3)];
        let offer = if offer.is_empty() { String::new() } else { format!("Sec-WebSocket-Extensions: {offer}\r\n") };
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        );
        let (mut session, mut out) = (Session::http1(0), Out::default());
        let mut bytes = request.into_bytes();
        let received = session.receive(&mut bytes, &mut Fields::new(), &limits, 0).expect("a sound handshake");
        assert!(matches!(received.event, Some(Event::Handshake { stream: 1, .. })));
        let accept = Command::Accept { subprotocol: None, fields: &Fields::new(), base: b"" };
        session.send(1, accept, &mut out, 0).expect("an answer");
        let peer = Peer::new(&String::from_utf8(std::mem::take(&mut out.bytes)).expect("ASCII"));
        assert_eq!(peer.agreed.is_some(), !offer.is_empty());
        Self {
            session,
            limits,
            out,
            input: Vec::new(),
            peer,
            due: VecDeque::new(),
            now: 0,
            reading: true,
            flushed: true,
            closed: false,
            over: false,
            since: 0,
            owed: None,
            held: None,
        }
    }

    fn operation(&mut self, operation: u8, argument: u8) {
        let (size, choice) = (usize::from(argument), usize::from(operation / 16));
        let limit = self.limits.message_bytes;
        match operation % 16 {
            0 => self.peer.message(choice % 2 == 0, &content(size), 1 + choice / 2, false, limit),
            1 | 2 => self.peer.message(choice % 2 == 0, &content(size * 4), 1 + choice / 2, true, limit),
            3 => self.peer.ping(&content(size / 4)),
            4 => self.peer.pong(&self.owed.clone().filter(|_| choice > 3).unwrap_or(vec![argument])),
            5 if choice > 11 => self.peer.nonsense(),
            5 if choice > 7 => self.peer.message(false, &content(limit + 1 + size), 3, choice > 9, limit),
            5 => self.peer.close(CODES[choice % 5], &"r".repeat(size / 4)),
            6 | 7 => self.arrive(size),
            8 => self.arrive(1 + choice % 4),
            9 => self.send(Seen::Message { text: choice % 2 == 0, bytes: content(size) }),
            10 if operation == 0xfa && size > 249 => {
                self.send(Seen::Message { text: true, bytes: content(65_500 + size) })
            }
            10 => self.send(Seen::Message { text: false, bytes: content(size << (choice % 3)) }),
            11 => self.send(Seen::Pong(content(size))),
            12 if size > 191 => self.send(Seen::Close(CODES[choice % 8], "r".repeat(2 * size - 384))),
            12 if size > 95 => self.reads(!self.reading),
            12 => self.flushes(!self.flushed),
            13 => self.time_passes(u64::from(argument) * 100),
            14 => self.time_passes(self.deadline().map_or(0, |deadline| deadline.saturating_sub(self.now))),
            _ => self.rarely(argument),
        }
    }

    fn rarely(&mut self, argument: u8) {
        match argument {
            0..16 => {
                let event = self.session.receive_eof();
                assert_eq!(event, (!self.over).then_some(Event::Reset { stream: 1 }));
                self.ends();
            }
            16..32 => {
                self.session.abort(1);
                self.ends();
            }
            32..48 => {
                self.session.close();
                if self.closed {
                    self.ends();
                }
            }
            48..64 => self.session.announce_end(),
            // What belongs to HTTP is refused at any time.
            _ => self.refused(Command::Body { length: 0, end: true }),
        }
    }

    fn ends(&mut self) {
        (self.over, self.held) = (true, None);
    }

    fn reads(&mut self, reading: bool) {
        if reading && !self.reading {
            self.since = self.now;
        }
        self.reading = reading;
        self.session.set_reading(reading, self.now);
    }

    fn flushes(&mut self, flushed: bool) {
        if flushed && !self.flushed {
            self.since = self.now;
        }
        self.flushed = flushed;
        self.session.set_flushed(flushed, self.now);
    }

    /// Bytes of the client arrive: rule 1.
    fn arrive(&mut self, count: usize) {
        let bytes = self.peer.arrive(count);
        if bytes.is_empty() {
            return;
        }
        if !self.closed && !self.over {
            self.since = self.now;
        }
        self.input.extend_from_slice(&bytes);
        while let Some(found) = self.receive() {
            let expected = self.expected(&found);
            assert_eq!(Some(&found), expected.as_ref());
            self.answer(found);
        }
        let missed = self.expected(&Seen::Pong(Vec::new()));
        assert_eq!(missed, None, "all of it has arrived");
    }

    /// The next thing to be seen; what the server passes over is left out.
    fn expected(&mut self, found: &Seen) -> Option<Seen> {
        if self.over {
            return None;
        }
        while let Some(seen) = self.peer.seen_by_now() {
            if self.matters(&seen) {
                return Some(seen);
            }
        }
        // A fault may show before all of its frames are there.
        self.peer.begun().filter(|_| matches!(found, Seen::Fault(_))).cloned()
    }

    /// Whether the driver hears of it.
    fn matters(&mut self, seen: &Seen) -> bool {
        match seen {
            Seen::Pong(bytes) => {
                self.owed.take_if(|owed| owed == bytes);
                false
            }
            // What comes behind our close frame is read over, but has to be frames.
            Seen::Message { .. } | Seen::Ping(_) | Seen::Fault(1009) => !self.closed,
            Seen::Close(..) | Seen::Fault(_) => true,
        }
    }

    fn receive(&mut self) -> Option<Seen> {
        loop {
            let mut input = std::mem::take(&mut self.input);
            let result = self.session.receive(&mut input, &mut Fields::new(), &self.limits, self.now);
            let (consumed, seen, more) = match result {
                Ok(received) => (received.consumed, received.event.map(Seen::of), received.more),
                Err(error) => {
                    assert_eq!(error.fault, Fault::Peer);
                    self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
                    (input.len(), Some(Seen::Fault(error.status)), false)
                }
            };
            assert!(!more || (consumed > 0 && seen.is_none()), "more of nothing");
            self.input = input.split_off(consumed);
            if !more {
                return seen;
            }
        }
    }

    /// As the server's core does.
    fn answer(&mut self, seen: Seen) {
        match seen {
            Seen::Ping(bytes) => self.send(Seen::Pong(bytes)),
            Seen::Close(code, _) => {
                if !self.closed {
                    self.send(Seen::Close(code, String::new()));
                }
                self.ends();
            }
            Seen::Fault(code) => self.fails(code),
            Seen::Message { .. } | Seen::Pong(_) => {}
        }
    }

    /// The connection is refused with this code.
    fn fails(&mut self, code: u16) {
        if !self.closed {
            self.due.push_back(Seen::Close(code, "*".to_owned()));
        }
        self.ends();
    }

    fn send(&mut self, what: Seen) {
        let (command, legal) = match &what {
            Seen::Message { text, bytes } => (Command::Message { text: *text, bytes }, true),
            Seen::Pong(bytes) => (Command::Pong { bytes }, bytes.len() <= 125),
            Seen::Close(code, reason) => {
                let legal = !matches!(code, 1005 | 1006 | 999) && reason.len() <= 123;
                (Command::Close { code: *code, reason }, legal)
            }
            Seen::Ping(_) | Seen::Fault(_) => unreachable!(),
        };
        if !legal || self.closed || self.over {
            return self.refused(command);
        }
        if let Command::Message { bytes, .. } = command {
            self.out.payload = bytes.to_vec();
            let keeps = self.peer.agreed.is_some_and(|agreed| agreed.server_takeover);
            if keeps && bytes.len() >= self.limits.deflate_threshold {
                self.held = Some(self.now);
            }
        }
        self.session.send(1, command, &mut self.out, self.now).expect("a legal command");
        if matches!(what, Seen::Close(..)) {
            (self.closed, self.since, self.held) = (true, self.now, None);
        }
        self.due.push_back(what);
    }

    fn refused(&mut self, command: Command<'_>) {
        let before = self.out.bytes.len();
        let result: Result<(), Error> = self.session.send(1, command, &mut self.out, self.now);
        assert_eq!(result.map_err(|error| error.fault), Err(Fault::Caller));
        assert_eq!(self.out.bytes.len(), before, "a refused command was written");
    }

    /// What the clock will bring, if nothing happens before.
    fn deadline(&self) -> Option<u64> {
        if self.over {
            return None;
        }
        let wait = match self.closed {
            true => self.limits.close_timeout,
            false if self.is_late() => self.limits.ping_timeout,
            false => self.limits.ping_interval,
        };
        let peer = (self.flushed && wait > 0).then(|| self.since + wait);
        let rest = self.held.map(|held| held + self.limits.deflate_idle);
        [peer, rest].into_iter().flatten().min()
    }

    /// Whether silence is held against the client. Who is not read, or may owe a pong for ever, is asked again.
    fn is_late(&self) -> bool {
        self.owed.is_some() && self.reading && self.limits.ping_timeout > 0
    }

    /// Rule 3.
    fn time_passes(&mut self, millis: u64) {
        self.now += millis;
        let result = self.session.handle_timeout(&self.limits, &mut self.out, self.now);
        self.held = self.held.filter(|held| held + self.limits.deflate_idle > self.now);
        let held = self.held.take();
        let due = self.deadline().is_some_and(|deadline| deadline <= self.now);
        self.held = held;
        let status = result.as_ref().map_err(|error| error.status).copied();
        match (due, self.closed, self.is_late()) {
            (false, ..) => assert_eq!(status, Ok(()), "before its time"),
            (true, true, _) => assert_eq!(status, Err(0), "an unanswered close frame"),
            (true, _, true) => assert_eq!(status, Err(1011), "an unanswered ping"),
            (true, _, false) => {
                assert_eq!(status, Ok(()));
                self.since = self.now;
                self.due.push_back(Seen::Ping(Vec::new()));
            }
        }
        if let Err(error) = result {
            self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
            self.fails(error.status);
        }
    }

    /// Rules 2, 3 and 4, after each operation.
    fn compare(&mut self) {
        for found in self.peer.read(&std::mem::take(&mut self.out.bytes), self.limits.deflate_threshold) {
            let expected = self.due.pop_front().unwrap_or_else(|| panic!("nobody has sent {found:?}"));
            match (&found, &expected) {
                (Seen::Ping(bytes), Seen::Ping(_)) => {
                    assert_ne!(Some(bytes), self.owed.as_ref());
                    self.owed = Some(bytes.clone());
                }
                // The reason of a failure is for reading.
                (Seen::Close(code, reason), Seen::Close(wanted, any)) if any == "*" => {
                    assert!(code == wanted && reason.contains("RFC"), "{found:?}");
                }
                _ => assert_eq!(found, expected),
            }
        }
        assert!(self.due.is_empty(), "never written: {:?}", self.due);
        assert_eq!(self.session.next_timeout(&self.limits), self.deadline());
        assert_eq!(self.session.wants_input(), !self.over);
        assert_eq!(matches!(self.session.status(), Status::Closing { .. }), self.over);
    }
}

/// What all messages are made of. A window of zlib's reaches 262 bytes less far than its size (`MIN_LOOKAHEAD`), so a match
/// with the message before needs more than short ones.
static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|state: u32| (state >> 24) as u8 & 0x7f).take(70_000).collect()
});

/// ASCII that shrinks by itself where `size` is a multiple of three, and otherwise only against an earlier message.
fn content(size: usize) -> Vec<u8> {
    if size.is_multiple_of(3) { vec![b'x'; size] } else { CONTENT[..size].to_vec() }
}
