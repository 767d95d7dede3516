//! UTF-8 in pieces: every character cut everywhere, and every kind of byte that is none, found as early as can be.

use wire::Limits;

use crate::harness::{Driver, FIN, TEXT, feed, frame, refused, text};

const WORDS: &str =
    "κόσμε ßµ† € 日本 𝄞 \u{0}\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{fffd}\u{ffff}\u{10000}\u{10ffff}";

#[test]
fn characters_may_be_cut_between_frames() {
    let bytes = WORDS.as_bytes();
    for cut in 0..=bytes.len() {
        let input = [frame(TEXT, &bytes[..cut]), frame(FIN, &bytes[cut..])].concat();
        assert_eq!(feed(input).seen, [text(WORDS)], "cut at {cut}");
    }
    let single: Vec<u8> = bytes.iter().flat_map(|byte| frame(0, [*byte])).collect();
    assert_eq!(feed([frame(TEXT, ""), single, frame(FIN, "")].concat()).seen, [text(WORDS)]);
}

/// Bytes that no continuation can mend, each without its last byte still possible.
const WRONG: &[&[u8]] = &[
    b"\x80",
    b"\xbf",
    b"\xc0",
    b"\xc1",
    b"\xc2\x00",
    b"\xc2\xc2",
    b"\xdf\x7f",
    b"\xe0\x9f",
    b"\xe0\xa0\x00",
    b"\xed\xa0",
    b"\xed\xbf",
    b"\xef\xbf\xc0",
    b"\xf0\x8f",
    b"\xf0\x90\x80\x7f",
    b"\xf4\x90",
    b"\xf5",
    b"\xf8",
    b"\xfe",
    b"\xff",
];

#[test]
fn a_wrong_byte_is_found_at_once() {
    for wrong in WRONG {
        for before in ["", "a", "κ", "0123456789abcdefghij"] {
            let payload = [before.as_bytes(), wrong].concat();
            refused(frame(FIN | TEXT, &payload), 1007);
            // The first frame of many, of which the wrong byte is not the last.
            let mut driver = Driver::new(Limits::default());
            let start = frame(TEXT, [&payload[..], b"more"].concat());
            let wrong_at = start.len() - 5;
            driver.feed(&start[..wrong_at]);
            assert_eq!(driver.error, None, "{payload:02x?}");
            driver.feed(&start[wrong_at..=wrong_at]);
            assert_eq!(driver.error.unwrap().status, 1007, "{payload:02x?}");
        }
    }
}

#[test]
fn a_text_does_not_end_inside_a_character() {
    for character in ["ß", "€", "𝄞"] {
        for length in 1..character.len() {
            let bytes = &character.as_bytes()[..length];
            refused(frame(FIN | TEXT, bytes), 1007);
            refused([frame(TEXT, bytes), frame(FIN, "")].concat(), 1007);
            refused([frame(TEXT, ""), frame(FIN, bytes)].concat(), 1007);
        }
    }
}

#[test]
fn binary_messages_are_any_bytes() {
    for wrong in WRONG {
        assert_eq!(feed(frame(FIN | 2, wrong)).error, None);
        assert_eq!(feed([frame(2, wrong), frame(FIN, wrong)].concat()).error, None);
    }
}
