//! The WebSocket machine: joins `frame`, `message`, `state` and `pace`. It keeps a few words of state, the pieces of a
//! message that is not complete, and what compression has to remember; an idle connection holds no buffer. Input and time
//! are here, the commands are in `output`.
//!
//! The driver keeps all input that is not consumed: at most a frame's header, or a control frame. A data frame's payload is
//! consumed as it comes. It is unmasked where it lies, and a message that lies there whole is given as it lies.

mod output;

use std::borrow::Cow;

use super::deflate::Deflate;
use super::frame::{self, Header, Opcode};
use super::mask::{self, Key};
use super::message::{Message, NOT_UTF8};
use super::pace::Pace;
use super::state::State;
use crate::error::Error;
use crate::event::{Event, Received, Sink, Status, StreamId};
use crate::limits::{Limits, Millis};

/// One WebSocket, seen from the server.
///
/// * input: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof), [`wants_input`](Self::wants_input)
/// * output: [`send`](Self::send), [`abort`](Self::abort), [`refuse`](Self::refuse), [`close`](Self::close)
/// * getters: [`status`](Self::status)
/// * time: [`set_reading`](Self::set_reading), [`set_flushed`](Self::set_flushed), [`peer_leaves`](Self::peer_leaves),
///   [`next_timeout`](Self::next_timeout), [`handle_timeout`](Self::handle_timeout)
pub struct Connection {
    stream: StreamId,
    deflate: Option<Deflate>,
    message: Message,
    frame: Frame,
    pace: Pace,
    state: State,
}

/// What one call does before others have their turn, if it comes to no event: so many frames or pieces of them (some ten
/// microseconds of pongs or empty fragments), each `BLOCK` bytes that are inflated counted as one more (about a
/// millisecond, the last piece included).
const WORK: usize = 256;
const BLOCK: usize = 4096;

/// A compressed payload is taken in pieces of so many bytes: DEFLATE makes at most 1032 bytes of one.
const SLICE: u64 = 1024;

/// The data frame whose payload is coming.
#[derive(Default)]
struct Frame {
    /// Bytes that are still to come; 0: there is no such frame.
    left: u64,
    key: Key,
    fin: bool,
}

impl Connection {
    /// The WebSocket that `stream` has become, with the compression that was agreed on.
    #[must_use]
    pub fn new(stream: StreamId, deflate: Option<Deflate>, now: Millis) -> Self {
        Self {
            stream,
            deflate,
            message: Message::default(),
            frame: Frame::default(),
            pace: Pace::new(now),
            state: State::new(),
        }
    }

