//! `http1/pace`: deadlines under a fake clock.

use wire::{Command, Limits, Status};

use crate::harness::Driver;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n";

const LIMITS: Limits = Limits {
    request_line: 8192,
    head_bytes: 65_536,
    head_fields: 100,
    head_timeout: 30_000,
    idle_timeout: 75_000,
    body_bytes: 0,
    body_rate: 100,
    body_grace: 10_000,
    drain_bytes: 10_000_000,
    chunk_line: 4096,
    ..Limits::DEFAULT
};

fn driver_at(now: u64) -> Driver {
    let mut driver = Driver::with(LIMITS);
    driver.session = wire::Session::http1(now);
    driver.now = now;
    driver
}

fn deadline(driver: &Driver) -> Option<u64> {
    driver.session.next_timeout(&driver.limits)
}

/// Nothing happens before the deadline; the error at it.
fn expire(driver: &mut Driver) -> u16 {
    let at = deadline(driver).unwrap();
    driver.session.handle_timeout(&driver.limits, &mut driver.out, at - 1).unwrap();
    let error = driver.session.handle_timeout(&driver.limits, &mut driver.out, at).unwrap_err();
    driver.error = Some(error);
    error.status
}

#[test]
fn a_silent_new_connection_is_closed_without_a_word() {
    let mut driver = driver_at(1000);
    assert_eq!((deadline(&driver), expire(&mut driver)), (Some(31_000), 0));
    assert_eq!(driver.refuse(), "");
    assert_eq!(driver.status(), Status::Closing { linger: false });
    assert_eq!(deadline(&driver), None);
}

#[test]
fn a_head_has_its_time_from_its_first_byte() {
    let mut driver = driver_at(0);
    driver.now = 5000;
    driver.feed("G");
    driver.now = 20_000;
    driver.feed("E");
    assert_eq!((deadline(&driver), expire(&mut driver)), (Some(35_000), 408), "further bytes give no further time");
    assert!(driver.refuse().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: true });
}

#[test]
fn a_head_that_is_begun_does_not_hold_up_the_end_of_all() {
    for (begun, deadline_) in [(0, 26_000), (24_500, 26_000)] {
        let mut driver = driver_at(0);
        driver.now = begun;
        driver.feed("G");
        driver.session.hurry(26_000);
        driver.session.close();
        driver.now = 25_900;
        driver.feed("E");
        assert_eq!((deadline(&driver), expire(&mut driver)), (Some(deadline_), 408));
        assert!(driver.error.unwrap().reason.starts_with("The server stops"));
        assert!(driver.refuse().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    }
    let mut driver = driver_at(0);
    driver.feed("G");
    driver.session.hurry(40_000);
    assert_eq!((deadline(&driver), expire(&mut driver)), (Some(30_000), 408), "nobody gets more time by it");
    assert!(driver.error.unwrap().reason.starts_with("The request head took too long"));
}

#[test]
fn a_connection_may_idle_between_requests() {
    let mut driver = driver_at(0);
    driver.feed(GET);
    assert_eq!(deadline(&driver), None, "the application may take its time");
    driver.now = 50_000;
    driver.respond(200, &[], Some(0), 0);
    assert_eq!(deadline(&driver), Some(125_000));
    driver.now = 60_000;
    driver.feed("\r\n");
    assert_eq!((deadline(&driver), expire(&mut driver)), (Some(125_000), 0), "empty lines give no further time");
    assert_eq!(driver.status(), Status::Closing { linger: false });
}

#[test]
fn a_body_has_a_rate() {
    let mut driver = driver_at(0);
    driver.feed(POST);
    assert_eq!(deadline(&driver), Some(10_000), "the grace time");
    driver.now = 9000;
    driver.feed(vec![b'a'; 500]);
    assert_eq!(deadline(&driver), Some(10_000), "500 bytes pay for 5 s");
    driver.now = 9500;
    driver.feed(vec![b'a'; 1500]);
    assert_eq!(deadline(&driver), Some(20_001), "2000 bytes pay for 20 s");
    assert_eq!(expire(&mut driver), 408);
    assert!(driver.refuse().starts_with("HTTP/1.1 408 "));
}

#[test]
fn a_body_that_is_not_read_costs_the_peer_nothing() {
    let mut driver = driver_at(0);
    driver.feed(POST);
    driver.now = 4000;
    driver.session.set_reading(false, 4000);
    driver.session.set_reading(false, 5000);
    assert_eq!(deadline(&driver), None);
    driver.session.handle_timeout(&LIMITS, &mut driver.out, 1_000_000).unwrap();
    driver.session.set_reading(true, 1_000_000);
    driver.session.set_reading(true, 1_000_500);
    assert_eq!((deadline(&driver), expire(&mut driver)), (Some(1_006_000), 408), "4 s of 10 were spent");
}

#[test]
fn a_pause_before_the_body_does_not_count() {
    let mut driver = driver_at(0);
    driver.session.set_reading(false, 0);
    driver.now = 1000;
    driver.feed(POST);
    assert_eq!(deadline(&driver), None);
    driver.session.set_reading(true, 50_000);
    assert_eq!(deadline(&driver), Some(60_000));
}

#[test]
fn who_waits_for_continue_is_not_slow() {
    let mut driver = driver_at(0);
    driver.feed(POST.replace("Host", "Expect: 100-continue\r\nHost"));
    assert_eq!(deadline(&driver), None);
    driver.now = 40_000;
    driver.send(Command::Continue).unwrap();
    assert_eq!(deadline(&driver), Some(50_000));
}

#[test]
fn rate_zero_is_off() {
    let mut driver = driver_at(0);
    driver.limits.body_rate = 0;
    driver.feed(POST);
    assert_eq!(deadline(&driver), None);
}

#[test]
fn draining_has_an_end() {
    let mut driver = driver_at(0);
    driver.feed(POST);
    driver.now = 1000;
    driver.respond(200, &[], Some(0), 0);
    assert_eq!(driver.status(), Status::Draining);
    driver.now = 20_000;
    driver.feed("aaaa");
    assert_eq!((deadline(&driver), expire(&mut driver)), (Some(31_000), 0));
    driver.out.take();
    assert_eq!(driver.refuse(), "");
    assert!(matches!(driver.status(), Status::Closing { .. }));
}

#[test]
fn a_clock_that_stands_still_or_jumps_breaks_nothing() {
    let mut driver = driver_at(u64::MAX - 10);
    driver.feed(POST);
    assert_eq!(deadline(&driver), Some(u64::MAX));
    driver.session.set_reading(false, 0);
    driver.session.set_reading(true, 0);
    driver.session.handle_timeout(&LIMITS, &mut driver.out, 5).unwrap();
}
