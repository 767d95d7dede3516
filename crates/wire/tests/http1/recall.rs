//! `http1/recall`: a remembered head means what it meant when it was parsed, whatever else was seen in between.

use wire::http1::recall::{Recall, is_secret};
use wire::{Event, Fields, Head, Limits, Session};

/// What can be told of a request: everything but its address.
type Told = (String, Vec<(Vec<u8>, Vec<u8>)>);

fn told(head: &Head<'_>, fields: &Fields) -> Told {
    let text = format!(
        "{:?} {:?} {:?} {:?} {:?} {} {:?} {} {}",
        head.method,
        head.path,
        head.query,
        head.authority,
        head.version,
        head.has_body,
        head.body_length,
        head.expects_continue,
        head.accepts_trailers
    );
    let list = fields.iter(head.base).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    (text, list)
}

/// Takes one head through a new connection; tells what came and whether it was remembered.
fn ask(bytes: &[u8], fields: &mut Fields) -> (Told, bool) {
    let mut session = Session::http1(0);
    let mut bytes = bytes.to_vec();
    let received = session.receive(&mut bytes, fields, &Limits::default(), 0).unwrap();
    let Some(Event::Request { head, .. }) = received.event else { panic!("no request: {received:?}") };
    (told(&head, fields), fields.known().is_some())
}

fn heads() -> Vec<Vec<u8>> {
    let mut heads = Vec::new();
    for number in 0..4 * Recall::SLOTS {
        heads.push(format!("GET /a/{number:04}/z HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"));
    }
    for line in [
        "GET / HTTP/1.1",
        "GET /? HTTP/1.1",
        "GET /?a HTTP/1.1",
        "GET /a?? HTTP/1.1",
        "GET / HTTP/1.0",
        "HEAD / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://h/p?q HTTP/1.1",
    ] {
        for more in
            ["", "TE: trailers\r\n", "Connection: close\r\n", "Content-Length: 0\r\n", "Empty:\r\n", "E: \t\r\n"]
        {
            heads.push(format!("{line}\r\nHost: a\r\n{more}\r\n"));
        }
    }
    heads.into_iter().map(String::into_bytes).collect()
}

#[test]
fn a_remembered_head_means_what_a_parsed_one_means() {
    let mut remembering = Fields::remembering();
    let mut recalled = 0;
    for round in 0..3 {
        for head in &heads() {
            let fresh = ask(head, &mut Fields::new()).0;
            for _ in 0..2 {
                let (found, known) = ask(head, &mut remembering);
                assert_eq!(found, fresh, "round {round}: {}", String::from_utf8_lossy(head));
                recalled += usize::from(known);
            }
        }
    }
    assert!(recalled > 1000, "only {recalled} were remembered");
}

#[test]
fn one_byte_of_difference_is_another_head() {
    let mut remembering = Fields::remembering();
    let head = b"GET /a/b HTTP/1.1\r\nHost: a\r\nX: abcdefghijklmnopqrstuvwxyz\r\n\r\n";
    ask(head, &mut remembering);
    assert!(ask(head, &mut remembering).1);
    for index in head.windows(3).position(|found| found == b"abc").unwrap()..head.len() - 4 {
        let mut other = head.to_vec();
        other[index] = b'0';
        let (found, known) = ask(&other, &mut remembering);
        assert!(!known);
        assert_eq!(found, ask(&other, &mut Fields::new()).0);
    }
}

#[test]
fn generations_tell_a_slots_heads_apart() {
    let mut remembering = Fields::remembering();
    let mut generations = std::collections::HashMap::new();
    for head in heads() {
        ask(&head, &mut remembering);
        ask(&head, &mut remembering);
        if let Some(known) = remembering.known() {
            assert!(known.generation > 0);
            let before = generations.insert(known.slot, known.generation);
            assert!(before.is_none_or(|before| before < known.generation));
        }
    }
}

#[test]
fn credentials_bodies_and_long_heads_are_not_remembered() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1024));
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nAUTHORIZATION: secret\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nProxy-Authorization: secret\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        &long,
    ] {
        let mut remembering = Fields::remembering();
        ask(head.as_bytes(), &mut remembering);
        assert!(!ask(head.as_bytes(), &mut remembering).1, "{head}");
    }
    assert!(is_secret(b"Cookie") && !is_secret(b"accept"));
}
