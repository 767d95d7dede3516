//! Fuzz targets: each takes any bytes and panics when something happens that is not on its closed list of outcomes.
//!
//! `head` and `chunked` compare the parsers with second, naive readings of the RFC; `recall` compares a memory of heads
//! with none; `connection` interprets the bytes as operations, and `websocket_operations` as those of a WebSocket and its
//! client. The other `websocket_*` targets have naive readings of their own. The harness and the rules of operations are those of the wire's own tests. `src/bin/smoke.rs`
//! runs all of them for a bounded time on stable Rust; `fuzz_targets/` is for cargo-fuzz.

pub mod chunked;
pub mod connection;
pub mod head;
pub mod recall;
pub mod websocket_frames;
pub mod websocket_handshake;
pub mod websocket_inflate;
pub mod websocket_operations;
mod websocket_peer;

#[allow(dead_code, clippy::unwrap_used)]
#[path = "../../crates/wire/tests/http1/harness.rs"]
mod harness;
#[path = "../../crates/wire/tests/http1/operations.rs"]
mod operations;

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, for the smoke run.
pub const TARGETS: [Target; 8] = [
    ("head", head::check),
    ("recall", recall::check),
    ("chunked", chunked::check),
    ("connection", connection::check),
    ("websocket_frames", websocket_frames::check),
    ("websocket_handshake", websocket_handshake::check),
    ("websocket_inflate", websocket_inflate::check),
    ("websocket_operations", websocket_operations::check),
];
