//! Opening handshakes. Outcomes: what a second, naive reading of RFC 6455 section 4.2.1 says, which shares no code with
//! the first; and an answer about compression that a client may take for its offer (RFC 7692 section 7.1).

use wire::websocket::deflate::Agreed;
use wire::websocket::handshake;
use wire::{Fields, Head, Limits, Version};

/// The target. A byte chooses the request line and one the limits; then come field lines.
pub fn check(data: &[u8]) {
    let [line, terms, lines @ ..] = data else { return };
    let (mut fields, mut base, mut texts) = (Fields::new(), Vec::new(), Vec::new());
    for (name, value) in lines.split(|&byte| byte == b'\n').filter_map(field) {
        fields.append(&mut base, name, value);
        texts.push((text(name).to_ascii_lowercase(), text(value)));
    }
    let head = Head {
        method: if line & 1 == 0 { b"GET" } else { b"POST" },
        path: b"/",
        query: b"",
        authority: None,
        version: if line & 2 == 0 { Version::Http11 } else { Version::Http10 },
        base: &base,
        has_body: line & 4 != 0,
        body_length: None,
        expects_continue: false,
        accepts_trailers: false,
    };
    let limits = Limits {
        deflate: terms & 1 == 0,
        deflate_takeover: terms & 2 != 0,
        deflate_bits: 9 + (terms >> 2) % 7,
        ..Limits::default()
    };
    let names: Vec<_> = handshake::subprotocols(&fields, &base).map(text).collect();
    assert_eq!(names, elements(&texts, "sec-websocket-protocol"));
    let offer = match (handshake::check(&head, &fields, &limits), second_reading(&head, &texts)) {
        (Ok(Some(offer)), Ok(true)) => offer,
        (Ok(None), Ok(false)) => return,
        (Err(error), Err(status)) => return assert_eq!(error.status, status, "{error:?}"),
        (first, second) => panic!("{first:?}, but the second reading says {second:?}"),
    };
    let mut out = Vec::new();
    offer.write_fields(names.first().map(String::as_bytes), &mut out);
    check_answer(&text(&out), &texts, offer.agreed(), &limits);
}

/// A line as HTTP/1 would let it through.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let value = line[colon + 1..].trim_ascii();
    let is_text = value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    (is_token(&text(&line[..colon])) && is_text).then_some((&line[..colon], value))
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| byte as char).collect()
}

type Texts = [(String, String)];

fn values<'a>(fields: &'a Texts, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str()).collect()
}

fn elements(fields: &Texts, name: &str) -> Vec<String> {
    let joined = values(fields, name).join(",");
    joined
        .split(',')
        .map(|element| element.trim_matches([' ', '\t']).to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c))
}

/// Whether it is a handshake, or the status that refuses it.
fn second_reading(head: &Head<'_>, fields: &Texts) -> Result<bool, u16> {
    let has = |name, option: &str| elements(fields, name).iter().any(|one| one.to_ascii_lowercase() == option);
    if head.version == Version::Http10 || !has("upgrade", "websocket") || !has("connection", "upgrade") {
        return Ok(false);
    }
    if head.method != b"GET" || head.has_body {
        return Err(400);
    }
    match values(fields, "sec-websocket-version")[..] {
        ["13"] => {}
        [] | [_] => return Err(426),
        _ => return Err(400),
    }
    let [key] = values(fields, "sec-websocket-key")[..] else { return Err(400) };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    // 16 bytes are 21 letters and two bits.
    let letters =
        key.strip_suffix("==").filter(|letters| letters.chars().count() == 22 && letters.chars().all(is_letter));
    if !letters.is_some_and(|letters| letters.ends_with(['A', 'Q', 'g', 'w'])) {
        return Err(400);
    }
    if !elements(fields, "sec-websocket-protocol").iter().all(|name| is_token(name)) {
        return Err(400);
    }
    offers(&values(fields, "sec-websocket-extensions").join(",")).map(|_| true).ok_or(400)
}

/// An extension's name and its parameters.
type Extension = (String, Vec<(String, Option<String>)>);

/// Reads a list from left to right, character by character (RFC 6455 section 9.1).
fn offers(list: &str) -> Option<Vec<Extension>> {
    let mut rest = list;
    let mut extensions = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return Some(extensions);
        }
        let name = token(&mut rest)?;
        let mut parameters = Vec::new();
        while take(&mut rest, ';') {
            let name = token(&mut rest)?;
            let value = if take(&mut rest, '=') { Some(value(&mut rest)?) } else { None };
            parameters.push((name, value));
        }
        extensions.push((name, parameters));
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

