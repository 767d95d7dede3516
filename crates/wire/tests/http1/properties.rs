//! Properties: what holds for any request, any bytes and any sequence of operations.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use wire::Limits;

use crate::harness::{Driver, Request, Seen, fed_in_pieces, in_pieces};
use crate::operations;

/// A request as it was meant, and as it is written.
#[derive(Clone, Debug)]
struct Sample {
    path: String,
    query: Option<String>,
    method: String,
    fields: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Length(Vec<u8>),
    Chunked { chunks: Vec<(Vec<u8>, String)>, last: String, trailers: Vec<(String, String)> },
}

impl Sample {
    fn bytes(&self) -> Vec<u8> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut out = format!("{} {}{query} HTTP/1.1\r\nHost: example.org\r\n", self.method, self.path).into_bytes();
        write_fields(&mut out, &self.fields);
        match &self.body {
            Body::None => out.extend(b"\r\n"),
            Body::Length(bytes) => {
                out.extend(format!("Content-Length: {}\r\n\r\n", bytes.len()).bytes());
                out.extend(bytes);
            }
            Body::Chunked { chunks, last, trailers } => {
                out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for (data, extension) in chunks {
                    out.extend(format!("{:X}{extension}\r\n", data.len()).bytes());
                    out.extend(data);
                    out.extend(b"\r\n");
                }
                out.extend(format!("{last}\r\n").bytes());
                write_fields(&mut out, trailers);
                out.extend(b"\r\n");
            }
        }
        out
    }

    fn matches(&self, request: &Request, body: Option<&Seen>) {
        assert_eq!((&request.method, &request.path), (&self.method, &self.path));
        assert_eq!(request.query, self.query.clone().unwrap_or_default());
        let fields: Vec<_> = request.fields.iter().skip(1).take(self.fields.len()).collect();
        for ((name, value), (sent_name, sent_value)) in fields.into_iter().zip(&self.fields) {
            assert_eq!((name.as_slice(), value.as_slice()), (sent_name.as_bytes(), sent_value.trim().as_bytes()));
        }
        let expected = match &self.body {
            Body::None => None,
            Body::Length(bytes) => (!bytes.is_empty()).then(|| bytes.clone()),
            Body::Chunked { chunks, .. } => Some(chunks.iter().flat_map(|(data, _)| data.clone()).collect()),
        };
        assert_eq!(request.has_body, expected.is_some());
        let got = body.map(|body| match body {
            Seen::Body { bytes, end: true, .. } => bytes.clone(),
            other => panic!("not a whole body: {other:?}"),
        });
        assert_eq!(got, expected);
    }
}

fn write_fields(out: &mut Vec<u8>, fields: &[(String, String)]) {
    fields.iter().for_each(|(name, value)| out.extend(format!("{name}:{value}\r\n").bytes()));
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    // The prefix keeps them clear of the fields that mean something to us.
    proptest::collection::vec(
        ("x-[A-Za-z0-9!#$%&'*+.^_`|~-]{0,40}", "[ \t]?[!-~][ -~\u{e0}-\u{ff}\t]{0,60}[!-~][ \t]?"),
        0..12,
    )
}

fn body() -> impl Strategy<Value = Body> {
    let data = || proptest::collection::vec(any::<u8>(), 1..300);
    let extension = "( ?; ?[a-z]{1,8}(=[a-z0-9]{1,8}|=\"[ -!#-\\[\\]-~]{0,8}\")?){0,2}";
    prop_oneof![
        Just(Body::None),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Body::Length),
        (proptest::collection::vec((data(), extension), 0..6), "0{1,5}(;[a-z]{1,5})?", fields())
            .prop_map(|(chunks, last, trailers)| Body::Chunked { chunks, last, trailers }),
    ]
}

fn sample() -> impl Strategy<Value = Sample> {
    let path = "/[A-Za-z0-9%:@!$&'()*+,;=._~/-]{0,60}";
    let query = proptest::option::of("[A-Za-z0-9%:@!$&'()*+,;=._~/?-]{0,60}");
    let method = "GET|POST|PUT|DELETE|PATCH|OPTIONS|[A-Z!#$%&'*+.^_`|~-]{1,12}";
    (path, query, method, fields(), body()).prop_filter_map("CONNECT", |(path, query, method, fields, body)| {
        (method != "CONNECT").then_some(Sample { path, query, method, fields, body })
    })
}

/// Cuts `bytes` at arbitrary places.
fn cut<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// What may come out of any bytes at all.
fn is_allowed(driver: &Driver) -> bool {
    driver.error.is_none_or(|error| [400, 413, 414, 417, 431, 501, 505].contains(&error.status))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn good_requests_arrive_as_they_were_meant(
        samples in proptest::collection::vec(sample(), 1..4),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = samples.iter().flat_map(Sample::bytes).collect();
        let whole = in_pieces(&bytes, Limits::default(), &[1, 7]);
        let driver = fed_in_pieces(cut(&bytes, &cuts), Limits::default());
        prop_assert_eq!(driver.error, None);
        prop_assert_eq!(&driver.seen, &whole.seen);
        let mut seen = driver.seen.iter().peekable();
        for sample in &samples {
            let Some(Seen::Request(request)) = seen.next() else { panic!("a request was lost") };
            sample.matches(request, seen.next_if(|next| matches!(next, Seen::Body { .. })));
        }
        prop_assert!(seen.next().is_none());
    }

    #[test]
    fn any_bytes_end_in_events_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = in_pieces(&bytes, Limits::default(), &[1, 3]);
        let driver = fed_in_pieces(cut(&bytes, &cuts), Limits::default());
        prop_assert_eq!((&driver.seen, driver.error), (&whole.seen, whole.error));
        prop_assert!(is_allowed(&driver));
    }

    #[test]
    fn damaged_requests_end_in_events_or_an_error(
        samples in proptest::collection::vec(sample(), 1..3),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(DAMAGE), 0..3_usize), 1..4),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut bytes: Vec<u8> = samples.iter().flat_map(Sample::bytes).collect();
        for (at, put, cut) in damage {
            let at = at.index(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, put.iter().copied());
        }
        let whole = in_pieces(&bytes, Limits::default(), &[1, 5]);
        let driver = fed_in_pieces(cut(&bytes, &cuts), Limits::default());
        prop_assert_eq!((&driver.seen, driver.error), (&whole.seen, whole.error));
        prop_assert!(is_allowed(&driver));
    }

    #[test]
    fn any_operations_keep_the_rules(data in proptest::collection::vec(any::<u8>(), 0..160)) {
        operations::run(&data);
    }
}

const DAMAGE: &[&[u8]] = &[
    b"",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"\x7f",
    b"\xff",
    b",",
    b";",
    b"0",
    b"f",
    b"\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: b\r\n",
    b"Expect: x\r\n",
    b"HTTP/1.0",
];
