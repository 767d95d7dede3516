//! The HTTP/1 machine: one exchange at a time, as often as both sides want. Joins `head`, `body`, `response`, `state`
//! and `pace`; holds a few words of state and no buffer, so that an idle connection costs next to nothing. Input and
//! time are here, the commands are in `output`.
//!
//! The driver keeps all input that is not consumed. While a request is complete and its answer is not, nothing is
//! consumed: pipelined requests wait with the driver (RFC 9112 section 9.3.2).

mod output;

use super::body::{BODY_TOO_LARGE, Decoder};
use super::head::{self, Scan};
use super::pace::Pace;
use super::response::{Asked, Framing};
use super::state::{Input, Output, State};
use crate::error::Error;
use crate::event::{Event, Received, Status, StreamId, Version};
use crate::grammar::is_tchar;
use crate::headers::Fields;
use crate::limits::{Limits, Millis};

/// Empty lines that are tolerated before a request. RFC 9112 section 2.2 asks for "at least one".
const BLANK_LINES: u8 = 2;

/// One HTTP/1.0 or HTTP/1.1 connection, seen from the server.
///
/// * input: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof), [`wants_input`](Self::wants_input)
/// * output: [`send`](Self::send), [`abort`](Self::abort), [`refuse`](Self::refuse), [`close`](Self::close)
/// * getters: [`status`](Self::status), [`must_reset`](Self::must_reset)
/// * time: [`set_reading`](Self::set_reading), [`hurry`](Self::hurry), [`next_timeout`](Self::next_timeout),
///   [`handle_timeout`](Self::handle_timeout)
#[derive(Debug)]
pub struct Connection {
    /// Requests so far; the number of the current one.
    stream: StreamId,
    decoder: Decoder,
    framing: Framing,
    pace: Pace,
    /// Body bytes that are still thrown away for the sake of the connection, once the answer is complete.
    drain: u64,
    scan: Scan,
    state: State,
    asked: Asked,
    blank_lines: u8,
    /// `100 Continue` is awaited, and nothing of the body has come without it.
    expects: bool,
    /// The request asks to go on with another protocol.
    upgrade: bool,
    /// The head of the response announced trailers.
    trailers: bool,
    /// A response that only the close delimits was cut short.
    must_reset: bool,
}

impl Connection {
    #[must_use]
    pub fn new(now: Millis) -> Self {
        Self {
            stream: 0,
            decoder: Decoder::Length(0),
            framing: Framing::Bodiless,
            pace: Pace::new(now),
            drain: 0,
            scan: Scan::default(),
            state: State::new(),
            asked: Asked::default(),
            blank_lines: 0,
            expects: false,
            upgrade: false,
            trailers: false,
            must_reset: false,
        }
    }

