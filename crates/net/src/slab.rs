//! Connections under keys that are never confused: the low half of a key is an index, the high half a generation.
//!
//! An event of the poller or a timer may arrive after its connection is gone and its index serves another one; its key
//! then names an older generation and finds nothing. The generation counts the insertions of the whole slab, so the
//! slab can give all memory back when it is empty without forgetting which keys it has issued.

/// Bits of a key that hold the index: 32 of 64 (on 32-bit machines 16 of 32).
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

/// An emptied slab keeps this much room; beyond, it returns its memory.
const KEPT_CAPACITY: usize = 64;

/// Values under generational keys.
///
/// No key ever has all index bits set, and none is 0: the owner may use such numbers for descriptors of its own
/// (listeners) in the same poller.
#[derive(Debug)]
pub struct Slab<T> {
    entries: Vec<Entry<T>>,
    /// Indices of vacant entries; the one vacated last is reused first, its memory is still warm.
    vacant: Vec<usize>,
    /// High half of the key of the last insertion; wraps, skipping 0.
    generation: usize,
}

#[derive(Debug)]
struct Entry<T> {
    key: usize,
    value: Option<T>,
}

impl<T> Slab<T> {
    pub const fn new() -> Self {
        Self { entries: Vec::new(), vacant: Vec::new(), generation: 0 }
    }

    pub fn len(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores `value` and returns its key.
    ///
    /// # Panics
    /// With 2³² - 1 values at once (65 535 on 32-bit machines): more than there can be descriptors.
    pub fn insert(&mut self, value: T) -> usize {
        self.generation = (self.generation + 1) & INDEX_MASK;
        if self.generation == 0 {
            self.generation = 1;
        }
        let index = self.vacant.pop().unwrap_or(self.entries.len());
        assert!(index < INDEX_MASK, "the slab is full");
        let key = (self.generation << INDEX_BITS) | index;
        let entry = Entry { key, value: Some(value) };
        match self.entries.get_mut(index) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        key
    }

    /// The value under `key`; `None` when it was removed.
    pub fn get(&self, key: usize) -> Option<&T> {
        let entry = self.entries.get(key & INDEX_MASK)?;
        if entry.key == key { entry.value.as_ref() } else { None }
    }

    /// The value under `key`; `None` when it was removed.
    pub fn get_mut(&mut self, key: usize) -> Option<&mut T> {
        let entry = self.entries.get_mut(key & INDEX_MASK)?;
        if entry.key == key { entry.value.as_mut() } else { None }
    }

    /// Takes the value under `key` out; `None` when that was done before.
    pub fn remove(&mut self, key: usize) -> Option<T> {
        let index = key & INDEX_MASK;
        let entry = self.entries.get_mut(index)?;
        if entry.key != key {
            return None;
        }
        let value = entry.value.take()?;
        self.vacant.push(index);
        if self.is_empty() {
            self.release();
        }
        Some(value)
    }

    /// The keys of all values, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = usize> + '_ {
        self.entries.iter().filter(|entry| entry.value.is_some()).map(|entry| entry.key)
    }

    fn release(&mut self) {
        self.entries.clear();
        self.entries.shrink_to(KEPT_CAPACITY);
        self.vacant.clear();
        self.vacant.shrink_to(KEPT_CAPACITY);
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}
