//! The end of a reactor, politely (`drain`), less politely (`cancel`), at once (`close`). What goes wrong with one
//! connection on the way does not spare the others their end.

use pyo3::prelude::*;

use crate::exchange::end;
use crate::exchange::label::Label;
use crate::exchange::websocket::{self, Stage};
use crate::exchange::{Exchange, Phase};
use crate::keys::Keys;
use crate::reactor;
use crate::reactor::accept;
use crate::reactor::input;
use crate::reactor::observer::observe;
use crate::reactor::output;
use crate::reactor::{Reactor, guarded};

/// No new connections; idle ones end now, the others with their response.
pub fn drain(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    {
        let mut state = slf.get().state.lock()?;
        if state.draining {
            return Ok(());
        }
        state.refresh();
        state.draining = true;
    }
    accept::close_listeners(slf)?;
    let keys: Vec<usize> = slf.get().state.lock()?.connections.keys().collect();
    for key in keys {
        guarded(slf, key, || drain_one(slf, key));
    }
    Reactor::schedule(slf)?;
    tell_when_drained(slf)
}

fn drain_one(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    // A request that is in the kernel already is still taken: looking costs one read.
    if let Some(connection) = slf.get().state.lock()?.connections.get_mut(key) {
        connection.session.announce_end();
        connection.readable |= connection.wants_read();
    }
    input::serve(slf, key)?;
    let sockets: Vec<Py<Exchange>> = match slf.get().state.lock()?.connections.get(key) {
        Some(connection) => connection.exchanges.iter().map(|(_, exchange)| exchange.clone_ref(slf.py())).collect(),
        None => Vec::new(),
    };
    for exchange in sockets.iter().filter(|exchange| exchange.get().websocket) {
        websocket::end::restart(exchange.bind(slf.py()))?;
    }
    {
        let mut state = slf.get().state.lock()?;
        let now = state.now;
        if let Some(connection) = state.connections.get_mut(key) {
            connection.close_idle(now);
            connection.linger_until = connection.linger_until.map(|until| until.min(now + output::LAST_LINGER));
        }
    }
    output::settle(slf, key)
}

/// Once, when nothing is left to wait for.
pub fn tell_when_drained(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    {
        let mut state = slf.get().state.lock()?;
        if !state.draining || state.drained || !state.connections.is_empty() || !state.running.is_empty() {
            return Ok(());
        }
        state.drained = true;
    }
    observe(slf, "drained", ());
    Ok(())
}

fn running(slf: &Bound<'_, Reactor>) -> PyResult<Vec<Py<Exchange>>> {
    let state = slf.get().state.lock()?;
    let keys: Vec<usize> = state.running.keys().collect();
    Ok(keys.into_iter().filter_map(|key| state.running.get(key).map(|it| it.clone_ref(slf.py()))).collect())
}

/// Cancels every application that still runs.
pub fn cancel(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    let py = slf.py();
    for exchange in running(slf)? {
        guarded(slf, exchange.get().key, || cancel_one(exchange.bind(py)));
    }
    let keys: Vec<usize> = {
        let mut state = slf.get().state.lock()?;
        state.cancelling = true;
        state.connections.keys().collect()
    };
    for key in keys {
        guarded(slf, key, || output::settle(slf, key));
    }
    Ok(())
}

fn cancel_one(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let py = exchange.py();
    let task = {
        let mut inner = exchange.get().state.lock()?;
        inner.cancelled = true;
        inner.task.as_ref().map(|task| task.clone_ref(py))
    };
    match task {
        Some(task) => task.call_method0(py, &Keys::of(py).cancel).map(|_| ()),
        None => Ok(()),
    }
}

/// Ends all connections now. Whose application has not ended by now is told so first.
pub fn close(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    slf.get().state.lock()?.draining = true;
    accept::close_listeners(slf)?;
    for exchange in running(slf)? {
        guarded(slf, exchange.get().key, || end::leave_behind(exchange.bind(slf.py())));
    }
    let keys: Vec<usize> = slf.get().state.lock()?.connections.keys().collect();
    for key in keys {
        guarded(slf, key, || output::lose(slf, key, ""));
    }
    let (running, alarm) = {
        let mut state = slf.get().state.lock()?;
        state.close();
        (std::mem::take(&mut state.running), state.alarm_handle.take())
    };
    drop(running);
    Reactor::cancel_alarm(slf.py(), alarm)?;
    crate::reactor::tally::Tally::report(slf)
}

/// In a forked child: lets go of everything that is the parent's, without a word to anybody.
pub fn abandon(slf: &Bound<'_, Reactor>) -> PyResult<()> {
    let mut state = slf.get().state.seize()?;
    state.abandoned = true;
    state.draining = true;
    state.drained = true;
    let connections = std::mem::take(&mut state.connections);
    let listeners = std::mem::take(&mut state.listeners);
    drop(state);
    drop((connections, listeners));
    Ok(())
}

/// What a patient operator wants to know during shutdown. Paths are as the scopes have them: escaped by whoever prints it.
pub fn waiting_for(slf: &Bound<'_, Reactor>) -> PyResult<Vec<String>> {
    let py = slf.py();
    let keys = Keys::of(py);
    let now = reactor::now(slf.get())?;
    let mut lines = Vec::new();
    for exchange in running(slf)? {
        let (scope, begun, age, gone) = {
            let inner = exchange.get().state.lock()?;
            let stage = inner.socket.as_ref().map(|socket| socket.stage);
            let begun = match inner.phase {
                _ if matches!(stage, Some(Stage::Open | Stage::Leaving)) => "open",
                _ if matches!(stage, Some(Stage::Closed | Stage::Gone)) => "closed",
                Phase::Open | Phase::Held(_) => "no response yet",
                Phase::Streaming { .. } | Phase::Trailers => "response begun",
                Phase::Complete => "response complete, background work",
            };
            (inner.scope.clone_ref(py), begun, now.saturating_sub(inner.born), inner.gone)
        };
        let scope = scope.bind(py);
        let from = origin(scope.get_item(&keys.client)?.as_ref());
        let left = if gone { ", client gone" } else { "" };
        let seconds = age as f64 / 1000.0;
        let Label { method, path } = Label::of(exchange.bind(py))?;
        let method = if exchange.get().websocket { "WebSocket" } else { &method };
        lines.push(format!("{method} {path}{from} for {seconds:.1} s, {begun}{left}"));
    }
    let state = slf.get().state.lock()?;
    for key in state.connections.keys() {
        if let Some(connection) = state.connections.get(key)
            && connection.owes_close()
        {
            let from = origin(connection.client.as_ref().map(|client| client.bind(py)));
            lines.push(format!("the close frame of a WebSocket{from}"));
        }
    }
    Ok(lines)
}

/// Where a client is, for those that have an address.
fn origin(client: Option<&Bound<'_, PyAny>>) -> String {
    match client.and_then(|client| client.extract::<(String, u16)>().ok()) {
        Some((host, port)) if host.contains(':') => format!(" from [{host}]:{port}"),
        Some((host, port)) => format!(" from {host}:{port}"),
        None => String::new(),
    }
}
