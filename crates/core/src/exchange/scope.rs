//! Builds scopes. What never changes for a listener lies in a template that is copied; every container in a scope is
//! fresh, so that what one request's application changes is not seen by the next (ASGI-014). Containers are made and
//! dropped while nothing is locked: the collector may run finalizers then, and those of an application may do anything.

use std::collections::HashMap;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use wire::http1::recall::{Known, Recall, is_secret};
use wire::{Fields, Head, Version, subprotocols};

use crate::cell::LoopCell;
use crate::exchange::memo::Memo;
use crate::exchange::renewed::Renewed;
use crate::keys::Keys;
use crate::reactor::tally::Access;
use crate::settings::{RootPathMode, Settings};

/// Local addresses whose templates are kept. Where a whole network is ours (AnyIP), clients choose the address; beyond
/// this many each connection gets a template of its own.
const KEPT_ADDRESSES: usize = 1024;

pub struct Scopes {
    /// Templates of the local addresses behind wildcard listeners.
    addresses: LoopCell<HashMap<(String, u16), Py<PyDict>>>,
    /// Header lines and paths that were seen before.
    lines: LoopCell<Memo<Py<PyTuple>>>,
    paths: LoopCell<Memo<(Py<PyString>, Py<PyBytes>)>>,
    /// Beside each head that `wire` remembers.
    drafts: LoopCell<Vec<Option<Draft>>>,
    asgi: Renewed,
    extensions: Renewed,
    websocket_extensions: Renewed,
    lifespan_state: Option<Py<PyAny>>,
}

/// A scope, and what the access log will want to know of it.
pub type Made<'py> = (Bound<'py, PyDict>, Option<Access>);

