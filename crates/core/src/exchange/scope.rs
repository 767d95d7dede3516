//! Builds scopes. What never changes for a listener lies in a template that is copied; every container in a scope is
//! fresh, so that what one request's application changes is not seen by the next (ASGI-014).

use std::collections::HashMap;

use pyo3::PyTraverseError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use wire::http1::recall::{Known, Recall, is_secret};
use wire::{Fields, Head, Version};

use crate::cell::LoopCell;
use crate::exchange::memo::Memo;
use crate::keys::Keys;
use crate::reactor::tally::Access;
use crate::settings::{RootPathMode, Settings};

pub struct Scopes {
    /// One per listener: scope with the constant keys in the order of the specification.
    templates: LoopCell<Vec<Py<PyDict>>>,
    /// Templates of the local addresses behind wildcard listeners.
    addresses: LoopCell<HashMap<(String, u16), u32>>,
    /// Header lines and paths that were seen before.
    lines: LoopCell<Memo<Py<PyTuple>>>,
    paths: LoopCell<Memo<(Py<PyString>, Py<PyBytes>)>>,
    /// Beside each head that `wire` remembers.
    drafts: LoopCell<Vec<Option<Draft>>>,
    asgi: LoopCell<Renewed>,
    extensions: LoopCell<Renewed>,
    lifespan_state: Option<Py<PyAny>>,
}

/// What all scopes of one repeated head have in common: copied, then completed with fresh containers.
struct Draft {
    generation: u64,
    listener: u32,
    scope: Py<PyDict>,
    headers: Py<PyTuple>,
}

/// A dict that every scope needs afresh. The last one is given out again if its scope is gone and nobody has changed or
/// kept it: then it cannot be told from a new one. (Saves 1 900 instructions of 30 000 per request.)
struct Renewed {
    /// What is in it: values that are empty dicts are renewed likewise.
    template: Vec<(Py<PyString>, Py<PyAny>)>,
    last: Option<Py<PyDict>>,
    /// The inner dicts of `last`.
    inner: Vec<Py<PyDict>>,
}

impl Renewed {
    /// Constant entries; none for a dict of empty dicts whose keys come later.
    fn new(template: Vec<(Py<PyString>, Py<PyAny>)>) -> Self {
        Self { template, last: None, inner: Vec::new() }
    }

    fn of_dicts(keys: &[&Py<PyString>], py: Python<'_>) -> Self {
        Self::new(keys.iter().map(|key| (key.clone_ref(py), py.None())).collect())
    }

