//! The machine as a whole: size, pings, what is sent and how, commands that do not belong here.

use wire::websocket::deflate::{Agreed, Deflate, Effort};
use wire::{Command, Event, Fields, Limits, Status};

use crate::harness::{BINARY, Driver, FIN, PING, PONG, RSV1, Seen, Sent, TEXT, feed, frame, sent, text};

#[test]
fn a_connection_is_small() {
    assert!(size_of::<wire::websocket::Connection>() <= 256, "{}", size_of::<wire::websocket::Connection>());
    assert!(size_of::<wire::Session>() <= 264, "{}", size_of::<wire::Session>());
}

#[test]
fn pings_are_answered_with_their_bytes() {
    let outcome = feed([frame(FIN | PING, ""), frame(FIN | PING, [0xff; 125])].concat());
    assert_eq!(outcome.seen, [Seen::Ping(Vec::new()), Seen::Ping(vec![0xff; 125])]);
    assert_eq!(outcome.written, [sent(FIN | PONG, ""), sent(FIN | PONG, [0xff; 125])]);
}

#[test]
fn pongs_that_nobody_asked_for_are_ignored() {
    let outcome = feed([frame(FIN | PONG, ""), frame(FIN | PONG, "x"), frame(FIN | TEXT, "a")].concat());
    assert_eq!((outcome.seen, outcome.status), (vec![text("a")], Status::Busy));
}

/// How many calls it takes to look at `count` of these frames, which come to no event.
fn idle_calls(driver: &mut Driver, frame: &[u8], count: usize) -> usize {
    let mut input = frame.repeat(count);
    let (mut used, mut calls) = (0, 1);
    loop {
        let received = driver.session.receive(&mut input[used..], &mut Fields::new(), &driver.limits, 0).unwrap();
        assert_eq!(received.event, None);
        used += received.consumed;
        if !received.more {
            assert_eq!(used, input.len());
            return calls;
        }
        assert!(received.consumed > 0 && used < input.len(), "there is no more");
        calls += 1;
    }
}

#[test]
fn frames_that_come_to_nothing_are_taken_some_at_a_time() {
    let mut open = Driver::new(Limits::default());
    open.feed(frame(TEXT, "a"));
    let mut closed = Driver::new(Limits::default());
    closed.close(1000, "").unwrap();
    let mut check = |closes: bool, frame: &[u8]| {
        let driver = if closes { &mut closed } else { &mut open };
        assert_eq!(idle_calls(driver, frame, 100), 1);
        assert!((100..1000).contains(&idle_calls(driver, frame, 100_000)));
    };
    check(false, &frame(FIN | PONG, ""));
    check(false, &frame(0, ""));
    check(true, &frame(FIN | PING, ""));
    check(true, &frame(FIN | TEXT, ""));
    check(true, &frame(FIN | BINARY, "x"));
}

#[test]
fn more_bytes_are_needed_where_no_more_can_be_looked_at() {
    // The last frame is cut at every place where a call may have had enough.
    for count in 250..260 {
        let whole = frame(FIN | PONG, "x");
        let mut driver = Driver::new(Limits::default());
        driver.feed([&whole.repeat(count)[..], &whole[..3]].concat());
        assert_eq!(driver.buffer.len(), 3, "{count}");
        driver.feed([&whole[3..], &frame(FIN | TEXT, "a")].concat());
        assert_eq!(driver.seen, [text("a")], "{count}");
    }
}

#[test]
fn a_pong_has_125_bytes() {
    let mut driver = Driver::new(Limits::default());
    driver.send(Command::Pong { bytes: &[0; 125] }).unwrap();
    driver.send(Command::Pong { bytes: &[0; 126] }).unwrap_err();
}

#[test]
fn commands_of_http_do_not_belong_here() {
    let fields = Fields::new();
    let mut driver = Driver::new(Limits::default());
    for command in [
        Command::Continue,
        Command::Hint { fields: &fields, base: b"" },
        Command::Head { status: 200, fields: &fields, base: b"", length: None, trailers: false },
        Command::Body { length: 0, end: true },
        Command::Trailers { fields: &fields, base: b"" },
        Command::Accept { subprotocol: None, fields: &fields, base: b"" },
    ] {
        driver.send(command).unwrap_err();
    }
    let message = Command::Message { text: true, bytes: b"" };
    let error = driver.session.send(2, message, &mut driver.out, 0).unwrap_err();
    assert_eq!(error.fault, wire::Fault::Caller, "another stream");
}