/// With the white space around it.
fn take(rest: &mut &str, character: char) -> bool {
    let found = rest.trim_start_matches([' ', '\t']).strip_prefix(character);
    *rest = found.unwrap_or(rest).trim_start_matches([' ', '\t']);
    found.is_some()
}

fn token(rest: &mut &str) -> Option<String> {
    let end = rest.find(|c: char| !is_token(&c.to_string())).unwrap_or(rest.len());
    let (token, behind) = rest.split_at(end);
    *rest = behind.trim_start_matches([' ', '\t']);
    (!token.is_empty()).then(|| token.to_owned())
}

fn value(rest: &mut &str) -> Option<String> {
    let Some(quoted) = rest.strip_prefix('"') else { return token(rest) };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => break,
            '\\' => value.push(characters.next()?),
            plain => value.push(plain),
        }
    }
    *rest = characters.as_str().trim_start_matches([' ', '\t']);
    is_token(&value).then_some(value)
}

/// What a client may offer, and what a server may answer.
#[derive(Debug, Default)]
struct Parameters {
    server_forgets: bool,
    client_forgets: bool,
    server_bits: Option<u8>,
    /// Offered, perhaps without a number.
    client_bits: Option<Option<u8>>,
}

/// `None`: not permessage-deflate, or one that has to be declined (RFC 7692 section 7.1).
fn parameters((name, list): &Extension) -> Option<Parameters> {
    let mut names: Vec<_> = list.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    if name != "permessage-deflate" || names.len() < list.len() {
        return None;
    }
    let number =
        |value: &str| ["8", "9", "10", "11", "12", "13", "14", "15"].contains(&value).then(|| value.parse().ok());
    let mut read = Parameters::default();
    for (name, value) in list {
        match (name.as_str(), value) {
            ("server_no_context_takeover", None) => read.server_forgets = true,
            ("client_no_context_takeover", None) => read.client_forgets = true,
            ("server_max_window_bits", Some(value)) => read.server_bits = number(value)?,
            ("client_max_window_bits", Some(value)) => read.client_bits = Some(number(value)?),
            ("client_max_window_bits", None) => read.client_bits = Some(None),
            _ => return None,
        }
    }
    Some(read)
}

/// The answer as the client reads it that made these offers.
fn check_answer(answer: &str, fields: &Texts, agreed: Option<Agreed>, limits: &Limits) {
    let lines: Vec<_> = answer.strip_suffix("\r\n").expect("whole lines").split("\r\n").collect();
    let said = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
    assert_eq!(said("upgrade: "), Some("websocket"));
    assert_eq!(said("connection: "), Some("Upgrade"));
    assert_eq!(said("sec-websocket-accept: ").map(str::len), Some(28));
    assert_eq!(
        said("sec-websocket-protocol: "),
        elements(fields, "sec-websocket-protocol").first().map(String::as_str)
    );
    let list = offers(&values(fields, "sec-websocket-extensions").join(",")).expect("a list that was accepted");
    // A window of 256 bytes is beyond zlib.
    let offer = list.iter().filter_map(parameters).find(|offer| limits.deflate && offer.server_bits != Some(8));
    let answer = said("sec-websocket-extensions: ").map(|answer| {
        let answer = offers(answer).expect("a list");
        parameters(&answer[0]).filter(|_| answer.len() == 1).expect("terms")
    });
    match (offer, answer, agreed) {
        (None, None, None) => {}
        (Some(offer), Some(answer), Some(agreed)) => check_terms(&offer, &answer, agreed, limits),
        other => panic!("offered, answered and agreed: {other:?}"),
    }
}

fn check_terms(offer: &Parameters, answer: &Parameters, agreed: Agreed, limits: &Limits) {
    assert!(answer.server_forgets || !offer.server_forgets);
    assert!(answer.server_bits.is_some() || offer.server_bits.is_none());
    assert!(answer.server_bits.unwrap_or(0) <= offer.server_bits.unwrap_or(15));
    if let Some(bits) = answer.client_bits {
        let offered = offer.client_bits.expect("only what was offered may be answered");
        assert!(bits.expect("a number") <= offered.unwrap_or(15));
    }
    assert_eq!(agreed.server_takeover, !answer.server_forgets);
    assert_eq!(agreed.client_takeover, !answer.client_forgets);
    assert!(limits.deflate_takeover || !(agreed.server_takeover || agreed.client_takeover));
    assert!((9..=answer.server_bits.unwrap_or(15)).contains(&agreed.server_bits));
    assert!(agreed.server_bits <= limits.deflate_bits);
    assert_eq!(agreed.client_bits, answer.client_bits.flatten().unwrap_or(15));
}
