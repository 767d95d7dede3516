//! Messages in pieces: gathered, inflated, bounded; what is given as it lies and what has to be owned.

use wire::websocket::deflate::{Agreed, Deflate, Effort};
use wire::{Limits, Status};

use crate::harness::{BINARY, Driver, FIN, PING, RSV1, Seen, TEXT, binary, feed, frame, refused, text, three_ways};

const SMALL: Limits = Limits { message_bytes: 100, ..Limits::DEFAULT };

fn compressing() -> Driver {
    Driver::compressing(SMALL, "permessage-deflate")
}

/// A client's compressor.
fn compressed(message: impl AsRef<[u8]>) -> Vec<u8> {
    let agreed = Agreed { server_takeover: false, client_takeover: false, server_bits: 15, client_bits: 15 };
    let mut out = Vec::new();
    Deflate::new(agreed, Effort { level: 6, mem_level: 8, threshold: 0 }).compress(message.as_ref(), &mut out);
    out
}

#[test]
fn empty_messages_are_messages() {
    assert_eq!(feed(frame(FIN | TEXT, "")).seen, [text("")]);
    assert_eq!(feed(frame(FIN | BINARY, "")).seen, [binary("")]);
    let fragments = [frame(TEXT, ""), frame(0, ""), frame(0, ""), frame(FIN, "")].concat();
    assert_eq!(feed(fragments).seen, [text("")]);
}

#[test]
fn fragments_are_joined() {
    let fragments = [frame(TEXT, "Hel"), frame(0, ""), frame(0, "l"), frame(FIN, "o")].concat();
    assert_eq!(feed(fragments).seen, [text("Hello")]);
    let two = [frame(BINARY, "a"), frame(FIN, "b"), frame(FIN | TEXT, "c"), frame(TEXT, "d"), frame(FIN, "e")].concat();
    assert_eq!(feed(two).seen, [binary("ab"), text("c"), text("de")]);
}

#[test]
fn control_frames_come_between_fragments() {
    let input = [
        frame(TEXT, "a"),
        frame(FIN | PING, "1"),
        frame(0, "b"),
        frame(FIN | 10, "2"),
        frame(FIN | PING, "3"),
        frame(FIN, "c"),
    ];
    assert_eq!(feed(input.concat()).seen, [Seen::Ping(b"1".to_vec()), Seen::Ping(b"3".to_vec()), text("abc")]);
}

#[test]
fn what_lies_there_whole_is_given_as_it_lies() {
    let mut driver = Driver::new(Limits::default());
    driver.feed([frame(FIN | TEXT, "a"), frame(TEXT, "b"), frame(FIN, "c"), frame(FIN | BINARY, "d")].concat());
    assert_eq!(driver.borrowed, [true, false, true]);
    let whole = frame(FIN | BINARY, "hello");
    driver.feed(&whole[..whole.len() - 1]);
    driver.feed(&whole[whole.len() - 1..]);
    assert_eq!(driver.borrowed, [false]);
    assert_eq!(driver.seen.len(), 4);
}

#[test]
fn a_payload_is_consumed_as_it_comes() {
    let mut driver = Driver::new(Limits::default());
    let message = frame(FIN | BINARY, vec![7; 100_000]);
    for piece in message[..message.len() - 1].chunks(999) {
        driver.feed(piece);
        assert!(driver.buffer.is_empty(), "the driver has to keep what the machine could");
    }
    assert_eq!(driver.seen, []);
    driver.feed(&message[message.len() - 1..]);
    assert_eq!(driver.seen, [binary(vec![7; 100_000])]);
}

/// How much memory the message in `input` was given.
fn taken(input: &[u8], read: usize, limits: Limits) -> usize {
    let mut driver = Driver::new(limits);
    input.chunks(read).for_each(|piece| driver.feed(piece));
    let [taken] = driver.taken[..] else { panic!("not one message") };
    taken
}

#[test]
fn memory_for_a_message_grows_by_doubling() {
    let fragments = [vec![frame(BINARY, "a")], vec![frame(0, "b"); 2998], vec![frame(FIN, "c")]].concat().concat();
    let taken_of = |limits| taken(&fragments, fragments.len(), limits);
    assert!((3001..=6144).contains(&taken_of(Limits::DEFAULT)), "{}", taken_of(Limits::DEFAULT));
    assert_eq!(taken_of(Limits { message_bytes: 3000, ..Limits::DEFAULT }), 3000, "no more than a message may have");
    let whole = frame(FIN | BINARY, vec![7; 100_000]);
    assert_eq!(taken(&whole, 1000, Limits::DEFAULT), 100_000, "no more than is announced");
}

