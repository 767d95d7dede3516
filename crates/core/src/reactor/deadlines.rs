//! Deadlines: the timer wheel names a connection, and here it is judged whether its time is really over.

use crate::exchange::end;
use crate::exchange::fields::Block;
use crate::reactor::input;
use crate::reactor::observer::observe;
use crate::reactor::output;
use crate::reactor::{Reactor, State};
use pyo3::prelude::*;
use wire::Millis;

/// The wheel says that a deadline of this connection may have passed.
pub fn expire(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let (late, client) = {
        let mut state = slf.get().state.lock()?;
        let late = too_late(slf.get(), &mut state, key);
        let client = state.connections.get(key).and_then(|connection| connection.client.as_ref());
        (late, client.map(|client| client.clone_ref(slf.py())))
    };
    match late {
        Late::No => {}
        Late::Idle => input::cut_off(slf, key, None)?,
        Late::Unheard => give_up_unheard(slf, key)?,
        Late::Told(status, reason) => {
            observe(slf, "refused", (client, status, reason));
            // No close frame has come: the application is told 1006, whatever the client is (RFC 6455 section 7.1.5).
            input::cut_off(slf, key, None)?;
        }
    }
    input::notice_end(slf, key)?;
    output::settle(slf, key)
}

enum Late {
    No,
    /// An idle connection has come to its natural end: no news.
    Idle,
    Told(u16, &'static str),
    /// The client of a WebSocket has gone, and its application has taken nothing since.
    Unheard,
}

/// Whoever takes messages will take these, too, however late. The application that never did, and sends nothing either,
/// waits for something that nobody reads any more: it loses its client, and is cancelled.
fn give_up_unheard(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let reactor = slf.get();
    let exchange = match reactor.state.lock()?.connections.get(key).and_then(|it| it.exchanges.first()) {
        Some((_, exchange)) => exchange.clone_ref(slf.py()),
        None => return Ok(()),
    };
    let (unheard, waits, active) = {
        let inner = exchange.get().state.lock()?;
        (inner.socket.as_ref().is_some_and(|it| it.may_not_notice()), inner.waits(), inner.last_active)
    };
    {
        let mut state = reactor.state.lock()?;
        let now = state.now;
        if !unheard || now < active + reactor.settings.disconnect_timeout {
            if let Some(connection) = state.connections.get_mut(key) {
                connection.put_off_departure(if unheard { active } else { now });
            }
            return Ok(());
        }
    }
    output::lose(slf, key, "")?;
    if waits {
        return Ok(()); // in `send`, which raises now
    }
    exchange.get().state.lock()?.last_active = active; // its time is over, not about to begin
    end::overdue(exchange.bind(slf.py()))
}

fn too_late(reactor: &Reactor, state: &mut State, key: usize) -> Late {
    let now = state.now;
    let Some(connection) = state.connections.get_mut(key) else { return Late::No };
    connection.alarm = Millis::MAX;
    if connection.linger_until.is_some_and(|until| until <= now) {
        connection.ended = true;
        return Late::No;
    }
    if connection.departure(&reactor.settings).is_some_and(|until| until <= now) {
        if connection.session.is_websocket() {
            return Late::Unheard;
        }
        connection.ended = true;
        connection.broken = true;
        return Late::No;
    }
    if connection.stalled_since.is_some_and(|since| since + reactor.settings.write_timeout <= now) {
        // The poller speaks up only when a third of the socket's buffer is free: a slow reader may have taken much since.
        // If it has taken anything at all, something can be written now.
        let waiting = connection.outlet.len();
        if connection.flush(now).lost().is_none() && connection.outlet.len() < waiting {
            return Late::No;
        }
        connection.broken = true;
        connection.ended = true;
        return Late::Told(0, "the client took no bytes for too long (timeout_write)");
    }
    let Err(error) = connection.handle_timeout(&reactor.settings.wire, now) else { return Late::No };
    let mut block = Block::default();
    state.defaults.append(&reactor.settings, &mut block, now);
    connection.refuse(&error, &block);
    if error.status == 0 { Late::Idle } else { Late::Told(error.status, error.reason) }
}
