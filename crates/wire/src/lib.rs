//! Sans-IO protocols: bytes in, [`Event`]s out; [`Command`]s in, bytes out.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or knows Python. Whoever drives a [`Session`] owns the
//! input buffer, the output buffer and the time; a session keeps only the few words of state that a protocol needs.
//! Read in this order: `event` (the vocabulary), `session` (which protocol speaks), `http1/connection` and
//! `websocket/connection` (the machines).

#![forbid(unsafe_code)]

pub mod error;
pub mod event;
pub mod grammar;
pub mod headers;
pub mod http1;
pub mod limits;
pub mod session;
pub mod websocket;

pub use error::{Error, Fault};
pub use event::{Command, Event, Head, Received, Sink, Status, StreamId, Version};
pub use headers::{Field, Fields};
pub use limits::{Limits, Millis};
pub use session::Session;
pub use websocket::handshake::subprotocols;
