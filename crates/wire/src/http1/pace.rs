//! How long the peer may take: deadlines of a connection, as plain arithmetic over times that the driver passes in.
//!
//! `connection` says what is being waited for; this file knows only when a wait began and how many bytes came.

use crate::limits::{Limits, Millis};

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the present wait (for a head, for its end, for the next request, for the end of draining) began.
    since: Millis,
    /// When the body clock was last started.
    reading_since: Millis,
    /// What the body clock had counted before that.
    spent: Millis,
    /// Bytes of the body that came, with their framing.
    received: u64,
    reading: bool,
    /// When every head must be complete, however long it may take otherwise.
    last: Millis,
}

impl Pace {
    pub const fn new(now: Millis) -> Self {
        Self { since: now, reading_since: now, spent: 0, received: 0, reading: true, last: Millis::MAX }
    }

    /// A new wait begins.
    pub fn restart(&mut self, now: Millis) {
        self.since = now;
    }

    /// When a wait of `timeout` is over.
    pub fn deadline(&self, timeout: Millis) -> Millis {
        self.since.saturating_add(timeout)
    }

    /// A head must be complete then at the latest.
    pub fn hurry(&mut self, last: Millis) {
        self.last = last;
    }

    /// When a head is overdue.
    pub fn head_deadline(&self, limits: &Limits) -> Millis {
        self.deadline(limits.head_timeout).min(self.last)
    }

    /// Whether a head had less than its usual time.
    pub fn hurried(&self, limits: &Limits) -> bool {
        self.last < self.deadline(limits.head_timeout)
    }

    /// A body begins, or what came before does not count any more.
    pub fn body_begins(&mut self, now: Millis) {
        self.reading_since = now;
        self.spent = 0;
        self.received = 0;
    }

    pub fn body_received(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// The body clock runs only while the driver reads.
    pub fn set_reading(&mut self, reading: bool, now: Millis) {
        if self.reading && !reading {
            self.spent += now.saturating_sub(self.reading_since);
        } else if reading && !self.reading {
            self.reading_since = now;
        }
        self.reading = reading;
    }

    /// When the average since the body began falls below `limits.body_rate`, if nothing more comes.
    pub fn body_deadline(&self, limits: &Limits) -> Option<Millis> {
        if !self.reading || limits.body_rate == 0 {
            return None;
        }
        let earned = self.received.saturating_mul(1000) / limits.body_rate;
        let allowed = limits.body_grace.max(earned.saturating_add(1));
        Some(self.reading_since.saturating_add(allowed.saturating_sub(self.spent)))
    }
}
