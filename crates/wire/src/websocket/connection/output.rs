//! The commands of the WebSocket machine: what may be written when, and in which frame. A `Caller` error leaves no trace.

use super::Connection;
use crate::error::Error;
use crate::event::{Command, Sink, StreamId};
use crate::limits::Millis;
use crate::websocket::deflate::Deflate;
use crate::websocket::frame::{CONTROL_PAYLOAD, Opcode, Written, is_close_code, write_control};

/// The longest reason that fits a close frame behind its code (RFC 6455 section 5.5.1).
const REASON: usize = CONTROL_PAYLOAD - 2;

impl Connection {
    /// Appends a command's bytes to `out`: one message or control frame is one frame.
    ///
    /// # Errors
    /// `Caller`: illegal here and now; nothing was written and nothing changed.
    #[inline]
    pub fn send(
        &mut self,
        stream: StreamId,
        command: Command<'_>,
        out: &mut impl Sink,
        now: Millis,
    ) -> Result<(), Error> {
        if stream != self.stream {
            return Err(Error::caller("There is no such exchange."));
        }
        if !self.state.speaks() {
            return Err(Error::caller("The WebSocket is closed (RFC 6455 section 5.5.1, ASGI-183)."));
        }
        match command {
            Command::Message { text, bytes } => {
                self.send_message(if text { Opcode::Text } else { Opcode::Binary }, bytes, out, now);
                Ok(())
            }
            Command::Pong { bytes } if bytes.len() > CONTROL_PAYLOAD => {
                Err(Error::caller("A pong has at most 125 bytes (RFC 6455 section 5.5)."))
            }
            Command::Pong { bytes } => {
                write_control(out.bytes(), Opcode::Pong, &[bytes]);
                Ok(())
            }
            Command::Close { code, reason } => self.send_close(code, reason, out.bytes(), now),
            Command::Continue
            | Command::Hint { .. }
            | Command::Head { .. }
            | Command::Body { .. }
            | Command::Trailers { .. }
            | Command::Accept { .. } => Err(Error::caller("This is a WebSocket, not an HTTP exchange (ASGI-037).")),
        }
    }

    #[inline]
    fn send_message(&mut self, opcode: Opcode, bytes: &[u8], out: &mut impl Sink, now: Millis) {
        if let Some(deflate) = &mut self.deflate
            && deflate.pays(bytes.len())
        {
            self.pace.compressed(now);
            if write_compressed(deflate, opcode, bytes, out.bytes()) {
                return;
            }
        }
        out.bytes().extend_from_slice(Written::new(opcode, false, bytes.len()).as_slice());
        if !bytes.is_empty() {
            out.payload(0, bytes.len() as u64);
        }
    }

    fn send_close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>, now: Millis) -> Result<(), Error> {
        if code == 1005 && self.state.owes_close() && reason.is_empty() {
            write_control(out, Opcode::Close, &[]);
        } else if !is_close_code(code) {
            return Err(Error::caller(
                "A close code is one of 1000 to 1003, 1007 to 1014, 3000 to 4999 (RFC 6455 section 7.4, ASGI-186).",
            ));
        } else if reason.len() > REASON {
            return Err(Error::caller(
                "The reason of a close has at most 123 bytes of UTF-8 (RFC 6455 section 5.5, ASGI-186).",
            ));
        } else {
            write_control(out, Opcode::Close, &[&code.to_be_bytes(), reason.as_bytes()]);
        }
        self.state.close_sent();
        self.pace.closing(now);
        // Nobody takes what is on its way in any more, and nothing more goes out.
        self.forget();
        Ok(())
    }

    /// Ends the connection without a close frame: nothing more is written (RFC 6455 section 7.1.7).
    pub fn abort(&mut self, stream: StreamId) {
        if stream == self.stream {
            self.end(true);
        }
    }

    /// Tells a `Peer` error in a close frame, where none was sent, and ends the connection (RFC 6455 section 7.1.7).
    pub fn refuse(&mut self, error: &Error, out: &mut impl Sink) {
        if self.state.speaks() && is_close_code(error.status) {
            let reason = if error.reason.len() <= REASON { error.reason } else { "" };
            write_control(out.bytes(), Opcode::Close, &[&error.status.to_be_bytes(), reason.as_bytes()]);
        }
        self.end(error.status != 0);
    }

    /// The polite end of what is over but for the peer's answer. An open WebSocket is closed with a command.
    pub fn close(&mut self) {
        if !self.state.speaks() {
            self.end(true);
        }
    }

    /// What was once over stays over as it was.
    fn end(&mut self, linger: bool) {
        if self.state.hears() || self.state.speaks() {
            self.state.shut(linger);
            self.forget();
        }
    }
}

/// Appends a compressed message, or nothing if that were no smaller and the peer need not have seen it. Gives whether it did.
fn write_compressed(deflate: &mut Deflate, opcode: Opcode, bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    // Room for the header, which will nearly always be the right size.
    let room = Written::size(bytes.len());
    out.resize(start + room, 0);
    deflate.compress(bytes, out);
    let length = out.len() - start - room;
    // A compressor that is kept will refer to this message, so the peer must get it through its own.
    if length >= bytes.len() && !deflate.holds_memory() {
        out.truncate(start);
        return false;
    }
    out.splice(start..start + room, Written::new(opcode, true, length).as_slice().iter().copied());
    true
}
