//! Input: read from sockets, passed through the protocol (`look`), and what its end means. Applications that wait for their
//! body come in through `pull`.

use crate::exchange::Exchange;
use crate::exchange::dispatch;
use crate::exchange::websocket;
use crate::reactor::connection::Connection;
use crate::reactor::output;
use crate::reactor::{Reactor, guarded};
use net::stream::Read;
use pyo3::prelude::*;
use wire::Event;

/// Reads of one connection before the others get their turn.
const READ_ROUNDS: usize = 8;

/// What a byte of input counts where most of it was framing: that is read byte by byte.
const FRAMING_COST: usize = 8;

/// Reads thrown away per turn while a connection lingers.
const LINGER_ROUNDS: usize = 4;

pub fn serve_queued(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    if let Some(connection) = slf.get().state.lock()?.connections.get_mut(key) {
        connection.queued = false;
    }
    serve(slf, key)
}

/// Reads and looks at input, then writes what came of it.
pub fn serve(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    look(slf, key)?;
    output::settle(slf, key)
}

/// Reads and looks at input as long as it is useful and fair.
pub fn look(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let mut rounds = 0;
    while rounds < READ_ROUNDS && serve_once(slf, key)? > 0 {
        rounds += 1;
        if slf.get().state.lock()?.connections.get(key).is_some_and(Connection::is_laborious) {
            // Pipelined requests are left, or there is much framing, of which one read has plenty: others first.
            rounds = READ_ROUNDS;
        }
    }
    if rounds == READ_ROUNDS {
        slf.get().state.lock()?.queue(key);
    }
    notice_end(slf, key)
}

/// One read (or the bytes that were kept) through the protocol. Returns what it has cost, in bytes; 0: nothing more can be
/// done now.
fn serve_once(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<usize> {
    let this = slf.get();
    let (mut buffer, filled) = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(0) };
        let idle = !connection.has_input() && connection.linger_until.is_none();
        if idle || connection.digesting || !connection.wants_input() {
            return Ok(0);
        }
        let mut buffer = take_buffer(&mut state.buffer, connection, &this.settings);
        let Some(filled) = fill(connection, &mut buffer, this.settings.read_size()) else {
            state.buffer = buffer;
            return Ok(0);
        };
        connection.digesting = true;
        (buffer, filled)
    };
    let looked = look_at(slf, key, &mut buffer[..filled]);
    let mut state = this.state.lock()?;
    if state.buffer.is_empty() {
        state.buffer = buffer;
    }
    let framed = state.connections.get(key).is_some_and(|connection| connection.framed);
    looked.map(|_| if framed { filled * FRAMING_COST } else { filled })
}

/// Passes input through the protocol and keeps what it could not use. Returns whether there is more to see to.
pub fn look_at(slf: &Bound<'_, Reactor>, key: usize, input: &mut [u8]) -> PyResult<bool> {
    let this = slf.get();
    let before = this.state.lock()?.dispatching.replace(key);
    let used = dispatch::digest(slf, key, input);
    let mut state = this.state.lock()?;
    state.dispatching = before;
    let Some(connection) = state.connections.get_mut(key) else { return Ok(false) };
    connection.digesting = false;
    connection.inbox.extend_from_slice(&input[used?..]);
    let more = connection.wants_input() && connection.has_input();
    Ok(more || connection.ended || connection.hung_up)
}

/// The shared buffer; a new one in the rare case that it is in use further up the stack.
fn take_buffer(shared: &mut Vec<u8>, connection: &Connection, settings: &crate::settings::Settings) -> Vec<u8> {
    let mut buffer = std::mem::take(shared);
    let least = settings.read_size() + connection.inbox.len();
    if buffer.len() < least {
        buffer.resize(least, 0);
    }
    buffer
}

