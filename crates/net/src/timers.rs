//! Deadlines as a hashed timing wheel (Varghese & Lauck 1987, scheme 5), made for deadlines that mostly move.
//!
//! An entry only says "look at this key then". The owner keeps the real deadline, and when the entry comes up either
//! acts or inserts the key again; so pushing a deadline forward on every request costs nothing, and nothing is ever
//! removed. Times are milliseconds of any clock that does not run backwards.
//!
//! The wheel holds the ticks up to `SLOTS` ahead of the cursor, one tick per slot. What lies farther waits in `far`,
//! which is looked through at most twice per revolution. A drained slot frees its memory.

/// Milliseconds per tick: entries come up this much too late at most, never too early.
const TICK: u64 = 64;

/// Ticks per revolution: 1024 × 64 ms = 65.5 s, beyond the usual keep-alive and request deadlines.
const SLOTS: usize = 1024;
const HORIZON: u64 = SLOTS as u64;
const WORD: usize = u64::BITS as usize;

/// `far` keeps this much room; beyond, it shrinks when it is less than a quarter full.
const KEPT_CAPACITY: usize = 64;

/// Which keys to look at when.
#[derive(Debug)]
pub struct Timers {
    /// The last tick that has been expired.
    cursor: u64,
    /// Keys by tick modulo `SLOTS`, for the ticks `cursor + 1 ..= cursor + SLOTS`.
    slots: Box<[Vec<usize>]>,
    /// One bit per slot: it holds something.
    occupied: [u64; SLOTS / WORD],
    /// Keys and ticks beyond the horizon they had when inserted.
    far: Vec<(usize, u64)>,
    /// The earliest tick in `far`; `u64::MAX` when there is none.
    far_first: u64,
    len: usize,
}

impl Timers {
    /// `now`: milliseconds, as in every later call.
    pub fn new(now: u64) -> Self {
        Self {
            cursor: now / TICK,
            slots: vec![Vec::new(); SLOTS].into_boxed_slice(),
            occupied: [0; SLOTS / WORD],
            far: Vec::new(),
            far_first: u64::MAX,
            len: 0,
        }
    }

    /// Entries, not keys: a key inserted twice comes up twice.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lets `key` come up at `at` milliseconds, or with the next tick when that is past.
    pub fn insert(&mut self, key: usize, at: u64) {
        self.len += 1;
        self.place(key, at.div_ceil(TICK).max(self.cursor + 1));
    }

    /// Appends to `due` every key whose time has come by `now`, and forgets it.
    pub fn expire(&mut self, now: u64, due: &mut Vec<usize>) {
        let tick = now / TICK;
        if tick <= self.cursor {
            return;
        }
        let before = due.len();
        while let Some(first) = self.first_in_wheel().filter(|first| *first <= tick) {
            let slot = slot_of(first);
            self.occupied[slot / WORD] &= !(1 << (slot % WORD));
            due.append(&mut std::mem::take(&mut self.slots[slot]));
        }
        self.cursor = tick;
        // Far entries are fetched when half a revolution is left: early enough for none to be missed, and after at
        // least half a revolution since the last time, because all of them lay beyond a whole one then.
        if self.far_first <= tick.saturating_add(HORIZON / 2) {
            self.fetch_far(due);
        }
        self.len -= due.len() - before;
    }

    /// The millisecond of the earliest tick that holds something: calling `expire` then yields it.
    pub fn next(&self) -> Option<u64> {
        let first = self.first_in_wheel().unwrap_or(u64::MAX).min(self.far_first);
        if self.is_empty() { None } else { Some(first.saturating_mul(TICK)) }
    }

    fn place(&mut self, key: usize, tick: u64) {
        if tick > self.cursor + HORIZON {
            self.far.push((key, tick));
            self.far_first = self.far_first.min(tick);
        } else {
            let slot = slot_of(tick);
            self.slots[slot].push(key);
            self.occupied[slot / WORD] |= 1 << (slot % WORD);
        }
    }

    fn fetch_far(&mut self, due: &mut Vec<usize>) {
        self.far_first = u64::MAX;
        let mut far = std::mem::take(&mut self.far);
        far.retain(|&(key, tick)| {
            if tick > self.cursor + HORIZON {
                self.far_first = self.far_first.min(tick);
                return true;
            }
            if tick <= self.cursor {
                due.push(key)
            } else {
                self.place(key, tick)
            }
            false
        });
        if far.len() < far.capacity() / 4 {
            far.shrink_to(KEPT_CAPACITY.max(far.len() * 2));
        }
        self.far = far;
    }

    /// The earliest tick with an occupied slot: the first set bit at or after the slot of `cursor + 1`, going round.
    fn first_in_wheel(&self) -> Option<u64> {
        let start = slot_of(self.cursor + 1);
        let words = self.occupied.len();
        let ahead = self.occupied[start / WORD] & (u64::MAX << (start % WORD));
        let later = (1..=words).map(|step| (start / WORD + step) % words).map(|word| (word, self.occupied[word]));
        let (word, bits) = std::iter::once((start / WORD, ahead)).chain(later).find(|(_, bits)| *bits != 0)?;
        let slot = word * WORD + bits.trailing_zeros() as usize;
        Some(self.cursor + 1 + ((slot + SLOTS - start) % SLOTS) as u64)
    }
}

fn slot_of(tick: u64) -> usize {
    (tick % HORIZON) as usize
}
