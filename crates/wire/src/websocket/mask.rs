//! The mask that a client puts over every payload (RFC 6455 section 5.3). Eight bytes at a time, which the compiler widens
//! to the machine's vectors.

/// The four bytes that are laid over a payload, again and again.
pub type Key = [u8; 4];

/// Takes the mask off, or puts it on. The first byte of `bytes` meets the first of `key`.
#[inline]
pub fn apply(bytes: &mut [u8], key: Key) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

/// The key for what follows `taken` bytes of a payload.
#[must_use]
pub fn advanced(mut key: Key, taken: usize) -> Key {
    key.rotate_left(taken % 4);
    key
}