/// Kept bytes first, fresh ones behind them. None when there is nothing new to look at.
fn fill(connection: &mut Connection, buffer: &mut [u8], room: usize) -> Option<usize> {
    if connection.linger_until.is_some() {
        discard(connection, buffer);
        return None;
    }
    let kept = connection.inbox.len();
    let mut filled = kept;
    // What was kept and can be looked at comes first: the inbox does not grow beyond one read.
    if connection.readable && !connection.ended && !connection.fresh {
        match connection.read(&mut buffer[kept..kept + room]) {
            Read::Bytes(count) => filled += count,
            Read::Empty => {}
            Read::Eof => connection.ended = true,
            Read::Lost(_) => {
                connection.ended = true;
                connection.broken = true;
            }
        }
    }
    if filled == kept && !connection.fresh {
        return None;
    }
    connection.fresh = false;
    buffer[..kept].copy_from_slice(&connection.inbox);
    connection.inbox = Vec::new();
    Some(filled)
}

/// What still comes in on a connection that we have closed is read and thrown away (RFC 9112 section 9.6).
fn discard(connection: &mut Connection, buffer: &mut [u8]) {
    for _ in 0..LINGER_ROUNDS {
        if !connection.readable {
            return;
        }
        match connection.read(buffer) {
            Read::Bytes(_) => {}
            Read::Empty => return,
            Read::Eof | Read::Lost(_) => {
                connection.ended = true;
                return;
            }
        }
    }
}

/// Draws the consequences of an end of input (AMB-4).
pub fn notice_end(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let this = slf.get();
    let cut_short = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        // With nothing to read for, the poller's word is enough.
        let unread = connection.hung_up && !connection.wants_read() && !connection.paused;
        let over = connection.ended || connection.broken || unread;
        if !over || connection.digesting {
            return Ok(());
        }
        if connection.exchanges.is_empty() && !connection.broken {
            connection.ended = true;
            // Requests that came before the end are still answered; what is left of a head is not.
            if !connection.fresh {
                connection.session.close();
            }
            return Ok(());
        }
        let reset = connection.ended
            && connection.inbox.is_empty()
            && matches!(connection.session.receive_eof(), Some(Event::Reset { .. }));
        let leaves = connection.broken || reset || !this.settings.half_close || connection.session.is_websocket();
        if leaves && !reset && !connection.broken && connection.born == state.turns {
            // Request and end came together: the application shall have its first step before it hears of the end.
            connection.born = 0;
            state.queue(key);
            return Ok(());
        }
        leaves
    };
    if cut_short { output::lose(slf, key, "") } else { Ok(()) }
}

/// The protocol has refused to go on: exchanges that wait for more input will get none. `code`: what a WebSocket's client
/// was told, if anything (ASGI-177).
pub fn cut_off(slf: &Bound<'_, Reactor>, key: usize, code: Option<u16>) -> PyResult<()> {
    let exchanges = match slf.get().state.lock()?.connections.get_mut(key) {
        Some(connection) => std::mem::take(&mut connection.exchanges),
        None => Vec::new(),
    };
    for (_, exchange) in exchanges {
        if let Some(code) = code {
            websocket::end::failed(exchange.bind(slf.py()), code, "")?;
        }
        Exchange::client_left(exchange.bind(slf.py()))?;
    }
    Ok(())
}

/// The application waits for input: reads at once if there is some, so that a fast upload costs no turn of the loop.
/// Returns what that has cost, in bytes.
pub fn pull(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<usize> {
    let mut pulled = 0;
    guarded(slf, key, || {
        pulled = serve_once(slf, key)?;
        Ok(())
    });
    Ok(pulled)
}

/// The application will be waiting: what is known to be there is looked at in the next turn. (The poller tells it once.)
pub fn look_later(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    {
        let mut state = slf.get().state.lock()?;
        let Some(connection) = state.connections.get(key) else { return Ok(()) };
        let useful = (connection.wants_input() && connection.has_input()) || connection.ended;
        if !useful || connection.digesting {
            return Ok(());
        }
        state.queue(key);
    }
    Reactor::schedule(slf)
}

/// The application has taken part of its body: the connection may read again.
pub fn resume_reading(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let mut state = slf.get().state.lock()?;
    let now = state.now;
    let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
    if !connection.paused {
        return Ok(());
    }
    connection.resume(now);
    connection.fresh |= !connection.inbox.is_empty();
    state.queue(key);
    drop(state);
    Reactor::schedule(slf)
}
