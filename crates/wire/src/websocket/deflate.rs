//! permessage-deflate (RFC 7692): a message's bytes to their compressed form and back. Frames are not known here.
//!
//! A codec is large (a compressor 150 to 400 KiB, of which 128 are zlib-rs' hash table whatever its memory level; a
//! decompressor 40) and is needed only while a message goes through it. So codecs are spares of the thread, and what a
//! connection keeps between messages is the least that its terms allow:
//!
//! * without context takeover: nothing;
//! * for a client that takes its context over: the last bytes that it sent, as many as its window has, which are given
//!   to a spare as its dictionary when the next message comes;
//! * for our own context: the compressor, until [`Deflate::rest`]. A fresh one is as good a peer to the client, since a
//!   compressor may always refer to less than it could.
//!
//! A message that comes in pieces holds its decompressor from the first to the last of them.

use std::cell::{Cell, RefCell};

use zlib_rs::{DeflateConfig, DeflateFlush, Inflate, InflateFlush, Status};

use super::message::TOO_LARGE;
use crate::error::Error;
use crate::limits::Limits;

/// What both sides agreed on (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Our compressor may refer to earlier messages.
    pub server_takeover: bool,
    /// The client's compressor may.
    pub client_takeover: bool,
    /// Our window is at most 2 to the power of this: 9 to 15.
    pub server_bits: u8,
    /// The client's window: 8 to 15.
    pub client_bits: u8,
}

/// How much trouble our compressor takes: our choice alone, so the client is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// zlib's, 0 to 9.
    pub level: u8,
    /// zlib's, 1 to 9.
    pub mem_level: u8,
    /// Messages of fewer bytes are not compressed.
    pub threshold: usize,
}

impl Effort {
    #[must_use]
    pub const fn of(limits: &Limits) -> Self {
        Self { level: limits.deflate_level, mem_level: limits.deflate_mem_level, threshold: limits.deflate_threshold }
    }
}

/// The compression of one connection, both ways.
pub struct Deflate {
    agreed: Agreed,
    effort: Effort,
    /// Ours, if it remembers something.
    compressor: Option<Kept>,
    /// Set while a message is on its way in.
    inflater: Option<Box<Inflate>>,
    /// The last bytes of what the client sent, as far as it may refer to them.
    history: Vec<u8>,
    /// How many streams the message on its way in has ended.
    ends: u8,
}

/// What ends every flushed stream, and is left out of a message (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A sender may end its stream with every fragment (RFC 7692 section 7.2.3.4). Each end costs us a copy of the window
/// and the sender two bytes, so there is a limit.
const ENDS: u8 = 64;

/// The output grows by pieces between these two sizes.
const SMALL_PIECE: usize = 512;
const LARGE_PIECE: usize = 64 * 1024;

const CORRUPT: Error = Error::peer(1007, "A compressed message is not sound DEFLATE data (RFC 7692 section 7.2.2).");

impl Deflate {
    #[must_use]
    pub const fn new(agreed: Agreed, effort: Effort) -> Self {
        Self { agreed, effort, compressor: None, inflater: None, history: Vec::new(), ends: 0 }
    }

    /// Whether a message of this length is worth compressing.
    #[must_use]
    #[inline]
    pub const fn pays(&self, length: usize) -> bool {
        length >= self.effort.threshold
    }

    /// Appends the compressed form of a whole message, without the tail 00 00 FF FF (RFC 7692 section 7.2.1).
    pub fn compress(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if message.is_empty() {
            // A flush with nothing to flush may write nothing: the header of an empty block it is (section 7.2.3.6).
            out.push(0);
            return;
        }
        let Effort { level, mem_level, .. } = self.effort;
        let shape = Shape { bits: self.agreed.server_bits, level, mem_level };
        if self.agreed.server_takeover {
            let compressor = self.compressor.get_or_insert_with(|| Kept::new(spare_compressor(shape)));
            flush(&mut compressor.0, message, out);
        } else {
            let mut compressor = spare_compressor(shape);
            flush(&mut compressor, message, out);
            keep_compressor(shape, compressor);
        }
    }

