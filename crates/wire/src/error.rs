//! Errors say whose fault they are and what the peer is told.
//!
//! A `Peer` error closes the connection after an answer; a `Caller` error leaves every state as it was, so that the
//! caller may send something better. A fault of our own is a panic, which the driver catches.

use std::fmt;

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer broke the protocol. The connection ends.
    Peer,
    /// The application (through the caller) asked for something illegal. Nothing was written, nothing changed.
    Caller,
}

/// What went wrong, for the log and for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    pub fault: Fault,
    /// The status that the peer is answered with, where an answer is still possible (`Peer` errors only, else 500).
    pub status: u16,
    /// One sentence in plain words, with the clause or RFC section it rests on.
    pub reason: &'static str,
}

impl Error {
    /// More body than `Content-Length` announced. Nothing of it was written.
    pub const BODY_LONG: Self =
        Self::caller("The body is longer than its Content-Length (RFC 9110 section 8.6, ASGI-115).");

    /// The body ends before `Content-Length` is reached. Nothing was written; the response can only be aborted.
    pub const BODY_SHORT: Self =
        Self::caller("The body is shorter than its Content-Length (RFC 9110 section 8.6, ASGI-115).");

    #[must_use]
    pub const fn peer(status: u16, reason: &'static str) -> Self {
        Self { fault: Fault::Peer, status, reason }
    }

    #[must_use]
    pub const fn caller(reason: &'static str) -> Self {
        Self { fault: Fault::Caller, status: 500, reason }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason)
    }
}

impl std::error::Error for Error {}
