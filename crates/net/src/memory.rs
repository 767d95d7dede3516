//! Freed memory, back to the system.
//!
//! glibc's allocator gives back by itself what lies at the end of its heap. What a crowd leaves behind lies between
//! things that stay, and remains resident for good; blocks with a large alignment, such as zlib's, are not even used
//! again before glibc 2.38. [`give_back`] returns every free page, but looks at the whole heap for that (1 to 2 ms after
//! 4 000 WebSockets), so it is to be called when much has gone: [`Tide`] tells when. Other allocators look after
//! themselves.

/// Less than this is not worth the search.
const LEAST: usize = 4 << 20;

/// How much is held, and how much it has been.
#[derive(Debug, Default)]
pub struct Tide {
    high: usize,
}

impl Tide {
    /// So many bytes are held now, roughly: remembers the most.
    #[inline]
    pub fn rises(&mut self, held: usize) {
        self.high = self.high.max(held);
    }

    /// Whether at least half of the most, and 4 MiB at least, has gone since this was last true.
    pub fn ebbs(&mut self, held: usize) -> bool {
        self.rises(held);
        let gone = self.high - held;
        let much = gone >= LEAST && gone >= self.high / 2;
        if much {
            self.high = held;
        }
        much
    }
}

/// Returns the allocator's free pages to the system.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, in any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
