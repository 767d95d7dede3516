//! What an application sends: a dict becomes a [`Message`], or an exception that says what was expected, what came and
//! which clause it breaks. Order is not judged here (see `command`), header fields are not read yet (see
//! `fields`); nothing is coerced, nothing is dropped.

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyInt, PyMemoryView, PyString};

use crate::errors::{illegal, wrong_type};
use crate::keys::Keys;

pub enum Message<'py> {
    Start { status: u16, headers: Option<Bound<'py, PyAny>>, trailers: bool },
    Body { body: Bound<'py, PyBytes>, more: bool },
    Trailers { headers: Option<Bound<'py, PyAny>>, more: bool },
    EarlyHint { links: Bound<'py, PyAny> },
    PathSend { path: PathBuf },
    ZeroCopySend { file: Bound<'py, PyAny>, offset: Option<u64>, count: Option<u64>, more: bool },
}

/// Reads `event`.
///
/// # Errors
/// `TypeError` for a wrong Python type, [`crate::errors::MessageError`] for an unknown type or a missing key.
#[inline]
pub fn parse<'py>(event: &Bound<'py, PyAny>) -> PyResult<Message<'py>> {
    let (event, kind) = Event::of(event)?;
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

/// A message while it is read.
pub struct Event<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    pub keys: &'static Keys,
}

/// A key that is looked for.
pub struct Place<'a> {
    pub key: &'a Py<PyString>,
    pub name: &'static str,
}

impl<'a, 'py> Event<'a, 'py> {
    /// The message and its type.
    #[inline]
    pub fn of(event: &'a Bound<'py, PyAny>) -> PyResult<(Self, Bound<'py, PyAny>)> {
        let keys = Keys::of(event.py());
        let Ok(dict) = event.cast::<PyDict>() else {
            return Err(not_a_dict(event));
        };
        let kind = dict
            .get_item(keys.kind.bind(event.py()))?
            .ok_or_else(|| illegal("send: the message has no 'type' (ASGI-010)"))?;
        Ok((Self { dict, keys }, kind))
    }

    pub fn py(&self) -> Python<'py> {
        self.dict.py()
    }

    /// The values of a few keys, in one walk over the dict.
    #[inline]
    pub fn places<const N: usize>(&self, wanted: [Place<'_>; N]) -> [Option<Bound<'py, PyAny>>; N] {
        let mut found = [const { None }; N];
        self.walk(|key, value| {
            if key.is(&self.keys.kind) {
                return;
            }
            let place = wanted
                .iter()
                .position(|place| key.is(place.key))
                .or_else(|| text(&key).and_then(|name| wanted.iter().position(|place| place.name == name)));
            if let Some(index) = place {
                found[index] = Some(value.to_owned());
            }
        });
        found
    }

    #[cold]
    fn other(&self, kind: &Bound<'py, PyAny>) -> PyResult<Message<'py>> {
        let Ok(name) = kind.cast::<PyString>() else {
            return Err(wrong_type("send", "'type'", "str", kind));
        };
        match &*name.to_string_lossy() {
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
            Some(body) => as_bytes(NAME, "'body'", body)?,
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
        // As `open` reads a str: names that are no UTF-8 come with surrogates (PEP 383).
        let path = PathBuf::from(text.extract::<OsString>()?);
        if !path.is_absolute() {
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
    pub fn get(&self, key: &Py<PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
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

/// A final status (SERVER-20).
#[inline]
pub fn final_status(message: &str, status: &Bound<'_, PyAny>) -> PyResult<u16> {
    if !status.is_instance_of::<PyInt>() || status.is_instance_of::<PyBool>() {
        return Err(wrong_type(message, "'status'", "int", status));
    }
    status.extract::<u16>().ok().filter(|status| (200..=999).contains(status)).ok_or_else(|| {
        illegal(format!("{message}: 'status' must be a final status, 200 to 999, not {status} (SERVER-20)"))
    })
}

/// A bool, False where it is missing.
#[inline]
pub fn flag(message: &str, name: &str, value: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
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

pub fn missing(message: &str, key: &str) -> PyErr {
    illegal(format!("{message}: the mandatory key '{key}' is missing (ASGI-031)"))
}

/// `bytes` as they are; `bytearray` and `memoryview` are copied, since the application may change them (ASGI-113).
#[inline]
pub fn as_bytes<'py>(message: &str, key: &str, body: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    match body.cast_into_exact::<PyBytes>() {
        Ok(bytes) => Ok(bytes),
        Err(error) => copied(message, key, error.into_inner()),
    }
}

#[cold]
fn copied<'py>(message: &str, key: &str, body: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok(PyBytes::new(body.py(), bytes.as_bytes()));
    }
    if body.is_instance_of::<PyByteArray>() || body.is_instance_of::<PyMemoryView>() {
        let copy = body.py().get_type::<PyBytes>().call1((&body,))?;
        return Ok(copy.cast_into::<PyBytes>()?);
    }
    Err(wrong_type(message, key, "bytes", &body))
}
