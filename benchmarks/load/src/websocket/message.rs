//! The message of a load: lines of JSON, always the same for a size, and its compressed form (RFC 7692 section 7.2).

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, compress_bound};

use crate::Failure;

/// What a compressed message ends with and does not carry.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Small enough for every server that limits the window of its clients: websockets limits it to this.
pub const WINDOW_BITS: u8 = 12;
const LEVEL: i32 = 6;
const NAMES: [&str; 8] = ["amber", "basalt", "cobalt", "dolomite", "epidote", "feldspar", "garnet", "hematite"];

/// `size` bytes of compressible text.
pub fn json_lines(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = String::with_capacity(size + 128);
    while text.len() < size {
        let (id, name, price, volume) = (random(1_000_000), random(8), random(1_000_000), random(10_000));
        let (name, price) = (NAMES[name as usize], price as f64 / 100.0);
        text +=
            &format!("{{\"id\":{id},\"name\":\"{name}\",\"price\":{price:.2},\"volume\":{volume},\"live\":true}}\n");
    }
    text.truncate(size);
    text.into_bytes()
}

/// The payload of a compressed message that refers to nothing before it.
pub fn deflate(plain: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut output = vec![0; compress_bound(plain.len()) + 64];
    let mut codec = Deflate::new(LEVEL, false, WINDOW_BITS);
    codec.compress(plain, &mut output, DeflateFlush::SyncFlush).map_err(|error| format!("deflate: {error:?}"))?;
    output.truncate(codec.total_out() as usize);
    if codec.total_in() < plain.len() as u64 || !output.ends_with(&TAIL) {
        return Err("deflate did not come to an end".into());
    }
    output.truncate(output.len() - TAIL.len());
    Ok(output)
}

/// Whether a compressed message that refers to nothing before it is `plain`.
pub fn inflates_to(compressed: &[u8], plain: &[u8]) -> bool {
    // One byte more than is right, to see what is too long; and a mebibyte needs no second call.
    let mut output = vec![0; plain.len() + 1];
    let mut codec = Inflate::new(false, 15);
    for part in [compressed, &TAIL] {
        let filled = codec.total_out() as usize;
        if codec.decompress(part, &mut output[filled..], InflateFlush::SyncFlush).is_err() {
            return false;
        }
    }
    codec.total_in() == (compressed.len() + TAIL.len()) as u64 && output[..codec.total_out() as usize] == *plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compresses_and_comes_back() {
        for size in [0, 1, 32, 1024, 65_536, 1 << 20] {
            let plain = json_lines(size);
            let compressed = deflate(&plain).unwrap();
            assert_eq!(plain.len(), size);
            assert!(size < 1024 || compressed.len() < size / 2, "{} of {size}", compressed.len());
            assert!(inflates_to(&compressed, &plain));
        }
    }

    #[test]
    fn sees_what_is_wrong() {
        let plain = json_lines(1024);
        let compressed = deflate(&plain).unwrap();
        assert!(!inflates_to(&compressed, &plain[..1023]));
        assert!(!inflates_to(&compressed[..compressed.len() - 8], &plain));
        assert!(!inflates_to(&deflate(&json_lines(1025)).unwrap(), &plain));
    }
}
