//! Deadlines under a fake clock: pings into silence, pongs and close frames that do not come, compressors that rest.

use wire::{Limits, Status};

use crate::harness::{Driver, FIN, PING, PONG, Seen, Sent, TEXT, close, frame, sent_close};

const LIMITS: Limits = Limits {
    ping_interval: 20_000,
    ping_timeout: 7_000,
    close_timeout: 10_000,
    deflate_idle: 3_000,
    ..Limits::DEFAULT
};

fn open() -> Driver {
    Driver::new(LIMITS)
}

/// Nothing happens before the deadline. Gives the frame that is sent at it.
fn pinged(driver: &mut Driver) -> Sent {
    let at = driver.deadline().unwrap();
    driver.wait(at - 1).unwrap();
    assert_eq!(driver.written(), []);
    driver.wait(at).unwrap();
    let [ping] = &driver.written()[..] else { panic!("not one frame") };
    assert_eq!(ping.first, FIN | PING);
    ping.clone()
}

/// Nothing happens before the deadline. Gives the status of the error at it.
fn expired(driver: &mut Driver) -> u16 {
    let at = driver.deadline().unwrap();
    driver.wait(at - 1).unwrap();
    driver.wait(at).unwrap_err().status
}

#[test]
fn silence_is_asked_for_a_sign_of_life() {
    let mut driver = open();
    assert_eq!(driver.deadline(), Some(20_000));
    let first = pinged(&mut driver);
    assert_eq!(driver.deadline(), Some(27_000));
    driver.now = 21_000;
    driver.feed(frame(FIN | PONG, &first.payload));
    assert_eq!((driver.deadline(), &driver.seen[..]), (Some(41_000), &[][..]), "a pong is no event");
    let second = pinged(&mut driver);
    assert_ne!(first, second, "pongs can be told from each other");
}

#[test]
fn a_ping_without_an_answer_ends_the_connection() {
    let mut driver = open();
    pinged(&mut driver);
    assert_eq!(expired(&mut driver), 1011);
    assert_eq!(driver.deadline(), None);
    let reason = driver.error.unwrap().reason;
    assert_eq!(driver.refuse(), [sent_close(1011, reason)]);
    assert_eq!(driver.status(), Status::Closing { linger: true });
}

#[test]
fn whoever_says_something_is_there() {
    let mut driver = open();
    driver.now = 15_000;
    driver.feed(frame(FIN | TEXT, "a"));
    assert_eq!(driver.deadline(), Some(35_000));
    pinged(&mut driver);
    // A large frame has begun before the ping came: its bytes are signs of life, and the pong comes behind them.
    let large = frame(FIN | TEXT, "x".repeat(100));
    for (index, piece) in large.chunks(20).enumerate() {
        driver.now = 40_000 + 5_000 * index as u64;
        driver.feed(piece);
        driver.wait(driver.now + 5_000).unwrap();
    }
    assert_eq!((driver.deadline(), driver.written()), (Some(driver.now - 5_000 + 7_000), vec![]));
    assert_eq!(expired(&mut driver), 1011, "no pong, and nothing else either");
}

#[test]
fn only_the_right_pong_answers() {
    let mut driver = open();
    driver.feed(frame(FIN | PONG, "nobody asked"));
    let ping = pinged(&mut driver);
    driver.now = 21_000;
    for wrong in [&b""[..], b"nobody asked", &ping.payload[1..]] {
        driver.feed(frame(FIN | PONG, wrong));
        assert_eq!(driver.deadline(), Some(28_000), "heard, but not answered");
    }
    driver.feed(frame(FIN | PONG, ping.payload));
    assert_eq!(driver.deadline(), Some(41_000));
}

#[test]
fn who_is_not_read_cannot_be_heard() {
    let mut driver = open();
    driver.session.set_reading(false, 5_000);
    pinged(&mut driver);
    assert_eq!(driver.deadline(), Some(40_000), "no pong is owed, but silence is broken");
    let ping = pinged(&mut driver);
    driver.now = 50_000;
    driver.session.set_reading(true, 50_000);
    driver.session.set_reading(true, 50_100);
    assert_eq!(driver.deadline(), Some(57_000), "what lies in the socket can be read now");
    driver.feed(frame(FIN | PONG, ping.payload));
    assert_eq!(driver.deadline(), Some(70_000));
}

#[test]
fn who_has_ended_its_side_is_not_pinged() {
    for pinged_before in [false, true] {
        let mut driver = open();
        if pinged_before {
            pinged(&mut driver);
        }
        driver.session.set_reading(false, 5_000);
        driver.session.peer_leaves();
        assert_eq!(driver.deadline(), None, "it could not answer");
        driver.wait(1_000_000).unwrap();
        assert_eq!(driver.written(), []);
        driver.session.set_reading(true, 1_000_000);
        driver.feed(frame(FIN | TEXT, "said before"));
        assert_eq!((driver.deadline(), driver.seen.len()), (None, 1));
        driver.close(1000, "").unwrap();
        assert_eq!(driver.deadline(), Some(1_010_000), "a close frame that lies there unread is waited for");
    }
}

#[test]
fn no_ping_is_due_while_anything_waits_to_be_written() {
    let mut driver = open();
    driver.session.set_flushed(false, 5_000);
    assert_eq!(driver.deadline(), None);
    driver.wait(1_000_000).unwrap();
    assert_eq!(driver.written(), []);
    driver.session.set_flushed(true, 1_000_000);
    driver.session.set_flushed(true, 1_000_100);
    assert_eq!(driver.deadline(), Some(1_020_000), "what was taken last was a sign of life");
    pinged(&mut driver);
}

