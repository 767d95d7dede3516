//! `http1/connection`: what only shows when head, body and response meet: expectations, early answers, cost.

use wire::{Command, Limits, Status};

use crate::harness::Driver;

const EXPECT: &str = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

#[test]
fn a_connection_is_small() {
    assert!(size_of::<wire::Session>() < 200, "{}", size_of::<wire::Session>());
}

#[test]
fn continue_is_said_once_and_only_while_it_is_awaited() {
    let mut driver = Driver::fed(EXPECT);
    driver.send(Command::Continue).unwrap();
    driver.send(Command::Continue).unwrap();
    assert_eq!(driver.out.take(), CONTINUE);
    driver.feed("hello");
    assert!(!driver.respond(200, &[], Some(0), 0).contains("close"), "the expectation was met");
    assert_eq!(driver.status(), Status::Idle);

    let mut driver = Driver::fed(format!("{EXPECT}h"));
    driver.send(Command::Continue).unwrap();
    assert_eq!(driver.out.take(), "", "the body has begun without");

    let mut driver = Driver::fed(EXPECT);
    driver.head(200, &[], None, false).unwrap();
    driver.out.take();
    driver.send(Command::Continue).unwrap();
    assert_eq!(driver.out.take(), "", "ASGI-092: not after a final head");

    for request in [NEXT.to_owned(), EXPECT.replace("Expect", "X-Expect"), EXPECT.replace("1.1", "1.0")] {
        let mut driver = Driver::fed(request);
        driver.send(Command::Continue).unwrap();
        assert_eq!(driver.out.take(), "", "not expected");
    }
}

#[test]
fn an_unanswered_expectation_closes() {
    // RFC 9110 section 10.1.1: whether the body will come cannot be known, so the next bytes cannot be read.
    let mut driver = Driver::fed(EXPECT);
    assert!(driver.respond(413, &[], Some(0), 0).contains("\r\nconnection: close\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: true });
    driver.feed(NEXT);
    assert_eq!(driver.requests().len(), 1);
}

#[test]
fn an_early_answer_lets_the_body_run_out() {
    for (head, body) in
        [(EXPECT.replace("Expect", "X"), "hello"), (CHUNKED.to_owned(), "5\r\nhello\r\n0\r\nX: y\r\n\r\n")]
    {
        for early in 0..=1 {
            let mut driver = Driver::fed(format!("{head}{}", &body[..early]));
            assert!(!driver.respond(200, &[], Some(0), 0).contains("close"));
            assert_eq!(driver.status(), Status::Draining);
            let events = driver.seen.len();
            assert!(driver.session.wants_input());
            body[early..].bytes().for_each(|byte| driver.feed([byte]));
            assert_eq!((driver.status(), driver.seen.len()), (Status::Idle, events), "no event for drained bytes");
            driver.feed(NEXT);
            assert_eq!(driver.requests().last().unwrap().path, "/next");

            // The same with the next request in the same piece (ASGI-098: it is not read from body bytes).
            let mut driver = Driver::fed(&head);
            driver.respond(200, &[], Some(0), 0);
            driver.feed(format!("{body}{NEXT}"));
            assert_eq!(driver.requests().last().unwrap().path, "/next");
        }
    }
}

fn limited(drain_bytes: u64) -> Driver {
    Driver::with(Limits { drain_bytes, ..Limits::default() })
}

#[test]
fn a_body_too_long_to_drain_is_announced_by_a_close() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    let mut driver = limited(9);
    driver.feed(head);
    assert!(driver.respond(200, &[], Some(0), 0).contains("\r\nconnection: close\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: true });

    for (drain, already) in [(10, ""), (9, "1")] {
        let mut driver = limited(drain);
        driver.feed(format!("{head}{already}"));
        assert!(!driver.respond(200, &[], Some(0), 0).contains("close"));
        assert_eq!(driver.status(), Status::Draining);
        driver.feed(&"123456789"[already.len()..]);
        driver.feed("0");
        assert_eq!(driver.status(), Status::Idle, "exactly the limit");
    }

    let mut driver = limited(9);
    driver.feed(head);
    driver.head(200, &[], None, false).unwrap();
    assert!(driver.out.take().contains("\r\nconnection: close\r\n"));
    driver.feed("0123456789");
    assert_eq!(driver.received_body(), (b"0123456789".to_vec(), true), "the application may read on");
    driver.body(0, true).unwrap();
    assert_eq!(driver.status(), Status::Closing { linger: true }, "but said is said");
}

#[test]
fn draining_chunks_is_bounded() {
    let mut driver = limited(20);
    driver.feed(CHUNKED);
    driver.respond(200, &[], Some(0), 0);
    driver.feed("ff\r\n0123456789");
    assert_eq!(driver.status(), Status::Draining);
    driver.feed("0123456789");
    assert_eq!(driver.status(), Status::Closing { linger: true });
    driver.feed("more");
    assert!(driver.buffer.is_empty() && driver.error.is_none());

    let mut driver = limited(0);
    driver.feed(CHUNKED);
    assert!(driver.respond(200, &[], Some(0), 0).contains("\r\nconnection: close\r\n"), "0: never drain");
    assert_eq!(driver.status(), Status::Closing { linger: true });

    let mut driver = limited(1000);
    driver.feed(CHUNKED);
    driver.respond(200, &[], Some(0), 0);
    driver.feed("zz\r\n");
    assert_eq!(driver.error.unwrap().status, 400, "a bad body is bad while draining, too");
    assert_eq!(driver.out.0.iter().filter(|&&byte| byte == b'H').count(), 1);
    driver.out.take();
    assert_eq!(driver.refuse(), "");
}

#[test]
fn reading_goes_on_while_the_response_is_sent() {
    let mut driver = Driver::fed(CHUNKED);
    driver.head(200, &[], None, false).unwrap();
    driver.feed("2\r\nhi\r\n");
    driver.body(2, false).unwrap();
    driver.feed("0\r\n\r\n");
    assert_eq!((driver.received_body(), driver.status()), ((b"hi".to_vec(), true), Status::Busy));
    driver.body(0, true).unwrap();
    assert_eq!(driver.status(), Status::Idle);
}

#[test]
fn a_bad_request_behind_a_good_one_waits_for_its_turn() {
    let mut driver = Driver::fed(format!("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n{}", "bad request\r\n\r\n"));
    assert_eq!(driver.error, None);
    driver.respond(200, &[], Some(0), 0);
    driver.run();
    assert_eq!(driver.error.unwrap().status, 400);
    driver.out.take();
    assert!(driver.refuse().ends_with(".\n"), "the refusal has a body: HEAD was the request before");
}
