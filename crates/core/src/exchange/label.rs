//! What the log calls an exchange: the method and path of its request, whatever its application has made of the scope
//! since. The access log's record has them; without one the scope is asked, and believed where it still holds text.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::exchange::Exchange;
use crate::exchange::scope;
use crate::keys::Keys;

/// Follows "a request" or "a websocket".
const CHANGED: &str = "whose scope the application changed";

pub struct Label {
    /// `websocket` where there is none.
    pub method: String,
    pub path: String,
}

impl Label {
    #[cold]
    pub fn of(exchange: &Bound<'_, Exchange>) -> PyResult<Self> {
        let py = exchange.py();
        let (asked, scope) = {
            let inner = exchange.get().state.lock()?;
            (inner.record.asked(py), inner.scope.clone_ref(py))
        };
        let keys = Keys::of(py);
        let (method, path) = match asked {
            Some((method, raw_path)) => {
                let settings = &exchange.get().reactor.get().settings;
                let path = scope::path(py, raw_path.as_bytes(py), settings);
                (text(method.bind(py)), text(&path))
            }
            None => (held(scope.bind(py), &keys.method), held(scope.bind(py), &keys.path)),
        };
        let method = if exchange.get().websocket { Some("websocket".to_owned()) } else { method };
        Ok(match (method, path) {
            (Some(method), Some(path)) => Self { method, path },
            _ => Self {
                method: if exchange.get().websocket { "a websocket" } else { "a request" }.to_owned(),
                path: CHANGED.to_owned(),
            },
        })
    }

    /// As the observer takes it.
    pub fn into_scope(self, py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let keys = Keys::of(py);
        let scope = PyDict::new(py);
        scope.set_item(&keys.method, self.method)?;
        scope.set_item(&keys.path, self.path)?;
        Ok(scope)
    }
}

/// What was made by us is a plain str.
fn held(scope: &Bound<'_, PyDict>, key: &Py<PyString>) -> Option<String> {
    let value = scope.get_item(key).ok().flatten()?;
    text(value.cast_exact::<PyString>().ok()?)
}

fn text(value: &Bound<'_, PyString>) -> Option<String> {
    Some(value.to_str().ok()?.to_owned())
}
