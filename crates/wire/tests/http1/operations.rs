//! Sequences of operations on one connection, made from any bytes, and the rules that hold whatever the sequence:
//! `properties` runs it with proptest, `/fuzz` with its mutator. A broken rule is a panic.
//!
//! 1. A refused command writes nothing and changes nothing.
//! 2. Streams count up by one, and none begins before the answer to the last is complete.
//! 3. A body ends at most once, never exceeds its announced length, and comes only where one was announced.
//! 4. Each exchange writes at most one final head, never more body than it said, and when complete it parses back.
//! 5. What is closed stays closed: no event, no output.
//! 6. Only known errors come out.
//! 7. Who says `Connection: close` closes, and an HTTP/1.0 client is always told.

use wire::{Command, Error, Event, Fault, Fields, Head, Limits, Session, Status, Version};

use crate::harness::{Out, block};

const INPUTS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /t HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
    b"GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"\r\n",
    b"\0",
];

const FIELDS: &[&[(&str, &str)]] = &[
    &[],
    &[("content-type", "text/plain"), ("set-cookie", "a"), ("set-cookie", "b")],
    &[("content-length", "3")],
    &[("content-length", "0"), ("connection", "x")],
    &[("connection", "close")],
    &[("connection", "keep-alive, y")],
    &[("transfer-encoding", "gzip")],
    &[("content-length", "3"), ("content-length", "3")],
    &[("bad name", "")],
    &[("bad", "a\r\nb")],
    &[(":status", "200")],
];

const STATUSES: &[u16] = &[200, 200, 204, 205, 304, 404, 500, 999, 100, 103, 0];

/// Interprets `data` as operations.
pub fn run(data: &[u8]) {
    let mut machine = Machine::new();
    let mut data = data.iter().copied();
    while let Some(operation) = data.next() {
        let argument = data.next().unwrap_or(0);
        machine.operation(operation, argument);
        machine.check();
    }
}

/// The exchange that runs, as the rules see it.
struct Exchange {
    version: Version,
    head_only: bool,
    accepts_trailers: bool,
    body_length: Option<u64>,
    body_seen: u64,
    body_ended: bool,
    /// Where its output begins.
    start: usize,
    /// Payload bytes that commands have placed.
    sent: u64,
    complete: bool,
}

struct Machine {
    session: Session,
    limits: Limits,
    out: Out,
    buffer: Vec<u8>,
    fields: Fields,
    exchange: Option<Exchange>,
    stream: u64,
    error: Option<Error>,
    refused: bool,
    ended: bool,
    reading: bool,
    closed_at: Option<usize>,
    now: u64,
}

impl Machine {
    fn new() -> Self {
        Self {
            session: Session::http1(0),
            limits: Limits { drain_bytes: 100, body_bytes: 1000, head_bytes: 300, ..Limits::default() },
            out: Out::default(),
            buffer: Vec::new(),
            fields: Fields::new(),
            exchange: None,
            stream: 0,
            error: None,
            refused: false,
            ended: false,
            reading: true,
            closed_at: None,
            now: 0,
        }
    }

    fn operation(&mut self, operation: u8, argument: u8) {
        let list = FIELDS[argument as usize % FIELDS.len()];
        let (fields, base) = block(list);
        match operation % 20 {
            0..=4 => self.feed(INPUTS[argument as usize % INPUTS.len()]),
            5 => self.feed(&[argument]),
            6..=8 => {
                let status = STATUSES[(argument / 16) as usize % STATUSES.len()];
                let length = [None, Some(0), Some(3)][(operation / 20) as usize % 3];
                let trailers = operation > 200;
                self.send(Command::Head { status, fields: &fields, base: &base, length, trailers });
            }
            9..=11 => self.send(Command::Body { length: u64::from(argument % 5), end: argument > 127 }),
            12 => self.send(Command::Trailers { fields: &fields, base: &base }),
            13 => self.send(Command::Hint { fields: &fields, base: &base }),
            14 => self.send(Command::Continue),
            15 => self.rarely(argument),
            16 => self.time_passes(u64::from(argument) * 500),
            17 => {
                self.reading = !self.reading;
                self.session.set_reading(self.reading, self.now);
            }
            _ => self.receive(),
        }
    }

