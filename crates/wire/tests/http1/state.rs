//! `http1/state`: which command and which event may follow which, and what becomes of the connection.

use wire::{Command, Fault, Fields, Status};

use crate::harness::Driver;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";

#[test]
fn the_life_of_a_connection() {
    let mut driver = Driver::new();
    assert_eq!(driver.status(), Status::Idle);
    driver.feed("G");
    assert_eq!(driver.status(), Status::Receiving);
    driver.feed(&GET[1..]);
    assert_eq!(driver.status(), Status::Busy);
    driver.head(200, &[], None, false).unwrap();
    assert_eq!(driver.status(), Status::Busy);
    driver.body(1, true).unwrap();
    assert_eq!(driver.status(), Status::Idle);
    driver.feed("\r\n");
    assert_eq!(driver.status(), Status::Idle, "empty lines begin nothing");
    driver.feed(POST);
    driver.respond(200, &[], Some(1), 1);
    assert_eq!(driver.status(), Status::Draining);
    driver.feed("hello");
    assert_eq!(driver.status(), Status::Idle);
}

#[test]
fn commands_out_of_order_change_nothing() {
    let mut driver = Driver::new();
    assert!(driver.head(200, &[], None, false).is_err(), "no request");
    assert!(driver.send(Command::Continue).is_err(), "no request");
    driver.feed(GET);
    assert_eq!(driver.body(1, false).unwrap_err().fault, Fault::Caller, "body before head");
    driver.head(200, &[], None, false).unwrap();
    assert!(driver.head(200, &[], None, false).is_err(), "head twice");
    driver.body(1, true).unwrap();
    for result in [driver.head(200, &[], None, false), driver.body(0, true), driver.trailers(&[]), driver.hint(&[])] {
        assert_eq!(result.unwrap_err().fault, Fault::Caller, "after the end");
    }
    driver.send(Command::Continue).unwrap();
    driver.stream = 2;
    assert!(driver.head(200, &[], None, false).is_err(), "a stream that is not there yet");
    driver.feed(GET);
    driver.stream = 1;
    assert!(driver.head(200, &[], None, false).is_err(), "a stream that is over");
    assert!(driver.send(Command::Continue).is_err(), "a stream that is over");
    driver.stream = 2;
    driver.respond(200, &[], None, 0);
    assert_eq!(driver.status(), Status::Idle);
}

