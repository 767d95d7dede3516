//! Header fields as spans over bytes that somebody else owns.
//!
//! A request's fields point into the receive buffer, a response's fields into a block of its own; both are read with
//! [`Fields::iter`] over their base bytes. The vector is reused from message to message, so that a field costs no
//! allocation of its own.

use crate::http1::Request;
use crate::http1::recall::{Known, Recall};

/// Where one field's name and value lie in the base bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub name_start: u32,
    pub value_start: u32,
    pub name_length: u32,
    pub value_length: u32,
}

impl Field {
    /// The name as it stands in the base bytes (a request's: in the case in which the peer wrote it).
    #[must_use]
    pub fn name<'a>(&self, base: &'a [u8]) -> &'a [u8] {
        &base[self.name_start as usize..(self.name_start + self.name_length) as usize]
    }

    /// The value without surrounding white space (RFC 9112 section 5.1).
    #[must_use]
    pub fn value<'a>(&self, base: &'a [u8]) -> &'a [u8] {
        &base[self.value_start as usize..(self.value_start + self.value_length) as usize]
    }

    /// The whole line, from the first byte of the name to the last of the value.
    #[must_use]
    pub fn line<'a>(&self, base: &'a [u8]) -> &'a [u8] {
        &base[self.name_start as usize..(self.value_start + self.value_length) as usize]
    }
}

/// An ordered list of fields. Order and duplicates are kept as they came.
#[derive(Debug, Default)]
pub struct Fields {
    spans: Vec<Field>,
    /// All were appended by `append_checked`: nobody needs to check them again, and each is a whole line of HTTP/1.
    prepared: bool,
    /// Heads that were seen before, and which of them this is.
    recall: Option<Box<Recall>>,
    known: Option<Known>,
}

impl Fields {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A scratch for requests that remembers heads.
    #[must_use]
    pub fn remembering() -> Self {
        Self { recall: Some(Box::default()), ..Self::default() }
    }

    /// The request that `base` is, if it was remembered; its fields are here then.
    #[inline]
    pub(crate) fn recall<'a>(&mut self, base: &'a [u8]) -> Option<Request<'a>> {
        let (request, known) = self.recall.as_ref()?.find(base, &mut self.spans)?;
        self.known = Some(known);
        Some(request)
    }

    /// Remembers the request whose fields are here.
    #[inline]
    pub(crate) fn remember(&mut self, request: &Request<'_>) {
        if let Some(recall) = &mut self.recall {
            recall.keep(request, &self.spans);
        }
    }

    /// Set when the last request was a head that had been seen before.
    #[must_use]
    pub fn known(&self) -> Option<Known> {
        self.known
    }

    pub fn clear(&mut self) {
        self.spans.clear();
        self.known = None;
        self.prepared = false;
    }

    pub fn push(&mut self, field: Field) {
        self.prepared = false;
        self.spans.push(field);
    }

    /// Keeps the first `count` fields.
    pub fn truncate(&mut self, count: usize) {
        self.spans.truncate(count);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    #[must_use]
    pub fn spans(&self) -> &[Field] {
        &self.spans
    }

    /// Every `(name, value)` in order.
    pub fn iter<'a>(&'a self, base: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.spans.iter().map(move |field| (field.name(base), field.value(base)))
    }

    /// Appends a field that has passed `check_field`, as the line `name: value CRLF`, so that HTTP/1 copies it in one
    /// piece. Mixed with [`append`](Self::append) or [`push`](Self::push) the block counts as unchecked again.
    #[inline]
    pub fn append_checked(&mut self, base: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        debug_assert!(crate::grammar::check_field(name, value).is_ok(), "append_checked got an unchecked field");
        self.prepared |= self.spans.is_empty();
        let name_start = base.len() as u32;
        base.reserve(name.len() + value.len() + 4);
        base.extend_from_slice(name);
        base.extend_from_slice(b": ");
        base.extend_from_slice(value);
        base.extend_from_slice(b"\r\n");
        self.spans.push(Field {
            name_start,
            value_start: name_start + name.len() as u32 + 2,
            name_length: name.len() as u32,
            value_length: value.len() as u32,
        });
    }

    /// Whether all fields were appended by [`append_checked`](Self::append_checked).
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        self.prepared
    }

    /// Appends `name` and `value` to `base` and remembers where they lie (for a block that is being built).
    pub fn append(&mut self, base: &mut Vec<u8>, name: &[u8], value: &[u8]) {
        self.prepared = false;
        let name_start = base.len() as u32;
        base.extend_from_slice(name);
        base.extend_from_slice(value);
        self.spans.push(Field {
            name_start,
            value_start: name_start + name.len() as u32,
            name_length: name.len() as u32,
            value_length: value.len() as u32,
        });
    }
}
