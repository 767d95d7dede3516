//! The opening handshake: every rule of RFC 6455 section 4.2.1 broken once, and the terms of RFC 7692 section 7.1.

use wire::websocket::deflate::Agreed;
use wire::websocket::handshake::{self, Offer};
use wire::{Error, Fields, Head, Limits, Version};

/// A request as its fields, good until a test changes it.
struct Request {
    method: &'static str,
    version: Version,
    has_body: bool,
    fields: Vec<(&'static str, &'static str)>,
}

/// Changes of the limits under which a request is judged.
type Under = fn(&mut Limits);

fn good() -> Request {
    let fields = vec![
        ("Host", "example.org"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ];
    Request { method: "GET", version: Version::Http11, has_body: false, fields }
}

impl Request {
    fn without(mut self, name: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(other, _)| *other != name);
        assert!(self.fields.len() < before, "there was no {name}");
        self
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    fn instead(self, name: &'static str, value: &'static str) -> Self {
        self.without(name).with(name, value)
    }

    /// The fields as spans over one block.
    fn block(&self) -> (Fields, Vec<u8>) {
        let (mut fields, mut base) = (Fields::new(), Vec::new());
        for (name, value) in &self.fields {
            fields.append(&mut base, name.as_bytes(), value.as_bytes());
        }
        (fields, base)
    }

    fn check(&self, limits: &Limits) -> Result<Option<Offer>, Error> {
        let (fields, base) = self.block();
        let head = Head {
            method: self.method.as_bytes(),
            path: b"/chat",
            query: b"",
            authority: None,
            version: self.version,
            base: &base,
            has_body: self.has_body,
            body_length: None,
            expects_continue: false,
            accepts_trailers: false,
        };
        handshake::check(&head, &fields, limits)
    }

    fn offer(&self) -> Offer {
        self.check(&Limits::default()).unwrap().expect("a handshake")
    }

    #[track_caller]
    fn is_ordinary(&self) {
        assert_eq!(self.check(&Limits::default()), Ok(None));
    }

    #[track_caller]
    fn fails(&self, status: u16) {
        let error = self.check(&Limits::default()).expect_err("a bad handshake was accepted");
        assert_eq!(error, Error::peer(status, error.reason));
    }
}

fn answer(offer: &Offer, subprotocol: Option<&str>) -> String {
    let mut out = b"before:".to_vec();
    offer.write_fields(subprotocol.map(str::as_bytes), &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before:").unwrap().to_owned()
}

#[test]
fn the_example_of_the_rfc_is_answered_as_there() {
    // RFC 6455 section 1.3.
    let fields = "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let offer = good().offer();
    assert_eq!(offer.agreed(), None);
    assert_eq!(answer(&offer, None), fields);
    assert_eq!(answer(&offer, Some("chat")), format!("{fields}sec-websocket-protocol: chat\r\n"));
}

#[test]
fn an_offer_is_small_and_copied() {
    fn is_copy<T: Copy>() {}
    is_copy::<Offer>();
    assert!(size_of::<Offer>() <= 56);
}

#[test]
fn an_upgrade_is_asked_for_in_lists_of_any_case() {
    good().instead("Upgrade", "h2c, WebSocket").instead("Connection", "keep-alive ,, UPGRADE").offer();
    good().without("Upgrade").with("uPGRADE", "h2c").with("UPGRADE", "websocket").offer();
    good().with("Connection", "keep-alive").offer();
}

#[test]
fn who_does_not_ask_is_an_ordinary_request() {
    good().without("Upgrade").is_ordinary();
    good().without("Connection").is_ordinary();
    good().instead("Upgrade", "h2c").is_ordinary();
    good().instead("Upgrade", "websocket/13").is_ordinary();
    good().instead("Upgrade", "websockets").is_ordinary();
    good().instead("Connection", "keep-alive").is_ordinary();
    good().instead("Connection", "upgrades").is_ordinary();
    for version in [Version::Http10, Version::Http2, Version::Http3] {
        Request { version, ..good() }.is_ordinary();
    }
    // What would be refused in a handshake does not matter elsewhere.
    Request { method: "POST", has_body: true, ..good() }
        .without("Upgrade")
        .instead("Sec-WebSocket-Key", "x")
        .is_ordinary();
}

#[test]
fn a_handshake_is_a_get_without_a_body() {
    for method in ["POST", "HEAD", "get", "OPTIONS"] {
        Request { method, ..good() }.fails(400);
    }
    Request { has_body: true, ..good() }.fails(400);
}

#[test]
fn the_version_is_13() {
    good().without("Sec-WebSocket-Version").fails(426);
    for version in ["", "8", "12", "14", "013", "13, 8", "13.0", "+13"] {
        good().instead("Sec-WebSocket-Version", version).fails(426);
    }
    good().with("Sec-WebSocket-Version", "13").fails(400);
    good().with("sec-websocket-version", "8").fails(400);
    // Who speaks another version may have another kind of key.
    good().without("Sec-WebSocket-Key").instead("Sec-WebSocket-Version", "0").fails(426);
}

#[test]
fn the_key_is_16_bytes_in_base64() {
    good().instead("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==").offer();
    good().instead("Sec-WebSocket-Key", "/////////////////////w==").offer();
    good().without("Sec-WebSocket-Key").fails(400);
    good().with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").fails(400);
    let bad = [
        "",
        "dGhlIHNhbXBsZSBub25jZQ",           // not padded
        "dGhlIHNhbXBsZSBub25jZQ=",          // half padded
        "dGhlIHNhbXBsZSBub25jZQ===",        // padded too much
        "dGhlIHNhbXBsZSBub25jZR==",         // bits behind the last byte
        "dGhlIHNhbXBsZSBub25j",             // 15 bytes
        "dGhlIHNhbXBsZSBub25jZSE=",         // 17
        "dGhlIHNhbXBsZSBub25jZSEh",         // 18
        "dGhlIHNhbXBsZSBub25jZSEhISEhISEh", // 24
        "dGhlIHNhbXBsZSBub25jZQ==, x",
        "dGhlIHNhbXBs ZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25j-_==", // the other alphabet
        "\"dGhlIHNhbXBsZSBub25jZQ==\"",
    ];
    for key in bad {
        good().instead("Sec-WebSocket-Key", key).fails(400);
    }
}

#[test]
fn subprotocols_come_in_the_clients_order() {
    let request = good()
        .with("Sec-WebSocket-Protocol", "chat, v2.chat ,")
        .with("Host", "x")
        .with("sec-websocket-PROTOCOL", "mqtt,chat");
    request.offer();
    let (fields, base) = request.block();
    let names: Vec<_> = handshake::subprotocols(&fields, &base).collect();
    assert_eq!(names, [&b"chat"[..], b"v2.chat", b"mqtt", b"chat"]);

    let (fields, base) = good().with("Sec-WebSocket-Protocol", "").block();
    assert_eq!(handshake::subprotocols(&fields, &base).count(), 0);
}

#[test]
fn a_subprotocol_is_a_token() {
    good().with("Sec-WebSocket-Protocol", "!#$%&'*+-.^_`|~aZ09").offer();
    for names in ["a b", "a/b", "chat, (x)", "\"chat\"", "a=b", "caf\u{e9}", "a\tb", "{}"] {
        good().with("Sec-WebSocket-Protocol", names).fails(400);
    }
}

#[test]
fn a_crowd_of_subprotocols_is_refused() {
    const MOST: &str = "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a";
    good().with("Sec-WebSocket-Protocol", MOST).with("Sec-WebSocket-Protocol", MOST).offer();
    good()
        .with("Sec-WebSocket-Protocol", MOST)
        .with("Sec-WebSocket-Protocol", MOST)
        .with("Sec-WebSocket-Protocol", "one.more")
        .fails(400);
}

/// What the answer says about extensions, under these limits.
fn extensions(offers: &'static str, under: Under) -> (Option<Agreed>, Option<String>) {
    let mut limits = Limits { deflate: true, ..Limits::default() };
    under(&mut limits);
    let offer = good().with("Sec-WebSocket-Extensions", offers).check(&limits).unwrap().expect("a handshake");
    let answer = answer(&offer, None);
    let said = answer.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: ")).map(str::to_owned);
    (offer.agreed(), said)
}

const PLAIN: Under = |_| ();
const TAKEOVER: Under = |limits| limits.deflate_takeover = true;

#[track_caller]
fn agrees(offers: &'static str, under: Under, agreed: (bool, bool, u8, u8), answer: &str) {
    let (server_takeover, client_takeover, server_bits, client_bits) = agreed;
    let agreed = Agreed { server_takeover, client_takeover, server_bits, client_bits };
    assert_eq!(extensions(offers, under), (Some(agreed), Some(answer.to_owned())), "{offers}");
}

#[track_caller]
fn declines(offers: &'static str) {
    assert_eq!(extensions(offers, TAKEOVER), (None, None), "{offers}");
}

#[test]
fn nothing_is_taken_over_by_default() {
    let forget = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    agrees("permessage-deflate", PLAIN, (false, false, 12, 15), forget);
    agrees("permessage-deflate; client_max_window_bits", PLAIN, (false, false, 12, 15), forget);
    agrees("permessage-deflate; client_max_window_bits=9", PLAIN, (false, false, 12, 15), forget);
    let named = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10";
    agrees("permessage-deflate; server_max_window_bits=10", PLAIN, (false, false, 10, 15), named);
}

#[test]
fn each_side_may_refuse_takeover() {
    agrees("permessage-deflate", TAKEOVER, (true, true, 12, 15), "permessage-deflate");
    agrees(
        "permessage-deflate; server_no_context_takeover",
        TAKEOVER,
        (false, true, 12, 15),
        "permessage-deflate; server_no_context_takeover",
    );
    agrees(
        "permessage-deflate; client_no_context_takeover",
        TAKEOVER,
        (true, false, 12, 15),
        "permessage-deflate; client_no_context_takeover",
    );
}

#[test]
fn the_smaller_window_wins_and_is_named_where_it_was_asked_for() {
    agrees(
        "permessage-deflate; server_max_window_bits=15",
        TAKEOVER,
        (true, true, 12, 15),
        "permessage-deflate; server_max_window_bits=12",
    );
    agrees(
        "permessage-deflate; server_max_window_bits=9",
        TAKEOVER,
        (true, true, 9, 15),
        "permessage-deflate; server_max_window_bits=9",
    );
    agrees(
        "permessage-deflate; client_max_window_bits",
        TAKEOVER,
        (true, true, 12, 12),
        "permessage-deflate; client_max_window_bits=12",
    );
    agrees(
        "permessage-deflate; client_max_window_bits=8",
        TAKEOVER,
        (true, true, 12, 8),
        "permessage-deflate; client_max_window_bits=8",
    );
    agrees(
        "permessage-deflate; server_max_window_bits=11; client_max_window_bits=14",
        |limits| (limits.deflate_takeover, limits.deflate_bits) = (true, 15),
        (true, true, 11, 14),
        "permessage-deflate; server_max_window_bits=11; client_max_window_bits=14",
    );
    agrees(
        "permessage-deflate; client_max_window_bits",
        |limits| (limits.deflate_takeover, limits.deflate_bits) = (true, 15),
        (true, true, 15, 15),
        "permessage-deflate",
    );
}

#[test]
fn an_offer_that_cannot_be_kept_is_declined() {
    for offers in [
        "permessage-deflate; server_max_window_bits=8", // raw zlib has no window of 256 bytes
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=1",
        "permessage-deflate; server_max_window_bits=100",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; client_max_window_bits=x",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; method=x",
        "permessage-deflate; server_max_window_bits=10; new",
        "x-webkit-deflate-frame",
        "permessage-bzip2; server_no_context_takeover",
    ] {
        declines(offers);
    }
}

#[test]
fn the_first_offer_that_can_be_kept_wins() {
    agrees(
        "permessage-deflate; server_max_window_bits=8, x-other; a=b, permessage-deflate; server_max_window_bits=11, permessage-deflate",
        TAKEOVER,
        (true, true, 11, 15),
        "permessage-deflate; server_max_window_bits=11",
    );
    let request = good()
        .with("Sec-WebSocket-Extensions", "permessage-deflate; unknown")
        .with("Sec-WebSocket-Extensions", "permessage-deflate; client_no_context_takeover");
    let limits = Limits { deflate: true, deflate_takeover: true, ..Limits::default() };
    let agreed = request.check(&limits).unwrap().unwrap().agreed().expect("the second field's");
    assert!(agreed.server_takeover && !agreed.client_takeover);
}

#[test]
fn values_may_be_quoted_and_spaced() {
    for offers in [
        "permessage-deflate;server_max_window_bits=10",
        "permessage-deflate ; server_max_window_bits = 10",
        "permessage-deflate; server_max_window_bits=\"10\"",
        "permessage-deflate; server_max_window_bits=\"\\1\\0\"",
        " ,permessage-deflate; server_max_window_bits=10,,",
    ] {
        agrees(offers, TAKEOVER, (true, true, 10, 15), "permessage-deflate; server_max_window_bits=10");
    }
}

#[test]
fn a_malformed_list_is_refused_even_where_compression_is_off() {
    for offers in [
        "permessage-deflate;",
        "; permessage-deflate",
        "permessage-deflate;; server_no_context_takeover",
        "permessage deflate",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; =10",
        "permessage-deflate; server_max_window_bits=\"10",
        "permessage-deflate; server_max_window_bits=\"",
        "permessage-deflate; server_max_window_bits=10\"",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"10\\\"",
        "permessage-deflate; server_max_window_bits=10=10",
        "x; a=\"b,c\"",
        "x; a=\"b;c\"",
        "permessage-deflate, x/y",
    ] {
        for deflate in [true, false] {
            let request = good().with("Sec-WebSocket-Extensions", offers);
            let error = request.check(&Limits { deflate, ..Limits::default() }).expect_err(offers);
            assert_eq!(error.status, 400);
        }
    }
}

#[test]
fn nothing_is_agreed_on_where_compression_is_off() {
    let request = good().with("Sec-WebSocket-Extensions", "permessage-deflate");
    let offer = request.check(&Limits { deflate: false, ..Limits::default() }).unwrap().unwrap();
    assert_eq!(offer.agreed(), None);
    assert!(!answer(&offer, None).contains("extensions"));
}
