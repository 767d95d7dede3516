//! The commands of the HTTP/1 machine: what may be written when, and with which framing. `response` does the writing.
//!
//! A command is checked whole before anything of it stays in the output: a `Caller` error leaves no trace.

use super::Connection;
use crate::error::Error;
use crate::event::{Command, Sink, Status, StreamId};
use crate::headers::Fields;
use crate::http1::response::{self, Final, Framing};
use crate::http1::state::{Input, Output};
use crate::limits::Millis;

impl Connection {
    /// Appends a command's bytes to `out`.
    ///
    /// # Errors
    /// `Caller`: illegal here and now; nothing was written and nothing changed. When the error is
    /// [`Error::BODY_SHORT`], the response can only be ended with [`abort`](Self::abort).
    #[inline]
    pub fn send(
        &mut self,
        stream: StreamId,
        command: Command<'_>,
        out: &mut impl Sink,
        now: Millis,
    ) -> Result<(), Error> {
        if stream != self.stream || stream == 0 {
            return Err(Error::caller("There is no such exchange, or another one has begun since."));
        }
        match command {
            Command::Head { status, fields, base, length, trailers } => {
                self.send_head(Final { status, fields, base, length, trailers }, out.bytes())
            }
            Command::Body { length, end } => self.send_body(length, end, out, now),
            Command::Trailers { fields, base } => self.send_trailers(fields, base, out.bytes(), now),
            Command::Hint { fields, base } => self.send_hint(fields, base, out.bytes()),
            Command::Continue => {
                self.send_continue(out.bytes(), now);
                Ok(())
            }
            Command::Accept { .. } | Command::Message { .. } | Command::Pong { .. } | Command::Close { .. } => {
                Err(Error::caller("This is an HTTP exchange, not a WebSocket (ASGI-037)."))
            }
        }
    }

    /// Answers a request to upgrade with 101 (RFC 9110 section 7.8). `lines` are the other protocol's own; `fields` over
    /// `base` are the application's. Our part ends here: what follows, both ways, is the other protocol's.
    ///
    /// # Errors
    /// `Caller`, as for [`send`](Self::send).
    pub fn switch(
        &mut self,
        stream: StreamId,
        lines: &[u8],
        fields: &Fields,
        base: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if stream != self.stream || self.state.output != Output::Owed {
            return Err(Error::caller("The handshake was answered already (ASGI-037)."));
        }
        let before = out.len();
        response::write_switch(out, lines, fields, base).inspect_err(|_| out.truncate(before))?;
        self.state.shut(false);
        Ok(())
    }

    #[inline]
    fn send_head(&mut self, head: Final<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.state.output != Output::Owed {
            return Err(Error::caller("The response has begun already, or is over (ASGI-037)."));
        }
        let before = out.len();
        match response::write_final(out, self.asked, self.may_keep(), head) {
            Ok((framing, keep)) => {
                self.framing = framing;
                self.trailers = head.trailers;
                self.state.response_begins(keep);
                Ok(())
            }
            Err(error) => {
                out.truncate(before);
                Err(error)
            }
        }
    }

    /// Whether the connection can be kept after a response whose head is written now.
    fn may_keep(&self) -> bool {
        if self.state.input != Input::Body {
            return self.state.keep;
        }
        // Who still waits for `100 Continue` may send the body or not after a final answer: nobody can tell what its next
        // bytes are (RFC 9110 section 10.1.1). And a body that we would not drain is better announced than cut off.
        self.state.keep && !self.expects && self.drainable()
    }

    /// Whether the rest of the request's body may be thrown away for the sake of the connection.
    fn drainable(&self) -> bool {
        self.drain > 0 && self.decoder.remaining().is_none_or(|length| length <= self.drain)
    }

