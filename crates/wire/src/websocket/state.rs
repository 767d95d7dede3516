//! What may follow what on a WebSocket. Two sides, and two rules over them:
//!
//! 1. Each side only moves along its own arrows; whoever asks for another move has made an error.
//! 2. When both sides have sent their close frame the connection is over, and the server ends it (RFC 6455 section 7.1.1).
//!
//! ```text
//!   input:   Between ◀──▶ Message     (a data frame without FIN ──▶, the message's last frame ◀──)
//!               └────────────┴──▶ Closed     (a close frame; any ──▶ Shut on error or end)
//!   output:  Open ──▶ Closed                 (a close frame)
//!
//!   output ╲ input │  Between, Message       Closed            Shut
//!   ───────────────┼──────────────────────────────────────────────────────
//!   Open           │  Busy                   Busy: an answer   Busy: nobody has said so yet
//!                  │                         is owed           (`refuse`)
//!   Closed         │  Busy: an answer        Closing           Closing
//!                  │  is awaited
//! ```

use super::frame::Opcode;
use crate::error::Error;
use crate::event::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Between,
    Message,
    Closed,
    Shut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug)]
pub struct State {
    input: Input,
    output: Output,
    /// The peer has ended its side.
    ended: bool,
    linger: bool,
}

impl State {
    pub const fn new() -> Self {
        Self { input: Input::Between, output: Output::Open, ended: false, linger: false }
    }

    /// A data frame begins (RFC 6455 section 5.4).
    #[inline]
    pub fn data_begins(&mut self, opcode: Opcode) -> Result<(), Error> {
        match (self.input, opcode) {
            (Input::Between, Opcode::Text | Opcode::Binary) => {
                self.input = Input::Message;
                Ok(())
            }
            (Input::Message, Opcode::Continuation) => Ok(()),
            (Input::Between, _) => {
                Err(Error::peer(1002, "A continuation frame continues nothing (RFC 6455 section 5.4)."))
            }
            _ => Err(Error::peer(1002, "A message begins inside another one (RFC 6455 section 5.4).")),
        }
    }

    /// The last frame of a message is complete.
    #[inline]
    pub fn message_ends(&mut self) {
        self.input = Input::Between;
    }

    /// The peer's close frame is here.
    pub fn close_received(&mut self) {
        self.input = Input::Closed;
        // Who has answered us does not send any more. Who has begun may not have kept to that.
        self.linger = self.output == Output::Open;
    }

    /// Our close frame is out.
    pub fn close_sent(&mut self) {
        self.output = Output::Closed;
    }

    /// The input cannot be understood any further, or the peer seems to be gone.
    pub fn input_fails(&mut self) {
        self.input = Input::Shut;
    }

    /// The peer has ended its side. Gives whether that is news: without a close frame there is nobody to talk to.
    pub fn input_ends(&mut self) -> bool {
        let cut = self.hears();
        self.ended = true;
        self.linger = false;
        if cut {
            self.shut(false);
        }
        cut
    }

    /// The end, now.
    pub fn shut(&mut self, linger: bool) {
        (self.input, self.output) = (Input::Shut, Output::Closed);
        self.linger = linger && !self.ended;
    }

    /// The peer's close frame has not come.
    #[inline]
    pub fn hears(&self) -> bool {
        matches!(self.input, Input::Between | Input::Message)
    }

    /// Our close frame has not been sent.
    #[inline]
    pub fn speaks(&self) -> bool {
        self.output == Output::Open
    }

    /// The peer's close frame waits for an answer.
    pub fn owes_close(&self) -> bool {
        self.input == Input::Closed && self.speaks()
    }

    #[inline]
    pub fn status(&self) -> Status {
        match (self.input, self.output) {
            (Input::Closed | Input::Shut, Output::Closed) => Status::Closing { linger: self.linger },
            _ => Status::Busy,
        }
    }
}
