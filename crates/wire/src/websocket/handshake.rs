//! The opening handshake over HTTP/1.1 (RFC 6455 section 4.2): a pure check of a request's fields, and the fields of the
//! answer. The status line and the application's own fields are written by HTTP/1.
//!
//! A request that does not ask for a WebSocket is none of our business; one that asks and breaks a MUST is refused here,
//! so that the application never sees it (ASGI-155). Which terms of permessage-deflate are agreed on (RFC 7692 section
//! 7.1) is decided here too: the first offer that we can keep to wins, and an offer that we cannot is passed over.
//!
//! Where the RFCs leave a choice: names of subprotocols may be repeated, empty list elements are skipped, a body of no
//! bytes is no body, and the origin is the application's to judge (ASGI-158).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::error::Error;
use crate::event::{Head, Version};
use crate::grammar::{is_token, list};
use crate::headers::Fields;
use crate::limits::Limits;
use crate::websocket::deflate::{Agreed, Deflate, Effort};

/// A sound handshake: what its acceptance has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    accept: [u8; ACCEPT_LENGTH],
    terms: Option<Terms>,
}

/// The terms of permessage-deflate that were agreed on, and whether the answer has to name our window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    agreed: Agreed,
    effort: Effort,
    names_server_bits: bool,
}

/// Twenty bytes in base64.
const ACCEPT_LENGTH: usize = 28;

/// RFC 6455 section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Most subprotocols that a client may offer: ten times what anybody does. Each name becomes an object for the application,
/// and a head has room for thirty thousand.
const SUBPROTOCOLS: usize = 64;

/// Judges a request (RFC 6455 section 4.2.1).
///
/// `None`: an ordinary request, since it is not HTTP/1.1 or does not ask to upgrade this connection to a WebSocket.
/// Errors: 426 for a version other than 13, which the answer has to name (section 4.4); 400 for every other fault.
pub fn check(head: &Head<'_>, fields: &Fields, limits: &Limits) -> Result<Option<Offer>, Error> {
    if head.version != Version::Http11 || !asks(fields, head.base) {
        return Ok(None);
    }
    if head.method != b"GET" {
        return Err(Error::peer(400, "A WebSocket handshake is a GET request (RFC 6455 section 4.2.1, ASGI-155)."));
    }
    if head.has_body {
        return Err(Error::peer(400, "A WebSocket handshake has no body (RFC 6455 section 4.1, ASGI-155)."));
    }
    check_version(fields, head.base)?;
    let accept = accept(fields, head.base).ok_or(BAD_KEY)?;
    if subprotocols(fields, head.base).nth(SUBPROTOCOLS).is_some() {
        return Err(Error::peer(
            400,
            "The handshake offers more than 64 subprotocols (RFC 6455 section 4.1, ASGI-140).",
        ));
    }
    if !subprotocols(fields, head.base).all(is_token) {
        return Err(Error::peer(400, "A subprotocol is not a token (RFC 6455 section 4.1, ASGI-155)."));
    }
    let terms = negotiate(fields, head.base, limits)?;
    Ok(Some(Offer { accept, terms }))
}

/// The names in all `Sec-WebSocket-Protocol` fields in the client's order (ASGI-140).
pub fn subprotocols<'a>(fields: &'a Fields, base: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    named(fields, base, b"sec-websocket-protocol").flat_map(elements)
}

impl Offer {
    /// How messages are compressed, if they are.
    #[must_use]
    pub fn agreed(&self) -> Option<Agreed> {
        self.terms.map(|terms| terms.agreed)
    }

    /// What compresses messages, if they are.
    #[must_use]
    pub fn deflate(&self) -> Option<Deflate> {
        self.terms.map(|terms| Deflate::new(terms.agreed, terms.effort))
    }

