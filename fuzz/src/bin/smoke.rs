//! A bounded fuzz run on stable Rust: `smoke [--iterations N | --seconds N] [--seed N] [--target NAME]`.
//!
//! Begins with the corpus, then mutates it with a few simple strokes; no coverage feedback (that is cargo-fuzz). With
//! `--iterations` (the default) it is deterministic; `--seconds` is per target.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use asgate_fuzz::TARGETS;

const ITERATIONS: u64 = 300_000;
const LONGEST: usize = 400;

/// Pieces that matter to HTTP/1 and WebSocket, to be put anywhere.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b"0",
    b"5",
    b"ffffffffffffffff",
    b"\x7f",
    b"\xff",
    b"Host: a\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"chunked",
    b"Expect: 100-continue\r\n",
    b"TE: trailers\r\n",
    b"GET / HTTP/1.1\r\n",
    b"HTTP/1.0",
    b"HTTP/1.9",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"http://a",
    b"*",
    b"OPTIONS",
    b"CONNECT",
    b"#",
    b"?",
    b"[::1]",
    b"X: y\r\n",
    b"Connection: Upgrade\n",
    b"Upgrade: websocket\n",
    b"Sec-WebSocket-Protocol: a\n",
    b"Sec-WebSocket-Extensions: permessage-deflate",
    b"; server_no_context_takeover",
    b"; client_no_context_takeover",
    b"; server_max_window_bits=10",
    b"; client_max_window_bits",
    b"=\"\\9\"",
    b"\x00\x00\xff\xff",
    b"\x03\x00",
    b"\x81\x83\0\0\0\0abc",
    b"\x01\x81\0\0\0\0a",
    b"\x80\x80\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\x89\x80\0\0\0\0",
    b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0",
    b"\xff\0\0\0\0\0\x01\0\0",
];

const USAGE: &str = "usage: smoke [--iterations N | --seconds N] [--seed N] [--target NAME]";

/// How long to run, and over what.
struct Options {
    iterations: u64,
    time: Option<Duration>,
    seed: u64,
    target: Option<String>,
}

fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let wanted = |name: &str| options.target.as_deref().is_none_or(|only| only == name);
    let chosen: Vec<_> = TARGETS.into_iter().filter(|(name, _)| wanted(name)).collect();
    for (name, check) in &chosen {
        let corpus = corpus(name);
        corpus.iter().for_each(|input| run(name, *check, input));
        let mutations = mutations(name, *check, &corpus, &options);
        println!("{name}: {} of the corpus and {mutations} mutations, seed {}: no finding", corpus.len(), options.seed);
    }
    if chosen.is_empty() {
        eprintln!("{USAGE}; there is no such target");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { iterations: ITERATIONS, time: None, seed: 1, target: None };
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--iterations" => options.iterations = value.parse().ok()?,
            "--seconds" => options.time = Some(Duration::from_secs(value.parse().ok()?)),
            "--seed" => options.seed = value.parse().ok()?,
            "--target" => options.target = Some(value),
            _ => return None,
        }
    }
    Some(options)
}

fn mutations(name: &str, check: fn(&[u8]), corpus: &[Vec<u8>], options: &Options) -> u64 {
    let mut random = Random(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let started = Instant::now();
    let mut count = 0;
    while options.time.map_or(count < options.iterations, |time| started.elapsed() < time) {
        run(name, check, &mutate(corpus, &mut random));
        count += 1;
    }
    count
}

fn run(name: &str, check: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| check(input)) {
        eprintln!("target {name}, input (add it to corpus/{name}): b\"{}\"", input.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

/// The committed inputs in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    let inputs: Vec<_> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = (at + random.below(8)).min(input.len());
        match random.below(7) {
            0 => input.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied()).for_each(drop),
            1 => input.splice(at..end, WORDS[random.below(WORDS.len())].iter().copied()).for_each(drop),
            2 => input.drain(at..end).for_each(drop),
            3 if at < input.len() => input[at] = random.next() as u8,
            4 if at < input.len() => input[at] ^= 1 << random.below(8),
            5 => {
                let copy = input[at..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            _ => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend(&other[from..]);
            }
        }
    }
    input.truncate(LONGEST);
    input
}

/// xorshift64 (Marsaglia 2003): enough for choosing places.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 11) % limit.max(1) as u64) as usize
    }
}
