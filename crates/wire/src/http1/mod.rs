//! HTTP/1.0 and HTTP/1.1 (RFC 9112): `grammar` (what a token is), `target` (forms of a request target), `head` (bytes to a
//! request), `body` (framing taken off), `response` (commands to bytes), `state` (what may follow what), `pace`
//! (deadlines), `connection` (the machine that joins them).
//!
//! Where the RFC leaves a choice, or where we do not follow it, on purpose:
//!
//! * Refused although a recipient MAY accept it: LF for CRLF, obs-fold, equal Content-Length fields, a list of them,
//!   Transfer-Encoding with Content-Length, empty elements in Transfer-Encoding, white space behind a chunk size.
//! * `Transfer-Encoding: gzip` is 400 (RFC 9112 section 6.3 rule 4: chunked is not final), `gzip, chunked` is 501 (6.1).
//! * `Host:` may be empty only for `OPTIONS *`, for absolute-form and on HTTP/1.0; an http URI has a host (9110 section 4.2.1).
//! * Targets may hold visible ASCII that RFC 3986 excludes (`{`, `|`, `"` …), as clients send it; percent signs are not checked.
//! * CONNECT in any case is 501, since the application would see it in upper case (ASGI-053).
//! * Chunk extensions (against their grammar) and request trailers are checked, bounded and dropped.
//! * Upgrade is ignored, except where `session` finds in it a handshake of a protocol that it knows.
//! * A silent new connection is closed without an answer after `head_timeout`, which also bounds a drain.

mod body;
mod connection;
mod head;
mod pace;
pub mod recall;
pub mod response;
mod state;
mod target;

pub use connection::Connection;
pub(crate) use head::Request;