#[test]
fn messages_go_out_in_one_frame_each() {
    let mut driver = Driver::new(Limits::default());
    driver.message(true, "");
    driver.message(false, "");
    driver.message(true, "ä");
    driver.message(false, vec![9; 100_000]);
    let expected =
        [sent(FIN | TEXT, ""), sent(FIN | BINARY, ""), sent(FIN | TEXT, "ä"), sent(FIN | BINARY, vec![9; 100_000])];
    assert_eq!(driver.written(), expected);
}

#[test]
fn what_a_few_bytes_inflate_to_is_made_some_at_a_time() {
    let mut driver = Driver::compressing(Limits::DEFAULT, "permessage-deflate");
    let agreed = Agreed { client_bits: 15, server_bits: 15, client_takeover: false, server_takeover: false };
    let mut bomb = Vec::new();
    Deflate::new(agreed, Effort { level: 9, mem_level: 9, threshold: 0 }).compress(&vec![b'a'; 15 << 20], &mut bomb);
    let mut input = frame(FIN | TEXT | RSV1, &bomb);
    let (mut used, mut calls) = (0, 0);
    loop {
        let received = driver.session.receive(&mut input[used..], &mut Fields::new(), &driver.limits, 0).unwrap();
        (used, calls) = (used + received.consumed, calls + 1);
        if !received.more {
            assert!(matches!(received.event, Some(Event::Message { bytes, .. }) if bytes.len() == 15 << 20));
            break;
        }
    }
    // A mebibyte fills a call, and the piece that fills it makes at most one more.
    assert!((7..=15).contains(&calls), "{calls} calls");
}

const COMPRESSING: Limits = Limits { deflate_threshold: 50, ..Limits::DEFAULT };

/// What the client makes of compressed frames: `client_takeover` says here that the server's context is kept.
fn inflated(frames: &[Sent], takeover: bool) -> Vec<Vec<u8>> {
    let agreed = Agreed { server_takeover: false, client_takeover: takeover, server_bits: 15, client_bits: 15 };
    let mut deflate = Deflate::new(agreed, Effort::of(&COMPRESSING));
    let mut inflate = |frame: &Sent| {
        let mut message = Vec::new();
        match frame.first & RSV1 {
            0 => message.clone_from(&frame.payload),
            _ => deflate.inflate(&frame.payload, true, usize::MAX, &mut message).unwrap(),
        }
        message
    };
    frames.iter().map(&mut inflate).collect()
}

#[test]
fn messages_from_the_threshold_on_are_compressed() {
    let mut driver = Driver::compressing(COMPRESSING, "permessage-deflate");
    let messages = ["a".repeat(49), "a".repeat(50), "ab".repeat(200), "abc".repeat(50_000), String::new()];
    messages.iter().for_each(|message| driver.message(true, message));
    let written = driver.written();
    let firsts: Vec<u8> = written.iter().map(|frame| frame.first).collect();
    assert_eq!(firsts, [0x81, 0xc1, 0xc1, 0xc1, 0x81]);
    assert!(written[3].payload.len() < 3000);
    assert_eq!(inflated(&written, false), messages.map(String::into_bytes));
}

/// Bytes that no compressor makes smaller.
fn noise(length: usize, mut seed: u32) -> Vec<u8> {
    let step = |_| {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as u8
    };
    (0..length).map(step).collect()
}

#[test]
fn what_does_not_shrink_goes_as_it_is() {
    let mut driver = Driver::compressing(COMPRESSING, "permessage-deflate");
    for length in [50, 125, 126, 65_535, 65_536, 100_000] {
        driver.message(false, noise(length, 7));
        assert_eq!(driver.written(), [sent(FIN | BINARY, noise(length, 7))], "{length}");
    }
}

#[test]
fn what_the_compressor_will_refer_to_goes_compressed() {
    let limits = Limits { deflate_takeover: true, deflate_bits: 15, ..COMPRESSING };
    let mut driver = Driver::compressing(limits, "permessage-deflate");
    // Around the lengths where a header has another size, on its own side and on the other.
    let messages: Vec<_> = [50, 120, 125, 126, 130, 140, 65_500, 65_535].map(|length| noise(length, 3)).into();
    messages.iter().for_each(|message| driver.message(false, message));
    let written = driver.written();
    assert!(written.iter().all(|frame| frame.first == FIN | RSV1 | BINARY));
    assert!(written[0].payload.len() > 50, "no smaller");
    assert!(written[2].payload.len() < 125, "it refers to the first ones");
    assert_eq!(inflated(&written, true), messages);
}

#[test]
fn without_an_agreement_nothing_is_compressed() {
    let mut driver = Driver::new(COMPRESSING);
    driver.message(true, "a".repeat(5000));
    assert_eq!(driver.written(), [sent(FIN | TEXT, "a".repeat(5000))]);
}
