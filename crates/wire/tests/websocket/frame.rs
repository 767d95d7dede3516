//! Frame headers: every form of them, every rule of RFC 6455 section 5.2 and 5.5 broken once, and what is written.

use wire::{Command, Limits};

use crate::harness::{
    BINARY, CLOSE, Driver, FIN, PING, PONG, RSV1, Seen, TEXT, binary, feed, frame, refused, sent, text,
};

/// A header with these lengths, and nothing behind it.
fn header(first: u8, lengths: &[u8]) -> Vec<u8> {
    [&[first][..], lengths, &[0; 4]].concat()
}

#[test]
fn the_examples_of_the_rfc() {
    // Section 5.7; its unmasked ones are a server's.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(feed(hello).seen, [text("Hello")]);
    let mut driver = Driver::new(Limits::default());
    driver.message(true, "Hello");
    assert_eq!(driver.out.bytes, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    driver.out.bytes.clear();
    driver.send(Command::Pong { bytes: b"Hello" }).unwrap();
    assert_eq!(driver.out.bytes, [0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    driver.out.bytes.clear();
    driver.message(false, [0; 256]);
    assert_eq!(driver.out.bytes[..4], [0x82, 0x7e, 0x01, 0x00]);
    driver.out.bytes.clear();
    driver.message(false, vec![0; 65_536]);
    assert_eq!(driver.out.bytes[..10], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn every_form_of_a_length_is_read_and_written() {
    for length in [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 70_000] {
        let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
        let outcome = feed(frame(FIN | BINARY, &payload));
        assert_eq!((outcome.seen, outcome.error), (vec![binary(&payload)], None), "{length}");
        let mut driver = Driver::new(Limits::default());
        driver.message(false, &payload);
        assert_eq!(driver.written(), [sent(FIN | BINARY, payload)], "{length}");
    }
}

#[test]
fn a_client_masks_every_frame() {
    for first in [FIN | TEXT, FIN | BINARY, TEXT, FIN | CLOSE, FIN | PING, FIN | PONG] {
        for length in [0, 1, 125] {
            refused([&[first, length][..], &[b'a'; 125][..length as usize]].concat(), 1002);
        }
    }
    refused([FIN | TEXT, 126, 0, 126], 1002);
}

#[test]
fn reserved_opcodes_are_refused() {
    for opcode in (3..=7).chain(11..=15) {
        refused(frame(FIN | opcode, "a"), 1002);
        refused(frame(opcode, ""), 1002);
    }
}

#[test]
fn reserved_bits_are_refused() {
    for bits in 1..8 {
        for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
            refused(frame(FIN | bits << 4 | opcode, ""), 1002);
        }
        let fragments = [frame(TEXT, "a"), frame(FIN | bits << 4, "b")].concat();
        assert_eq!(refused(fragments, 1002), [], "in a continuation");
    }
}

#[test]
fn only_the_first_frame_of_a_message_says_that_it_is_compressed() {
    let refused = |input: Vec<u8>| {
        let open = || Driver::compressing(Limits::default(), "permessage-deflate");
        let outcome = crate::harness::three_ways(input, open);
        assert_eq!(outcome.code(), Some(1002));
    };
    for opcode in [CLOSE, PING, PONG] {
        refused(frame(FIN | RSV1 | opcode, ""));
    }
    refused([frame(RSV1 | TEXT, ""), frame(FIN | RSV1, "")].concat());
    refused([frame(TEXT, "a"), frame(FIN | RSV1, "")].concat());
    refused(frame(FIN | RSV1 | 0x20 | TEXT, ""));
    refused(frame(FIN | RSV1 | 0x10 | TEXT, ""));
}

#[test]
fn control_frames_are_short_and_whole() {
    for opcode in [CLOSE, PING, PONG] {
        refused(frame(opcode, ""), 1002);
        refused(frame(FIN | opcode, [b'a'; 126]), 1002);
        refused(header(FIN | opcode, &[0xff, 0, 0, 0, 0, 0, 1, 0, 0]), 1002);
    }
    assert_eq!(feed(frame(FIN | PING, [b'a'; 125])).seen, [Seen::Ping(vec![b'a'; 125])]);
}

#[test]
fn lengths_have_their_shortest_form() {
    for length in [0_u16, 1, 125] {
        refused(header(FIN | TEXT, &[&[0xfe][..], &length.to_be_bytes()].concat()), 1002);
    }
    for length in [0_u64, 1, 125, 126, 65_535] {
        refused(header(FIN | TEXT, &[&[0xff][..], &length.to_be_bytes()].concat()), 1002);
    }
}

#[test]
fn lengths_have_63_bits() {
    for length in [1 << 63, u64::MAX] {
        refused(header(FIN | BINARY, &[&[0xff][..], &u64::to_be_bytes(length)].concat()), 1002);
    }
    refused(header(FIN | BINARY, &[&[0xff][..], &u64::to_be_bytes((1 << 63) - 1)].concat()), 1009);
}

#[test]
fn a_fault_is_found_with_its_byte() {
    for wrong in [&[0x83][..], &[0x91], &[0xc1], &[0x09], &[0x81, 0x01], &[0x89, 0xfe], &[0x81, 0xfe, 0, 125]] {
        let mut driver = Driver::new(Limits::default());
        driver.feed(&wrong[..wrong.len() - 1]);
        assert_eq!(driver.error, None, "{wrong:02x?}");
        driver.feed(&wrong[wrong.len() - 1..]);
        assert_eq!(driver.error.unwrap().status, 1002, "{wrong:02x?}");
    }
}

#[test]
fn what_was_right_before_a_fault_is_given() {
    let input = [frame(FIN | TEXT, "one"), frame(FIN | PING, "two"), frame(FIN | 3, "")].concat();
    assert_eq!(refused(input, 1002), [text("one"), Seen::Ping(b"two".to_vec())]);
}
