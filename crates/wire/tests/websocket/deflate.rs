//! permessage-deflate: the RFC's examples, everything that goes out coming in again, and what must not come in.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use wire::websocket::deflate::{Agreed, Deflate, Effort, kept_memory};
use wire::{Error, Fault};

const NO_LIMIT: usize = usize::MAX;
const EFFORT: Effort = Effort { level: 6, mem_level: 5, threshold: 0 };

const FORGETFUL: Agreed = Agreed { server_takeover: false, client_takeover: false, server_bits: 12, client_bits: 15 };
const MINDFUL: Agreed = Agreed { server_takeover: true, client_takeover: true, server_bits: 12, client_bits: 12 };

fn codec(agreed: Agreed) -> Deflate {
    Deflate::new(agreed, EFFORT)
}

/// A side that reads what `agreed` lets a server write: the same terms, seen from the client.
fn reader(agreed: Agreed) -> Deflate {
    codec(Agreed { client_takeover: agreed.server_takeover, client_bits: agreed.server_bits, ..agreed })
}

fn compressed(deflate: &mut Deflate, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflate.compress(message, &mut out);
    out
}

fn inflated(deflate: &mut Deflate, pieces: &[&[u8]], limit: usize) -> Result<Vec<u8>, Error> {
    let mut message = Vec::new();
    let (last, first) = pieces.split_last().expect("a piece");
    for piece in first {
        deflate.inflate(piece, false, limit, &mut message)?;
    }
    deflate.inflate(last, true, limit, &mut message)?;
    Ok(message)
}

/// Text that compresses, but not to nothing.
fn prose(length: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|number| format!("line {} of {number}; ", number.wrapping_mul(0x9e37_79b9)).into_bytes())
        .take(length)
        .collect()
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(step).collect()
}

/// Level 0 by hand: stored blocks, which refer to nothing.
fn stored(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for block in message.chunks(60_000) {
        out.push(0);
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(block);
    }
    out.push(0);
    out
}

#[track_caller]
fn is_corrupt(outcome: Result<Vec<u8>, Error>) {
    let error = outcome.expect_err("corrupt data was taken");
    assert_eq!((error.fault, error.status), (Fault::Peer, 1007));
}

#[track_caller]
fn is_too_large(outcome: Result<Vec<u8>, Error>) {
    let error = outcome.expect_err("the limit was passed");
    assert_eq!((error.fault, error.status), (Fault::Peer, 1009));
}

