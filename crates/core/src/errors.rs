//! The exceptions that an application meets, and the way from a `wire` error to them.

use pyo3::exceptions::{PyBaseExceptionGroup, PyConnectionError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::{create_exception, intern};
use wire::{Error, Fault};

create_exception!(
    asgate,
    ClientDisconnected,
    PyConnectionError,
    "`send` was called after the client had left (ASGI-110). An OSError; let it pass, it is not logged."
);
create_exception!(
    asgate,
    MessageError,
    PyRuntimeError,
    "The message is not allowed here, or lacks something (ASGI-030, ASGI-031, ASGI-037). Nothing was sent."
);

/// A message that is illegal here and now.
pub fn illegal(text: impl Into<String>) -> PyErr {
    MessageError::new_err(text.into())
}

/// A value of the wrong type (ASGI-032): names the message, the key, what was expected and what came.
pub fn wrong_type(message: &str, key: &str, expected: &str, found: &Bound<'_, PyAny>) -> PyErr {
    let kind = found.get_type();
    let name = kind.name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{message}: {key} must be {expected}, not {name} (ASGI-032)"))
}

pub fn disconnected() -> PyErr {
    ClientDisconnected::new_err("the client has disconnected (ASGI-110)")
}

pub fn from_wire(error: Error) -> PyErr {
    match error.fault {
        Fault::Caller => illegal(error.reason),
        Fault::Peer => ClientDisconnected::new_err(error.reason),
    }
}

/// A panic was caught: a fault of ours.
pub fn panicked() -> PyErr {
    PyRuntimeError::new_err("asgate: a panic in the core; please report it with the lines that Rust printed above")
}

/// How far a chain of causes is followed.
const LONGEST_CHAIN: usize = 16;

/// Whether the application merely let our own news of the disconnect pass: as it is, as the cause of its framework's own
/// exception (Starlette's `ClientDisconnect`), or in a group of nothing else (a task group's). Not an error (ASGI-035,
/// ASGI-036). What happened on the way, in a `finally` or `except`, is one.
pub fn is_disconnected(py: Python<'_>, error: &PyErr) -> bool {
    comes_from_disconnect(error.value(py).as_any(), LONGEST_CHAIN)
}

fn comes_from_disconnect(error: &Bound<'_, PyAny>, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    if error.is_instance_of::<ClientDisconnected>() {
        return true;
    }
    if error.is_instance_of::<PyBaseExceptionGroup>() {
        let members = error.getattr("exceptions").and_then(|members| members.extract::<Vec<Bound<'_, PyAny>>>());
        return members.is_ok_and(|members| members.iter().all(|member| comes_from_disconnect(member, depth - 1)));
    }
    let next = |name| error.getattr(name).ok().filter(|next| !next.is_none());
    // Frameworks raise theirs without `from`; whatever else was raised inside `except OSError` is a fault of its own.
    let translated = || error.get_type().name().is_ok_and(|name| name.to_string_lossy().contains("Disconnect"));
    let origin = next("__cause__").or_else(|| if translated() { next("__context__") } else { None });
    origin.is_some_and(|origin| comes_from_disconnect(&origin, depth - 1))
}

/// Whether this is `asyncio.CancelledError`.
pub fn is_cancelled(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    let kind = py.import(intern!(py, "asyncio"))?.getattr(intern!(py, "CancelledError"))?;
    Ok(error.matches(py, kind)?)
}