    #[inline]
    fn make<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        if let Some(last) = &self.last
            && self.is_pristine(last.bind(py))?
        {
            return Ok(last.bind(py).clone());
        }
        self.inner.clear();
        let made = PyDict::new(py);
        for (key, value) in &self.template {
            if value.is_none(py) {
                let inner = PyDict::new(py);
                made.set_item(key, &inner)?;
                self.inner.push(inner.unbind());
            } else {
                made.set_item(key, value)?;
            }
        }
        self.last = Some(made.clone().unbind());
        Ok(made)
    }

    /// Only we hold it, it has our keys and no other, our values, and the inner dicts are empty and held by it alone.
    #[inline]
    fn is_pristine(&self, last: &Bound<'_, PyDict>) -> PyResult<bool> {
        let py = last.py();
        if references(last) != 1 || last.len() != self.template.len() {
            return Ok(false);
        }
        let mut inner = self.inner.iter();
        for (key, value) in &self.template {
            let Some(found) = last.get_item(key)? else { return Ok(false) };
            let same = if value.is_none(py) {
                // Held by `last`, by `self.inner` and by `found`.
                inner.next().is_some_and(|dict| found.is(dict) && dict.bind(py).is_empty() && references(&found) == 3)
            } else {
                found.is(value)
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Scopes {
    pub fn new(py: Python<'_>, settings: &Settings, state: Option<Bound<'_, PyAny>>) -> PyResult<Self> {
        let keys = Keys::of(py);
        let asgi = vec![
            (keys.version.clone_ref(py), PyString::intern(py, "3.0").into_any().unbind()),
            (keys.spec_version.clone_ref(py), PyString::intern(py, &settings.spec_version).into_any().unbind()),
        ];
        let extensions = Renewed::of_dicts(&[&keys.pathsend, &keys.zerocopysend, &keys.early_hint], py);
        Ok(Self {
            templates: LoopCell::new(Vec::new()),
            addresses: LoopCell::new(HashMap::new()),
            lines: LoopCell::new(Memo::new()),
            paths: LoopCell::new(Memo::new()),
            drafts: LoopCell::new((0..Recall::SLOTS).map(|_| None).collect()),
            asgi: LoopCell::new(Renewed::new(asgi)),
            extensions: LoopCell::new(extensions),
            lifespan_state: state.map(Bound::unbind),
        })
    }

    /// A template for a listener; `server` is `(host, port)`, `(path, None)` or None (ASGI-061).
    pub fn add_listener(&self, py: Python<'_>, server: Bound<'_, PyAny>, settings: &Settings) -> PyResult<u32> {
        let keys = Keys::of(py);
        let template = PyDict::new(py);
        template.set_item(&keys.kind, &keys.http)?;
        template.set_item(&keys.asgi, py.None())?;
        template.set_item(&keys.http_version, &keys.version_11)?;
        template.set_item(&keys.server, server)?;
        template.set_item(&keys.client, py.None())?;
        template.set_item(&keys.scheme, PyString::intern(py, "http"))?;
        template.set_item(&keys.root_path, &settings.root_path)?;
        template.set_item(&keys.method, py.None())?;
        template.set_item(&keys.path, py.None())?;
        template.set_item(&keys.raw_path, py.None())?;
        template.set_item(&keys.query_string, &keys.empty_bytes)?;
        template.set_item(&keys.headers, py.None())?;
        template.set_item(&keys.extensions, py.None())?;
        let mut templates = self.templates.lock()?;
        templates.push(template.unbind());
        Ok(templates.len() as u32 - 1)
    }

    /// The template for a local address of a listener on all addresses; made when the address is first used.
    pub fn template_for(&self, py: Python<'_>, server: (String, u16), settings: &Settings) -> PyResult<u32> {
        if let Some(index) = self.addresses.lock()?.get(&server) {
            return Ok(*index);
        }
        let index = self.add_listener(py, (&*server.0, server.1).into_pyobject(py)?.into_any(), settings)?;
        self.addresses.lock()?.insert(server, index);
        Ok(index)
    }

    /// The scope of a request, and what the access log will want to know of it.
    pub fn make<'py>(
        &self,
        py: Python<'py>,
        listener: u32,
        client: Option<Py<PyAny>>,
        head: &Head<'_>,
        fields: &Fields,
        settings: &Settings,
    ) -> PyResult<(Bound<'py, PyDict>, Option<Access>)> {
        let keys = Keys::of(py);
        let recalled = match fields.known() {
            Some(known) => self.recalled(py, known, listener)?,
            None => None,
        };
        let (scope, headers) = match recalled {
            Some(found) => found,
            None => {
                let scope = self.constant_part(py, keys, listener, head, settings)?;
                let headers = self.headers(py, keys, head, fields)?;
                self.draft(fields.known(), listener, &scope, &headers)?;
                (scope, headers)
            }
        };
        scope.set_item(&keys.headers, &headers)?;
        scope.set_item(&keys.asgi, self.asgi.lock()?.make(py)?)?;
        if let Some(client) = &client {
            scope.set_item(&keys.client, client)?;
        }
        if let Some(state) = &self.lifespan_state {
            scope.set_item(&keys.state, shallow_copy(state.bind(py))?)?;
        }
        scope.set_item(&keys.extensions, self.extensions(py, keys, head)?)?;
        let access = if settings.access_log { Some(Access::of(&scope, client, headers)?) } else { None };
        Ok((scope, access))
    }

    /// The draft of a head that was seen before, copied.
    #[inline]
    fn recalled<'py>(
        &self,
        py: Python<'py>,
        known: Known,
        listener: u32,
    ) -> PyResult<Option<(Bound<'py, PyDict>, Bound<'py, PyList>)>> {
        let drafts = self.drafts.lock()?;
        match &drafts[known.slot] {
            Some(draft) if draft.generation == known.generation && draft.listener == listener => {
                let scope = draft.scope.bind(py).copy()?;
                Ok(Some((scope, draft.headers.bind(py).to_list())))
            }
            _ => Ok(None),
        }
    }

    /// Keeps what later requests with the same head will have in common with this one.
    fn draft(
        &self,
        known: Option<Known>,
        listener: u32,
        scope: &Bound<'_, PyDict>,
        headers: &Bound<'_, PyList>,
    ) -> PyResult<()> {
        let Some(known) = known else { return Ok(()) };
        let draft = Draft {
            generation: known.generation,
            listener,
            scope: scope.copy()?.unbind(),
            headers: headers.to_tuple().unbind(),
        };
        let old = self.drafts.lock()?[known.slot].replace(draft);
        drop(old);
        Ok(())
    }

    /// All that follows from the head alone; immutable values only.
    fn constant_part<'py>(
        &self,
        py: Python<'py>,
        keys: &Keys,
        listener: u32,
        head: &Head<'_>,
        settings: &Settings,
    ) -> PyResult<Bound<'py, PyDict>> {
        let scope = self.templates.lock()?[listener as usize].bind(py).copy()?;
        let (path, raw_path) = self.path(py, head.path, settings)?;
        if head.version != Version::Http11 {
            scope.set_item(&keys.http_version, http_version(keys, head.version))?;
        }
        scope.set_item(&keys.method, keys.method(py, head.method))?;
        scope.set_item(&keys.path, path)?;
        scope.set_item(&keys.raw_path, &raw_path)?;
        if !head.query.is_empty() {
            scope.set_item(&keys.query_string, PyBytes::new(py, head.query))?;
        }
        Ok(scope)
    }

    #[inline]
    fn path<'py>(
        &self,
        py: Python<'py>,
        raw: &[u8],
        settings: &Settings,
    ) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyBytes>)> {
        let make = || Ok((path(py, raw, settings).unbind(), PyBytes::new(py, raw).unbind()));
        self.paths.lock()?.with(raw, make, |(path, raw_path)| Ok((path.bind(py).clone(), raw_path.bind(py).clone())))
    }

    /// `[(name, value), …]` in wire order, names in lower case, values untouched (ASGI-059, 065 to 070).
    #[inline]
    fn headers<'py>(
        &self,
        py: Python<'py>,
        keys: &Keys,
        head: &Head<'_>,
        fields: &Fields,
    ) -> PyResult<Bound<'py, PyList>> {
        let headers = PyList::empty(py);
        if let Some(authority) = head.authority {
            headers.append(pair(py, keys, b"host", authority)?)?;
        }
        let mut lines = self.lines.lock()?;
        for field in fields.spans() {
            let (name, value) = (field.name(head.base), field.value(head.base));
            // An authority in the target takes the place of the Host field (ASGI-069, RFC 9112 section 3.2.2).
            if head.authority.is_some() && name.eq_ignore_ascii_case(b"host") {
                continue;
            }
            if is_secret(name) {
                headers.append(pair(py, keys, name, value)?)?;
                continue;
            }
            let make = || Ok(pair(py, keys, name, value)?.unbind());
            lines.with(field.line(head.base), make, |pair| headers.append(pair))?;
        }
        Ok(headers)
    }

    /// Only what works for this very request, every dict fresh (ASGI-220, ASGI-221).
    #[inline]
    fn extensions<'py>(&self, py: Python<'py>, keys: &Keys, head: &Head<'_>) -> PyResult<Bound<'py, PyDict>> {
        if head.version != Version::Http10 && !head.accepts_trailers {
            return self.extensions.lock()?.make(py);
        }
        let extensions = PyDict::new(py);
        extensions.set_item(&keys.pathsend, PyDict::new(py))?;
        extensions.set_item(&keys.zerocopysend, PyDict::new(py))?;
        if head.version != Version::Http10 {
            extensions.set_item(&keys.early_hint, PyDict::new(py))?;
        }
        if head.accepts_trailers {
            extensions.set_item(&keys.response_trailers, PyDict::new(py))?;
        }
        Ok(extensions)
    }

    pub fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.lifespan_state)
    }
}

