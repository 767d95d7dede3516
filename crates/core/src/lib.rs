//! `asgate._core`: joins `wire` (protocols) and `net` (sockets) and speaks Python.
//!
//! Follow a request in this order: `reactor` (who is ready) -> `connection` (bytes in, bytes out) -> `dispatch` (events
//! become exchanges) -> `scope` -> `task` (the application runs) -> `message` and `exchange` (what it sends) -> `connection`.

mod accept;
mod awaitable;
mod burst;
mod callables;
mod cell;
mod command;
mod connection;
mod dispatch;
mod end;
mod errors;
mod exchange;
mod files;
mod flow;
mod keys;
mod memo;
mod message;
mod reactor;
mod scope;
mod settings;
mod shutdown;
mod tally;
mod task;

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
