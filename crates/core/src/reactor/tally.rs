//! What the access log will say. Records are gathered while requests are served and handed to Python in one piece at the
//! end of a turn: formatting and writing are off the hot path.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::exchange::Exchange;
use crate::exchange::fields::Block;
use crate::keys::Keys;
use crate::reactor::Reactor;
use crate::reactor::observer::observe;

/// What a request said, kept for its line.
pub struct Access {
    pub client: Option<Py<PyAny>>,
    pub method: Py<PyString>,
    pub raw_path: Py<PyBytes>,
    pub query: Py<PyBytes>,
    pub version: Py<PyString>,
    pub headers: Py<PyList>,
}

impl Access {
    /// Taken from a scope that the application has not seen yet.
    pub fn of(
        scope: &Bound<'_, PyDict>,
        method: Bound<'_, PyString>,
        client: Option<Bound<'_, PyAny>>,
        headers: Bound<'_, PyList>,
    ) -> PyResult<Self> {
        let keys = Keys::of(scope.py());
        let text = |key: &Py<PyString>| -> PyResult<Py<PyString>> {
            Ok(scope.as_any().get_item(key)?.cast_into::<PyString>()?.unbind())
        };
        let bytes = |key: &Py<PyString>| -> PyResult<Py<PyBytes>> {
            Ok(scope.as_any().get_item(key)?.cast_into::<PyBytes>()?.unbind())
        };
        Ok(Self {
            client: client.map(Bound::unbind),
            method: method.unbind(),
            raw_path: bytes(&keys.raw_path)?,
            query: bytes(&keys.query_string)?,
            version: text(&keys.http_version)?,
            // A list of our own: the application may change the one in its scope.
            headers: headers.get_slice(0, headers.len()).unbind(),
        })
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            client: self.client.as_ref().map(|client| client.clone_ref(py)),
            method: self.method.clone_ref(py),
            raw_path: self.raw_path.clone_ref(py),
            query: self.query.clone_ref(py),
            version: self.version.clone_ref(py),
            headers: self.headers.clone_ref(py),
        }
    }
}

/// How an exchange goes.
pub struct Record {
    /// 0: no response has begun.
    pub status: u16,
    /// Body bytes that the application sent.
    pub sent: u64,
    /// Microseconds of the reactor's clock.
    pub started: u64,
    access: Option<Access>,
    /// Trailers of earlier messages, until the last one comes. Boxed, as they are rare: see the size of `Exchange`.
    pub trailers: Option<Box<Block>>,
}

impl Record {
    pub fn new(started: u64, access: Option<Access>) -> Self {
        Self { status: 0, sent: 0, started, access, trailers: None }
    }

    /// The method and the path, as long as the access line is to be written.
    pub fn asked(&self, py: Python<'_>) -> Option<(Py<PyString>, Py<PyBytes>)> {
        self.access.as_ref().map(|access| (access.method.clone_ref(py), access.raw_path.clone_ref(py)))
    }
}

#[derive(Default)]
pub struct Tally {
    records: Vec<Py<PyAny>>,
}

/// A WebSocket was accepted: who watches the log sees it come, not only go. Does nothing when the access log is off.
pub fn opened(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let (access, started) = {
        let inner = exchange.get().state.lock()?;
        let Some(access) = &inner.record.access else { return Ok(()) };
        (access.clone_ref(exchange.py()), inner.record.started)
    };
    note(exchange, access, started, 101, 0, "opened", None)
}

/// An exchange has ended: its record joins the others. Does nothing when the access log is off, or the second time.
pub fn ended(exchange: &Bound<'_, Exchange>, outcome: &'static str) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.get();
    if !reactor.settings.access_log {
        return Ok(());
    }
    let (access, status, sent, started, code) = {
        let mut inner = this.state.lock()?;
        let inner = &mut *inner;
        let record = &mut inner.record;
        let Some(access) = record.access.take() else { return Ok(()) };
        let code = inner.socket.as_ref().filter(|_| record.status == 101).map(|socket| socket.close_code());
        (access, record.status, record.sent, record.started, code)
    };
    note(exchange, access, started, status, sent, code.map_or(outcome, ending), code)
}

/// One more record.
fn note(
    exchange: &Bound<'_, Exchange>,
    access: Access,
    started: u64,
    status: u16,
    sent: u64,
    outcome: &'static str,
    code: Option<u16>,
) -> PyResult<()> {
    let reactor = &exchange.get().reactor;
    let seconds = reactor.get().state.lock()?.micros().saturating_sub(started) as f64 / 1e6;
    let line = (
        access.client,
        access.method,
        access.raw_path,
        access.query,
        access.version,
        access.headers,
        status,
        sent,
        seconds,
        outcome,
        code,
    )
        .into_pyobject(exchange.py())?;
    reactor.get().state.lock()?.tally.records.push(line.into_any().unbind());
    Reactor::schedule(reactor.bind(exchange.py()))
}

/// How well a WebSocket has ended.
fn ending(code: u16) -> &'static str {
    match code {
        1006 => "disconnected",
        1002 | 1007 | 1009 | 1011 => "aborted",
        _ => "complete",
    }
}

impl Tally {
    /// Hands over what was gathered.
    pub fn report(slf: &Bound<'_, Reactor>) -> PyResult<()> {
        let records = std::mem::take(&mut slf.get().state.lock()?.tally.records);
        if !records.is_empty() {
            observe(slf, "accessed", (PyList::new(slf.py(), records)?,));
        }
        Ok(())
    }
}