    /// Appends the fields of the acceptance, each a whole line: `Upgrade`, `Connection`, `Sec-WebSocket-Accept` and,
    /// where there is something to say, `-Protocol` and `-Extensions` (RFC 6455 section 4.2.2).
    ///
    /// `subprotocol`: one that the client offered, as the caller has checked (ASGI-150).
    pub fn write_fields(&self, subprotocol: Option<&[u8]>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ");
        out.extend_from_slice(&self.accept);
        if let Some(subprotocol) = subprotocol {
            out.extend_from_slice(b"\r\nsec-websocket-protocol: ");
            out.extend_from_slice(subprotocol);
        }
        if let Some(terms) = self.terms {
            out.extend_from_slice(b"\r\nsec-websocket-extensions: permessage-deflate");
            terms.write(out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// `Upgrade: websocket`, and a `Connection: upgrade` that makes it hold for this hop (RFC 9110 section 7.8).
fn asks(fields: &Fields, base: &[u8]) -> bool {
    let lists = |name, option: &[u8]| {
        named(fields, base, name).flat_map(elements).any(|element| element.eq_ignore_ascii_case(option))
    };
    lists(b"upgrade", b"websocket") && lists(b"connection", b"upgrade")
}

fn check_version(fields: &Fields, base: &[u8]) -> Result<(), Error> {
    let mut versions = named(fields, base, b"sec-websocket-version");
    match (versions.next(), versions.next()) {
        (Some(b"13"), None) => Ok(()),
        (_, None) => {
            Err(Error::peer(426, "Only version 13 of WebSocket is spoken here (RFC 6455 section 4.4, ASGI-155)."))
        }
        (_, Some(_)) => {
            Err(Error::peer(400, "Sec-WebSocket-Version is given twice (RFC 6455 section 11.3.5, ASGI-155)."))
        }
    }
}

const BAD_KEY: Error =
    Error::peer(400, "Sec-WebSocket-Key is not one field of 16 bytes in base64 (RFC 6455 section 4.2.1, ASGI-155).");

/// What proves that the key was read (RFC 6455 section 4.2.2, point 5.4), if there is one good key.
fn accept(fields: &Fields, base: &[u8]) -> Option<[u8; ACCEPT_LENGTH]> {
    let mut keys = named(fields, base, b"sec-websocket-key");
    let (Some(key), None) = (keys.next(), keys.next()) else { return None };
    // The decoder wants room for whole groups of three.
    let mut nonce = [0; 18];
    if STANDARD.decode_slice(key, &mut nonce) != Ok(16) {
        return None;
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut accept = [0; ACCEPT_LENGTH];
    STANDARD.encode_slice(digest, &mut accept).ok()?;
    Some(accept)
}

/// The terms of the first offer that can be kept to. All offers are held to their grammar, also behind that one and
/// when compression is off: who receives a malformed list MUST fail the connection (RFC 6455 section 9.1).
fn negotiate(fields: &Fields, base: &[u8], limits: &Limits) -> Result<Option<Terms>, Error> {
    let mut terms = None;
    for extension in named(fields, base, b"sec-websocket-extensions").flat_map(elements) {
        let wishes = read_extension(extension).ok_or(BAD_EXTENSIONS)?;
        terms = terms.or(wishes.filter(|_| limits.deflate).map(|wishes| wishes.terms(limits)));
    }
    Ok(terms)
}

const BAD_EXTENSIONS: Error =
    Error::peer(400, "Sec-WebSocket-Extensions breaks its grammar (RFC 6455 section 9.1, ASGI-155).");

/// extension = token *( ";" token [ "=" ( token | quoted-string ) ] ), where what is quoted is a token as well. So no
/// separator ever stands inside a value, and cutting at separators first cannot misread anything that is well-formed.
///
/// `None`: malformed. `Some(None)`: another extension, or an offer to be declined.
fn read_extension(extension: &[u8]) -> Option<Option<Wishes>> {
    let mut parts = extension.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().filter(|name| is_token(name))?;
    let mut wishes = (name == b"permessage-deflate").then(Wishes::default);
    for part in parts {
        let (name, value) = read_parameter(part)?;
        wishes = wishes.and_then(|wishes| wishes.with(name, value.as_deref()));
    }
    Some(wishes)
}

type Parameter<'a> = (&'a [u8], Option<Cow<'a, [u8]>>);

fn read_parameter(part: &[u8]) -> Option<Parameter<'_>> {
    let mut sides = part.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
    let name = sides.next().filter(|name| is_token(name))?;
    let value = match sides.next() {
        None => None,
        Some([b'"', quoted @ .., b'"']) => Some(unescape(quoted)?),
        Some(token) => Some(Cow::Borrowed(token)),
    };
    value.as_deref().is_none_or(is_token).then_some((name, value))
}

/// Takes the backslash off every quoted-pair (RFC 9110 section 5.6.4).
fn unescape(quoted: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !quoted.contains(&b'\\') {
        return Some(Cow::Borrowed(quoted));
    }
    let mut plain = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == b'\\' { *bytes.next()? } else { byte });
    }
    Some(Cow::Owned(plain))
}

/// The parameters of one offer of permessage-deflate.
#[derive(Default)]
struct Wishes {
    server_forgets: bool,
    client_forgets: bool,
    server_bits: Option<u8>,
    client_bits: Option<u8>,
}

impl Wishes {
    /// Takes one parameter up. `None`: it is unknown, repeated or has a bad value, so the offer MUST be declined
    /// (RFC 7692 section 7.1).
    fn with(mut self, name: &[u8], value: Option<&[u8]>) -> Option<Self> {
        let first = match (name, value) {
            (b"server_no_context_takeover", None) => !std::mem::replace(&mut self.server_forgets, true),
            (b"client_no_context_takeover", None) => !std::mem::replace(&mut self.client_forgets, true),
            // No zlib compresses raw data for a window of 256 bytes: it would take one of 512 and reach too far back.
            (b"server_max_window_bits", Some(value)) => {
                self.server_bits.replace(bits(value).filter(|bits| *bits > 8)?).is_none()
            }
            // Without a value the client just says that it knows the parameter.
            (b"client_max_window_bits", value) => self.client_bits.replace(value.map_or(Some(15), bits)?).is_none(),
            _ => false,
        };
        first.then_some(self)
    }

    /// The smaller window wins on our side. On the client's side a limit can only be set where it was offered, and only
    /// has to be where a window outlives a message.
    fn terms(&self, limits: &Limits) -> Terms {
        let client_takeover = limits.deflate_takeover && !self.client_forgets;
        let agreed = Agreed {
            server_takeover: limits.deflate_takeover && !self.server_forgets,
            client_takeover,
            server_bits: self.server_bits.unwrap_or(15).min(limits.deflate_bits),
            client_bits: self
                .client_bits
                .filter(|_| client_takeover)
                .map_or(15, |client_bits| client_bits.min(limits.deflate_bits)),
        };
        Terms { agreed, effort: Effort::of(limits), names_server_bits: self.server_bits.is_some() }
    }
}

impl Terms {
    fn write(&self, out: &mut Vec<u8>) {
        if !self.agreed.server_takeover {
            out.extend_from_slice(b"; server_no_context_takeover");
        }
        if !self.agreed.client_takeover {
            out.extend_from_slice(b"; client_no_context_takeover");
        }
        if self.names_server_bits {
            write_bits(b"; server_max_window_bits=", self.agreed.server_bits, out);
        }
        // 15 is what a client may use that is told nothing; less was offered, or we could not ask for it.
        if self.agreed.client_bits < 15 {
            write_bits(b"; client_max_window_bits=", self.agreed.client_bits, out);
        }
    }
}

fn write_bits(name: &[u8], bits: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(itoa::Buffer::new().format(bits).as_bytes());
}

/// A decimal number from 8 to 15 without leading zeros (RFC 7692 section 7.1.2).
fn bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ (b'8' | b'9')] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// The values of all fields of this name, which is given in lower case.
fn named<'a>(fields: &'a Fields, base: &'a [u8], name: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    fields.iter(base).filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The elements of a list that count: empty ones do not (RFC 9110 section 5.6.1.2).
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    list(value).filter(|element| !element.is_empty())
}
