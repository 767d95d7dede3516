//! What may follow what on an HTTP/1 connection. Two sides, and two rules over them:
//!
//! 1. Each side only moves along its own arrows; whoever asks for another move has made an error.
//! 2. When both sides are done the connection either starts over (`keep`) or is shut; nothing else joins them.
//!
//! ```text
//!   input:   Idle ──▶ Head ──▶ Body ──▶ Done         (Head ──▶ Done without a body; any ──▶ Shut on error or end)
//!   output:  Silent ─────────▶ Owed ──▶ Body ──▶ Done (Body ──▶ Trailers ──▶ Done when they were announced)
//!
//!   output ╲ input │  Idle    Head        Body       Done       Shut
//!   ───────────────┼──────────────────────────────────────────────────────
//!   Silent         │  Idle    Receiving   –          –          Closing
//!   Owed … Trailers│  –       –           Busy       Busy       Busy      (Shut: the request failed, nobody answered yet)
//!   Done           │  –       –           Draining   starts over or Shut │  Closing
//! ```
//!
//! `keep` says whether it may start over. It begins as the request's wish, and everything may take it away: the
//! application, the polite end, the end of input, a body that is too long to drain.

use crate::event::Status;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Idle,
    Head,
    Body,
    Done,
    Shut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Silent,
    Owed,
    Body,
    Trailers,
    Done,
}

#[derive(Clone, Copy, Debug)]
pub struct State {
    pub input: Input,
    pub output: Output,
    /// The connection may serve another request after this one.
    pub keep: bool,
    /// The peer itself wanted to keep the connection, so it may be sending already when we close.
    peer_keeps: bool,
    /// The peer has ended its side.
    ended: bool,
    linger: bool,
}

impl State {
    pub const fn new() -> Self {
        Self { input: Input::Idle, output: Output::Silent, keep: true, peer_keeps: true, ended: false, linger: false }
    }

    /// The first byte of a head is there.
    pub fn head_begins(&mut self) {
        self.input = Input::Head;
    }

    /// A head is complete: an exchange begins.
    pub fn exchange_begins(&mut self, has_body: bool, persistent: bool) {
        self.input = if has_body { Input::Body } else { Input::Done };
        self.output = Output::Owed;
        self.keep &= persistent;
        self.peer_keeps = persistent;
    }

    /// The request's body is complete. Gives whether a new request may follow at once.
    pub fn body_ends(&mut self) -> bool {
        self.input = Input::Done;
        self.settle()
    }

    /// The final head is out.
    pub fn response_begins(&mut self, keep: bool) {
        self.output = Output::Body;
        self.keep &= keep;
    }

    /// All payload is out, trailers are awaited.
    pub fn trailers_awaited(&mut self) {
        self.output = Output::Trailers;
    }

    /// The response is complete. Gives whether a new request may follow at once.
    pub fn response_ends(&mut self) -> bool {
        self.output = Output::Done;
        self.settle()
    }

    /// Rule 2.
    fn settle(&mut self) -> bool {
        match (self.output, self.input) {
            (Output::Done, Input::Done) if self.keep => {
                (self.input, self.output) = (Input::Idle, Output::Silent);
                true
            }
            (Output::Done, Input::Done) => {
                // RFC 9112 section 9.6: who closes while the other may still send has to linger.
                self.shut(self.peer_keeps && !self.ended);
                false
            }
            (Output::Done, Input::Body) if !self.keep => {
                self.shut(!self.ended);
                false
            }
            _ => false,
        }
    }

    /// The input cannot be understood any further. An exchange that runs may still be answered.
    pub fn input_fails(&mut self) {
        self.input = Input::Shut;
        self.keep = false;
        self.linger = !self.ended;
    }

    /// The peer has ended its side.
    pub fn input_ends(&mut self) {
        self.ended = true;
        self.keep = false;
        self.linger = false;
        // What is complete, or was found bad, may still be answered: a half-closed client can read.
        if !matches!(self.input, Input::Done | Input::Shut) {
            self.shut(false);
        }
    }

    /// The end, now.
    pub fn shut(&mut self, linger: bool) {
        (self.input, self.output) = (Input::Shut, Output::Done);
        self.keep = false;
        self.linger = linger;
    }

    /// A response is owed or on its way.
    #[inline]
    pub fn answering(&self) -> bool {
        matches!(self.output, Output::Owed | Output::Body | Output::Trailers)
    }

    #[inline]
    pub fn status(&self) -> Status {
        match (self.input, self.output) {
            (Input::Idle, Output::Silent) => Status::Idle,
            (Input::Head, Output::Silent) => Status::Receiving,
            (Input::Body, Output::Done) => Status::Draining,
            (_, Output::Silent | Output::Done) => Status::Closing { linger: self.linger },
            (_, Output::Owed | Output::Body | Output::Trailers) => Status::Busy,
        }
    }
}
