//! What a WebSocket application sends: a dict becomes a [`Message`], or an exception that says what was expected. As in
//! `exchange/message`, nothing is coerced, nothing is dropped, and order is judged elsewhere.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString};
use wire::websocket::is_close_code;

use crate::errors::{illegal, wrong_type};
use crate::exchange::message::{Event, Place, as_bytes, final_status, flag, missing};
use crate::keys::Keys;

pub enum Payload<'py> {
    Text(Bound<'py, PyString>),
    Bytes(Bound<'py, PyBytes>),
}

pub enum Message<'py> {
    Accept {
        subprotocol: Option<Bound<'py, PyString>>,
        headers: Option<Bound<'py, PyAny>>,
    },
    Send(Payload<'py>),
    /// Not read yet: before the accept it does not matter what they are (ASGI-151).
    Close {
        code: Option<Bound<'py, PyAny>>,
        reason: Option<Bound<'py, PyAny>>,
    },
    Start {
        status: u16,
        headers: Option<Bound<'py, PyAny>>,
    },
    Body {
        body: Bound<'py, PyBytes>,
        more: bool,
    },
}

impl Message<'_> {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept { .. } => ACCEPT,
            Self::Send(_) => "websocket.send",
            Self::Close { .. } => "websocket.close",
            Self::Start { .. } => START,
            Self::Body { .. } => BODY,
        }
    }
}

pub const ACCEPT: &str = "websocket.accept";
pub const START: &str = "websocket.http.response.start";
pub const BODY: &str = "websocket.http.response.body";

/// Reads `event`.
///
/// # Errors
/// `TypeError` for a wrong Python type, [`crate::errors::MessageError`] for an unknown type or a missing key.
#[inline]
pub fn parse<'py>(event: &Bound<'py, PyAny>) -> PyResult<Message<'py>> {
    let (event, kind) = Event::of(event)?;
    let Ok(name) = kind.cast::<PyString>() else { return Err(wrong_type("send", "'type'", "str", &kind)) };
    match &*name.to_string_lossy() {
        "websocket.send" => send(&event).map(Message::Send),
        name => other(&event, name),
    }
}

#[inline]
fn send<'py>(event: &Event<'_, 'py>) -> PyResult<Payload<'py>> {
    const NAME: &str = "websocket.send";
    let [bytes, text] =
        event.places([Place { key: &event.keys.bytes, name: "bytes" }, Place { key: &event.keys.text, name: "text" }]);
    let bytes = bytes.filter(|value| !value.is_none());
    let text = text.filter(|value| !value.is_none());
    match (bytes, text) {
        (Some(bytes), None) => Ok(Payload::Bytes(as_bytes(NAME, "'bytes'", bytes)?)),
        (None, Some(text)) => match text.cast_into::<PyString>() {
            Ok(text) => Ok(Payload::Text(text)),
            Err(error) => Err(wrong_type(NAME, "'text'", "str or None", &error.into_inner())),
        },
        (None, None) => {
            Err(illegal(format!("{NAME}: one of 'bytes' and 'text' must be there and not None (ASGI-165)")))
        }
        (Some(_), Some(_)) => Err(illegal(format!("{NAME}: only one of 'bytes' and 'text' may be there (ASGI-165)"))),
    }
}

fn other<'py>(event: &Event<'_, 'py>, name: &str) -> PyResult<Message<'py>> {
    let keys: &Keys = event.keys;
    match name {
        ACCEPT => {
            let subprotocol = match event.get(&keys.subprotocol)?.filter(|value| !value.is_none()) {
                None => None,
                Some(value) => match value.cast_into::<PyString>() {
                    Ok(text) => Some(text),
                    Err(error) => return Err(wrong_type(name, "'subprotocol'", "str or None", &error.into_inner())),
                },
            };
            Ok(Message::Accept { subprotocol, headers: event.get(&keys.headers)? })
        }
        "websocket.close" => Ok(Message::Close { code: event.get(&keys.code)?, reason: event.get(&keys.reason)? }),
        START => {
            let status = event.get(&keys.status)?.ok_or_else(|| missing(START, "status"))?;
            Ok(Message::Start { status: final_status(START, &status)?, headers: event.get(&keys.headers)? })
        }
        BODY => {
            let body = match event.get(&keys.body)? {
                Some(body) => as_bytes(BODY, "'body'", body)?,
                None => keys.empty_bytes.bind(event.py()).clone(),
            };
            Ok(Message::Body { body, more: flag(BODY, "'more_body'", event.get(&keys.more_body)?)? })
        }
        other => Err(illegal(format!(
            "send: unknown message type {other:?} for a websocket scope (ASGI-030, ASGI-038); expected websocket.accept, \
             websocket.send, websocket.close or websocket.http.response.start"
        ))),
    }
}

/// The code and the reason of a close frame (ASGI-181, ASGI-186). What they may be, `wire` knows.
pub fn closing(code: Option<Bound<'_, PyAny>>, reason: Option<Bound<'_, PyAny>>) -> PyResult<(u16, String)> {
    const NAME: &str = "websocket.close";
    let code = match code {
        None => 1000,
        Some(code) if code.is_instance_of::<PyInt>() && !code.is_instance_of::<PyBool>() => {
            code.extract::<u16>().ok().filter(|&code| is_close_code(code)).ok_or_else(|| {
                illegal(format!(
                    "{NAME}: {code} must not be sent: a close code is one of 1000 to 1003, 1007 to 1014, 3000 to 4999 \
                     (RFC 6455 section 7.4, ASGI-186)"
                ))
            })?
        }
        Some(code) => return Err(wrong_type(NAME, "'code'", "int", &code)),
    };
    let reason = match reason.filter(|reason| !reason.is_none()) {
        None => String::new(),
        Some(reason) => match reason.cast::<PyString>() {
            Ok(text) => utf8(NAME, text)?.to_owned(),
            Err(_) => return Err(wrong_type(NAME, "'reason'", "str or None", &reason)),
        },
    };
    Ok((code, reason))
}

/// The text in UTF-8, which lone surrogates do not have (ASGI-161).
pub fn utf8<'a>(name: &str, text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text.to_str()
        .map_err(|_| illegal(format!("{name}: the text has lone surrogates, which UTF-8 cannot carry (ASGI-161)")))
}
