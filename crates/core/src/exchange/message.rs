//! What an application sends: a dict becomes a [`Message`], or an exception that says what was expected, what came and
//! which clause it breaks. Order is not judged here (see `exchange`); nothing is coerced, nothing is dropped.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyInt, PyList, PyMemoryView, PyString, PyTuple};
use wire::Fields;
use wire::http1::grammar::check_field;

use crate::errors::{illegal, wrong_type};
use crate::keys::Keys;

/// Header fields copied out of Python, with the bytes they point into. Reused from response to response.
#[derive(Default)]
pub struct Block {
    pub bytes: Vec<u8>,
    pub fields: Fields,
    pub has_date: bool,
    pub has_server: bool,
}

impl Block {
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.has_date = false;
        self.has_server = false;
    }

    /// The field must have passed `check_field`.
    #[inline]
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.fields.append_checked(&mut self.bytes, name, value);
    }

    /// How long it is now, for `cut_back`.
    pub fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.fields.len())
    }

    /// Forgets what was pushed since `mark`.
    pub fn cut_back(&mut self, (bytes, fields): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.fields.truncate(fields);
    }

    /// Whether a field of this (lower-case) name is there.
    pub fn has(&self, wanted: &[u8]) -> bool {
        self.fields.iter(&self.bytes).any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    }
}

/// Most bytes of an application's header fields together: far beyond what any client takes, and safely within the
/// 32-bit spans of `wire`.
pub const LARGEST_HEAD: usize = 16 << 20;

