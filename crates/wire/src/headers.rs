//! Header fields as spans over bytes that somebody else owns.
//!
//! A request's fields point into the receive buffer, a response's fields into a block of its own; both are read with
//! [`Fields::iter`] over their base bytes. The vector is reused from message to message, so that a field costs no
//! allocation of its own.

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
#[derive(Clone, Debug, Default)]
pub struct Fields {
    spans: Vec<Field>,
}

impl Fields {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn clear(&mut self) {
        self.spans.clear();
    }

    pub fn push(&mut self, field: Field) {
        self.spans.push(field);
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

    /// Appends `name` and `value` to `base` and remembers where they lie (for a block that is being built).
    pub fn append(&mut self, base: &mut Vec<u8>, name: &[u8], value: &[u8]) {
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
