//! WebSocket (RFC 6455, RFC 7692), as much of it as a load needs, and the loads made of it.
//!
//! All connections of a load send the same message, framed, masked and compressed once before the clock starts, and
//! everything that comes back is compared with it to the last byte: `receiver` tells how that stays cheap.

pub mod broadcast;
pub mod connection;
pub mod echo;
pub mod frame;
pub mod handshake;
pub mod idle;
pub mod message;
pub mod receiver;

use std::time::Duration;

/// Silence of all connections together that counts as a hanging server.
const PATIENCE: Duration = Duration::from_secs(10);
