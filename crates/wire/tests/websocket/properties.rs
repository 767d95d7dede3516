//! Properties: what holds for any messages in any fragments, for any bytes and for any sequence of operations.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use wire::websocket::deflate::{Agreed, Deflate, Effort};
use wire::{Command, Limits, Status};

use crate::harness::{CLOSE, Driver, FIN, Outcome, PING, PONG, RSV1, Seen, fed_in_pieces, masked, sent};
use crate::operations;

/// A message as it was meant.
#[derive(Clone, Debug)]
struct Sample {
    text: bool,
    bytes: Vec<u8>,
    compressed: bool,
    /// Where it is cut into frames.
    cuts: Vec<prop::sample::Index>,
    /// Control frames, each behind the fragment of the same number.
    controls: Vec<(bool, Vec<u8>)>,
    keys: [u8; 4],
}

impl Sample {
    fn payload(&self, client: &mut Deflate) -> Vec<u8> {
        if !self.compressed {
            return self.bytes.clone();
        }
        let mut out = Vec::new();
        client.compress(&self.bytes, &mut out);
        out
    }

    /// Writes the frames; gives what is to be seen of them.
    fn write(&self, client: &mut Deflate, out: &mut Vec<u8>) -> Vec<Seen> {
        let mut seen = Vec::new();
        let payload = self.payload(client);
        let pieces = cut(&payload, &self.cuts);
        let mut key = self.keys;
        for (index, piece) in pieces.iter().enumerate() {
            let mut first = if index > 0 { 0 } else { 2 - u8::from(self.text) };
            first |= if index == 0 && self.compressed { RSV1 } else { 0 };
            first |= if index + 1 == pieces.len() { FIN } else { 0 };
            key = key.map(|byte| byte.wrapping_mul(5).wrapping_add(3));
            out.extend(masked(first, piece, key));
            if let Some((ping, bytes)) = self.controls.get(index)
                && index + 1 < pieces.len()
            {
                out.extend(masked(FIN | if *ping { PING } else { PONG }, bytes, key));
                seen.extend(ping.then(|| Seen::Ping(bytes.clone())));
            }
        }
        seen.push(Seen::Message { text: self.text, bytes: self.bytes.clone() });
        seen
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let content = prop_oneof![
        "[ -~]{0,200}".prop_map(|text| (true, text.into_bytes())),
        "\\PC{0,60}".prop_map(|text| (true, text.into_bytes())),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (false, bytes)),
        (0..70_000_usize, any::<u8>()).prop_map(|(length, byte)| (false, vec![byte; length])),
    ];
    let control = (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..125));
    (
        content,
        any::<bool>(),
        proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        proptest::collection::vec(control, 0..4),
        any::<[u8; 4]>(),
    )
        .prop_map(|((text, bytes), compressed, cuts, controls, keys)| Sample {
            text,
            bytes,
            compressed,
            cuts,
            controls,
            keys,
        })
}

/// Cuts `bytes` at arbitrary places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// A server's limits and a client's offer, and the client's side of what comes of it.
fn terms(takeover: bool) -> (Limits, Deflate) {
    let limits = Limits { deflate_takeover: takeover, deflate_bits: 15, deflate_threshold: 20, ..Limits::DEFAULT };
    let agreed = Agreed { server_takeover: takeover, client_takeover: takeover, server_bits: 15, client_bits: 15 };
    (limits, Deflate::new(agreed, Effort::of(&limits)))
}

fn open(limits: Limits) -> Driver {
    Driver::compressing(limits, "permessage-deflate")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn messages_arrive_as_they_were_meant(
        samples in proptest::collection::vec(sample(), 1..5),
        takeover in any::<bool>(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (limits, mut client) = terms(takeover);
        let mut bytes = Vec::new();
        let mut expected: Vec<_> = samples.iter().flat_map(|sample| sample.write(&mut client, &mut bytes)).collect();
        bytes.extend(masked(FIN | CLOSE, b"\x0f\xa1bye", [1, 2, 3, 4]));
        expected.push(Seen::Closed(4001, "bye".into()));
        for pieces in [vec![&bytes[..]], cut(&bytes, &cuts), bytes.chunks(7).collect()] {
            let driver = fed_in_pieces(pieces, || open(limits));
            prop_assert_eq!(driver.error, None);
            prop_assert_eq!(&driver.seen, &expected);
            prop_assert_eq!(driver.status(), Status::Closing { linger: true });
        }
    }

    #[test]
    fn messages_leave_as_they_were_meant(samples in proptest::collection::vec(sample(), 1..6), takeover in any::<bool>()) {
        let (limits, mut client) = terms(takeover);
        let mut driver = open(limits);
        for sample in &samples {
            driver.message(sample.text, &sample.bytes);
        }
        let written = driver.written();
        prop_assert_eq!(written.len(), samples.len());
        for (frame, sample) in written.iter().zip(&samples) {
            let mut message = frame.payload.clone();
            if frame.first & RSV1 > 0 {
                message.clear();
                client.inflate(&frame.payload, true, usize::MAX, &mut message).unwrap();
            }
            prop_assert_eq!(frame.first & !RSV1, FIN | (2 - u8::from(sample.text)));
            prop_assert!(takeover || frame.first & RSV1 == 0 || frame.payload.len() < sample.bytes.len());
            prop_assert_eq!(&message, &sample.bytes);
        }
    }

    #[test]
    fn any_bytes_end_in_events_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let plain = || Driver::new(Limits::default());
        let whole = Outcome::of(fed_in_pieces([&bytes[..]], plain));
        prop_assert_eq!(&whole, &Outcome::of(fed_in_pieces(cut(&bytes, &cuts), plain)));
        prop_assert!(whole.code().is_none_or(|code| [1002, 1007, 1009].contains(&code)));
    }

    #[test]
    fn damaged_messages_end_in_events_or_an_error(
        samples in proptest::collection::vec(sample(), 1..3),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_usize), 1..4),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let (limits, mut client) = terms(false);
        let mut bytes = Vec::new();
        samples.iter().for_each(|sample| { sample.write(&mut client, &mut bytes); });
        for (at, put, cut) in damage {
            let at = at.index(bytes.len().min(64));
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, [put]);
        }
        let whole = Outcome::of(fed_in_pieces([&bytes[..]], || open(limits)));
        let pieces = Outcome::of(fed_in_pieces(cut(&bytes, &cuts), || open(limits)));
        prop_assert_eq!((&whole.seen, whole.status), (&pieces.seen, pieces.status));
        prop_assert_eq!(whole.code(), pieces.code());
        prop_assert!(whole.code().is_none_or(|code| [1002, 1007, 1009].contains(&code)));
    }

    #[test]
    fn any_operations_keep_the_rules(data in proptest::collection::vec(any::<u8>(), 0..160)) {
        operations::run(&data);
    }
}

#[test]
fn a_ping_between_any_two_bytes_of_fragments() {
    let mut bytes = Vec::new();
    for (first, piece) in [(1, "a"), (0, "b"), (0, ""), (FIN, "c")] {
        bytes.extend(masked(first, piece, [9; 4]));
        bytes.extend(masked(FIN | PING, piece, [8; 4]));
    }
    for size in 1..bytes.len() {
        let mut driver = fed_in_pieces(bytes.chunks(size), || Driver::new(Limits::default()));
        assert_eq!(driver.seen.len(), 5);
        let pongs = ["a", "b", "", "c"].map(|piece| sent(FIN | PONG, piece));
        assert_eq!(driver.written(), pongs);
        driver.send(Command::Pong { bytes: b"" }).unwrap();
    }
}