pub enum Message<'py> {
    Start { status: u16, headers: Option<Bound<'py, PyAny>>, trailers: bool },
    Body { body: Bound<'py, PyBytes>, more: bool },
    Trailers { headers: Option<Bound<'py, PyAny>>, more: bool },
    EarlyHint { links: Bound<'py, PyAny> },
    PathSend { path: String },
    ZeroCopySend { file: Bound<'py, PyAny>, offset: Option<u64>, count: Option<u64>, more: bool },
}

/// Reads `event`.
///
/// # Errors
/// `TypeError` for a wrong Python type, [`crate::errors::MessageError`] for an unknown type or a missing key.
#[inline]
pub fn parse<'py>(event: &Bound<'py, PyAny>) -> PyResult<Message<'py>> {
    let py = event.py();
    let keys = Keys::of(py);
    let Ok(event) = event.cast::<PyDict>() else {
        return Err(not_a_dict(event));
    };
    let kind =
        event.get_item(keys.kind.bind(py))?.ok_or_else(|| illegal("send: the message has no 'type' (ASGI-010)"))?;
    let event = Event { dict: event, keys };
    // Names with dots are not interned by the compiler: they are compared as text.
    match kind.cast::<PyString>().map(|name| name.to_str()) {
        Ok(Ok("http.response.body")) => event.body(),
        Ok(Ok("http.response.start")) => event.start(),
        _ => event.other(&kind),
    }
}

#[cold]
fn not_a_dict(event: &Bound<'_, PyAny>) -> PyErr {
    let kind = event.get_type();
    PyTypeError::new_err(format!("send: the message must be a dict, not {kind} (ASGI-010, ASGI-041)"))
}

struct Event<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    keys: &'static Keys,
}

impl<'py> Event<'_, 'py> {
    #[cold]
    fn other(&self, kind: &Bound<'py, PyAny>) -> PyResult<Message<'py>> {
        let Ok(name) = kind.cast::<PyString>() else {
            return Err(wrong_type("send", "'type'", "str", kind));
        };
        match &*name.to_cow()? {
            "http.response.trailers" => self.trailers(),
            "http.response.early_hint" => self.early_hint(),
            "http.response.pathsend" => self.path_send(),
            "http.response.zerocopysend" => self.zero_copy_send(),
            other => Err(illegal(format!(
                "send: unknown message type {other:?} for an http scope (ASGI-030); expected http.response.start, \
                 http.response.body or a message of an advertised extension"
            ))),
        }
    }

    /// The two messages of every response are read in one walk over the dict: its keys are nearly always the interned
    /// strings that we know by address. (Saves 600 instructions of 26 000 per request against one look-up per key.)
    #[inline]
    fn start(&self) -> PyResult<Message<'py>> {
        const NAME: &str = "http.response.start";
        let (mut status, mut headers, mut trailers) = (None, None, None);
        self.walk(|key, value| {
            let place = match key {
                key if key.is(&self.keys.status) => &mut status,
                key if key.is(&self.keys.headers) => &mut headers,
                key if key.is(&self.keys.trailers) => &mut trailers,
                key if key.is(&self.keys.kind) => return,
                key => match text(&key).as_deref() {
                    Some("status") => &mut status,
                    Some("headers") => &mut headers,
                    Some("trailers") => &mut trailers,
                    _ => return,
                },
            };
            *place = Some(value.to_owned());
        });
        let status: Bound<'py, PyAny> = status.ok_or_else(|| missing(NAME, "status"))?;
        Ok(Message::Start {
            status: final_status(NAME, &status)?,
            headers,
            trailers: flag(NAME, "'trailers'", trailers)?,
        })
    }

    #[inline]
    fn body(&self) -> PyResult<Message<'py>> {
        const NAME: &str = "http.response.body";
        let (mut body, mut more) = (None, None);
        self.walk(|key, value| {
            let place = match key {
                key if key.is(&self.keys.body) => &mut body,
                key if key.is(&self.keys.more_body) => &mut more,
                key if key.is(&self.keys.kind) => return,
                key => match text(&key).as_deref() {
                    Some("body") => &mut body,
                    Some("more_body") => &mut more,
                    _ => return,
                },
            };
            *place = Some(value.to_owned());
        });
        let body = match body {
            Some(body) => as_bytes(NAME, body)?,
            None => self.keys.empty_bytes.bind(self.dict.py()).clone(),
        };
        Ok(Message::Body { body, more: flag(NAME, "'more_body'", more)? })
    }

    /// Every item, borrowed. `visit` must not run Python code.
    #[inline]
    fn walk(&self, mut visit: impl FnMut(Borrowed<'_, 'py, PyAny>, Borrowed<'_, 'py, PyAny>)) {
        let py = self.dict.py();
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        let mut position = 0;
        // SAFETY: the dict is alive and does not change while it is walked, since nothing here runs Python code; what
        // `PyDict_Next` hands out is borrowed from it.
        while unsafe { ffi::PyDict_Next(self.dict.as_ptr(), &raw mut position, &raw mut key, &raw mut value) } != 0 {
            // SAFETY: as above.
            let (key, value) = unsafe { (Borrowed::from_ptr(py, key), Borrowed::from_ptr(py, value)) };
            visit(key, value);
        }
    }

    fn trailers(&self) -> PyResult<Message<'py>> {
        const NAME: &str = "http.response.trailers";
        let more = self.flag(NAME, &self.keys.more_trailers, "'more_trailers'")?;
        Ok(Message::Trailers { headers: self.get(&self.keys.headers)?, more })
    }

    fn early_hint(&self) -> PyResult<Message<'py>> {
        const NAME: &str = "http.response.early_hint";
        let links = self.get(&self.keys.links)?.ok_or_else(|| missing(NAME, "links"))?;
        Ok(Message::EarlyHint { links })
    }

    fn path_send(&self) -> PyResult<Message<'py>> {
        const NAME: &str = "http.response.pathsend";
        let path = self.get(&self.keys.path)?.ok_or_else(|| missing(NAME, "path"))?;
        let Ok(text) = path.cast::<PyString>() else {
            return Err(wrong_type(NAME, "'path'", "str", &path));
        };
        let path = text.to_cow()?.into_owned();
        if !path.starts_with('/') {
            return Err(illegal(format!("{NAME}: 'path' must be absolute, not {path:?} (ASGI-261)")));
        }
        Ok(Message::PathSend { path })
    }

    fn zero_copy_send(&self) -> PyResult<Message<'py>> {
        const NAME: &str = "http.response.zerocopysend";
        let file = self.get(&self.keys.file)?.ok_or_else(|| missing(NAME, "file"))?;
        let offset = self.size(NAME, &self.keys.offset, "'offset'")?;
        let count = self.size(NAME, &self.keys.count, "'count'")?;
        let more = self.flag(NAME, &self.keys.more_body, "'more_body'")?;
        Ok(Message::ZeroCopySend { file, offset, count, more })
    }

    #[inline]
    fn get(&self, key: &Py<PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.dict.get_item(key.bind(self.dict.py()))
    }

    fn flag(&self, message: &str, key: &Py<PyString>, name: &str) -> PyResult<bool> {
        flag(message, name, self.get(key)?)
    }

    /// A size in bytes, absent where it is missing or None.
    fn size(&self, message: &str, key: &Py<PyString>, name: &str) -> PyResult<Option<u64>> {
        match self.get(key)? {
            Some(value) if !value.is_none() => {
                if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
                    return Err(wrong_type(message, name, "int or None", &value));
                }
                // The largest file offset of POSIX is a signed 64-bit number.
                let size = value.extract::<i64>().ok().filter(|size| *size >= 0);
                size.map(|size| Some(size as u64))
                    .ok_or_else(|| illegal(format!("{message}: {name} must be 0 or more, not {value} (ASGI-251)")))
            }
            _ => Ok(None),
        }
    }
}