#[test]
fn messages_have_a_limit() {
    let open = || Driver::new(SMALL);
    let code = |input: &[u8]| three_ways(input, open).code();
    assert_eq!(code(&frame(FIN | TEXT, [b'a'; 100])), None);
    assert_eq!(code(&frame(FIN | TEXT, [b'a'; 101])), Some(1009));
    let split = |second| [frame(BINARY, [0; 60]), frame(FIN | PING, [0; 125]), frame(FIN, vec![0; second])].concat();
    assert_eq!(code(&split(40)), None);
    assert_eq!(code(&split(41)), Some(1009));
}

#[test]
fn a_limit_is_judged_by_the_header() {
    let mut driver = Driver::new(SMALL);
    driver.feed(&frame(FIN | TEXT, [b'a'; 101])[..6]);
    assert_eq!(driver.error.unwrap().status, 1009);
    refused([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 1009);
}

#[test]
fn compressed_messages_are_inflated() {
    let prose = "compress me, compress me, compress me";
    let whole = frame(FIN | RSV1 | TEXT, compressed(prose));
    assert_eq!(three_ways(&whole, compressing).seen, [text(prose)]);
    let bytes = compressed(prose);
    for cut in 0..=bytes.len() {
        let input = [frame(RSV1 | TEXT, &bytes[..cut]), frame(FIN | PING, ""), frame(FIN, &bytes[cut..])].concat();
        assert_eq!(three_ways(input, compressing).seen, [Seen::Ping(Vec::new()), text(prose)], "cut at {cut}");
    }
    let mixed = [frame(FIN | TEXT, "plain"), whole, frame(BINARY, "a"), frame(FIN, "b")].concat();
    assert_eq!(three_ways(mixed, compressing).seen, [text("plain"), text(prose), binary("ab")]);
}

#[test]
fn the_limit_is_that_of_the_inflated_message() {
    let code = |length| three_ways(frame(FIN | RSV1 | BINARY, compressed(vec![0; length])), compressing).code();
    assert_eq!((code(100), code(101), code(1_000_000)), (None, Some(1009), Some(1009)));
    // What is announced is the compressed length, which says nothing.
    let mut noise = 1_u32;
    let mut next = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let payload: Vec<u8> = (0..100).map(|_| next()).collect();
    let bytes = compressed(&payload);
    assert!(bytes.len() > 100);
    assert_eq!(three_ways(frame(FIN | RSV1 | BINARY, bytes), compressing).seen, [binary(payload)]);
}

#[test]
fn a_bomb_is_stopped_while_it_inflates() {
    let limits = Limits { message_bytes: 1 << 20, ..Limits::DEFAULT };
    let bomb = compressed(vec![0; 64 << 20]);
    let mut driver = Driver::compressing(limits, "permessage-deflate");
    driver.feed(&frame(RSV1 | BINARY, &bomb)[..bomb.len() / 8]);
    assert_eq!(driver.error.unwrap().status, 1009);
}

#[test]
fn compressed_texts_are_checked_as_well() {
    let code = |input: Vec<u8>| three_ways(input, compressing).code();
    assert_eq!(code(frame(FIN | RSV1 | TEXT, compressed(b"ab\xff"))), Some(1007));
    assert_eq!(code(frame(FIN | RSV1 | TEXT, compressed(b"ab\xe2\x82"))), Some(1007));
    assert_eq!(code(frame(FIN | RSV1 | BINARY, compressed(b"ab\xff"))), None);
    assert_eq!(code(frame(FIN | RSV1 | TEXT, [0x07])), Some(1007), "not DEFLATE");
}

#[test]
fn what_was_begun_is_lost_with_the_connection() {
    let mut driver = Driver::new(Limits::default());
    driver.feed(frame(TEXT, "never to be ended"));
    driver.eof();
    assert_eq!(driver.seen, [Seen::Reset]);
    assert_eq!(driver.status(), Status::Closing { linger: false });
}
