//! WebSocket (RFC 6455, RFC 7692), from the server's side: `handshake` (may this request become one), `frame` (a frame's
//! header), `mask` and `utf8` (a payload's bytes), `deflate` (permessage-deflate), `message` (fragments to a message),
//! `state` (what may follow what), `pace` (deadlines), `connection` (the machine that joins them).
//!
//! Written against a byte stream: an HTTP/1.1 connection today, a stream of HTTP/2 or HTTP/3 is one as well.
//!
//! Where the RFC leaves a choice:
//!
//! * Lengths that are not minimal, and fragments that another data frame comes between, are refused with 1002.
//! * A text is checked while it comes: the first byte that cannot be UTF-8 ends the connection with 1007 (section 8.1).
//! * Any bytes are a sign of life. A ping is sent into silence only, and a pong may be late while something else comes:
//!   a client cannot put it between the bytes of a large frame. Who takes what we write is there, too: while anything
//!   waits to be written no ping is sent, and no answer to one or to a close frame awaited, which lie behind it.
//! * What comes behind the peer's close frame is dropped unseen. Behind our own, only a close frame is looked for; pings
//!   are not answered any more.
//! * A message is compressed only if it gets smaller by that.

mod connection;
pub mod deflate;
mod frame;
pub mod handshake;
mod mask;
mod message;
mod pace;
mod state;
mod utf8;

use crate::error::Error;

pub use connection::Connection;
pub use frame::is_close_code;
pub use handshake::{Offer, check};

/// What the answer to a refused handshake says of the versions that would do (RFC 6455 section 4.4, RFC 9110 section
/// 15.5.22).
#[must_use]
pub fn upgrade_lines(error: &Error) -> &'static [u8] {
    match error.status {
        426 => b"upgrade: websocket\r\nsec-websocket-version: 13\r\n",
        _ => b"",
    }
}
