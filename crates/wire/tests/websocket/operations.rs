//! Sequences of operations on one WebSocket, made from any bytes, and the rules that hold whatever the sequence:
//! `properties` runs it with proptest, `/fuzz` with its mutator. A broken rule is a panic.
//!
//! 1. A refused command writes nothing and changes nothing.
//! 2. What is written is whole frames, of which a close frame is the last, and there is one at most.
//! 3. A message is never larger than the limit, and a text is UTF-8.
//! 4. A close frame or a reset is the last event, and comes once.
//! 5. What is closed stays closed: no event, no output, no deadline.
//! 6. Only known errors come out, and the first of receive is the last.
//! 7. Only a header or a control frame is left with the driver.

use wire::{Command, Error, Event, Fault, Fields, Limits, Session, Status};

use super::harness::{CLOSE, FIN, Out, PING, RSV1, STREAM, frame, frames, request};

/// A client's frames, whole or in part.
fn input(choice: u8, argument: u8) -> Vec<u8> {
    let payload = vec![b'a'; usize::from(argument)];
    match choice {
        0 => frame(FIN | 1, payload),
        1 => frame(FIN | 2, payload),
        2 => frame(1, "be"),
        3 => frame(0, "tw"),
        4 => frame(FIN, "een"),
        5 => frame(FIN | PING, &payload[..payload.len() / 4]),
        6 => frame(FIN | 10, [0, 0, 0, argument]),
        7 => frame(FIN | CLOSE, [3, argument]),
        8 => frame(FIN | CLOSE, []),
        // "Hello", as RFC 7692 section 7.2.3.1 has it, whole and in parts.
        9 => frame(FIN | RSV1 | 1, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]),
        10 => frame(RSV1 | 2, [0xf2, 0x48, 0xcd]),
        11 => frame(FIN, [0xc9, 0xc9, 0x07, 0x00]),
        12 => frame(FIN | 1, [argument]),
        13 => frame(FIN | 2, payload)[..2].to_vec(),
        14 => frame(argument, "odd"),
        _ => vec![argument],
    }
}

/// Interprets `data` as operations. The first byte chooses the terms.
pub fn run(data: &[u8]) {
    let mut data = data.iter().copied();
    let mut machine = Machine::new(data.next().unwrap_or(0));
    while let Some(operation) = data.next() {
        let argument = data.next().unwrap_or(0);
        machine.operation(operation, argument);
        machine.check();
    }
}

struct Machine {
    session: Session,
    limits: Limits,
    out: Out,
    buffer: Vec<u8>,
    error: Option<Error>,
    /// The last event has come.
    over: bool,
    ended: bool,
    reading: bool,
    flushed: bool,
    closed_at: Option<usize>,
    now: u64,
}

impl Machine {
    fn new(terms: u8) -> Self {
        let limits = Limits {
            message_bytes: 300,
            deflate_threshold: 3,
            deflate_takeover: terms & 1 > 0,
            ping_interval: if terms & 2 > 0 { 0 } else { 20_000 },
            ..Limits::DEFAULT
        };
        let extra = if terms & 4 > 0 { "" } else { "Sec-WebSocket-Extensions: permessage-deflate\r\n" };
        let (mut session, mut out, mut fields) = (Session::http1(0), Out::default(), Fields::new());
        let mut input = request(extra).into_bytes();
        let handshake = session.receive(&mut input, &mut fields, &limits, 0).expect("a handshake");
        assert!(matches!(handshake.event, Some(Event::Handshake { .. })));
        let accept = Command::Accept { subprotocol: None, fields: &Fields::new(), base: b"" };
        session.send(STREAM, accept, &mut out, 0).expect("an accept");
        Self {
            session,
            limits,
            out: Out::default(),
            buffer: Vec::new(),
            error: None,
            over: false,
            ended: false,
            reading: true,
            flushed: true,
            closed_at: None,
            now: 0,
        }
    }

    fn operation(&mut self, operation: u8, argument: u8) {
        let bytes = vec![b'x'; usize::from(argument)];
        match operation % 16 {
            0..=6 => {
                let bytes = input(operation / 16, argument);
                self.feed(&bytes);
            }
            7..=8 => self.send(Command::Message { text: operation > 127, bytes: &bytes }),
            9 => self.send(Command::Pong { bytes: &bytes }),
            10 => {
                let code = [1000, 1005, 1006, 4999, 3000][usize::from(operation / 16) % 5];
                let reason = "x".repeat(usize::from(argument));
                self.send(Command::Close { code, reason: &reason });
            }
            11 => self.send(Command::Body { length: 0, end: true }),
            12 => self.rarely(argument),
            13 => self.time_passes(u64::from(argument) * 200),
            14 if argument < 128 => {
                self.reading = !self.reading;
                self.session.set_reading(self.reading, self.now);
            }
            14 => {
                self.flushed = !self.flushed;
                self.session.set_flushed(self.flushed, self.now);
            }
            _ => self.receive(),
        }
    }

