//! The exceptions that an application meets, and the way from a `wire` error to them.

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyTypeError};
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
        Fault::Bug => PyRuntimeError::new_err(format!("asgate: {}; please report this as a bug", error.reason)),
    }
}

/// Whether the application merely let our own news of the disconnect pass (ASGI-035, ASGI-036).
pub fn is_disconnected(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<ClientDisconnected>(py)
}

/// Whether this is `asyncio.CancelledError`.
pub fn is_cancelled(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    let kind = py.import(intern!(py, "asyncio"))?.getattr(intern!(py, "CancelledError"))?;
    Ok(error.matches(py, kind)?)
}