#[test]
fn a_connection_at_rest_is_small() {
    fn moves_between_threads<T: Send>() {}
    moves_between_threads::<Deflate>();
    assert!(size_of::<Deflate>() <= 64);
    let mut deflate = codec(FORGETFUL);
    compressed(&mut deflate, &prose(10_000));
    assert!(!deflate.holds_memory(), "without takeover nothing is kept");
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7692 sections 7.2.3.1 to 7.2.3.5.
    let hello: [(&str, &[u8]); 5] = [
        ("fixed", b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        ("stored", b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
        ("a last block", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
        ("two blocks", b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
        ("many empty blocks", b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff\x00"),
    ];
    for (name, bytes) in hello {
        assert_eq!(inflated(&mut codec(FORGETFUL), &[bytes], 5).unwrap(), b"Hello", "{name}");
    }
    let mut deflate = codec(MINDFUL);
    assert_eq!(inflated(&mut deflate, &[b"\xf2\x48\xcd\xc9\xc9\x07\x00"], 5).unwrap(), b"Hello");
    assert_eq!(inflated(&mut deflate, &[b"\xf2\x00\x11\x00\x00"], 5).unwrap(), b"Hello");
    // The second refers to the first, so it is nothing by itself.
    is_corrupt(inflated(&mut codec(FORGETFUL), &[b"\xf2\x00\x11\x00\x00"], 5));
}

#[test]
fn a_window_reaches_over_the_end_of_a_stream() {
    // A message whose first stream ends, then a second that refers to it; and a second message that refers to both.
    let mut deflate = codec(MINDFUL);
    let both = b"\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00";
    for size in 1..both.len() {
        let pieces: Vec<_> = both.chunks(size).collect();
        assert_eq!(inflated(&mut deflate, &pieces, 10).unwrap(), b"HelloHello", "in pieces of {size}");
        assert_eq!(inflated(&mut deflate, &[b"\xf2\x00\x11\x00\x00"], 5).unwrap(), b"Hello");
    }
}

#[test]
fn a_stream_does_not_end_without_end() {
    let ends = |count| [[0x03, 0x00].repeat(count), vec![0]].concat();
    let mut deflate = codec(FORGETFUL);
    for _ in 0..3 {
        assert_eq!(inflated(&mut deflate, &[&ends(64)], 0).unwrap(), b"");
    }
    is_corrupt(inflated(&mut deflate, &[&ends(65)], 0));
}

#[test]
fn nothing_is_a_message() {
    for agreed in [FORGETFUL, MINDFUL] {
        let (mut deflate, mut reader) = (codec(agreed), reader(agreed));
        for message in [&b""[..], b"", b"x", b"", b"", b"x"] {
            let bytes = compressed(&mut deflate, message);
            assert!(!message.is_empty() || bytes == [0], "RFC 7692 section 7.2.3.6");
            assert_eq!(inflated(&mut reader, &[&bytes], 1).unwrap(), message);
        }
        assert_eq!(inflated(&mut reader, &[b""], 0).unwrap(), b"");
        assert_eq!(inflated(&mut reader, &[b"", b"", b""], 0).unwrap(), b"");
        assert_eq!(inflated(&mut reader, &[b"", b"\0", b""], 0).unwrap(), b"");
    }
}

#[test]
fn output_is_appended() {
    let mut deflate = codec(FORGETFUL);
    let mut out = b"before".to_vec();
    deflate.compress(b"Hello", &mut out);
    assert_eq!(out, b"before\xf2\x48\xcd\xc9\xc9\x07\x00");
}

#[test]
fn all_levels_and_windows_go_out_and_in() {
    let samples = [prose(1), prose(100), prose(600), prose(70_000), noise(70_000), vec![0; 300_000], prose(131_072)];
    for bits in 9..=15 {
        for level in 0..=9 {
            for mem_level in [1, 5, 9] {
                let agreed = Agreed { server_bits: bits, ..MINDFUL };
                let effort = Effort { level, mem_level, threshold: 0 };
                let (mut deflate, mut reader) = (Deflate::new(agreed, effort), reader(agreed));
                for sample in &samples {
                    let mut bytes = Vec::new();
                    deflate.compress(sample, &mut bytes);
                    let message = inflated(&mut reader, &[&bytes], sample.len());
                    assert!(
                        message.as_ref() == Ok(sample),
                        "bits {bits}, level {level}, memory {mem_level}: {message:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_context_is_taken_over_and_given_back() {
    let (mut deflate, mut reader) = (codec(MINDFUL), reader(MINDFUL));
    let message = prose(2_000);
    let first = compressed(&mut deflate, &message);
    let second = compressed(&mut deflate, &message);
    assert!(second.len() * 4 < first.len(), "the second refers to the first: {} and {}", second.len(), first.len());
    assert!(deflate.holds_memory());
    deflate.rest();
    assert!(!deflate.holds_memory());
    let third = compressed(&mut deflate, &message);
    assert_eq!(third, first, "after a rest nothing is remembered");
    for bytes in [first, second, third] {
        assert_eq!(inflated(&mut reader, &[&bytes], NO_LIMIT).unwrap(), message);
        assert!(!reader.holds_memory(), "a reader keeps no codec between messages");
    }
}

#[test]
fn what_is_forgotten_is_not_referred_to() {
    let (mut deflate, mut reader) = (codec(MINDFUL), reader(MINDFUL));
    let first = compressed(&mut deflate, b"Hello");
    assert_eq!(inflated(&mut reader, &[&first], 5).unwrap(), b"Hello");
    let second = compressed(&mut deflate, b"Hello");
    reader.inflate(&second[..1], false, 5, &mut Vec::new()).unwrap();
    reader.forget();
    // Neither the message that had begun nor the one before it is known.
    is_corrupt(inflated(&mut reader, &[&second], 5));
    deflate.forget();
    assert!(!deflate.holds_memory());
    assert_eq!(compressed(&mut deflate, b"Hello"), first);
}

#[test]
fn without_takeover_every_message_stands_alone() {
    let mut deflate = codec(FORGETFUL);
    let message = prose(2_000);
    let first = compressed(&mut deflate, &message);
    compressed(&mut codec(FORGETFUL), &noise(5_000));
    assert_eq!(compressed(&mut deflate, &message), first);
    assert_eq!(inflated(&mut codec(FORGETFUL), &[&first], NO_LIMIT).unwrap(), message);
}

#[test]
fn a_reader_forgets_what_lies_behind_the_window() {
    // 15 bits compress a repetition at a distance that a window of 12 does not have.
    let wide = Agreed { server_bits: 15, ..MINDFUL };
    let mut deflate = codec(wide);
    let (start, far) = (noise(1_000), prose(8_000));
    let messages = [&start, &far, &start].map(|message| compressed(&mut deflate, message));
    let mut good = reader(wide);
    let mut narrow = codec(Agreed { client_bits: 12, ..MINDFUL });
    for reader in [&mut good, &mut narrow] {
        assert_eq!(inflated(reader, &[&messages[0]], NO_LIMIT).unwrap(), start);
        assert_eq!(inflated(reader, &[&messages[1]], NO_LIMIT).unwrap(), far);
    }
    assert_eq!(inflated(&mut good, &[&messages[2]], NO_LIMIT).unwrap(), start);
    is_corrupt(inflated(&mut narrow, &[&messages[2]], NO_LIMIT));
}

#[test]
fn a_window_of_15_bits_is_held_from_message_to_message() {
    let wide = Agreed { server_bits: 15, ..MINDFUL };
    let (mut deflate, mut reader) = (codec(wide), reader(wide));
    let messages = [noise(32_000), prose(500), noise(32_000), prose(40_000), prose(500), noise(32_000)];
    for message in &messages {
        let bytes = compressed(&mut deflate, message);
        assert!(inflated(&mut reader, &[&bytes], message.len()).as_ref() == Ok(message));
    }
}

#[test]
fn a_message_at_the_limit_is_whole_and_one_byte_more_is_too_large() {
    let message = prose(100_000);
    let bytes = compressed(&mut codec(FORGETFUL), &message);
    for size in [1, 7, 4096, bytes.len()] {
        let pieces: Vec<_> = bytes.chunks(size).collect();
        let mut deflate = codec(FORGETFUL);
        assert_eq!(inflated(&mut deflate, &pieces, message.len()).unwrap(), message);
        is_too_large(inflated(&mut deflate, &pieces, message.len() - 1));
        is_too_large(inflated(&mut codec(FORGETFUL), &pieces, 0));
    }
}

#[test]
fn a_bomb_is_stopped_while_it_inflates() {
    let mut bomb = Vec::new();
    Deflate::new(FORGETFUL, Effort { level: 9, mem_level: 9, threshold: 0 }).compress(&vec![0; 50_000_000], &mut bomb);
    assert!(bomb.len() < 60_000);
    let mut message = Vec::new();
    let error = codec(FORGETFUL).inflate(&bomb, true, 100_000, &mut message).expect_err("a bomb");
    assert_eq!(error.status, 1009);
    assert!(message.capacity() < 400_000, "{} bytes were allocated", message.capacity());
}

#[test]
fn corrupt_data_is_refused() {
    let bad: [(&str, &[u8]); 9] = [
        ("a block of no type", b"\x06\x00"),
        ("a stored length and another", b"\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"),
        ("a reference to nothing", b"\x4a\x44\x02\x00"),
        ("too many codes", b"\xfc\xff\xff\xff"),
        ("an incomplete set of codes", b"\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        ("an end without what follows it", b"\xf3\x48\xcd\xc9\xc9\x07\x00"),
        ("a tail that was not taken off", b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff"),
        ("a zlib header", b"\x78\x9c\xf2\x48\xcd\xc9\xc9\x07\x00"),
        ("text", b"Hello"),
    ];
    for (name, bytes) in bad {
        for size in [1, bytes.len()] {
            let pieces: Vec<_> = bytes.chunks(size).collect();
            let outcome = inflated(&mut codec(FORGETFUL), &pieces, NO_LIMIT);
            assert_eq!(outcome.expect_err(name).status, 1007, "{name}");
        }
    }
}

#[test]
fn what_stops_short_is_refused() {
    for bytes in [compressed(&mut codec(FORGETFUL), &prose(300)), stored(&prose(300))] {
        assert_eq!(inflated(&mut codec(FORGETFUL), &[&bytes], 300).unwrap(), prose(300));
        // One byte may be an empty message, and where five are missing the tail may be taken for data.
        for length in (2..bytes.len()).filter(|length| length + 5 != bytes.len()) {
            is_corrupt(inflated(&mut codec(FORGETFUL), &[&bytes[..length]], NO_LIMIT));
        }
    }
}

#[test]
fn an_error_spoils_nobody_elses_codec() {
    let message = prose(5_000);
    for agreed in [FORGETFUL, MINDFUL] {
        let bytes = compressed(&mut codec(agreed), &message);
        for bad in [&b"\x06\x00"[..], &bytes[..40]] {
            is_corrupt(inflated(&mut codec(agreed), &[bad], NO_LIMIT));
            is_too_large(inflated(&mut codec(agreed), &[&bytes], 100));
            assert_eq!(inflated(&mut codec(agreed), &[&bytes], NO_LIMIT).unwrap(), message);
        }
    }
}

#[test]
fn many_connections_share_the_codecs_of_a_thread() {
    // More messages on their way in at once, and more shapes of compressors, than there are spares.
    let mut all: Vec<_> = (0..20)
        .map(|number| {
            let agreed = Agreed { server_bits: 9 + number % 7, ..MINDFUL };
            let message = [prose(3_000), vec![number; 50]].concat();
            let mut deflate = codec(Agreed { server_takeover: false, ..agreed });
            (compressed(&mut deflate, &message), message, reader(agreed), Vec::new())
        })
        .collect();
    for place in 0..4 {
        for (bytes, _, reader, read) in &mut all {
            let quarter = bytes.len() / 4;
            let end = if place == 3 { bytes.len() } else { (place + 1) * quarter };
            reader.inflate(&bytes[place * quarter..end], place == 3, NO_LIMIT, read).unwrap();
        }
    }
    assert!(all.iter().all(|(_, message, _, read)| message == read));
}

fn agreed() -> impl Strategy<Value = Agreed> {
    (any::<bool>(), 9..=15_u8).prop_map(|(server_takeover, server_bits)| Agreed {
        server_takeover,
        server_bits,
        ..FORGETFUL
    })
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "[ab]{0,3000}".prop_map(String::into_bytes),
        (0..100_000_usize).prop_map(prose),
        (0..40_000_usize).prop_map(noise),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_comes_in(
        agreed in agreed(),
        level in 0..=9_u8,
        mem_level in 1..=9_u8,
        messages in proptest::collection::vec((message(), any::<bool>(), proptest::collection::vec(any::<prop::sample::Index>(), 0..6)), 1..6),
    ) {
        let effort = Effort { level, mem_level, threshold: 0 };
        let (mut deflate, mut reader) = (Deflate::new(agreed, effort), reader(agreed));
        for (message, rests, cuts) in messages {
            let mut bytes = Vec::new();
            deflate.compress(&message, &mut bytes);
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let pieces: Vec<_> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert!(inflated(&mut reader, &pieces, message.len()).as_ref() == Ok(&message));
            prop_assert!(agreed.server_takeover || !deflate.holds_memory());
            if rests {
                deflate.rest();
                reader.rest();
                prop_assert!(!deflate.holds_memory() && !reader.holds_memory());
            }
        }
    }

    #[test]
    fn damage_ends_in_a_message_or_an_error(
        message in message(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        size in 1..50_usize,
    ) {
        let mut bytes = compressed(&mut codec(FORGETFUL), &message);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let whole = inflated(&mut codec(FORGETFUL), &[&bytes], 200_000);
        let pieces: Vec<_> = bytes.chunks(size).collect();
        prop_assert!(inflated(&mut codec(FORGETFUL), &pieces, 200_000) == whole);
        prop_assert!(whole.as_ref().err().is_none_or(|error| [1007, 1009].contains(&error.status)));
        prop_assert!(whole.ok().is_none_or(|message| message.len() <= 200_000));
    }
}

#[test]
fn a_thread_knows_what_its_compressors_take() {
    let mut mindful: Vec<_> = (0..4).map(|_| codec(MINDFUL)).collect();
    assert_eq!(kept_memory(), 0);
    for deflate in &mut mindful {
        compressed(deflate, b"message");
        compressed(deflate, b"another");
    }
    compressed(&mut codec(FORGETFUL), b"message");
    let all = kept_memory();
    assert!(all > 4 * 100 * 1024, "{all}");
    mindful[0].rest();
    mindful[1].forget();
    mindful.pop();
    assert_eq!(kept_memory(), all / 4);
    drop(mindful);
    assert_eq!(kept_memory(), 0);
}
