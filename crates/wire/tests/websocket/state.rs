//! What may follow what: fragments, the close handshake from either side, and what is over.

use wire::{Command, Fields, Limits, Status};

use crate::harness::{
    BINARY, CLOSE, Driver, FIN, PING, PONG, Seen, TEXT, close, feed, frame, refused, sent, sent_close, text,
};

fn open() -> Driver {
    Driver::new(Limits::default())
}

#[test]
fn fragments_belong_to_one_message() {
    refused(frame(FIN, "a"), 1002);
    refused(frame(0, ""), 1002);
    assert_eq!(refused([frame(FIN | TEXT, "a"), frame(FIN, "b")].concat(), 1002), [text("a")]);
    for opcode in [TEXT, BINARY, FIN | TEXT, FIN | BINARY] {
        assert_eq!(refused([frame(TEXT, "a"), frame(opcode, "b")].concat(), 1002), []);
        assert_eq!(refused([frame(BINARY, ""), frame(0, ""), frame(opcode, "")].concat(), 1002), []);
    }
}

#[test]
fn the_peer_closes() {
    for (input, seen, answer) in [
        (close(1000, ""), Seen::Closed(1000, String::new()), sent_close(1000, "")),
        (close(4001, "bye"), Seen::Closed(4001, "bye".into()), sent_close(4001, "")),
        (frame(FIN | CLOSE, ""), Seen::Closed(1005, String::new()), sent(FIN | CLOSE, "")),
    ] {
        let outcome = feed(input);
        assert_eq!((outcome.seen, outcome.written), (vec![seen], vec![answer]));
        assert_eq!(outcome.status, Status::Closing { linger: true }, "it may not have kept to its word");
    }
}

#[test]
fn the_peer_closes_and_waits_for_the_answer() {
    let mut driver = open();
    driver.feed(close(1001, ""));
    assert_eq!((driver.status(), driver.session.wants_input(), driver.deadline()), (Status::Busy, false, None));
    driver.message(true, "what was on its way");
    driver.close(1000, "own words").unwrap();
    assert_eq!(driver.written(), [sent(FIN | TEXT, "what was on its way"), sent_close(1000, "own words")]);
    assert_eq!(driver.status(), Status::Closing { linger: true });
}

#[test]
fn we_close() {
    let mut driver = open();
    driver.close(3000, "enough").unwrap();
    assert_eq!(driver.written(), [sent_close(3000, "enough")]);
    assert_eq!((driver.status(), driver.session.wants_input()), (Status::Busy, true));
    driver.feed(close(3000, "enough"));
    assert_eq!(driver.seen, [Seen::Closed(3000, "enough".into())]);
    assert_eq!((driver.status(), driver.session.wants_input()), (Status::Closing { linger: false }, false));
    assert_eq!(driver.deadline(), None);
}

#[test]
fn both_close_at_once() {
    let mut driver = open();
    driver.close(1000, "").unwrap();
    driver.answers = true;
    driver.feed(close(4000, "me first"));
    assert_eq!(driver.written(), [sent_close(1000, "")], "one close frame is enough");
    assert_eq!(driver.status(), Status::Closing { linger: false });
}

#[test]
fn nothing_is_sent_behind_a_close_frame() {
    let mut driver = open();
    driver.close(1000, "").unwrap();
    for command in [
        Command::Message { text: true, bytes: b"a" },
        Command::Pong { bytes: b"" },
        Command::Close { code: 1000, reason: "" },
    ] {
        driver.send(command).unwrap_err();
    }
}

#[test]
fn what_comes_behind_a_close_frame_is_dropped() {
    for rest in [frame(FIN | TEXT, "late"), frame(FIN | PING, ""), close(1000, ""), vec![0xff; 100], vec![0x81]] {
        let mut driver = open();
        driver.answers = true;
        driver.feed([close(1000, ""), rest.clone()].concat());
        driver.feed(rest);
        assert_eq!((driver.seen.len(), driver.error, driver.buffer.len()), (1, None, 0));
    }
}

#[test]
fn behind_our_close_frame_only_a_close_frame_is_looked_for() {
    let late = [
        frame(FIN | TEXT, "late"),
        frame(FIN | TEXT, b"\xff"),
        frame(FIN | PING, "?"),
        frame(FIN | PONG, "!"),
        frame(FIN, "continues nothing"),
        frame(BINARY, vec![0; 70_000]),
        frame(FIN | TEXT, "begins inside"),
        [&[0x82, 0xff][..], &u64::to_be_bytes(1 << 20), &[0; 4], &vec![0; 1 << 20]].concat(),
        close(1000, "at last"),
        frame(FIN | TEXT, "too late"),
    ];
    let limits = Limits { message_bytes: 10, ..Limits::default() };
    for size in [1, 3, 1000, usize::MAX] {
        let mut driver = Driver::new(limits);
        driver.close(1000, "").unwrap();
        late.concat().chunks(size).for_each(|piece| driver.feed(piece));
        assert_eq!((driver.seen, driver.error), (vec![Seen::Closed(1000, "at last".into())], None));
    }
    let mut driver = open();
    driver.close(1000, "").unwrap();
    driver.feed([0x83]);
    assert_eq!(driver.error.unwrap().status, 1002, "what cannot be read cannot be passed over");
    driver.out.bytes.clear();
    assert_eq!(driver.refuse(), [], "the one close frame was sent");
    assert!(matches!(driver.status(), Status::Closing { .. }));
}

