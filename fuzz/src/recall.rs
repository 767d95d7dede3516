//! Remembered heads. Outcomes: with a memory comes out what comes out without one, also for heads that differ in a byte
//! from remembered ones; what a name stands for never changes; and nothing is kept that must not be.

use std::collections::HashMap;

use wire::{Command, Event, Fields, Head, Limits, Received, Session};

use crate::harness::Out;
use crate::head;

/// A handshake is to be told from other requests, and never kept: its key is new each time.
const LIMITS: Limits = Limits { websocket: true, ..head::LIMITS };

/// The longest head that may be kept.
const LONGEST: usize = 1024;

/// Heads asked for in each round: the one that is given, and so many that differ a little.
const VARIANTS: usize = 4;

/// The target. The first two bytes choose where the variants differ, and by which byte.
pub fn check(data: &[u8]) {
    let [place, change, input @ ..] = data else { return };
    let mut memory = Memory { fields: Fields::remembering(), names: HashMap::new() };
    let variants: Vec<_> = (0..VARIANTS).map(|kind| variant(input, *place, *change, kind)).collect();
    for _ in 0..2 {
        for variant in &variants {
            compare(input, &mut memory);
            compare(variant, &mut memory);
        }
    }
}

/// `input` with one byte changed, added, removed, or put at another place.
fn variant(input: &[u8], place: u8, change: u8, kind: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    let at = usize::from(place) * bytes.len() / 256;
    match kind {
        0 => bytes[at] = change,
        1 => bytes.insert(at, change),
        2 => drop(bytes.remove(at)),
        _ => bytes.swap(at, usize::from(change) * input.len() / 256),
    }
    bytes
}

struct Memory {
    fields: Fields,
    /// Slot and generation, and the bytes for which they were given out.
    names: HashMap<(usize, u64), Vec<u8>>,
}

/// Takes `input` through two new connections, one with the memory; asserts that nothing differs.
fn compare(input: &[u8], memory: &mut Memory) {
    let (mut plain, mut remembering) = (Session::http1(0), Session::http1(0));
    let mut rest = input;
    loop {
        let mut fields = Fields::new();
        let (mut input, mut copy) = (rest.to_vec(), rest.to_vec());
        let expected = plain.receive(&mut input, &mut fields, &LIMITS, 0);
        let found = remembering.receive(&mut copy, &mut memory.fields, &LIMITS, 0);
        assert_eq!(found, expected);
        let Ok(Received { consumed, event: Some(event), .. }) = expected else { return };
        if let Event::Request { head, .. } | Event::Handshake { head, .. } = event {
            assert_eq!(memory.fields.spans(), fields.spans());
            once_more(&head, &fields, memory);
        }
        if let Event::Request { stream, head: Head { has_body: false, .. } }
        | Event::Handshake { stream, .. }
        | Event::Body { stream, end: true, .. } = event
        {
            assert_eq!(answer(&mut remembering, stream), answer(&mut plain, stream));
        }
        assert_eq!(remembering.status(), plain.status());
        rest = &rest[consumed..];
    }
}

/// The same head at once again: it is remembered exactly when it may be.
fn once_more(head: &Head<'_>, fields: &Fields, memory: &mut Memory) {
    let mut input = head.base.to_vec();
    let found = Session::http1(0).receive(&mut input, &mut memory.fields, &LIMITS, 0);
    let Ok(Received { event: Some(Event::Request { head: again, .. } | Event::Handshake { head: again, .. }), .. }) =
        found
    else {
        panic!("no request the second time: {found:?}")
    };
    assert_eq!((&again, memory.fields.spans()), (head, fields.spans()));
    let known = memory.fields.known();
    assert_eq!(known.is_some(), may_be_kept(head, fields));
    if let Some(known) = known {
        let bytes = memory.names.entry((known.slot, known.generation)).or_insert_with(|| head.base.to_vec());
        assert_eq!(bytes, head.base, "{known:?} stands for two heads");
    }
}

/// No body, an origin-form target, moderate size, no credentials, no wish for another protocol.
fn may_be_kept(head: &Head<'_>, fields: &Fields) -> bool {
    let secret =
        |name: &[u8]| [&b"cookie"[..], b"authorization", b"proxy-authorization"].contains(&&*name.to_ascii_lowercase());
    let upgrades = |(name, value): (&[u8], &[u8])| {
        let mut options = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        name.eq_ignore_ascii_case(b"connection") && options.any(|option| option.eq_ignore_ascii_case(b"upgrade"))
    };
    head.body_length.is_none()
        && !head.has_body
        && head.authority.is_none()
        && head.path.starts_with(b"/")
        && head.base.len() <= LONGEST
        && !fields.iter(head.base).any(|(name, _)| secret(name))
        && !fields.iter(head.base).any(upgrades)
}

/// An empty 200: whether the connection persists shows in its bytes.
fn answer(session: &mut Session, stream: u64) -> Vec<u8> {
    let mut out = Out::default();
    let head = Command::Head { status: 200, fields: &Fields::new(), base: b"", length: Some(0), trailers: false };
    for command in [head, Command::Body { length: 0, end: true }] {
        session.send(stream, command, &mut out, 0).expect("an empty answer is legal");
    }
    out.0
}