    fn rarely(&mut self, argument: u8) {
        match argument % 8 {
            0 => self.session.abort(STREAM),
            1..=3 => self.session.close(),
            4 => self.session.announce_end(),
            5 => {
                self.ended = true;
                if let Some(event) = self.session.receive_eof() {
                    assert_eq!(event, Event::Reset { stream: STREAM });
                    self.last_event();
                }
            }
            _ => {
                let error = self.error.unwrap_or(Error::peer(1002, "Enough."));
                self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
                assert!(matches!(self.session.status(), Status::Closing { .. }));
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if !self.ended {
            self.buffer.extend_from_slice(bytes);
            self.receive();
        }
    }

    fn receive(&mut self) {
        while self.error.is_none() {
            let closed = matches!(self.session.status(), Status::Closing { .. });
            let mut input = std::mem::take(&mut self.buffer);
            let copy = input.clone();
            let result = self.session.receive(&mut input, &mut Fields::new(), &self.limits, self.now);
            let (consumed, told, more) = match result {
                Err(error) => {
                    assert_eq!(error.fault, Fault::Peer);
                    assert!([1002, 1007, 1009].contains(&error.status) && error.reason.len() <= 123, "{error:?}");
                    assert!(!closed && !self.over, "an error behind the end");
                    self.error = Some(error);
                    return;
                }
                Ok(received) => {
                    assert!(!closed || received.event.is_none(), "an event of a closed connection");
                    (received.consumed, received.event.map(|event| self.event(&event)), received.more)
                }
            };
            assert_eq!(input[consumed..], copy[consumed..], "what was not consumed was changed");
            self.buffer = input.split_off(consumed);
            assert!(!more || (told.is_none() && consumed > 0 && !self.buffer.is_empty()), "more of nothing");
            if more {
                continue;
            }
            let Some(last) = told else {
                assert!(self.buffer.len() < 6 + 125, "rule 7");
                return;
            };
            if last {
                self.last_event();
            }
        }
    }

    /// Gives whether it is the last.
    fn event(&self, event: &Event<'_>) -> bool {
        assert!(!self.over, "an event behind the last: {event:?}");
        match event {
            Event::Message { text, bytes, .. } => {
                assert!(bytes.len() <= self.limits.message_bytes);
                assert!(!text || std::str::from_utf8(bytes).is_ok());
                false
            }
            Event::Ping { bytes, .. } => {
                assert!(bytes.len() <= 125);
                false
            }
            Event::Closed { .. } => true,
            other => panic!("receive gave {other:?}"),
        }
    }

    fn last_event(&mut self) {
        assert!(!self.over, "two ends");
        self.over = true;
        assert!(!self.session.wants_input());
    }

    fn send(&mut self, command: Command<'_>) {
        if let Command::Message { bytes, .. } = command {
            self.out.payload = bytes.to_vec();
        }
        let before = (self.out.bytes.len(), self.session.status(), self.session.next_timeout(&self.limits));
        let result = self.session.send(STREAM, command, &mut self.out, self.now);
        let after = (self.out.bytes.len(), self.session.status(), self.session.next_timeout(&self.limits));
        match result {
            Err(error) => assert_eq!((error.fault, after), (Fault::Caller, before), "a refused command left a trace"),
            Ok(()) => assert!(after.0 > before.0, "a command without a frame"),
        }
    }

    fn time_passes(&mut self, millis: u64) {
        self.now += millis;
        let due = self.session.next_timeout(&self.limits).is_some_and(|deadline| deadline <= self.now);
        let before = self.out.bytes.len();
        if let Err(error) = self.session.handle_timeout(&self.limits, &mut self.out, self.now) {
            assert!(due && error.fault == Fault::Peer && [0, 1011].contains(&error.status), "{error:?}");
            self.error = Some(error);
            self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
        }
        assert!(due || self.out.bytes.len() == before, "written before its time");
        let next = self.session.next_timeout(&self.limits);
        assert!(next.is_none_or(|deadline| deadline > self.now), "a deadline that has passed already");
    }

    fn check(&mut self) {
        let frames = frames(&self.out.bytes);
        let closes = frames.iter().position(|frame| frame.first == FIN | CLOSE);
        assert!(closes.is_none_or(|place| place + 1 == frames.len()), "something follows the close frame");
        let closed = matches!(self.session.status(), Status::Closing { .. });
        assert!(!closed || self.session.next_timeout(&self.limits).is_none());
        assert!(!closed || !self.session.wants_input());
        if let Some(length) = self.closed_at {
            assert!(closed, "a closed connection came back");
            assert_eq!(self.out.bytes.len(), length, "a closed connection wrote");
        }
        self.closed_at = closed.then_some(self.out.bytes.len());
    }
}
