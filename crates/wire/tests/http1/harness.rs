//! Feeds every case three ways (whole, byte by byte, with trailing bytes) and tells what came out.
//!
//! `Driver` does what a real driver does: it keeps input that was not consumed, and answers each complete request with
//! an empty 200 so that pipelined ones go on.

use wire::{Command, Error, Event, Fields, Limits, Session, Sink, Status, StreamId, Version};

/// An event with its bytes copied; the pieces of one body are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Request(Request),
    Body { stream: StreamId, bytes: Vec<u8>, end: bool },
    Reset { stream: StreamId },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub stream: StreamId,
    pub method: String,
    pub path: String,
    pub query: String,
    pub authority: Option<String>,
    pub version: Version,
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub has_body: bool,
    pub body_length: Option<u64>,
    pub expects_continue: bool,
    pub accepts_trailers: bool,
}

/// Output in memory; payload bytes are `x`.
#[derive(Clone, Debug, Default)]
pub struct Out(pub Vec<u8>);

impl Sink for Out {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
    fn payload(&mut self, from: u64, to: u64) {
        assert!(from < to, "an empty payload range");
        self.0.resize(self.0.len() + (to - from) as usize, b'x');
    }
}

impl Out {
    pub fn take(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.0)).unwrap()
    }
}

/// A connection under a fake clock.
pub struct Driver {
    pub session: Session,
    pub limits: Limits,
    pub now: u64,
    pub out: Out,
    pub seen: Vec<Seen>,
    /// Answers every complete request with an empty 200.
    pub answers: bool,
    pub stream: StreamId,
    pub buffer: Vec<u8>,
    pub error: Option<Error>,
    fields: Fields,
}

impl Driver {
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        Self {
            session: Session::http1(0),
            limits,
            now: 0,
            out: Out::default(),
            seen: Vec::new(),
            answers: false,
            stream: 0,
            buffer: Vec::new(),
            error: None,
            fields: Fields::new(),
        }
    }

    /// A driver that has just received `input` whole.
    pub fn fed(input: impl AsRef<[u8]>) -> Self {
        let mut driver = Self::new();
        driver.feed(input);
        driver
    }

    pub fn feed(&mut self, input: impl AsRef<[u8]>) {
        self.buffer.extend_from_slice(input.as_ref());
        self.run();
    }

    /// Takes events until there are no more.
    pub fn run(&mut self) {
        while self.error.is_none() {
            let (consumed, seen) =
                match self.session.receive(&mut self.buffer, &mut self.fields, &self.limits, self.now) {
                    Ok(received) => (received.consumed, received.event.map(|event| copy(&event, &self.fields))),
                    Err(error) => {
                        self.error = Some(error);
                        return;
                    }
                };
            self.buffer.drain(..consumed);
            let Some((seen, complete)) = seen else { return };
            self.note(seen);
            if complete && self.answers {
                self.respond(200, &[], Some(0), 0);
            }
        }
    }

    fn note(&mut self, event: Seen) {
        if let Seen::Request(request) = &event {
            self.stream = request.stream;
        }
        match (self.seen.last_mut(), event) {
            (Some(Seen::Body { bytes, end, .. }), Seen::Body { bytes: more, end: last, .. }) => {
                assert!(!*end, "a body went on after its end");
                bytes.extend_from_slice(&more);
                *end = last;
            }
            (_, event) => self.seen.push(event),
        }
    }

    pub fn send(&mut self, command: Command<'_>) -> Result<(), Error> {
        let before = (self.out.0.len(), self.session.status());
        let result = self.session.send(self.stream, command, &mut self.out, self.now);
        if result.is_err() {
            assert_eq!((self.out.0.len(), self.session.status()), before, "a refused command left a trace");
        }
        result
    }

    pub fn head(
        &mut self,
        status: u16,
        list: &[(&str, &str)],
        length: Option<u64>,
        trailers: bool,
    ) -> Result<(), Error> {
        let (fields, base) = block(list);
        self.send(Command::Head { status, fields: &fields, base: &base, length, trailers })
    }

    pub fn body(&mut self, length: u64, end: bool) -> Result<(), Error> {
        self.send(Command::Body { length, end })
    }

    pub fn trailers(&mut self, list: &[(&str, &str)]) -> Result<(), Error> {
        let (fields, base) = block(list);
        self.send(Command::Trailers { fields: &fields, base: &base })
    }

    pub fn hint(&mut self, list: &[(&str, &str)]) -> Result<(), Error> {
        let (fields, base) = block(list);
        self.send(Command::Hint { fields: &fields, base: &base })
    }

    /// A whole response; gives what was written for it.
    pub fn respond(&mut self, status: u16, list: &[(&str, &str)], length: Option<u64>, body: u64) -> String {
        let before = self.out.0.len();
        self.head(status, list, length, false).unwrap();
        self.body(body, true).unwrap();
        String::from_utf8(self.out.0[before..].to_vec()).unwrap()
    }

    /// Refuses the error that `receive` gave; gives what was written.
    pub fn refuse(&mut self) -> String {
        let error = self.error.unwrap();
        self.session.refuse(&error, &Fields::new(), b"", &mut self.out);
        self.out.take()
    }

    pub fn eof(&mut self) {
        if let Some(event) = self.session.receive_eof() {
            let (seen, _) = copy(&event, &Fields::new());
            self.note(seen);
        }
    }

    pub fn status(&self) -> Status {
        self.session.status()
    }

    pub fn requests(&self) -> Vec<&Request> {
        self.seen
            .iter()
            .filter_map(|seen| if let Seen::Request(request) = seen { Some(request) } else { None })
            .collect()
    }

    /// All body bytes that came, and whether the last body has ended.
    pub fn received_body(&self) -> (Vec<u8>, bool) {
        let bodies = self.seen.iter().filter_map(|seen| {
            if let Seen::Body { bytes, end, .. } = seen { Some((bytes.clone(), *end)) } else { None }
        });
        bodies.fold((Vec::new(), false), |(mut all, _), (bytes, end)| {
            all.extend(bytes);
            (all, end)
        })
    }
}