    /// Inflates a piece of a message behind what is in `message`, which is empty before the first piece and is not
    /// changed between pieces; `end`: this is the last piece.
    ///
    /// Errors: 1009 as soon as `message` would be longer than `limit`, 1007 for what cannot be inflated, and for a
    /// message that stops short. Neither leaves anything that could be used on.
    pub fn inflate(&mut self, piece: &[u8], end: bool, limit: usize, message: &mut Vec<u8>) -> Result<(), Error> {
        if piece.is_empty() && (self.inflater.is_none() || !end) {
            // No bytes at all are no data: lenient, as every zlib is that is given nothing but the tail.
            return Ok(());
        }
        let mut inflater = match self.inflater.take() {
            Some(inflater) => *inflater,
            None => spare_inflater(&self.history),
        };
        self.inflate_into(&mut inflater, piece, limit, message)?;
        if !end {
            self.inflater = Some(Box::new(inflater));
            return Ok(());
        }
        self.inflate_into(&mut inflater, &TAIL, limit, message)?;
        if !ends_here(&mut inflater) {
            return Err(CORRUPT);
        }
        keep_inflater(inflater);
        self.ends = 0;
        self.remember(message);
        Ok(())
    }

    /// Gives the compressor back: the next message gets a fresh one.
    pub fn rest(&mut self) {
        self.compressor = None;
    }

    /// Gives all memory back. No further message comes in; one that goes out gets a fresh compressor.
    pub fn forget(&mut self) {
        *self = Self::new(self.agreed, self.effort);
    }

    /// Whether [`rest`](Self::rest) would give something back.
    #[must_use]
    pub fn holds_memory(&self) -> bool {
        self.compressor.is_some()
    }

    fn inflate_into(
        &mut self,
        inflater: &mut Inflate,
        mut input: &[u8],
        limit: usize,
        message: &mut Vec<u8>,
    ) -> Result<(), Error> {
        loop {
            let start = message.len();
            // One byte more than is allowed, to see that there is more.
            let allowed = limit.saturating_add(1).saturating_sub(start);
            let room = (4 * input.len()).clamp(SMALL_PIECE, LARGE_PIECE).min(allowed);
            message.resize(start + room, 0);
            let before = (inflater.total_in(), inflater.total_out());
            let outcome = inflater.decompress(input, &mut message[start..], InflateFlush::NoFlush);
            let written = (inflater.total_out() - before.1) as usize;
            input = &input[(inflater.total_in() - before.0) as usize..];
            message.truncate(start + written);
            if message.len() > limit {
                return Err(TOO_LARGE);
            }
            match outcome {
                Ok(Status::StreamEnd) if self.ends < ENDS => self.start_over(inflater, message),
                Ok(Status::StreamEnd) => return Err(CORRUPT),
                Ok(_) if written == room => {}
                Ok(_) if input.is_empty() => return Ok(()),
                Ok(_) | Err(_) => return Err(CORRUPT),
            }
        }
    }

    /// Begins a new stream inside a message: what was inflated so far stays in reach.
    fn start_over(&mut self, inflater: &mut Inflate, message: &[u8]) {
        self.ends += 1;
        inflater.reset(false);
        recall(inflater, &self.history);
        recall(inflater, &message[message.len().saturating_sub(1 << 15)..]);
    }

    /// Keeps what the next message may refer to.
    fn remember(&mut self, message: &[u8]) {
        if self.agreed.client_takeover {
            // A zlib that is asked for 8 bits takes 9.
            slide(&mut self.history, message, 1 << self.agreed.client_bits.max(9));
        }
    }
}

/// A compressor that a connection keeps between messages.
struct Kept(Box<zlib_rs::Deflate>);

thread_local! {
    /// How many there are.
    static KEPT: Cell<usize> = const { Cell::new(0) };
}

impl Kept {
    fn new(compressor: zlib_rs::Deflate) -> Self {
        KEPT.set(KEPT.get() + 1);
        Self(Box::new(compressor))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.set(KEPT.get().saturating_sub(1)); // another thread's, after the end of its loop
    }
}

/// About how many bytes the compressors take that connections of this thread keep between messages.
#[must_use]
pub fn kept_memory() -> usize {
    const EACH: usize = 256 * 1024;
    KEPT.get() * EACH
}

