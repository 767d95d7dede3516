//! `asgate._core`: joins `wire` (protocols) and `net` (sockets) and speaks Python.
//!
//! Two rooms: `reactor` (sockets, connections, timers; whose turn it is) and `exchange` (one ASGI conversation: scope,
//! task, messages). Follow a request in this order: `reactor/mod` -> `burst` -> `input` -> `exchange/dispatch` -> `scope` ->
//! `task` (the application runs) -> `message`, `command` -> `reactor/output`.

mod cell;
mod errors;
mod exchange;
mod keys;
mod reactor;
mod settings;

use pyo3::prelude::*;

/// The module keeps its state per loop thread and relies on the GIL when Python's collector visits it from elsewhere:
/// `gil_used` says so to free-threaded builds.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::errors::{ClientDisconnected, MessageError};
    #[pymodule_export]
    use crate::reactor::Reactor;
}
