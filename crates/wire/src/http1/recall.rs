//! Clients repeat their heads: pollers, balancers' checks and load generators send the same bytes again and again. What a
//! head means depends on nothing but its bytes, so a head that was parsed is remembered, and one that is byte for byte the
//! same is not parsed again.
//!
//! One small direct-mapped table for all connections of a driver, so idle ones cost nothing. Only heads without a body,
//! with an origin-form target, of moderate size and without credentials are kept. (Saves 1 900 of 25 000 instructions of a
//! hello request; a miss costs one hash and one copy.)

use super::head::{Framing, Request};
use crate::event::{Head, Version};
use crate::headers::Field;

/// Slots of the table; a power of two.
const SLOTS: usize = 128;

/// Longest head that is kept: the table stays below 256 KiB.
const LONGEST: usize = 1024;

/// A head that was seen before. Who keeps something beside it compares `generation` first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub slot: usize,
    /// Changes whenever the slot gets another head; never 0.
    pub generation: u64,
}

#[derive(Debug, Default)]
struct Slot {
    bytes: Vec<u8>,
    spans: Vec<Field>,
    shape: Shape,
    generation: u64,
}

/// What the bytes meant, as lengths: the rest follows from the order of a request line.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    method: u32,
    path: u32,
    query: u32,
    has_query: bool,
    persistent: bool,
    old: bool,
    accepts_trailers: bool,
}

#[derive(Debug)]
pub struct Recall {
    slots: Vec<Slot>,
}

impl Default for Recall {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| Slot::default()).collect() }
    }
}

impl Recall {
    /// How many slots there are.
    pub const SLOTS: usize = SLOTS;

    /// The request that these bytes are, and its field lines, if they were remembered.
    #[inline]
    pub(crate) fn find<'a>(&self, base: &'a [u8], spans: &mut Vec<Field>) -> Option<(Request<'a>, Known)> {
        if base.len() > LONGEST {
            return None;
        }
        let index = index(base);
        let slot = &self.slots[index];
        if slot.bytes != base {
            return None;
        }
        spans.clear();
        spans.extend_from_slice(&slot.spans);
        Some((slot.shape.request(base), Known { slot: index, generation: slot.generation }))
    }

    /// Keeps a request that was just parsed, where that is worth it.
    #[inline]
    pub(crate) fn keep(&mut self, request: &Request<'_>, spans: &[Field]) {
        let head = &request.head;
        let base = head.base;
        let plain = head.body_length.is_none()
            && request.framing == Framing::Length(0)
            && head.authority.is_none()
            // A handshake never comes twice: its key is new.
            && !request.upgrade
            && head.path.first() == Some(&b'/');
        if !plain || base.len() > LONGEST || spans.iter().any(|field| is_secret(field.name(base))) {
            return;
        }
        let slot = &mut self.slots[index(base)];
        slot.bytes.clear();
        slot.bytes.extend_from_slice(base);
        slot.spans.clear();
        slot.spans.extend_from_slice(spans);
        slot.generation += 1;
        slot.shape = Shape {
            method: head.method.len() as u32,
            path: head.path.len() as u32,
            query: head.query.len() as u32,
            // "/?" has a query, an empty one: its "?" takes a byte all the same.
            has_query: base.get(head.method.len() + 1 + head.path.len()) == Some(&b'?'),
            persistent: request.persistent,
            old: head.version == Version::Http10,
            accepts_trailers: head.accepts_trailers,
        };
    }
}

impl Shape {
    #[inline]
    fn request<'a>(&self, base: &'a [u8]) -> Request<'a> {
        let path = self.method as usize + 1;
        let query = path + self.path as usize + usize::from(self.has_query);
        let head = Head {
            method: &base[..self.method as usize],
            path: &base[path..path + self.path as usize],
            query: &base[query..query + self.query as usize],
            authority: None,
            version: if self.old { Version::Http10 } else { Version::Http11 },
            base,
            has_body: false,
            body_length: None,
            expects_continue: false,
            accepts_trailers: self.accepts_trailers,
        };
        Request { head, framing: Framing::Length(0), persistent: self.persistent, upgrade: false }
    }
}

/// Credentials are not kept beyond their request.
#[must_use]
pub fn is_secret(name: &[u8]) -> bool {
    match name.len() {
        6 => name.eq_ignore_ascii_case(b"cookie"),
        13 => name.eq_ignore_ascii_case(b"authorization"),
        19 => name.eq_ignore_ascii_case(b"proxy-authorization"),
        _ => false,
    }
}

/// Eight bytes at a time; every byte counts, since heads often differ only in their middle.
#[inline]
fn index(bytes: &[u8]) -> usize {
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(MIX);
    }
    for byte in rest {
        hash = (hash.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(MIX);
    }
    (hash >> 57) as usize & (SLOTS - 1)
}