    fn rarely(&mut self, argument: u8) {
        match argument % 4 {
            0 => {
                self.session.abort(self.stream);
                self.exchange = None;
            }
            1 => self.session.close(),
            2 => {
                self.ended = true;
                if let Some(event) = self.session.receive_eof() {
                    assert_eq!(event, Event::Reset { stream: self.stream });
                    assert!(
                        self.exchange.take().is_some_and(|exchange| !exchange.body_ended),
                        "reset of what was whole"
                    );
                }
            }
            _ => {
                let error = self.error.unwrap_or(Error::peer(503, "Full."));
                let (before, status) = (self.out.0.len(), self.session.status());
                let begun = self.begun();
                self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
                let silent = begun || status == Status::Idle || matches!(status, Status::Draining);
                assert!(!silent || self.out.0.len() == before, "a refusal was written into a response");
                assert!(matches!(self.session.status(), Status::Closing { .. }));
                self.exchange = None;
                // The one answer that a failed input is still owed.
                if self.error.is_some() && !std::mem::replace(&mut self.refused, true) {
                    self.closed_at = None;
                }
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
            let wanted = self.session.wants_input();
            let closed = matches!(self.session.status(), Status::Closing { .. });
            let mut input = std::mem::take(&mut self.buffer);
            let length = input.len();
            let result = self.session.receive(&mut input, &mut self.fields, &self.limits, self.now);
            let consumed = match result {
                Err(error) => {
                    assert_eq!(error.fault, Fault::Peer);
                    assert!([400, 413, 414, 417, 431, 501, 505].contains(&error.status), "{error:?}");
                    assert!(!closed, "an error of a closed connection");
                    self.error = Some(error);
                    return;
                }
                Ok(received) => {
                    assert!(received.consumed <= length);
                    assert!(wanted || closed || (received.consumed == 0 && received.event.is_none()), "unwanted");
                    assert!(!closed || received.event.is_none(), "an event of a closed connection");
                    let more = received.event.is_some();
                    received.event.iter().for_each(|event| self.event(event));
                    (received.consumed, more)
                }
            };
            self.buffer = input[consumed.0..].to_vec();
            if !consumed.1 {
                return;
            }
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Request { stream, head } => {
                assert!(self.exchange.as_ref().is_none_or(|last| last.complete), "two exchanges at once");
                assert_eq!(stream, self.stream + 1);
                self.stream = stream;
                self.exchange = Some(Exchange::new(&head, self.out.0.len()));
            }
            Event::Body { stream, bytes, end } => {
                assert_eq!(stream, self.stream);
                let exchange = self.exchange.as_mut().expect("a body without an exchange");
                assert!(!exchange.body_ended && !exchange.complete, "a body after its end");
                assert!(end || !bytes.is_empty(), "an event of nothing");
                exchange.body_seen += bytes.len() as u64;
                exchange.body_ended = end;
                assert!(exchange.body_seen <= exchange.body_length.unwrap_or(1000));
                assert!(!end || exchange.body_length.is_none_or(|length| length == exchange.body_seen));
            }
            _ => panic!("receive gave {event:?}"),
        }
    }

    fn send(&mut self, command: Command<'_>) {
        let (before, status, timeout) =
            (self.out.0.len(), self.session.status(), self.session.next_timeout(&self.limits));
        match self.session.send(self.stream, command, &mut self.out, self.now) {
            Err(error) => {
                assert_eq!(error.fault, Fault::Caller);
                assert_eq!(
                    (self.out.0.len(), self.session.status()),
                    (before, status),
                    "a refused command left a trace"
                );
                assert_eq!(self.session.next_timeout(&self.limits), timeout);
            }
            Ok(()) => {
                let Some(exchange) = self.exchange.as_mut().filter(|exchange| !exchange.complete) else {
                    assert!(matches!(command, Command::Continue) && self.out.0.len() == before, "{command:?}");
                    return;
                };
                if let Command::Body { length, .. } = command {
                    exchange.sent += length;
                }
                let status = self.session.status();
                exchange.complete = status != Status::Busy;
                if exchange.complete {
                    let closes = parse(&self.out.0[exchange.start..], exchange, true).expect("an answer");
                    assert!(!closes || matches!(status, Status::Closing { .. }), "said close, but stays open");
                }
            }
        }
    }

    fn time_passes(&mut self, millis: u64) {
        self.now += millis;
        if let Err(error) = self.session.handle_timeout(&self.limits, &mut self.out, self.now) {
            assert!(error.fault == Fault::Peer && [0, 408].contains(&error.status), "{error:?}");
            self.error = Some(error);
            let (before, begun) = (self.out.0.len(), self.begun());
            self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
            assert_eq!(self.out.0.len() == before, error.status == 0 || begun);
            (self.exchange, self.refused, self.closed_at) = (None, true, None);
        }
    }

    /// Whether an exchange that is not over yet has written its final head.
    fn begun(&self) -> bool {
        let running = self.exchange.as_ref().filter(|exchange| !exchange.complete);
        running.is_some_and(|exchange| parse(&self.out.0[exchange.start..], exchange, false).is_some())
    }

    fn check(&mut self) {
        if let Some(exchange) = &self.exchange {
            let answer = parse(&self.out.0[exchange.start..], exchange, exchange.complete);
            assert!(answer.is_some() || !exchange.complete, "complete without an answer");
        }
        let status = self.session.status();
        assert_eq!(self.session.next_timeout(&self.limits), self.session.next_timeout(&self.limits));
        if let Some(length) = self.closed_at {
            assert!(matches!(status, Status::Closing { .. }), "a closed connection came back: {status:?}");
            assert_eq!(self.out.0.len(), length, "a closed connection wrote");
        }
        self.closed_at = matches!(status, Status::Closing { .. }).then_some(self.out.0.len());
    }
}

impl Exchange {
    fn new(head: &Head<'_>, start: usize) -> Self {
        assert!(head.has_body || head.body_length.is_none_or(|length| length == 0));
        Self {
            version: head.version,
            head_only: head.method == b"HEAD",
            accepts_trailers: head.accepts_trailers,
            body_length: head.body_length,
            body_seen: 0,
            body_ended: !head.has_body,
            start,
            sent: 0,
            complete: false,
        }
    }
}

/// Reads an exchange's output back with httparse: interim heads, at most one final head, and nothing but its body behind.
/// Gives whether the final head says that the connection closes; None if there is none.
fn parse(mut bytes: &[u8], exchange: &Exchange, complete: bool) -> Option<bool> {
    while !bytes.is_empty() {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes).expect("our own head") else {
            panic!("half a head");
        };
        let status = response.code.expect("a status");
        let all = |name: &str| -> Vec<&str> {
            let same = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            same.map(|header| std::str::from_utf8(header.value).expect("ASCII")).collect()
        };
        let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
        assert!(lengths.len() + codings.len() <= 1 && all("connection").len() <= 1, "ambiguous framing");
        bytes = &bytes[length..];
        if status < 200 {
            assert!(exchange.version != Version::Http10 && lengths.is_empty() && codings.is_empty());
            continue;
        }
        let options = all("connection").concat();
        let close = options.ends_with("close");
        assert!(
            close || options.ends_with("keep-alive") || exchange.version != Version::Http10,
            "HTTP/1.0 was not told"
        );
        if exchange.head_only || [204, 205, 304].contains(&status) {
            assert!(bytes.is_empty(), "a body where none may be");
        } else if let [length] = lengths[..] {
            let length: usize = length.parse().expect("a number");
            assert!(bytes.len() <= length && (!complete || bytes.len() == length), "not the length that was said");
            assert_eq!(bytes.len() as u64, exchange.sent);
        } else if codings.is_empty() {
            assert_eq!((exchange.version, close), (Version::Http10, true));
            assert_eq!(bytes.len() as u64, exchange.sent);
        } else {
            assert_eq!((codings, exchange.version), (vec!["chunked"], Version::Http11));
            chunks(bytes, exchange, complete);
        }
        return Some(close);
    }
    None
}

fn chunks(mut bytes: &[u8], exchange: &Exchange, complete: bool) {
    let mut data = 0;
    while !bytes.is_empty() {
        let httparse::Status::Complete((at, size)) = httparse::parse_chunk_size(bytes).expect("a chunk size") else {
            panic!("half a chunk size");
        };
        bytes = &bytes[at..];
        if size == 0 {
            let trailers = bytes.strip_suffix(b"\r\n").expect("the end");
            assert!(exchange.accepts_trailers || trailers.is_empty(), "ASGI-282");
            assert!(complete, "the last chunk of a response that is not complete");
            assert_eq!(data, exchange.sent);
            return;
        }
        data += size;
        bytes = bytes[size as usize..].strip_prefix(b"\r\n").expect("CRLF behind the data");
    }
    assert!(!complete, "a chunked body without its end");
    assert_eq!(data, exchange.sent);
}