#[test]
fn a_message_that_we_closed_upon_is_passed_over() {
    let whole = frame(FIN | TEXT, "x".repeat(1000));
    let mut driver = open();
    driver.feed(&whole[..500]);
    driver.close(1000, "").unwrap();
    driver.feed(&whole[500..]);
    driver.feed(frame(FIN | CLOSE, ""));
    assert_eq!((driver.seen, driver.error), (vec![Seen::Closed(1005, String::new())], None));
}

#[test]
fn close_codes_of_the_peer() {
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        assert_eq!(feed(close(code, "")).seen, [Seen::Closed(code, String::new())]);
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        refused(close(code, ""), 1002);
    }
    refused(frame(FIN | CLOSE, [3]), 1002);
    assert_eq!(feed(close(1000, "x".repeat(123))).seen, [Seen::Closed(1000, "x".repeat(123))]);
    refused(close(1000, b"\xff"), 1007);
    refused(close(1000, b"caf\xc3"), 1007);
}

#[test]
fn close_codes_of_ours() {
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 4999]) {
        let mut driver = open();
        driver.close(code, &"é".repeat(61)).unwrap();
        assert_eq!(driver.written(), [sent_close(code, &"é".repeat(61))]);
    }
    let mut driver = open();
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        driver.close(code, "").unwrap_err();
    }
    driver.close(1000, &"é".repeat(62)).unwrap_err();
    driver.feed(close(1000, ""));
    driver.close(1005, "a reason without a code").unwrap_err();
    driver.close(1005, "").unwrap();
}

#[test]
fn the_end_of_input_without_a_close_frame() {
    let mut driver = open();
    driver.eof();
    driver.eof();
    assert_eq!((&driver.seen[..], driver.status()), (&[Seen::Reset][..], Status::Closing { linger: false }));
    driver.send(Command::Message { text: true, bytes: b"" }).unwrap_err();
    let mut driver = open();
    driver.close(1000, "").unwrap();
    driver.eof();
    assert_eq!((&driver.seen[..], driver.status()), (&[Seen::Reset][..], Status::Closing { linger: false }));
}

#[test]
fn the_end_of_input_behind_a_close_frame_is_none_of_its_own() {
    let mut driver = open();
    driver.feed(close(1000, ""));
    driver.eof();
    assert_eq!((driver.seen.len(), driver.status()), (1, Status::Busy), "the answer can still be read");
    driver.close(1000, "").unwrap();
    assert_eq!(driver.status(), Status::Closing { linger: false });
}

#[test]
fn a_fault_is_told_in_a_close_frame() {
    for (input, code) in [(frame(FIN | 3, ""), 1002), (frame(FIN | TEXT, b"\xff"), 1007)] {
        let mut driver = open();
        driver.feed(input);
        let reason = driver.error.unwrap().reason;
        assert!(reason.len() <= 123, "a reason that does not fit is not told: {reason}");
        assert_eq!(driver.refuse(), [sent_close(code, reason)]);
        assert_eq!(driver.status(), Status::Closing { linger: true });
        assert_eq!(driver.refuse(), [], "once");
    }
}

#[test]
fn nothing_is_taken_behind_a_fault() {
    let mut driver = open();
    driver.feed(frame(FIN | 3, ""));
    let rest = &mut frame(FIN | TEXT, "a")[..];
    let length = rest.len();
    let received = driver.session.receive(rest, &mut Fields::new(), &Limits::default(), 0).unwrap();
    assert_eq!(received, wire::Received { consumed: length, event: None, more: false });
    assert_eq!((driver.session.wants_input(), driver.deadline()), (false, None));
}

#[test]
fn an_abort_says_nothing() {
    let mut driver = open();
    driver.session.abort(7);
    assert_eq!(driver.status(), Status::Busy, "another stream");
    driver.session.abort(1);
    assert_eq!(driver.status(), Status::Closing { linger: true });
    assert_eq!(driver.written(), []);
    assert!(!driver.session.must_reset());
    driver.close(1000, "").unwrap_err();
}

#[test]
fn the_polite_end_leaves_open_ones_to_their_close_frames() {
    let mut driver = open();
    driver.session.announce_end();
    driver.session.close();
    assert_eq!(driver.status(), Status::Busy);
    driver.close(1012, "").unwrap();
    assert_eq!(driver.status(), Status::Busy);
    driver.session.close();
    assert_eq!(driver.status(), Status::Closing { linger: true }, "nobody waits for the answer any more");
}