/// A final status (ASGI-120).
#[inline]
fn final_status(message: &str, status: &Bound<'_, PyAny>) -> PyResult<u16> {
    if !status.is_instance_of::<PyInt>() || status.is_instance_of::<PyBool>() {
        return Err(wrong_type(message, "'status'", "int", status));
    }
    status.extract::<u16>().ok().filter(|status| (200..=999).contains(status)).ok_or_else(|| {
        illegal(format!("{message}: 'status' must be a final status, 200 to 999, not {status} (ASGI-120)"))
    })
}

/// A bool, False where it is missing.
#[inline]
fn flag(message: &str, name: &str, value: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
    match value {
        None => Ok(false),
        Some(value) => match value.cast::<PyBool>() {
            Ok(flag) => Ok(flag.is_true()),
            Err(_) => Err(wrong_type(message, name, "bool", &value)),
        },
    }
}

/// The key as text, unless it is something else.
#[cold]
fn text(key: &Bound<'_, PyAny>) -> Option<String> {
    Some(key.cast::<PyString>().ok()?.to_str().ok()?.to_owned())
}

/// Whether a call failed because the object cannot do this at all; what it raises while it tries passes unchanged.
pub fn is_type_error(error: &PyErr, py: Python<'_>) -> bool {
    error.is_instance_of::<PyTypeError>(py)
}

fn missing(message: &str, key: &str) -> PyErr {
    illegal(format!("{message}: the mandatory key '{key}' is missing (ASGI-031)"))
}

/// `bytes` as they are; `bytearray` and `memoryview` are copied, since the application may change them (ASGI-113).
#[inline]
fn as_bytes<'py>(message: &str, body: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    match body.cast_into_exact::<PyBytes>() {
        Ok(bytes) => Ok(bytes),
        Err(error) => copied(message, error.into_inner()),
    }
}

#[cold]
fn copied<'py>(message: &str, body: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok(PyBytes::new(body.py(), bytes.as_bytes()));
    }
    if body.is_instance_of::<PyByteArray>() || body.is_instance_of::<PyMemoryView>() {
        let copy = body.py().get_type::<PyBytes>().call1((&body,))?;
        return Ok(copy.cast_into::<PyBytes>()?);
    }
    Err(wrong_type(message, "'body'", "bytes", &body))
}