#[test]
fn no_pong_is_owed_while_anything_waits_to_be_written() {
    let mut driver = open();
    let ping = pinged(&mut driver);
    driver.session.set_flushed(false, 21_000);
    assert_eq!(driver.deadline(), None);
    driver.wait(1_000_000).unwrap();
    driver.session.set_flushed(true, 1_000_000);
    assert_eq!(driver.deadline(), Some(1_007_000), "the ping is out");
    driver.feed(frame(FIN | PONG, ping.payload));
    assert_eq!(driver.deadline(), Some(1_020_000));
}

#[test]
fn a_close_frame_is_answered_once_it_is_out() {
    let mut driver = open();
    driver.session.set_flushed(false, 1_000);
    driver.now = 2_000;
    driver.close(1000, "").unwrap();
    assert_eq!(driver.deadline(), None, "it lies behind what is not written yet");
    driver.wait(1_000_000).unwrap();
    driver.session.set_flushed(true, 1_000_000);
    assert_eq!((driver.deadline(), expired(&mut driver)), (Some(1_010_000), 0));
}

#[test]
fn zero_is_never() {
    let mut driver = Driver::new(Limits { ping_interval: 0, ..LIMITS });
    assert_eq!(driver.deadline(), None);
    driver.wait(1_000_000).unwrap();
    assert_eq!(driver.written(), []);
}

#[test]
fn who_may_owe_a_pong_for_ever_is_asked_again_and_again() {
    let mut driver = Driver::new(Limits { ping_timeout: 0, ..LIMITS });
    let pings: Vec<_> = [20_000, 40_000, 60_000]
        .map(|due| {
            assert_eq!(driver.deadline(), Some(due));
            pinged(&mut driver).payload
        })
        .into();
    assert!(pings.windows(2).all(|pair| pair[0] != pair[1]));
    driver.now = 65_000;
    driver.feed(frame(FIN | PONG, &pings[1]));
    assert_eq!(driver.deadline(), Some(85_000));
}

#[test]
fn our_close_frame_is_answered_in_time() {
    let mut driver = open();
    pinged(&mut driver);
    driver.now = 25_000;
    driver.close(1000, "").unwrap();
    assert_eq!(driver.deadline(), Some(35_000), "no pong is awaited any more");
    driver.now = 30_000;
    driver.feed(frame(FIN | TEXT, "on and on"));
    assert_eq!((driver.deadline(), expired(&mut driver)), (Some(35_000), 0), "talking on gives no further time");
    driver.out.bytes.clear();
    assert_eq!(driver.refuse(), []);
    assert_eq!((driver.status(), driver.deadline()), (Status::Closing { linger: false }, None));
}

#[test]
fn an_answered_close_has_no_deadline() {
    let mut driver = open();
    driver.close(1000, "").unwrap();
    driver.feed(close(1000, ""));
    assert_eq!(driver.deadline(), None);
    driver.wait(1_000_000).unwrap();
    assert_eq!(driver.seen, [Seen::Closed(1000, String::new())]);
}

#[test]
fn a_compressor_is_given_back_when_it_rests() {
    let limits = Limits { deflate_takeover: true, ping_interval: 0, deflate_threshold: 0, ..LIMITS };
    let mut driver = Driver::compressing(limits, "permessage-deflate");
    assert_eq!(driver.deadline(), None, "nothing was compressed");
    driver.now = 1_000;
    driver.message(true, "hello");
    assert_eq!(driver.deadline(), Some(4_000));
    driver.now = 2_000;
    driver.message(true, "hello");
    let [first, second] = &driver.written()[..] else { panic!("not two frames") };
    assert!(second.payload.len() < first.payload.len(), "the second refers to the first");
    assert_eq!(driver.deadline(), Some(5_000));
    driver.wait(4_999).unwrap();
    assert_eq!(driver.deadline(), Some(5_000));
    driver.wait(5_000).unwrap();
    assert_eq!(driver.deadline(), None);
    driver.message(true, "hello");
    assert_eq!(driver.written(), std::slice::from_ref(first), "a fresh one refers to nothing");
}

#[test]
fn a_compressor_rests_whatever_waits_to_be_written() {
    let limits = Limits { deflate_takeover: true, deflate_threshold: 0, ..LIMITS };
    let mut driver = Driver::compressing(limits, "permessage-deflate");
    driver.message(true, "hello");
    driver.session.set_flushed(false, 0);
    assert_eq!(driver.deadline(), Some(3_000));
    driver.wait(3_000).unwrap();
    assert_eq!(driver.deadline(), None);
}

#[test]
fn without_takeover_nothing_rests() {
    let limits = Limits { ping_interval: 0, deflate_threshold: 0, ..LIMITS };
    let mut driver = Driver::compressing(limits, "permessage-deflate");
    driver.message(true, "hello, hello, hello, hello");
    assert_eq!(driver.deadline(), None);
}

#[test]
fn a_clock_that_stands_still_or_jumps_breaks_nothing() {
    let mut driver = open();
    driver.now = u64::MAX - 10;
    driver.feed(frame(FIN | TEXT, "a"));
    assert_eq!(driver.deadline(), Some(u64::MAX));
    driver.session.set_reading(false, 0);
    driver.session.set_reading(true, 0);
    driver.session.set_flushed(false, 0);
    driver.session.set_flushed(true, 0);
    driver.wait(5).unwrap();
    assert_eq!(driver.written(), []);
}
