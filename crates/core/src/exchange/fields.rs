//! Header fields that an application hands over: copied out of Python, each checked (ASGI-116), into a [`Block`] that
//! the connection writes from. What they mean is judged elsewhere (`command`, `wire`).

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use wire::Fields;
use wire::grammar::check_field;

use crate::errors::{illegal, wrong_type};

/// Most bytes of an application's header fields together: far beyond what any client takes, and safely within the
/// 32-bit spans of `wire`.
const LARGEST_BLOCK: usize = 16 << 20;

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
    check_room(message, block, name.len() + value.len())?;
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
        check_room(NAME, block, value.as_bytes().len())?;
        block.push(b"link", value.as_bytes());
    }
    Ok(())
}

/// Whether `more` bytes still fit; what is endless ends here.
#[inline]
pub fn check_room(message: &str, block: &Block, more: usize) -> PyResult<()> {
    if block.bytes.len() + more > LARGEST_BLOCK {
        return Err(illegal(format!("{message}: the headers are longer than {LARGEST_BLOCK} bytes together")));
    }
    Ok(())
}

/// Whether a call failed because the object cannot do this at all; what it raises while it tries passes unchanged.
fn is_type_error(error: &PyErr, py: Python<'_>) -> bool {
    error.is_instance_of::<PyTypeError>(py)
}