    /// Feeds input; gives at most one event. Call again with what is left until `event` is None; there may be `more` then,
    /// which can wait for its turn.
    ///
    /// # Errors
    /// `Peer`, with a close code for its status: 1002, 1007 or 1009. Answer with [`refuse`](Self::refuse). No further input
    /// is taken.
    #[inline]
    pub fn receive<'a>(&mut self, input: &'a mut [u8], limits: &Limits, now: Millis) -> Result<Received<'a>, Error> {
        if self.state.speaks() && !input.is_empty() {
            self.pace.heard(now);
        }
        let result = self.advance(input, limits);
        if result.is_err() {
            self.state.input_fails();
            self.forget();
        }
        result
    }

    fn advance<'a>(&mut self, mut input: &'a mut [u8], limits: &Limits) -> Result<Received<'a>, Error> {
        let length = input.len();
        let (mut event, mut work) = (None, 0);
        while event.is_none() && !input.is_empty() && work < WORK {
            work += 1;
            if !self.state.hears() {
                input = &mut []; // RFC 6455 section 5.5.1: nothing that matters comes behind a close frame.
            } else if self.frame.left > 0 {
                let before = self.message.length();
                let slice = if self.message.is_compressed() { SLICE } else { u64::MAX };
                let piece = split_off(&mut input, self.frame.left.min(slice));
                event = self.take_piece(piece, limits)?;
                work += self.message.length().saturating_sub(before) / BLOCK;
            } else if let Some(header) = self.next_header(input)? {
                event = self.take_frame(header, &mut input, limits)?;
            } else {
                return Ok(Received { consumed: length - input.len(), event, more: false });
            }
        }
        let more = event.is_none() && !input.is_empty();
        Ok(Received { consumed: length - input.len(), event, more })
    }

    /// The header that `input` begins with, if it is all there; so must be the rest of a control frame.
    #[inline]
    fn next_header(&self, input: &[u8]) -> Result<Option<Header>, Error> {
        let header = frame::parse(input, self.deflate.is_some())?;
        let whole = |header: &Header| header.size as u64 + header.length <= input.len() as u64;
        Ok(header.filter(|header| !header.opcode.is_control() || whole(header)))
    }

    /// Takes a header, and the payload of a control frame or of a message that is all there.
    #[inline]
    fn take_frame<'a>(
        &mut self,
        header: Header,
        input: &mut &'a mut [u8],
        limits: &Limits,
    ) -> Result<Option<Event<'a>>, Error> {
        let Header { opcode, fin, compressed, length, key, size } = header;
        split_off(input, size as u64);
        if opcode.is_control() {
            let payload = split_off(input, length);
            mask::apply(payload, key);
            return self.take_control(opcode, payload);
        }
        if !self.state.speaks() {
            self.frame = Frame { left: length, key, fin };
            return Ok(None);
        }
        self.state.data_begins(opcode)?;
        if opcode != Opcode::Continuation {
            self.message.begin(opcode == Opcode::Text, compressed);
        }
        self.message.announce(length, limits.message_bytes)?;
        if fin && !compressed && opcode != Opcode::Continuation && length <= input.len() as u64 {
            let payload = split_off(input, length);
            mask::apply(payload, key);
            return self.whole_message(opcode == Opcode::Text, payload).map(Some);
        }
        self.frame = Frame { left: length, key, fin };
        if length == 0 { self.take_piece(&mut [], limits) } else { Ok(None) }
    }

    #[inline]
    fn whole_message<'a>(&mut self, text: bool, payload: &'a [u8]) -> Result<Event<'a>, Error> {
        if text && std::str::from_utf8(payload).is_err() {
            return Err(NOT_UTF8);
        }
        self.state.message_ends();
        Ok(Event::Message { stream: self.stream, text, bytes: Cow::Borrowed(payload) })
    }

    /// Takes a piece of a data frame's payload.
    fn take_piece<'a>(&mut self, piece: &mut [u8], limits: &Limits) -> Result<Option<Event<'a>>, Error> {
        let Frame { left, key, fin } = &mut self.frame;
        *left -= piece.len() as u64;
        if !self.state.speaks() {
            return Ok(None);
        }
        mask::apply(piece, *key);
        *key = mask::advanced(*key, piece.len());
        if !self.message.push(piece, (*left, *fin), limits.message_bytes, self.deflate.as_mut())? {
            return Ok(None);
        }
        self.state.message_ends();
        let bytes = Cow::Owned(self.message.take());
        Ok(Some(Event::Message { stream: self.stream, text: self.message.text, bytes }))
    }

    fn take_control<'a>(&mut self, opcode: Opcode, payload: &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        let stream = self.stream;
        match opcode {
            Opcode::Close => {
                let (code, reason) = read_close(payload)?;
                self.state.close_received();
                self.forget();
                Ok(Some(Event::Closed { stream, code, reason }))
            }
            Opcode::Ping if self.state.speaks() => Ok(Some(Event::Ping { stream, bytes: payload })),
            Opcode::Pong => {
                self.pace.pong(payload);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// The peer will send nothing more. Gives `Reset` where its close frame has not come (RFC 6455 section 7.1.5: 1006).
    pub fn receive_eof(&mut self) -> Option<Event<'static>> {
        self.forget();
        self.state.input_ends().then_some(Event::Reset { stream: self.stream })
    }

    /// No message comes to an end any more: gives all memory back.
    fn forget(&mut self) {
        self.message = Message::default();
        if let Some(deflate) = &mut self.deflate {
            deflate.forget();
        }
    }

    #[must_use]
    #[inline]
    pub fn wants_input(&self) -> bool {
        self.state.hears()
    }

    /// Tells whether the driver reads at the moment. Else no pong is owed; pings go on.
    pub fn set_reading(&mut self, reading: bool, now: Millis) {
        self.pace.set_reading(reading, now);
    }

    /// Tells that the peer has ended its side, where what came before was not all read yet: no ping is due any more.
    pub fn peer_leaves(&mut self) {
        self.pace.leave();
    }

    /// Tells whether all is written. Else no ping is due, and no pong or close frame is owed.
    pub fn set_flushed(&mut self, flushed: bool, now: Millis) {
        self.pace.set_flushed(flushed, now);
    }

    #[must_use]
    #[inline]
    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing happens before: a ping is due, a pong or
    /// a close frame overdue, or a compressor unused for long.
    #[must_use]
    pub fn next_timeout(&self, limits: &Limits) -> Option<Millis> {
        let rest = self.rest_deadline(limits);
        match self.peer_deadline(limits) {
            Some(deadline) => Some(rest.map_or(deadline, |rest| rest.min(deadline))),
            None => rest,
        }
    }

    fn peer_deadline(&self, limits: &Limits) -> Option<Millis> {
        match (self.state.hears(), self.state.speaks()) {
            (true, true) => self.pace.ping_deadline(limits),
            (true, false) => self.pace.close_deadline(limits),
            (false, _) => None,
        }
    }

    fn rest_deadline(&self, limits: &Limits) -> Option<Millis> {
        let resting = self.deflate.as_ref().is_some_and(Deflate::holds_memory);
        resting.then(|| self.pace.rest_deadline(limits))
    }

    /// Time has passed: may write a ping, or give memory back.
    ///
    /// # Errors
    /// `Peer`: 1011 for a ping that was not answered, which is a lost connection to the application (1006); 0 for a close
    /// frame that was not.
    pub fn handle_timeout(&mut self, limits: &Limits, out: &mut impl Sink, now: Millis) -> Result<(), Error> {
        let is_over = |deadline: Option<Millis>| deadline.is_some_and(|deadline| deadline <= now);
        if is_over(self.rest_deadline(limits))
            && let Some(deflate) = &mut self.deflate
        {
            deflate.rest();
        }
        if !is_over(self.peer_deadline(limits)) {
            return Ok(());
        }
        if !self.state.speaks() {
            self.state.shut(false);
            return Err(Error::peer(0, "A close frame was not answered in time (RFC 6455 section 7.1.1, ASGI-188)."));
        }
        if self.pace.owes_pong(limits) {
            self.state.input_fails();
            self.forget();
            return Err(Error::peer(1011, "A ping was not answered in time (RFC 6455 section 5.5.2, ASGI-164)."));
        }
        frame::write_control(out.bytes(), Opcode::Ping, &[&self.pace.next_ping(now)]);
        Ok(())
    }
}

/// Takes `length` bytes off the front of `input`, or all of them.
#[inline]
fn split_off<'a>(input: &mut &'a mut [u8], length: u64) -> &'a mut [u8] {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(input.len());
    input.split_off_mut(..length).unwrap_or_default()
}

/// The code and the reason of a close frame (RFC 6455 section 5.5.1). No code at all is 1005 (section 7.1.5).
fn read_close(payload: &[u8]) -> Result<(u16, &str), Error> {
    if payload.is_empty() {
        return Ok((1005, ""));
    }
    let Some((code, reason)) = payload.split_first_chunk() else {
        return Err(Error::peer(1002, "A close frame has one byte, which is no code (RFC 6455 section 5.5.1)."));
    };
    let code = u16::from_be_bytes(*code);
    if !frame::is_close_code(code) {
        return Err(Error::peer(1002, "A close frame has a code that must not be sent (RFC 6455 section 7.4)."));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok((code, reason)),
        Err(_) => Err(Error::peer(1007, "The reason in a close frame is not UTF-8 (RFC 6455 section 5.5.1).")),
    }
}