#[test]
fn closing_takes_no_further_request() {
    let mut driver = Driver::new();
    driver.session.close();
    assert_eq!(driver.status(), Status::Closing { linger: false });
    driver.feed(GET);
    assert!(driver.seen.is_empty() && driver.buffer.is_empty(), "what still comes is thrown away");

    let mut driver = Driver::fed(GET);
    driver.session.close();
    assert_eq!(driver.status(), Status::Busy);
    assert!(driver.respond(200, &[], Some(0), 0).contains("\r\nconnection: close\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: true });

    let mut driver = Driver::fed(GET);
    driver.head(200, &[], Some(0), false).unwrap();
    driver.session.close();
    assert!(!driver.out.take().contains("close"), "too late to say so");
    driver.body(0, true).unwrap();
    assert_eq!(driver.status(), Status::Closing { linger: true });

    let mut driver = Driver::fed("GET / HT");
    driver.session.close();
    assert_eq!(driver.status(), Status::Receiving, "a request on its way is still taken");
    driver.feed("TP/1.1\r\nHost: a\r\n\r\n");
    assert!(driver.respond(200, &[], Some(0), 0).contains("\r\nconnection: close\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: true });

    let mut driver = Driver::fed(POST);
    driver.respond(200, &[], Some(0), 0);
    driver.session.close();
    assert_eq!(driver.status(), Status::Closing { linger: true }, "draining ends at once");
}

#[test]
fn the_end_of_input() {
    let mut driver = Driver::new();
    driver.eof();
    assert_eq!((driver.seen.len(), driver.status()), (0, Status::Closing { linger: false }), "idle");

    let mut driver = Driver::fed("GET / HT");
    driver.eof();
    assert_eq!((driver.seen.len(), driver.status()), (0, Status::Closing { linger: false }), "within a head");

    for body in ["", "hel"] {
        let mut driver = Driver::fed(format!("{POST}{body}"));
        driver.eof();
        assert_eq!(driver.seen.last(), Some(&crate::harness::Seen::Reset { stream: 1 }), "ASGI-100");
        assert_eq!(driver.status(), Status::Closing { linger: false });
        assert!(driver.head(400, &[], None, false).is_err());
        driver.eof();
        assert_eq!(driver.requests().len(), 1);
    }

    let mut driver = Driver::fed(GET);
    driver.eof();
    assert_eq!((driver.seen.len(), driver.status()), (1, Status::Busy), "a half-closed client is answered");
    assert!(driver.respond(200, &[], Some(0), 0).contains("\r\nconnection: close\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: false });

    let mut driver = Driver::fed(POST);
    driver.respond(200, &[], Some(0), 0);
    driver.eof();
    assert_eq!(
        (driver.seen.len(), driver.status()),
        (1, Status::Closing { linger: false }),
        "draining: nobody to tell"
    );

    let mut driver = Driver::fed("\0");
    driver.refuse();
    assert_eq!(driver.status(), Status::Closing { linger: true });
    driver.eof();
    assert_eq!(driver.status(), Status::Closing { linger: false }, "nothing more to linger for");
}

#[test]
fn an_aborted_response_is_visibly_short() {
    let mut driver = Driver::fed(GET);
    driver.head(200, &[], None, false).unwrap();
    driver.body(1, false).unwrap();
    driver.out.take();
    driver.session.abort(7);
    assert_eq!(driver.status(), Status::Busy, "another stream's");
    driver.session.abort(1);
    assert_eq!(driver.status(), Status::Closing { linger: false });
    assert!(driver.body(1, true).is_err());
    assert!(driver.out.0.is_empty() && !driver.session.must_reset());

    let mut driver = Driver::fed(POST);
    driver.session.abort(1);
    assert_eq!(driver.status(), Status::Closing { linger: true }, "the upload still runs");

    let mut driver = Driver::fed(GET);
    driver.respond(200, &[], None, 1);
    driver.session.abort(1);
    assert_eq!(driver.status(), Status::Idle, "complete: nothing to abort");

    let mut driver = Driver::fed("GET / HTTP/1.0\r\n\r\n");
    driver.head(200, &[], None, false).unwrap();
    driver.body(1, false).unwrap();
    driver.session.abort(1);
    assert!(driver.session.must_reset(), "only a reset shows that a close-delimited body is short");
}

#[test]
fn a_refusal_while_an_exchange_runs() {
    let bad = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    let mut driver = Driver::fed(bad);
    assert!(driver.refuse().starts_with("HTTP/1.1 400 "));
    assert_eq!(driver.status(), Status::Closing { linger: true });
    assert!(driver.head(200, &[], None, false).is_err());

    let mut driver = Driver::fed(&bad[..bad.len() - 4]);
    driver.head(200, &[], None, false).unwrap();
    driver.out.take();
    driver.feed("zz\r\n");
    assert_eq!(driver.error.unwrap().status, 400);
    assert_eq!(driver.refuse(), "", "a response had begun");
    assert_eq!(driver.status(), Status::Closing { linger: true });

    // Who does not refuse may still let the exchange answer; nothing more is read, and then it closes.
    let mut driver = Driver::fed(bad);
    assert!(!driver.session.wants_input());
    assert_eq!(driver.status(), Status::Busy);
    assert!(driver.respond(422, &[], Some(0), 0).contains("\r\nconnection: close\r\n"));
    assert_eq!(driver.status(), Status::Closing { linger: true });

    // The same when the peer then ends its side: it can still read.
    let mut driver = Driver::fed(bad);
    driver.eof();
    assert_eq!(driver.status(), Status::Busy);
    assert!(driver.refuse().starts_with("HTTP/1.1 400 "));

    let mut driver = Driver::new();
    driver.session.refuse(&wire::Error::peer(503, "Full."), &Fields::new(), b"", &mut driver.out);
    assert_eq!((driver.out.0.len(), driver.status()), (0, Status::Closing { linger: false }), "idle: nothing is said");
}
