//! What one request costs the wire alone: `cargo bench -p asgate-wire`. Prints nanoseconds; judges nothing.

use std::hint::black_box;
use std::time::Instant;

use wire::{Command, Event, Fields, Limits, Session, Sink};

#[derive(Default)]
struct Out(Vec<u8>);

impl Sink for Out {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
    fn payload(&mut self, from: u64, to: u64) {
        self.0.extend_from_slice(&b"Hello, World!"[from as usize..to as usize]);
    }
}

const PLAIN: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive\r\n\r\n";
const BROWSER: &[u8] =
    b"GET /app/items/42?page=3&sort=name HTTP/1.1\r\nHost: localhost:8000\r\nConnection: keep-alive\r\n\
Cache-Control: max-age=0\r\nUpgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; csrftoken=abcdefghijklmnopqrstuvwxyz\r\n\r\n";
const CHUNKED: &[u8] =
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

fn main() {
    for (name, input) in [("plain", PLAIN), ("browser", BROWSER), ("chunked", CHUNKED)] {
        println!("{name:>8}: receive {:6.1} ns, whole exchange {:6.1} ns", run(input, false), run(input, true));
    }
}

fn run(input: &[u8], answer: bool) -> f64 {
    const ROUNDS: u32 = 1_000_000;
    let (limits, mut fields, mut out, mut head) = (Limits::default(), Fields::new(), Out::default(), Fields::new());
    let mut base = Vec::new();
    head.append(&mut base, b"content-type", b"text/plain");
    head.append(&mut base, b"date", b"Thu, 01 Jan 1970 00:00:00 GMT");
    head.append(&mut base, b"server", b"asgate");
    let mut session = Session::http1(0);
    let mut input = input.to_vec();
    let started = Instant::now();
    for round in 0..u64::from(ROUNDS) {
        if !answer {
            session = Session::http1(0);
        }
        let (mut used, mut stream) = (0, 0);
        while let Ok(received) = session.receive(black_box(&mut input[used..]), &mut fields, &limits, round) {
            used += received.consumed;
            match black_box(received.event) {
                Some(Event::Request { stream: current, .. }) => stream = current,
                Some(_) => {}
                None => break,
            }
        }
        if answer {
            out.0.clear();
            let start = Command::Head { status: 200, fields: &head, base: &base, length: Some(13), trailers: false };
            session.send(stream, start, &mut out, round).expect("a good head");
            session.send(stream, Command::Body { length: 13, end: true }, &mut out, round).expect("a good body");
            black_box(&out.0);
        }
    }
    started.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}
