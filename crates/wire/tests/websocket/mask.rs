//! Masks: every length and every cut, against the naive one of the harness.

use wire::Limits;

use crate::harness::{BINARY, Driver, FIN, binary, masked};

#[test]
fn every_length_and_every_cut() {
    let key = [0x12, 0x34, 0x56, 0x78];
    for length in 0..70 {
        let payload: Vec<u8> = (0..length).map(|index| index * 3 + 1).collect();
        let frame = masked(FIN | BINARY, &payload, key);
        for cut in 0..=frame.len() {
            let mut driver = Driver::new(Limits::default());
            driver.feed(&frame[..cut]);
            driver.feed(&frame[cut..]);
            assert_eq!(driver.seen, [binary(&payload)], "{length} bytes, cut at {cut}");
        }
    }
}

#[test]
fn a_mask_of_zeros_and_one_of_ones() {
    for key in [[0; 4], [0xff; 4], [0, 0, 0, 1], [1, 0, 0, 0]] {
        let mut driver = Driver::new(Limits::default());
        driver.feed(masked(FIN | BINARY, b"0123456789abcdef0123", key));
        assert_eq!(driver.seen, [binary("0123456789abcdef0123")]);
    }
}

#[test]
fn every_frame_has_its_own_mask() {
    let input = [masked(BINARY, "abc", [1, 2, 3, 4]), masked(0, "def", [5, 6, 7, 8]), masked(FIN, "ghi", [9, 9, 9, 0])];
    let mut driver = Driver::new(Limits::default());
    driver.feed(input.concat());
    assert_eq!(driver.seen, [binary("abcdefghi")]);
}

#[test]
fn what_is_not_consumed_is_not_unmasked() {
    let mut driver = Driver::new(Limits::default());
    let ping = masked(FIN | 9, "a control frame waits until it is whole", [1, 2, 3, 4]);
    for (index, byte) in ping[..ping.len() - 1].iter().enumerate() {
        driver.feed([*byte]);
        assert_eq!(driver.buffer, ping[..=index]);
    }
}
