//! The vocabulary between protocols and their driver: events go up, commands go down, nothing calls back up.
//!
//! A body (bytes, a file) is never seen by a protocol: [`Command::Body`] gives its length, and the protocol asks the
//! [`Sink`] to place ranges of it between its own framing bytes. So one command serves Python bytes and sendfile. Only
//! a WebSocket's message is shown as well, since it may have to be compressed.

use std::borrow::Cow;

use crate::headers::Fields;

/// Names one exchange on a connection. HTTP/1.1 counts its requests; HTTP/2 and HTTP/3 have numbers of their own.
pub type StreamId = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http10,
    Http11,
    Http2,
    Http3,
}

/// A request head. The slices lie in the input; the header fields are in the [`Fields`] that the driver passed in,
/// as spans over the same `base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    pub method: &'a [u8],
    /// The path part of the target, before the first `?`, percent-encoded as received (`*` for `OPTIONS *`).
    pub path: &'a [u8],
    /// After the first `?`; empty when there is none.
    pub query: &'a [u8],
    /// From an absolute-form target or `:authority`: replaces or precedes `host` (ASGI-069, RFC 9112 section 3.2.2).
    pub authority: Option<&'a [u8]>,
    pub version: Version,
    /// What the field spans count from.
    pub base: &'a [u8],
    /// Whether a body follows ([`Event::Body`] with `end` will come). False: no further event for this stream.
    pub has_body: bool,
    /// Announced body length, when there is one.
    pub body_length: Option<u64>,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The client said `TE: trailers`, and this protocol and version can carry them (ASGI-282, ASGI-284).
    pub accepts_trailers: bool,
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete head.
    Request { stream: StreamId, head: Head<'a> },
    /// The head of a sound WebSocket handshake (RFC 6455 section 4.2.1). [`Command::Accept`] answers it, or
    /// [`Command::Head`] and its body do: a denial, behind which the connection ends (ASGI-233).
    Handshake { stream: StreamId, head: Head<'a> },
    /// Part of a request body, decoded; `end` with the last (whose bytes may be empty).
    Body { stream: StreamId, bytes: &'a [u8], end: bool },
    /// A complete message of a WebSocket; a text is valid UTF-8. It is owned if it had to be gathered or inflated.
    Message { stream: StreamId, text: bool, bytes: Cow<'a, [u8]> },
    /// The peer wants a [`Command::Pong`] with the same bytes (RFC 6455 section 5.5.2).
    Ping { stream: StreamId, bytes: &'a [u8] },
    /// The peer's close frame; code 1005 when it had none (RFC 6455 section 7.1.5). [`Command::Close`] answers it, where
    /// none was sent before. Nothing more comes.
    Closed { stream: StreamId, code: u16, reason: &'a str },
    /// The peer gave this stream up (RST_STREAM, STOP_SENDING; on HTTP/1.1: the end of input before a message's end; of a
    /// WebSocket: without a close frame).
    Reset { stream: StreamId },
}

/// How far one call of `receive` came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Bytes of the input that are done with. The rest must be given again, with more behind it.
    pub consumed: usize,
    /// None: nothing more can be told from this input now, unless there is `more`.
    pub event: Option<Event<'a>>,
    /// No event, yet the rest is worth another call as it is: frames that come to none are taken a limited number at a
    /// time, so that others have their turn.
    pub more: bool,
}

/// What an application (through the driver) wants to be written.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// `100 Continue`. Ignored where it is not awaited any more.
    Continue,
    /// `103 Early Hints` with these fields (RFC 8297). Silently nothing for HTTP/1.0 (ASGI-272).
    Hint { fields: &'a Fields, base: &'a [u8] },
    /// The final response head. `length`: the whole body's length, when the driver already holds all of it.
    Head { status: u16, fields: &'a Fields, base: &'a [u8], length: Option<u64>, trailers: bool },
    /// `length` payload bytes follow (through [`Sink::payload`]); `end`: they are the last of the body.
    Body { length: u64, end: bool },
    /// Ends a response whose head announced trailers.
    Trailers { fields: &'a Fields, base: &'a [u8] },
    /// Yes to a handshake, with one of the subprotocols that the client offered (the caller has checked that, ASGI-150).
    Accept { subprotocol: Option<&'a [u8]>, fields: &'a Fields, base: &'a [u8] },
    /// A whole message; a text is valid UTF-8. It leaves through [`Sink::payload`] as it is, or is compressed from `bytes`.
    Message { text: bool, bytes: &'a [u8] },
    /// Answers a ping, with its bytes: at most 125.
    Pong { bytes: &'a [u8] },
    /// Begins or answers the close handshake. `reason`: at most 123 bytes. Code 1005, no code at all, is for an answer only.
    Close { code: u16, reason: &'a str },
}

/// Where a protocol writes. The driver owns the memory.
pub trait Sink {
    /// Framing bytes are appended here.
    fn bytes(&mut self) -> &mut Vec<u8>;
    /// The payload's bytes `from..to` belong here, behind all that was written so far.
    fn payload(&mut self, from: u64, to: u64);
}

/// What the driver should do with a connection now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for a request; no exchange runs. May be closed at any time without loss.
    Idle,
    /// Part of a head is there.
    Receiving,
    /// An exchange runs, or a WebSocket is open or waits for the peer's close frame.
    Busy,
    /// The answer is complete, the rest of the request's body is being read and thrown away.
    Draining,
    /// All is said: flush, then close. `linger`: the peer may still be sending, so shut down our side first and read
    /// for a while, or the answer is lost to a reset (RFC 9112 section 9.6).
    Closing { linger: bool },
}
