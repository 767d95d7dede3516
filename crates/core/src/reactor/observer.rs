//! How Python hears of what happens here: the observer's methods are those of `Observer` in `_core.pyi`.

use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::reactor::Reactor;

/// Calls a method of the observer. What it raises is printed: telling must never disturb serving.
pub fn observe<'py>(slf: &Bound<'py, Reactor>, method: &str, arguments: impl PyCallArgs<'py>) {
    let observer = slf.get().observer.bind(slf.py());
    if let Err(error) = observer.call_method1(PyString::intern(slf.py(), method), arguments) {
        error.write_unraisable(slf.py(), Some(observer));
    }
}