/// Copies an event; also tells whether the request is complete with it.
fn copy(event: &Event<'_>, fields: &Fields) -> (Seen, bool) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match *event {
        Event::Request { stream, head } => {
            let request = Request {
                stream,
                method: text(head.method),
                path: text(head.path),
                query: text(head.query),
                authority: head.authority.map(text),
                version: head.version,
                fields: fields.iter(head.base).map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
                has_body: head.has_body,
                body_length: head.body_length,
                expects_continue: head.expects_continue,
                accepts_trailers: head.accepts_trailers,
            };
            (Seen::Request(request), !head.has_body)
        }
        Event::Body { stream, bytes, end } => (Seen::Body { stream, bytes: bytes.to_vec(), end }, end),
        Event::Reset { stream } => (Seen::Reset { stream }, false),
        Event::Handshake { .. } | Event::Message { .. } | Event::Ping { .. } | Event::Closed { .. } => {
            panic!("nobody asked for a WebSocket: {event:?}")
        }
    }
}

/// A block of fields as the driver would hand it over.
pub fn block(list: &[(&str, &str)]) -> (Fields, Vec<u8>) {
    let (mut fields, mut base) = (Fields::new(), Vec::new());
    list.iter().for_each(|(name, value)| fields.append(&mut base, name.as_bytes(), value.as_bytes()));
    (fields, base)
}

const TRAILING: &[u8] = b"GET /next HTTP/1.1\r\nHost: n\r\n\r\n";

/// What came out, whichever way the bytes came in.
#[derive(Debug)]
pub struct Outcome {
    pub seen: Vec<Seen>,
    pub error: Option<Error>,
    pub status: Status,
}

impl Outcome {
    pub fn request(&self) -> &Request {
        match self.seen.first() {
            Some(Seen::Request(request)) => request,
            _ => panic!("no request came out: {self:?}"),
        }
    }

    pub fn code(&self) -> Option<u16> {
        self.error.map(|error| error.status)
    }
}

/// A driver that answers, fed with `pieces`.
pub fn fed_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Driver {
    let mut driver = Driver::with(limits);
    driver.answers = true;
    pieces.into_iter().for_each(|piece| driver.feed(piece));
    driver
}

/// Feeds `input` whole and in pieces of each of `sizes`; asserts that the same comes out.
pub fn in_pieces(input: &[u8], limits: Limits, sizes: &[usize]) -> Outcome {
    let whole = fed_in_pieces([input], limits);
    for size in sizes {
        let pieces = fed_in_pieces(input.chunks(*size), limits);
        let shown = String::from_utf8_lossy(input);
        assert_eq!(whole.seen, pieces.seen, "pieces of {size}: {shown:?}");
        assert_eq!(whole.error, pieces.error, "pieces of {size}: {shown:?}");
        assert_eq!(whole.status(), pieces.status(), "pieces of {size}: {shown:?}");
    }
    Outcome { status: whole.status(), seen: whole.seen, error: whole.error }
}

/// Feeds `input` whole, byte by byte and with trailing bytes; asserts that the events are the same.
pub fn three_ways(input: impl AsRef<[u8]>, limits: Limits) -> Outcome {
    let input = input.as_ref();
    let shown = String::from_utf8_lossy(input).into_owned();
    let whole = in_pieces(input, limits, &[1]);
    let followed = fed_in_pieces([&[input, TRAILING].concat()[..]], limits);
    let common = whole.seen.len().min(followed.seen.len());
    if whole.error.is_some() {
        assert_eq!(whole.seen, followed.seen, "with trailing bytes: {shown:?}");
        assert_eq!(whole.error, followed.error, "with trailing bytes: {shown:?}");
    } else if whole.status == Status::Idle {
        assert_eq!(whole.seen[..], followed.seen[..common], "with trailing bytes: {shown:?}");
        let next = matches!(followed.seen.last(), Some(Seen::Request(next)) if next.path == "/next");
        assert!(next, "the request behind was lost: {shown:?}");
    } else if matches!(whole.status, Status::Closing { .. }) {
        assert_eq!(whole.seen, followed.seen, "a closed connection took a request: {shown:?}");
    }
    whole
}

/// [`three_ways`] with the default limits.
pub fn feed(input: impl AsRef<[u8]>) -> Outcome {
    three_ways(input, Limits::default())
}