/// What all scopes of one repeated head have in common: copied, then completed with fresh containers.
struct Draft {
    generation: u64,
    template: Py<PyDict>,
    scope: Py<PyDict>,
    headers: Py<PyTuple>,
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
            addresses: LoopCell::new(HashMap::new()),
            lines: LoopCell::new(Memo::new()),
            paths: LoopCell::new(Memo::new()),
            drafts: LoopCell::new((0..Recall::SLOTS).map(|_| None).collect()),
            asgi: Renewed::new(asgi),
            extensions,
            websocket_extensions: Renewed::of_dicts(&[&keys.websocket_response], py),
            lifespan_state: state.map(Bound::unbind),
        })
    }

    /// The template for connections of one listener or local address: the constant keys in the order of the
    /// specification. `server` is `(host, port)` or `(path, None)` (ASGI-061).
    pub fn template(server: Bound<'_, PyAny>, settings: &Settings) -> PyResult<Py<PyDict>> {
        let py = server.py();
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
        Ok(template.unbind())
    }

    /// The template for a local address of a listener on all addresses; made when the address is first used.
    pub fn template_for(&self, py: Python<'_>, server: (String, u16), settings: &Settings) -> PyResult<Py<PyDict>> {
        if let Some(template) = self.addresses.lock()?.get(&server) {
            return Ok(template.clone_ref(py));
        }
        let template = Self::template((&*server.0, server.1).into_pyobject(py)?.into_any(), settings)?;
        let mut addresses = self.addresses.lock()?;
        if addresses.len() < KEPT_ADDRESSES {
            addresses.insert(server, template.clone_ref(py));
        }
        Ok(template)
    }

    /// The scope of a request, and what the access log will want to know of it.
    pub fn make<'py>(
        &self,
        template: &Bound<'py, PyDict>,
        client: Option<Bound<'py, PyAny>>,
        head: &Head<'_>,
        fields: &Fields,
        settings: &Settings,
    ) -> PyResult<Made<'py>> {
        let py = template.py();
        let keys = Keys::of(py);
        let recalled = match fields.known() {
            Some(known) => self.recalled(known, template)?,
            None => None,
        };
        let (scope, headers) = match recalled {
            Some(found) => found,
            None => {
                let scope = self.constant_part(keys, template, head, settings)?;
                let headers = self.headers(py, keys, head, fields)?;
                self.draft(fields.known(), template, &scope, &headers)?;
                (scope, headers)
            }
        };
        scope.set_item(&keys.headers, &headers)?;
        scope.set_item(&keys.asgi, self.asgi.make(py)?)?;
        if let Some(client) = &client {
            scope.set_item(&keys.client, client)?;
        }
        if let Some(state) = &self.lifespan_state {
            scope.set_item(&keys.state, shallow_copy(state.bind(py))?)?;
        }
        scope.set_item(&keys.extensions, self.extensions(py, keys, head)?)?;
        let access = if settings.access_log {
            Some(Access::of(&scope, keys.method(py, head.method), client, headers)?)
        } else {
            None
        };
        Ok((scope, access))
    }

    /// The scope of a WebSocket (ASGI-130 to 142): that of a request without a method, with the subprotocols that the
    /// client offers, which are given beside it as well.
    pub fn make_websocket<'py>(
        &self,
        template: &Bound<'py, PyDict>,
        client: Option<Bound<'py, PyAny>>,
        head: &Head<'_>,
        fields: &Fields,
        settings: &Settings,
    ) -> PyResult<(Made<'py>, Vec<String>)> {
        let py = template.py();
        let keys = Keys::of(py);
        let scope = self.constant_part(keys, template, head, settings)?;
        let headers = self.headers(py, keys, head, fields)?;
        scope.set_item(&keys.headers, &headers)?;
        let access = match settings.access_log {
            true => Some(Access::of(&scope, keys.method(py, head.method), client.clone(), headers)?),
            false => None,
        };
        scope.del_item(&keys.method)?;
        scope.set_item(&keys.kind, &keys.websocket)?;
        let secure = scope.get_item(&keys.scheme)?.is_some_and(|scheme| scheme.eq("https").unwrap_or(false));
        scope.set_item(&keys.scheme, if secure { &keys.wss } else { &keys.ws })?;
        scope.set_item(&keys.asgi, self.asgi.make(py)?)?;
        scope.set_item(&keys.client, &client)?;
        let offered: Vec<String> =
            subprotocols(fields, head.base).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        scope.set_item(&keys.subprotocols, PyList::new(py, &offered)?)?;
        scope.set_item(&keys.extensions, self.websocket_extensions.make(py)?)?;
        if let Some(state) = &self.lifespan_state {
            scope.set_item(&keys.state, shallow_copy(state.bind(py))?)?;
        }
        Ok(((scope, access), offered))
    }

    /// The draft of a head that was seen before, copied.
    #[inline]
    fn recalled<'py>(
        &self,
        known: Known,
        template: &Bound<'py, PyDict>,
    ) -> PyResult<Option<(Bound<'py, PyDict>, Bound<'py, PyList>)>> {
        let py = template.py();
        let (scope, headers) = match &self.drafts.lock()?[known.slot] {
            Some(draft) if draft.generation == known.generation && template.is(&draft.template) => {
                (draft.scope.bind(py).clone(), draft.headers.bind(py).clone())
            }
            _ => return Ok(None),
        };
        Ok(Some((scope.copy()?, headers.to_list())))
    }

    /// Keeps what later requests with the same head will have in common with this one.
    fn draft(
        &self,
        known: Option<Known>,
        template: &Bound<'_, PyDict>,
        scope: &Bound<'_, PyDict>,
        headers: &Bound<'_, PyList>,
    ) -> PyResult<()> {
        let Some(known) = known else { return Ok(()) };
        let draft = Draft {
            generation: known.generation,
            template: template.clone().unbind(),
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
        keys: &Keys,
        template: &Bound<'py, PyDict>,
        head: &Head<'_>,
        settings: &Settings,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = template.py();
        let scope = template.copy()?;
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
        if let Some((path, raw_path)) = self.paths.lock()?.find(raw) {
            return Ok((path.bind(py).clone(), raw_path.bind(py).clone()));
        }
        let (path, raw_path) = (path(py, raw, settings), PyBytes::new(py, raw));
        let replaced = self.paths.lock()?.keep(raw, (path.clone().unbind(), raw_path.clone().unbind()));
        drop(replaced);
        Ok((path, raw_path))
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
        for field in fields.spans() {
            let (name, value) = (field.name(head.base), field.value(head.base));
            // An authority in the target takes the place of the Host field (ASGI-069, RFC 9112 section 3.2.2).
            if head.authority.is_some() && name.eq_ignore_ascii_case(b"host") {
                continue;
            }
            let (line, secret) = (field.line(head.base), is_secret(name));
            if !secret && let Some(known) = self.lines.lock()?.find(line) {
                headers.append(known)?;
                continue;
            }
            let made = pair(py, keys, name, value)?;
            headers.append(&made)?;
            if !secret {
                let replaced = self.lines.lock()?.keep(line, made.unbind());
                drop(replaced);
            }
        }
        Ok(headers)
    }

    /// Only what works for this very request, every dict fresh (ASGI-220, ASGI-221).
    #[inline]
    fn extensions<'py>(&self, py: Python<'py>, keys: &Keys, head: &Head<'_>) -> PyResult<Bound<'py, PyDict>> {
        if head.version != Version::Http10 && !head.accepts_trailers {
            return self.extensions.make(py);
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

#[inline]
fn pair<'py>(py: Python<'py>, keys: &Keys, name: &[u8], value: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, [keys.header_name(py, name), PyBytes::new(py, value)])
}

/// Percent-decoded, then decoded as UTF-8 with U+FFFD for what is none; a `%` without two digits stays (ASGI-055, AMB-1).
#[inline]
pub fn path<'py>(py: Python<'py>, raw: &[u8], settings: &Settings) -> Bound<'py, PyString> {
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