    #[inline]
    fn send_body(&mut self, length: u64, end: bool, out: &mut impl Sink, now: Millis) -> Result<(), Error> {
        if self.state.output != Output::Body {
            return Err(Error::caller("The response has not begun, or its body is complete (ASGI-037, ASGI-111)."));
        }
        match &mut self.framing {
            Framing::Bodiless => {}
            Framing::Length(owed) => {
                if length > *owed {
                    return Err(Error::BODY_LONG);
                }
                if end && length < *owed {
                    return Err(Error::BODY_SHORT);
                }
                *owed -= length;
                place(length, out);
            }
            Framing::Close => place(length, out),
            Framing::Chunked => {
                if length > 0 {
                    response::chunk_line(out.bytes(), length);
                    out.payload(0, length);
                    out.bytes().extend_from_slice(b"\r\n");
                }
                if end && !self.trailers {
                    out.bytes().extend_from_slice(b"0\r\n\r\n");
                }
            }
        }
        match (end, self.trailers) {
            (false, _) => {}
            (true, true) => self.state.trailers_awaited(),
            (true, false) => self.response_ends(now),
        }
        Ok(())
    }

    fn send_trailers(&mut self, fields: &Fields, base: &[u8], out: &mut Vec<u8>, now: Millis) -> Result<(), Error> {
        if self.state.output != Output::Trailers {
            return Err(Error::caller("Trailers come after the last body, where the head announced them (ASGI-280)."));
        }
        let chunked = self.framing == Framing::Chunked;
        let wanted = chunked && self.asked.accepts_trailers;
        response::write_trailers(wanted.then_some(&mut *out), fields, base)?;
        if chunked && !wanted {
            out.extend_from_slice(b"0\r\n\r\n"); // ASGI-282: the client did not ask for them.
        }
        self.response_ends(now);
        Ok(())
    }

    fn send_hint(&mut self, fields: &Fields, base: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        if self.state.output != Output::Owed {
            return Err(Error::caller("Early hints come before the response's head (RFC 8297 section 2, ASGI-273)."));
        }
        let before = out.len();
        let result = response::write_hint(out, fields, base);
        // RFC 9110 section 15.2: no 1xx to an HTTP/1.0 client.
        if result.is_err() || self.asked.old {
            out.truncate(before);
        }
        result
    }

    fn send_continue(&mut self, out: &mut Vec<u8>, now: Millis) {
        if self.expects && self.state.input == Input::Body && self.state.output == Output::Owed {
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.expects = false;
            self.pace.body_begins(now);
        }
    }

    fn response_ends(&mut self, now: Millis) {
        self.state.keep &= self.state.input != Input::Body || self.drainable();
        self.state.response_ends();
        self.pace.restart(now);
    }

    /// Ends a response visibly short (ASGI-019): nothing more is written for it, and the connection closes.
    pub fn abort(&mut self, stream: StreamId) {
        if stream == self.stream && self.state.answering() {
            self.must_reset = self.framing == Framing::Close && self.state.output == Output::Body;
            self.state.shut(self.state.input == Input::Body);
        }
    }

    /// Whether closing politely would make a response that was cut short look complete: one that only the close delimits
    /// (RFC 9112 section 8). The driver then resets the connection instead.
    #[must_use]
    pub fn must_reset(&self) -> bool {
        self.must_reset
    }

    /// Answers a `Peer` error where that is still possible, and closes. `upgrade`: the lines that tell which other protocol
    /// would do, if one was asked for. `extra`: the fields of the answer that the driver knows and we do not (`date`,
    /// `server`).
    pub fn refuse(&mut self, error: &Error, upgrade: &[u8], extra: (&Fields, &[u8]), out: &mut impl Sink) {
        let idle = self.state.status() == Status::Idle;
        let unanswered = matches!(self.state.output, Output::Silent | Output::Owed);
        if unanswered && !idle && error.status != 0 {
            response::write_refusal(out.bytes(), self.asked, error, upgrade, extra);
        }
        self.state.shut(!idle && error.status != 0);
    }
}

#[inline]
fn place(length: u64, out: &mut impl Sink) {
    if length > 0 {
        out.payload(0, length);
    }
}
