//! How long the peer may take: deadlines of a WebSocket, as plain arithmetic over times that the driver passes in.

use crate::limits::{Limits, Millis};

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the present wait began: with the last sign of life, our ping or our close frame.
    since: Millis,
    /// When a message was last compressed.
    compressed: Millis,
    /// The number of the last ping, which is what it holds.
    ping: u32,
    /// That ping was not answered yet.
    asked: bool,
    /// Only who is read can be heard.
    reading: bool,
    /// Nothing of ours lies between the peer and what it has to answer.
    flushed: bool,
    /// The peer has ended its side.
    left: bool,
}

impl Pace {
    pub const fn new(now: Millis) -> Self {
        Self { since: now, compressed: now, ping: 0, asked: false, reading: true, flushed: true, left: false }
    }

    /// Something has come.
    #[inline]
    pub fn heard(&mut self, now: Millis) {
        self.since = now;
    }

    /// A pong has come. It may be one that nobody asked for (RFC 6455 section 5.5.3).
    pub fn pong(&mut self, payload: &[u8]) {
        if payload == self.ping.to_be_bytes() {
            self.asked = false;
        }
    }

    /// What a new ping holds.
    pub fn next_ping(&mut self, now: Millis) -> [u8; 4] {
        self.ping = self.ping.wrapping_add(1);
        self.asked = true;
        self.since = now;
        self.ping.to_be_bytes()
    }

    /// Whether silence is held against the peer. Who cannot be heard, or may owe a pong for ever, is asked again: that alone
    /// keeps the connection in the memory of what lies between.
    pub fn owes_pong(&self, limits: &Limits) -> bool {
        self.asked && self.reading && limits.ping_timeout > 0
    }

    /// Our close frame is out.
    pub fn closing(&mut self, now: Millis) {
        self.since = now;
    }

    pub fn compressed(&mut self, now: Millis) {
        self.compressed = now;
    }

    pub fn set_reading(&mut self, reading: bool, now: Millis) {
        if reading && !self.reading {
            self.since = self.since.max(now);
        }
        self.reading = reading;
    }

    /// Who takes what is written is there.
    pub fn set_flushed(&mut self, flushed: bool, now: Millis) {
        if flushed && !self.flushed {
            self.since = self.since.max(now);
        }
        self.flushed = flushed;
    }

    /// Who has ended its side answers nothing more (there is no half-close in RFC 6455); and a ping to a socket that is
    /// closed is answered with a reset, which takes away what lies there unread.
    pub fn leave(&mut self) {
        self.left = true;
    }

    /// When a ping is due, or a pong overdue.
    pub fn ping_deadline(&self, limits: &Limits) -> Option<Millis> {
        if self.left {
            return None;
        }
        let timeout = if self.owes_pong(limits) { limits.ping_timeout } else { limits.ping_interval };
        self.deadline(timeout).filter(|_| timeout > 0)
    }

    /// When the answer to our close frame is overdue.
    pub fn close_deadline(&self, limits: &Limits) -> Option<Millis> {
        self.deadline(limits.close_timeout)
    }

    fn deadline(&self, timeout: Millis) -> Option<Millis> {
        self.flushed.then(|| self.since.saturating_add(timeout))
    }

    /// When a compressor has rested long enough to be given back.
    pub fn rest_deadline(&self, limits: &Limits) -> Millis {
        self.compressed.saturating_add(limits.deflate_idle)
    }
}