/// Appends `bytes` to `window`, of which the last `size` bytes stay.
fn slide(window: &mut Vec<u8>, bytes: &[u8], size: usize) {
    let bytes = &bytes[bytes.len().saturating_sub(size)..];
    let length = (window.len() + bytes.len()).min(size);
    window.drain(..window.len() + bytes.len() - length);
    // Never more memory than the window has.
    if window.capacity() < length {
        window.reserve_exact(length.next_power_of_two().min(size) - window.len());
    }
    window.extend_from_slice(bytes);
}

/// Compresses all of `input` and flushes it to a byte boundary, behind which the tail is taken off.
fn flush(compressor: &mut zlib_rs::Deflate, mut input: &[u8], out: &mut Vec<u8>) {
    loop {
        let start = out.len();
        let room = input.len().clamp(SMALL_PIECE, LARGE_PIECE);
        out.resize(start + room, 0);
        let before = (compressor.total_in(), compressor.total_out());
        let outcome = compressor.compress(input, &mut out[start..], DeflateFlush::SyncFlush);
        let written = (compressor.total_out() - before.1) as usize;
        input = &input[(compressor.total_in() - before.0) as usize..];
        out.truncate(start + written);
        assert!(outcome.is_ok(), "a compressor takes any bytes");
        // Room was left, so all is out.
        if written < room {
            break;
        }
    }
    assert!(input.is_empty() && out.ends_with(&TAIL), "a flushed stream ends with the tail");
    out.truncate(out.len() - TAIL.len());
}

/// What makes one compressor as good as another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shape {
    bits: u8,
    level: u8,
    mem_level: u8,
}

/// Codecs that nobody uses now: the most recently used last, and of each kind at most [`SPARES`].
struct Spares {
    compressors: Vec<(Shape, zlib_rs::Deflate)>,
    inflaters: Vec<Inflate>,
}

/// Enough for the clients of today, which ask for one or two sizes of window; at most 2 MiB a thread.
const SPARES: usize = 4;

thread_local! {
    static CODECS: RefCell<Spares> = const { RefCell::new(Spares { compressors: Vec::new(), inflaters: Vec::new() }) };
}

fn spare_compressor(shape: Shape) -> zlib_rs::Deflate {
    let spare = CODECS.with_borrow_mut(|codecs| {
        let place = codecs.compressors.iter().rposition(|(other, _)| *other == shape)?;
        Some(codecs.compressors.remove(place).1)
    });
    match spare {
        Some(mut compressor) => {
            compressor.reset();
            compressor
        }
        None => zlib_rs::Deflate::new_with_config(DeflateConfig {
            level: i32::from(shape.level),
            window_bits: -i32::from(shape.bits), // Negative: raw, without a header.
            mem_level: i32::from(shape.mem_level),
            ..DeflateConfig::default()
        }),
    }
}

fn keep_compressor(shape: Shape, compressor: zlib_rs::Deflate) {
    CODECS.with_borrow_mut(|codecs| {
        if codecs.compressors.len() == SPARES {
            codecs.compressors.remove(0);
        }
        codecs.compressors.push((shape, compressor));
    });
}

/// A decompressor that knows `history`. Its own window is always the largest: zlib-rs has no smaller one.
fn spare_inflater(history: &[u8]) -> Inflate {
    let spare = CODECS.with_borrow_mut(|codecs| codecs.inflaters.pop());
    let mut inflater = spare.unwrap_or_else(|| Inflate::new(false, 15));
    inflater.reset(false);
    recall(&mut inflater, history);
    inflater
}

fn keep_inflater(inflater: Inflate) {
    CODECS.with_borrow_mut(|codecs| {
        if codecs.inflaters.len() < SPARES {
            codecs.inflaters.push(inflater);
        }
    });
}

/// Whether the stream stands between two blocks: then one more, the last and empty, ends it without a byte of output.
fn ends_here(inflater: &mut Inflate) -> bool {
    const LAST: [u8; 2] = [0x03, 0x00];
    let expected = (inflater.total_in() + LAST.len() as u64, inflater.total_out());
    let outcome = inflater.decompress(&LAST, &mut [0], InflateFlush::NoFlush);
    outcome == Ok(Status::StreamEnd) && (inflater.total_in(), inflater.total_out()) == expected
}

/// Lets the stream that begins refer to `bytes`, behind what it knows already.
fn recall(inflater: &mut Inflate, bytes: &[u8]) {
    let known = inflater.set_dictionary(bytes);
    assert!(known.is_ok(), "a raw stream takes any dictionary");
}
