//! The opening handshake, and what of permessage-deflate is offered and must be agreed to (RFC 7692 section 7.1).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::str::FromStr;
use std::time::Duration;

use crate::Failure;
use crate::websocket::message::WINDOW_BITS;

/// The key of the example of RFC 6455 section 1.3, and the answer it must get.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const LARGEST_HEAD: usize = 8192;

/// What a load says about compression.
#[derive(Clone, Copy, PartialEq)]
pub enum Offer {
    /// Nothing.
    None,
    /// Every message on its own, in both directions. With a context, a load that repeats its message would measure how
    /// fast a server refers to the one before.
    Fresh,
    /// What browsers offer; the server is free to keep its context, as far as it likes to.
    Browser,
}

impl FromStr for Offer {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        match text {
            "none" => Ok(Self::None),
            "fresh" => Ok(Self::Fresh),
            "browser" => Ok(Self::Browser),
            _ => Err("not an offer".into()),
        }
    }
}

impl Offer {
    fn field(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Fresh => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
                 client_no_context_takeover; client_max_window_bits\r\n"
            }
            Self::Browser => "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        }
    }

    /// Refuses to measure a server that agreed to something else than the load is about.
    fn check(self, agreed: &str) -> Result<(), Failure> {
        let mut words = agreed.split(';').map(str::trim);
        let extension = words.next().unwrap_or_default();
        match (self, extension) {
            (Self::None, "") => return Ok(()),
            (Self::None, _) => return Err(format!("not offered, but agreed to: {agreed}").into()),
            (_, "permessage-deflate") => {}
            _ => return Err("no permessage-deflate: the server did not agree to it".into()),
        }
        let parameters: Vec<&str> = words.collect();
        if self == Self::Fresh && !parameters.contains(&"server_no_context_takeover") {
            return Err(format!("server_no_context_takeover was ignored: {agreed}").into());
        }
        let window = parameters.iter().find_map(|word| word.strip_prefix("client_max_window_bits="));
        match window.map(|bits| bits.trim_matches('"').parse::<u8>()) {
            Some(Ok(bits)) if bits < WINDOW_BITS => Err(format!("a window of 2^{bits} is too small").into()),
            _ => Ok(()),
        }
    }
}

/// A blocking, open WebSocket connection on which nothing has been said yet.
pub fn open(address: SocketAddr, path: &str, offer: Offer, limit: Duration) -> Result<TcpStream, Failure> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limit))?;
    let extensions = offer.field();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{extensions}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut received = Vec::new();
    let mut block = [0; 1024];
    while !received.ends_with(b"\r\n\r\n") {
        match stream.read(&mut block)? {
            0 => return Err("closed before the handshake was complete".into()),
            size => received.extend_from_slice(&block[..size]),
        }
        if received.len() > LARGEST_HEAD {
            return Err("the server spoke first".into());
        }
    }
    check(std::str::from_utf8(&received)?, offer)?;
    Ok(stream)
}

fn check(head: &str, offer: Offer) -> Result<(), Failure> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let field = |wanted: &str| {
        let mut found = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map_or("", |(_, value)| value.trim())
    };
    if status.split(' ').nth(1) != Some("101") {
        return Err(format!("not opened: {status}").into());
    }
    if field("Sec-WebSocket-Accept") != ACCEPT {
        return Err("not opened: a wrong Sec-WebSocket-Accept".into());
    }
    offer.check(field("Sec-WebSocket-Extensions"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(accept: &str, extensions: &str, offer: Offer) -> bool {
        let fields = format!("Upgrade: websocket\r\nsec-websocket-accept: {accept}\r\n{extensions}");
        check(&format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n"), offer).is_ok()
    }

    #[test]
    fn what_is_agreed_must_be_what_was_offered() {
        let agreed = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n";
        let fresh = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
        let small = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9\r\n";
        for (extensions, none, browser, fresh_only) in [
            ("", true, false, false),
            (agreed, false, true, false),
            (fresh, false, true, true),
            (small, false, false, false),
        ] {
            assert_eq!(opens(ACCEPT, extensions, Offer::None), none, "{extensions}");
            assert_eq!(opens(ACCEPT, extensions, Offer::Browser), browser, "{extensions}");
            assert_eq!(opens(ACCEPT, extensions, Offer::Fresh), fresh_only, "{extensions}");
        }
    }

    #[test]
    fn refused_and_wrongly_accepted() {
        assert!(check("HTTP/1.1 403 Forbidden\r\n\r\n", Offer::None).is_err());
        assert!(!opens(KEY, "", Offer::None));
    }
}
