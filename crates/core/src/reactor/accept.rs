//! New connections: from listeners to the slab, as many as the limits allow.

use std::io;

use net::listener::{Listener, Local, Peer};
use net::stream::Stream;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wire::Millis;

use crate::exchange::scope::Scopes;
use crate::reactor;
use crate::reactor::connection::Connection;
use crate::reactor::observer::observe;
use crate::reactor::{LISTENER_KEYS, Reactor, State, guarded};

/// Connections taken in one go before the others get their turn.
const ACCEPT_BATCH: usize = 64;

/// How long accepting waits when the system has no descriptor (or memory) left.
const EXHAUSTED_PAUSE: Millis = 500;

/// Time between two messages about connections that cannot be taken.
const TELL_EVERY: Millis = 10_000;

pub struct Listening {
    pub listener: Listener,
    /// The template of its scopes; on a wildcard address there is one for each local address, too.
    template: Py<PyDict>,
    /// Bound to all addresses: `scope["server"]` is the one that the client used.
    wildcard: bool,
}

pub fn listen(slf: &Bound<'_, Reactor>, listener: Listener) -> PyResult<()> {
    let this = slf.get();
    let py = slf.py();
    let (server, wildcard) = match listener.local() {
        Local::Tcp(address) => {
            let server = (address.ip().to_string(), address.port()).into_pyobject(py)?.into_any();
            (server, address.ip().is_unspecified())
        }
        Local::Unix(path) => ((path.to_string_lossy().into_owned(), py.None()).into_pyobject(py)?.into_any(), false),
    };
    let template = Scopes::template(server, &this.settings)?;
    let mut state = this.state.lock()?;
    let key = LISTENER_KEYS + state.listeners.len();
    state.poller.register_readable(listener.as_raw_fd(), key)?;
    state.listeners.push(Some(Listening { listener, template, wildcard }));
    // What was in the backlog before the poller knew of the listener gives no edge.
    state.queue(key);
    drop(state);
    Reactor::schedule(slf)
}

/// Takes what waits at a listener.
pub fn accept(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let py = slf.py();
    for _ in 0..ACCEPT_BATCH {
        match accept_one(slf, key)? {
            Accepted::One(stream, peer, template, wildcard) => {
                let template = if wildcard { local_template(slf, &stream, template)? } else { template };
                let client = match peer {
                    Peer::Tcp(address) => Some(
                        (address.ip().to_canonical().to_string(), address.port())
                            .into_pyobject(py)?
                            .into_any()
                            .unbind(),
                    ),
                    Peer::Unix => None,
                };
                welcome(slf, stream, client, template)?;
            }
            Accepted::Nothing => return Ok(()),
            Accepted::Full(limit) => {
                let text = format!(
                    "{limit} connections are open: new ones wait in the backlog until some end (limit_connections)"
                );
                observe(slf, "trouble", (text,));
                return Ok(());
            }
            Accepted::Exhausted(error) => {
                let text = format!("cannot accept: {error}; trying again in {EXHAUSTED_PAUSE} ms (raise `ulimit -n`?)");
                observe(slf, "trouble", (text,));
                return Ok(());
            }
        }
    }
    slf.get().state.lock()?.queue(key);
    Ok(())
}

enum Accepted {
    One(Stream, Peer, Py<PyDict>, bool),
    Nothing,
    Full(usize),
    Exhausted(io::Error),
}

fn accept_one(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<Accepted> {
    let this = slf.get();
    let mut state = this.state.lock()?;
    let state = &mut *state;
    if state.connections.len() >= this.settings.connections {
        state.accepting.paused = Some(Millis::MAX);
        return Ok(if may_tell(state) { Accepted::Full(this.settings.connections) } else { Accepted::Nothing });
    }
    if state.accepting.paused.is_some_and(|until| until != Millis::MAX && until > state.now) {
        return Ok(Accepted::Nothing);
    }
    let Some(Some(listening)) = state.listeners.get(key - LISTENER_KEYS) else { return Ok(Accepted::Nothing) };
    match listening.listener.accept() {
        Ok(Some((stream, peer))) => {
            state.accepting.paused = None;
            Ok(Accepted::One(stream, peer, listening.template.clone_ref(slf.py()), listening.wildcard))
        }
        Ok(None) => Ok(Accepted::Nothing),
        Err(error) => {
            // Tried again when a connection ends (see `resume`) or the time is over; one timer is enough for that.
            let again = state.now + EXHAUSTED_PAUSE;
            state.accepting.paused = Some(again);
            if !std::mem::replace(&mut state.accepting.retry, true) {
                state.arm_at(key, again);
            }
            Ok(if may_tell(state) { Accepted::Exhausted(error) } else { Accepted::Nothing })
        }
    }
}

/// A client must not be able to fill the log.
fn may_tell(state: &mut State) -> bool {
    let told = state.accepting.told.is_some_and(|told| state.now < told + TELL_EVERY);
    if !told {
        state.accepting.told = Some(state.now);
    }
    !told
}

/// A listener on a wildcard address serves many: one template for each local address that is used.
fn local_template(slf: &Bound<'_, Reactor>, stream: &Stream, fallback: Py<PyDict>) -> PyResult<Py<PyDict>> {
    let Some(address) = stream.local_tcp() else { return Ok(fallback) };
    let this = slf.get();
    let server = (address.ip().to_canonical().to_string(), address.port());
    this.scopes.template_for(slf.py(), server, &this.settings)
}

fn welcome(slf: &Bound<'_, Reactor>, stream: Stream, client: Option<Py<PyAny>>, template: Py<PyDict>) -> PyResult<()> {
    let this = slf.get();
    let fd = stream.as_raw_fd();
    let mut state = this.state.lock()?;
    let state = &mut *state;
    let now = state.now;
    let key = state.connections.insert(Connection::new(stream, client, template, this.settings.write_buffer, now));
    if let Err(error) = state.poller.register(fd, key) {
        state.connections.remove(key);
        return Err(error.into());
    }
    if state.draining
        && let Some(connection) = state.connections.get_mut(key)
    {
        connection.readable = true;
        state.queue(key);
    }
    state.arm(key, &this.settings);
    Ok(())
}

/// A connection has ended: those that wait may come in.
pub fn resume(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    let mut state = slf.get().state.lock()?;
    if state.accepting.paused.is_none() || state.connections.len() >= slf.get().settings.connections {
        return Ok(());
    }
    state.accepting.paused = None;
    queue_listeners(&mut state);
    drop(state);
    Reactor::schedule(slf)
}

/// The planned retry: every listener may have had news in the meantime.
pub fn retry(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    let mut state = slf.get().state.lock()?;
    state.accepting.retry = false;
    state.accepting.paused = None;
    queue_listeners(&mut state);
    Ok(())
}

fn queue_listeners(state: &mut State) {
    for index in 0..state.listeners.len() {
        if state.listeners[index].is_some() {
            state.queue(LISTENER_KEYS + index);
        }
    }
}

/// Takes all that the backlogs hold, then closes the listeners (shutdown).
pub fn close_listeners(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    let count = slf.get().state.lock()?.listeners.len();
    for index in 0..count {
        let key = LISTENER_KEYS + index;
        loop {
            let before = slf.get().state.lock()?.connections.len();
            guarded(slf, key, || accept(slf, key));
            if slf.get().state.lock()?.connections.len() == before {
                break;
            }
        }
        let mut state = slf.get().state.lock()?;
        if let Some(listening) = state.listeners[index].take() {
            let _ = state.poller.deregister(listening.listener.as_raw_fd());
        }
    }
    let _ = reactor::now(slf.get())?;
    Ok(())
}
