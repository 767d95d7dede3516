//! What an application hands over to be written: copied where that is cheaper, otherwise kept by reference until the
//! kernel has it.

use net::outlet::{Outlet, Payload};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use wire::Sink;

use crate::exchange::files::FileRange;

/// Payloads up to this many bytes are copied behind the head: below it, a copy is cheaper than keeping a reference and
/// giving the kernel one more segment. (Measured with hello and echo bodies; see docs/benchmarks.md.)
const COPY_LIMIT: usize = 4096;

/// An object of the application that waits in the outlet.
pub enum Chunk {
    Bytes(Py<PyBytes>),
    /// It was asked for its UTF-8 before, which it keeps as long as it lives.
    Text(Py<PyString>),
}

impl Payload for Chunk {
    fn bytes(&self) -> &[u8] {
        // SAFETY: outlets live in the reactor's state, which is reached only from Python-attached code.
        let py = unsafe { Python::assume_attached() };
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(py),
            Self::Text(text) => text.to_str(py).map_or(&[], str::as_bytes),
        }
    }
}

/// Where a body command takes its payload from.
pub enum Source<'a, 'py> {
    None,
    Slice(&'a [u8]),
    Bytes(&'a Bound<'py, PyBytes>),
    /// With its UTF-8.
    Text(&'a Bound<'py, PyString>, &'a [u8]),
    File(Option<FileRange>),
    /// A file whose length, and all about it, is the application's to announce (ASGI-263).
    Path(Option<FileRange>),
}

/// Where a session writes: its own bytes, and payloads by reference.
pub struct Writer<'a, 'py> {
    pub outlet: &'a mut Outlet<Chunk>,
    pub source: Source<'a, 'py>,
}

impl Sink for Writer<'_, '_> {
    #[inline]
    fn bytes(&mut self) -> &mut Vec<u8> {
        self.outlet.bytes()
    }

    #[inline]
    fn payload(&mut self, from: u64, to: u64) {
        let (start, end) = (from as usize, to as usize);
        match &mut self.source {
            Source::None => {}
            Source::Slice(bytes) => self.outlet.bytes().extend_from_slice(&bytes[start..end]),
            Source::Bytes(bytes) if end - start <= COPY_LIMIT => {
                self.outlet.bytes().extend_from_slice(&bytes.as_bytes()[start..end]);
            }
            Source::Bytes(bytes) => self.outlet.push_payload(Chunk::Bytes(bytes.clone().unbind()), start, end),
            Source::Text(_, utf8) if end - start <= COPY_LIMIT => {
                self.outlet.bytes().extend_from_slice(&utf8[start..end]);
            }
            Source::Text(text, _) => self.outlet.push_payload(Chunk::Text((*text).clone().unbind()), start, end),
            Source::File(range) | Source::Path(range) => {
                if let Some(range) = range.take() {
                    self.outlet.push_file(range.file, range.offset + from, to - from);
                }
            }
        }
    }
}
