//! Clients repeat themselves: the same header lines, the same paths, over and over. What was made of a line is kept in
//! a small direct-mapped table and given out again when the bytes are the same. Only immutable objects are shared
//! (tuples of bytes, bytes, str); lists and dicts are always fresh (ASGI-014). One table serves all connections, so
//! idle ones cost nothing, and a miss costs one copy of the line.

/// Longer lines are not kept: the table stays below 256 KiB.
const LONGEST: usize = 256;

/// Slots of the table; a power of two.
const SLOTS: usize = 512;

struct Slot<T> {
    bytes: Vec<u8>,
    made: Option<T>,
}

pub struct Memo<T> {
    slots: Vec<Slot<T>>,
}

impl<T> Memo<T> {
    pub fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| Slot { bytes: Vec::new(), made: None }).collect() }
    }

    /// What was made of `bytes` before.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Option<&T> {
        let slot = &self.slots[index(bytes)];
        if slot.bytes == bytes { slot.made.as_ref() } else { None }
    }

    /// Keeps what was made of `bytes`, unless they are long. Returns what had the place, to be dropped where Python may
    /// run.
    pub fn keep(&mut self, bytes: &[u8], made: T) -> Option<T> {
        if bytes.len() > LONGEST {
            return Some(made);
        }
        let slot = &mut self.slots[index(bytes)];
        slot.bytes.clear();
        slot.bytes.extend_from_slice(bytes);
        slot.made.replace(made)
    }
}

/// Mixes length, beginning and end; lines that differ only in their middle share a slot, which costs time and no more.
#[inline]
fn index(bytes: &[u8]) -> usize {
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => {
            let mut short = [0; 8];
            short[..bytes.len()].copy_from_slice(bytes);
            (u64::from_le_bytes(short), 0)
        }
    };
    let mixed = (first ^ last.rotate_left(32) ^ bytes.len() as u64).wrapping_mul(MIX);
    (mixed >> 55) as usize & (SLOTS - 1)
}
