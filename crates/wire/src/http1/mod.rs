//! HTTP/1.0 and HTTP/1.1 (RFC 9112): `grammar` (what a token is), `target` (forms of a request target), `head` (bytes to a
//! request), `body` (framing taken off), `response` (commands to bytes), `state` (what may follow what), `pace`
//! (deadlines), `connection` (the machine that joins them).

mod body;
mod connection;
pub mod grammar;
mod head;
mod pace;
mod response;
mod state;
mod target;

pub use connection::Connection;