fn http_version(keys: &Keys, version: Version) -> &Py<PyString> {
    match version {
        Version::Http10 => &keys.version_10,
        Version::Http11 => &keys.version_11,
        Version::Http2 => &keys.version_2,
        Version::Http3 => &keys.version_3,
    }
}

/// The lifespan state as of now (ASGI-210, ASGI-213).
fn shallow_copy<'py>(state: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match state.cast_exact::<PyDict>() {
        Ok(dict) => Ok(dict.copy()?.into_any()),
        Err(_) => state.py().get_type::<PyDict>().call1((state,)),
    }
}

fn references(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: reads a field of a live object.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

#[inline]
fn pair<'py>(py: Python<'py>, keys: &Keys, name: &[u8], value: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, [keys.header_name(py, name), PyBytes::new(py, value)])
}

/// Percent-decoded, then decoded as UTF-8 with U+FFFD for what is none; a `%` without two digits stays (ASGI-055, AMB-1).
#[inline]
fn path<'py>(py: Python<'py>, raw: &[u8], settings: &Settings) -> Bound<'py, PyString> {
    let root = settings.root_path.as_str();
    if root.is_empty()
        && !raw.contains(&b'%')
        && let Ok(text) = std::str::from_utf8(raw)
    {
        return PyString::new(py, text);
    }
    let decoded = percent_decode(raw);
    let text = String::from_utf8_lossy(&decoded);
    let prepend = match settings.root_path_mode {
        RootPathMode::AsIs => false,
        RootPathMode::Prepend => true,
        RootPathMode::Auto => !begins_with_segment(&text, root),
    };
    if prepend && !root.is_empty() { PyString::new(py, &format!("{root}{text}")) } else { PyString::new(py, &text) }
}

/// `/api` begins `/api` and `/api/x`, but not `/apis` (AMB-3).
fn begins_with_segment(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root.ends_with('/'))
}

fn percent_decode(raw: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| (*byte as char).to_digit(16));
    let mut decoded = Vec::with_capacity(raw.len());
    let mut index = 0;
    while index < raw.len() {
        if raw[index] == b'%'
            && let (Some(high), Some(low)) = (digit(raw.get(index + 1)), digit(raw.get(index + 2)))
        {
            decoded.push((high * 16 + low) as u8);
            index += 3;
        } else {
            decoded.push(raw[index]);
            index += 1;
        }
    }
    decoded
}
