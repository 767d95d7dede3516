//! What one echoed message costs the wire alone: `cargo bench -p asgate-wire --bench websocket`. Prints nanoseconds, with
//! one copy of the input in them; judges nothing.

use std::hint::black_box;
use std::time::Instant;

use wire::{Command, Event, Fields, Limits, Session, Sink};

/// Payload is not copied, as in the server, where it is the application's own bytes.
#[derive(Default)]
struct Out(Vec<u8>);

impl Sink for Out {
    fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
    fn payload(&mut self, _: u64, _: u64) {}
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn main() {
    for length in [32, 1024, 64 * 1024, 1024 * 1024] {
        let (binary, text) = (run(2, length, usize::MAX, ""), run(1, length, usize::MAX, ""));
        let pieces = run(2, length, 64 * 1024 - 1, "");
        let deflate = run(1, length, usize::MAX, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        println!(
            "{length:>8}: binary {binary:9.1} ns, text {text:9.1} ns, in reads {pieces:9.1} ns, deflate out {deflate:9.1} ns"
        );
    }
}

/// Echoes a message that comes in reads of at most `read` bytes.
fn run(opcode: u8, length: usize, read: usize, extra: &str) -> f64 {
    let rounds = (100_000_000 / (length + 1000)).min(1_000_000) as u64;
    let limits = Limits::default();
    let (mut session, mut fields, mut out) = (Session::http1(0), Fields::new(), Out::default());
    session.receive(&mut format!("{REQUEST}{extra}\r\n").into_bytes(), &mut fields, &limits, 0).expect("a handshake");
    let accept = Command::Accept { subprotocol: None, fields: &Fields::new(), base: b"" };
    session.send(1, accept, &mut out, 0).expect("an accept");
    let (message, mut input) = (frame(opcode, length), Vec::new());
    let started = Instant::now();
    for round in 0..rounds {
        out.0.clear();
        for piece in message.chunks(read) {
            input.clear();
            input.extend_from_slice(piece);
            let mut used = 0;
            while let Ok(received) = session.receive(black_box(&mut input[used..]), &mut fields, &limits, round) {
                used += received.consumed;
                let Some(Event::Message { text, bytes, .. }) = received.event else { break };
                session.send(1, Command::Message { text, bytes: &bytes }, &mut out, round).expect("open");
            }
        }
        black_box(&out.0);
    }
    started.elapsed().as_nanos() as f64 / rounds as f64
}

/// A client's frame.
fn frame(opcode: u8, length: usize) -> Vec<u8> {
    let key = [1, 2, 3, 4];
    let mut out = vec![0x80 | opcode];
    match length {
        0..=125 => out.push(0x80 | length as u8),
        126..=0xffff => {
            out.push(0xfe);
            out.extend((length as u16).to_be_bytes());
        }
        _ => {
            out.push(0xff);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(key);
    let letters = "{\"name\": \"value\", \"number\": 12345}".bytes().cycle();
    out.extend(letters.take(length).enumerate().map(|(index, byte)| byte ^ key[index % 4]));
    out
}