/// Copies response fields (an iterable of pairs of bytes) into `block`, each checked (ASGI-116).
#[inline]
pub fn read_fields(message: &str, headers: &Bound<'_, PyAny>, block: &mut Block) -> PyResult<()> {
    if let Ok(list) = headers.cast_exact::<PyList>() {
        for item in list.iter() {
            read_field(message, &item, block)?;
        }
        return Ok(());
    }
    if headers.is_instance_of::<PyString>() || headers.is_instance_of::<PyBytes>() || headers.is_instance_of::<PyDict>()
    {
        return Err(wrong_type(message, "'headers'", "an iterable of (name, value) pairs of bytes", headers));
    }
    let items = headers.try_iter().map_err(|error| {
        if !is_type_error(&error, headers.py()) {
            return error;
        }
        wrong_type(message, "'headers'", "an iterable of (name, value) pairs of bytes", headers)
    })?;
    for item in items {
        read_field(message, &item?, block)?;
    }
    Ok(())
}

#[inline]
fn read_field(message: &str, item: &Bound<'_, PyAny>, block: &mut Block) -> PyResult<()> {
    if let Ok(pair) = item.cast_exact::<PyTuple>()
        && pair.len() == 2
    {
        return push_field(message, &pair.get_item(0)?, &pair.get_item(1)?, block);
    }
    let pair = as_pair(message, item)?;
    push_field(message, &pair.0, &pair.1, block)
}

/// Two items out of any other iterable (ASGI-101).
#[cold]
fn as_pair<'py>(message: &str, item: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let wrong = || wrong_type(message, "an item of 'headers'", "a (name, value) pair of bytes", item);
    if item.is_instance_of::<PyString>() || item.is_instance_of::<PyBytes>() {
        return Err(wrong());
    }
    let mut items = item.try_iter().map_err(|error| if is_type_error(&error, item.py()) { wrong() } else { error })?;
    match (items.next().transpose()?, items.next().transpose()?, items.next().transpose()?) {
        (Some(name), Some(value), None) => Ok((name, value)),
        _ => Err(illegal(format!("{message}: an item of 'headers' must have exactly two items (ASGI-101)"))),
    }
}

#[inline]
fn push_field(message: &str, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, block: &mut Block) -> PyResult<()> {
    let Ok(name) = name.cast::<PyBytes>() else {
        return Err(wrong_type(message, "a header name", "bytes", name));
    };
    let Ok(value) = value.cast::<PyBytes>() else {
        return Err(wrong_type(message, "a header value", "bytes", value));
    };
    let (name, value) = (name.as_bytes(), value.as_bytes());
    check_field(name, value).map_err(|error| {
        let shown = String::from_utf8_lossy(name);
        let clause = if error.reason.contains("ASGI-116") { "" } else { " (ASGI-116)" };
        illegal(format!("{message}: header {shown:?}: {}{clause}", error.reason))
    })?;
    if block.bytes.len() + name.len() + value.len() > LARGEST_HEAD {
        return Err(illegal(format!("{message}: the headers are longer than {LARGEST_HEAD} bytes together")));
    }
    match name.len() {
        4 if name.eq_ignore_ascii_case(b"date") => block.has_date = true,
        6 if name.eq_ignore_ascii_case(b"server") => block.has_server = true,
        _ => {}
    }
    block.push(name, value);
    Ok(())
}

/// The `links` of an early hint (ASGI-270): an iterable of bytes, each a `link` field.
pub fn read_links(links: &Bound<'_, PyAny>, block: &mut Block) -> PyResult<()> {
    const NAME: &str = "http.response.early_hint";
    if links.is_instance_of::<PyString>() || links.is_instance_of::<PyBytes>() {
        return Err(wrong_type(NAME, "'links'", "an iterable of bytes", links));
    }
    let items = links.try_iter().map_err(|error| match is_type_error(&error, links.py()) {
        true => wrong_type(NAME, "'links'", "an iterable of bytes", links),
        false => error,
    })?;
    for item in items {
        let item = item?;
        let Ok(value) = item.cast::<PyBytes>() else {
            return Err(wrong_type(NAME, "an item of 'links'", "bytes", &item));
        };
        check_field(b"link", value.as_bytes())
            .map_err(|error| illegal(format!("{NAME}: {} (ASGI-274)", error.reason)))?;
        block.push(b"link", value.as_bytes());
    }
    Ok(())
}
