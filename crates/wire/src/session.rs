//! Picks the protocol of a connection and speaks to it with one set of verbs. The only file that knows them all.

use crate::error::Error;
use crate::event::{Command, Event, Received, Sink, Status, StreamId};
use crate::headers::Fields;
use crate::http1;
use crate::limits::{Limits, Millis};

/// One connection's protocol state.
///
/// * input: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof), [`wants_input`](Self::wants_input)
/// * output: [`send`](Self::send), [`abort`](Self::abort), [`refuse`](Self::refuse), [`close`](Self::close)
/// * time: [`next_timeout`](Self::next_timeout), [`handle_timeout`](Self::handle_timeout)
pub enum Session {
    Http1(http1::Connection),
}

impl Session {
    #[must_use]
    pub fn http1(now: Millis) -> Self {
        Self::Http1(http1::Connection::new(now))
    }

    /// Feeds input; gives at most one event. Call again with what is left until `event` is None.
    ///
    /// `fields` is scratch of the driver's: it holds the header fields when the event is a request.
    ///
    /// # Errors
    /// `Peer` when the input breaks the protocol or a limit: answer with [`refuse`](Self::refuse), then close.
    #[inline]
    pub fn receive<'a>(
        &mut self,
        input: &'a [u8],
        fields: &mut Fields,
        limits: &Limits,
        now: Millis,
    ) -> Result<Received<'a>, Error> {
        match self {
            Self::Http1(machine) => machine.receive(input, fields, limits, now),
        }
    }

    /// The peer will send nothing more. Gives `Reset` when that cut a message short, which an exchange must be told.
    pub fn receive_eof(&mut self) -> Option<Event<'static>> {
        match self {
            Self::Http1(machine) => machine.receive_eof(),
        }
    }

    /// Whether more input could be used now. False while an HTTP/1.1 answer is outstanding and its request complete.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        match self {
            Self::Http1(machine) => machine.wants_input(),
        }
    }

    /// Tells whether the driver reads at the moment: time in which it does not is not held against the peer's body rate.
    pub fn set_reading(&mut self, reading: bool, now: Millis) {
        match self {
            Self::Http1(machine) => machine.set_reading(reading, now),
        }
    }

    /// Appends a command's bytes to `out`.
    ///
    /// # Errors
    /// `Caller`: illegal here and now; nothing was written and nothing changed. [`Error::BODY_SHORT`] is one of them, and
    /// then only [`abort`](Self::abort) can end the response.
    #[inline]
    pub fn send(
        &mut self,
        stream: StreamId,
        command: Command<'_>,
        out: &mut impl Sink,
        now: Millis,
    ) -> Result<(), Error> {
        match self {
            Self::Http1(machine) => machine.send(stream, command, out, now),
        }
    }

    /// Ends a stream's response visibly short (ASGI-019): nothing more is written for it.
    pub fn abort(&mut self, stream: StreamId) {
        match self {
            Self::Http1(machine) => machine.abort(stream),
        }
    }

    /// Answers a `Peer` error from [`receive`](Self::receive), where that is still possible; closes in any case.
    /// Writes one plain-text response with `error.status`, or nothing when a response had begun. `fields` over `base`
    /// are those of the answer that only the driver knows (`date`, `server`).
    pub fn refuse(&mut self, error: &Error, fields: &Fields, base: &[u8], out: &mut impl Sink) {
        match self {
            Self::Http1(machine) => machine.refuse(error, fields, base, out),
        }
    }

    /// The end is near: what is answered from now on says so, but a request that is on its way is still taken.
    pub fn announce_end(&mut self) {
        match self {
            Self::Http1(machine) => machine.announce_end(),
        }
    }

    /// The polite end: no new request is taken, a running response says `Connection: close` if its head is not out yet.
    pub fn close(&mut self) {
        match self {
            Self::Http1(machine) => machine.close(),
        }
    }

    #[must_use]
    #[inline]
    pub fn status(&self) -> Status {
        match self {
            Self::Http1(machine) => machine.status(),
        }
    }

    /// Whether the connection must end with a reset, because a polite close would make an aborted response look complete.
    #[must_use]
    pub fn must_reset(&self) -> bool {
        match self {
            Self::Http1(machine) => machine.must_reset(),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing happens before.
    #[must_use]
    pub fn next_timeout(&self, limits: &Limits) -> Option<Millis> {
        match self {
            Self::Http1(machine) => machine.next_timeout(limits),
        }
    }

    /// Time has passed.
    ///
    /// # Errors
    /// `Peer` when the peer was too slow: status 408, or status 0 for an idle connection that is just closed.
    pub fn handle_timeout(&mut self, limits: &Limits, now: Millis) -> Result<(), Error> {
        match self {
            Self::Http1(machine) => machine.handle_timeout(limits, now),
        }
    }
}