    /// Feeds input; gives at most one event. Call again with what is left until `event` is None.
    ///
    /// # Errors
    /// `Peer`: answer with [`refuse`](Self::refuse). No further input is taken.
    #[inline]
    pub fn receive<'a>(
        &mut self,
        input: &'a [u8],
        fields: &mut Fields,
        limits: &Limits,
        now: Millis,
    ) -> Result<Received<'a>, Error> {
        let result = self.advance(input, fields, limits, now);
        if result.is_err() {
            self.state.input_fails();
        }
        result
    }

    fn advance<'a>(
        &mut self,
        input: &'a [u8],
        fields: &mut Fields,
        limits: &Limits,
        now: Millis,
    ) -> Result<Received<'a>, Error> {
        let mut consumed = 0;
        while consumed < input.len() {
            let rest = &input[consumed..];
            let (length, event) = match self.state.input {
                Input::Idle => match self.skip_blank_lines(rest, now)? {
                    0 if self.state.input == Input::Idle => break,
                    skipped => (skipped, None),
                },
                Input::Head => match self.scan.find_end(rest, limits)? {
                    None => break,
                    Some(end) => (end, Some(self.take_head(&rest[..end], fields, limits, now)?)),
                },
                Input::Body if self.state.output == Output::Done => (self.drain(rest, limits, now)?, None),
                Input::Body => self.take_body(rest, limits)?,
                Input::Done => break,
                // RFC 9112 section 9.6: what still comes is read and thrown away.
                Input::Shut => (rest.len(), None),
            };
            consumed += length;
            if event.is_some() {
                return Ok(Received { consumed, event, more: false });
            }
        }
        Ok(Received { consumed, event: None, more: false })
    }

    /// Between requests: skips empty lines (RFC 9112 section 2.2), and lets a head begin only with a method.
    fn skip_blank_lines(&mut self, input: &[u8], now: Millis) -> Result<usize, Error> {
        match input {
            [b'\r', b'\n', ..] if self.blank_lines < BLANK_LINES => {
                self.blank_lines += 1;
                Ok(2)
            }
            [b'\r'] if self.blank_lines < BLANK_LINES => Ok(0),
            [first, ..] if is_tchar(*first) => {
                self.state.head_begins();
                self.scan = Scan::default();
                self.asked = Asked::default();
                self.blank_lines = 0;
                self.pace.restart(now);
                Ok(0)
            }
            _ => Err(not_a_request(input)),
        }
    }

    #[inline]
    fn take_head<'a>(
        &mut self,
        base: &'a [u8],
        fields: &mut Fields,
        limits: &Limits,
        now: Millis,
    ) -> Result<Event<'a>, Error> {
        let head::Request { head, framing, persistent, upgrade } = head::parse(base, fields, limits)?;
        self.asked = Asked {
            old: head.version == Version::Http10,
            head_only: head.method == b"HEAD",
            accepts_trailers: head.accepts_trailers,
        };
        if limits.body_bytes > 0 && head.body_length.is_some_and(|length| length > limits.body_bytes) {
            return Err(BODY_TOO_LARGE);
        }
        self.stream += 1;
        self.decoder = Decoder::new(framing);
        self.drain = limits.drain_bytes;
        self.expects = head.expects_continue;
        self.upgrade = upgrade;
        self.state.exchange_begins(head.has_body, persistent);
        if head.has_body {
            self.pace.body_begins(now);
        }
        Ok(Event::Request { stream: self.stream, head })
    }

    #[inline]
    fn take_body<'a>(&mut self, input: &'a [u8], limits: &Limits) -> Result<(usize, Option<Event<'a>>), Error> {
        self.expects = false; // RFC 9110 section 10.1.1: who sends does not wait.
        let piece = self.decoder.decode(input, limits)?;
        self.pace.body_received(piece.consumed);
        if piece.end {
            self.state.body_ends();
        }
        let event = Event::Body { stream: self.stream, bytes: piece.bytes, end: piece.end };
        Ok((piece.consumed, (piece.end || !piece.bytes.is_empty()).then_some(event)))
    }

    /// The answer is complete, the request's body is not: throws it away (RFC 9112 section 9.3, ASGI-098).
    fn drain(&mut self, input: &[u8], limits: &Limits, now: Millis) -> Result<usize, Error> {
        let piece = self.decoder.decode(input, limits)?;
        if piece.end {
            if self.state.body_ends() {
                self.pace.restart(now);
            }
            return Ok(piece.consumed);
        }
        self.drain = self.drain.saturating_sub(piece.consumed as u64);
        if self.drain == 0 {
            self.state.shut(true);
        }
        Ok(piece.consumed)
    }

    /// The number of the present exchange, or of the last.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Whether that exchange's request asks to go on with another protocol (RFC 9110 section 7.8).
    #[must_use]
    #[inline]
    pub fn asks_upgrade(&self) -> bool {
        self.upgrade
    }

    /// The request that was given is bad for a reason that HTTP does not know: as after an error of `receive`.
    pub fn reject(&mut self) {
        self.state.input_fails();
    }

    /// The peer will send nothing more. To be called when all input before it was taken or cannot be.
    ///
    /// A request that is complete may still be answered (half-closed client); the connection closes after that.
    pub fn receive_eof(&mut self) -> Option<Event<'static>> {
        let cut = self.state.input == Input::Body && self.state.answering();
        self.state.input_ends();
        cut.then_some(Event::Reset { stream: self.stream })
    }

    #[must_use]
    #[inline]
    pub fn wants_input(&self) -> bool {
        matches!(self.state.input, Input::Idle | Input::Head | Input::Body)
    }

    pub fn set_reading(&mut self, reading: bool, now: Millis) {
        self.pace.set_reading(reading, now);
    }

    /// Whatever is answered from now on is answered with `Connection: close`; idle connections stay open (see `close`).
    pub fn announce_end(&mut self) {
        self.state.keep = false;
    }

    /// A head that is begun has until `last` to become complete: it must not hold up the end of all.
    pub fn hurry(&mut self, last: Millis) {
        self.pace.hurry(last);
    }

    /// The polite end. A request whose first bytes are there is still taken and answered with `Connection: close`.
    pub fn close(&mut self) {
        self.state.keep = false;
        match self.state.status() {
            Status::Idle => self.state.shut(false),
            Status::Draining => self.state.shut(true),
            Status::Receiving | Status::Busy | Status::Closing { .. } => {}
        }
    }

    #[must_use]
    #[inline]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing happens before.
    #[must_use]
    #[inline]
    pub fn next_timeout(&self, limits: &Limits) -> Option<Millis> {
        match self.state.status() {
            // A new connection has to say something within the time of a head.
            Status::Idle if self.stream > 0 => Some(self.pace.deadline(limits.idle_timeout)),
            Status::Receiving => Some(self.pace.head_deadline(limits)),
            Status::Idle | Status::Draining => Some(self.pace.deadline(limits.head_timeout)),
            Status::Busy if self.state.input == Input::Body && !self.expects => self.pace.body_deadline(limits),
            Status::Busy | Status::Closing { .. } => None,
        }
    }

    /// Time has passed.
    ///
    /// # Errors
    /// `Peer`: status 408 for a head or body that came too slowly; 0 where there is nothing to answer.
    pub fn handle_timeout(&mut self, limits: &Limits, now: Millis) -> Result<(), Error> {
        if self.next_timeout(limits).is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let error = match self.state.status() {
            Status::Receiving if self.pace.hurried(limits) => {
                Error::peer(408, "The server stops, and the request head was not complete (RFC 9110 section 15.5.9).")
            }
            Status::Receiving => Error::peer(408, "The request head took too long (RFC 9110 section 15.5.9)."),
            Status::Busy => Error::peer(408, "The request body came too slowly (RFC 9110 section 15.5.9)."),
            Status::Draining => Error::peer(0, "The rest of an answered request took too long."),
            Status::Idle | Status::Closing { .. } => Error::peer(0, "Nothing came for too long."),
        };
        if error.status == 0 {
            self.state.shut(false);
        } else {
            self.state.input_fails();
        }
        Err(error)
    }
}

#[cold]
fn not_a_request(input: &[u8]) -> Error {
    Error::peer(
        400,
        match input {
            [0x16, ..] => {
                "This is a TLS handshake, but the port speaks plain HTTP. Use http://, or a proxy in front that speaks TLS."
            }
            [b'\n', ..] => "A line ends with LF instead of CRLF (RFC 9112 section 2.2).",
            [b'\r', ..] => "There is a CR alone or too many empty lines before the request (RFC 9112 section 2.2).",
            _ => "The request does not begin with a method (RFC 9112 section 3).",
        },
    )
}
