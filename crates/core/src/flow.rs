//! How bytes move: input is read and looked at (`serve`), output is written and its consequences drawn (`settle`),
//! connections end (`lose`). The reactor decides when, this file decides what.

use net::stream::Read;
use pyo3::prelude::*;
use wire::{Event, Millis, Status};

use crate::accept;
use crate::connection::{Connection, Flushed};
use crate::dispatch;
use crate::exchange::{Exchange, Phase};
use crate::message::Block;
use crate::reactor::{Reactor, State};
use crate::shutdown::observe;

/// Reads of one connection before the others get their turn.
const READ_ROUNDS: usize = 8;

/// Bytes thrown away per turn while a connection lingers.
const LINGER_ROUNDS: usize = 4;

#[inline]
pub fn now(reactor: &Reactor) -> PyResult<Millis> {
    Ok(reactor.state.lock()?.refresh())
}

pub fn serve_queued(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    if let Some(connection) = slf.get().state.lock()?.connections.get_mut(key) {
        connection.queued = false;
    }
    serve(slf, key)
}

/// Reads and looks at input, then writes what came of it.
pub fn serve(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    look(slf, key)?;
    settle(slf, key)
}

/// Reads and looks at input as long as it is useful and fair.
pub fn look(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let mut rounds = 0;
    while rounds < READ_ROUNDS && serve_once(slf, key)? {
        rounds += 1;
    }
    if rounds == READ_ROUNDS {
        slf.get().state.lock()?.queue(key);
    }
    notice_end(slf, key)
}

/// One read (or the bytes that were kept) through the protocol. False: nothing more can be done now.
fn serve_once(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<bool> {
    let this = slf.get();
    let (buffer, filled) = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(false) };
        if connection.digesting || !connection.wants_input() {
            return Ok(false);
        }
        let mut buffer = take_buffer(&mut state.buffer, connection, &this.settings);
        let Some(filled) = fill(connection, &mut buffer) else {
            state.buffer = buffer;
            return Ok(false);
        };
        connection.digesting = true;
        (buffer, filled)
    };
    let looked = look_at(slf, key, &buffer[..filled]);
    let mut state = this.state.lock()?;
    if state.buffer.is_empty() {
        state.buffer = buffer;
    }
    looked.map(|_| true)
}

/// Passes input through the protocol and keeps what it could not use. Returns whether there is more to see to.
pub fn look_at(slf: &Bound<'_, Reactor>, key: usize, input: &[u8]) -> PyResult<bool> {
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
    let least = settings.wire.head_bytes + settings.pipeline_size + connection.inbox.len();
    if buffer.len() < least {
        buffer.resize(least, 0);
    }
    buffer
}

/// Kept bytes first, fresh ones behind them. None when there is nothing new to look at.
fn fill(connection: &mut Connection, buffer: &mut [u8]) -> Option<usize> {
    if connection.linger_until.is_some() {
        discard(connection, buffer);
        return None;
    }
    let kept = connection.inbox.len();
    let mut filled = kept;
    if connection.readable && !connection.ended {
        match connection.read(&mut buffer[kept..]) {
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
fn notice_end(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let this = slf.get();
    let cut_short = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        // With nothing to read for, the poller's word is enough.
        let over = connection.ended || (connection.hung_up && !connection.wants_read() && !connection.paused);
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
        let leaves = connection.broken || reset || !this.settings.half_close;
        if leaves && !reset && !connection.broken && connection.born == state.turns {
            // Request and end came together: the application shall have its first step before it hears of the end.
            connection.born = 0;
            state.queue(key);
            return Ok(());
        }
        leaves
    };
    if cut_short { lose(slf, key, "") } else { Ok(()) }
}

/// Writes what waits and draws the consequences: who may go on, what is logged, whether the connection ends.
pub fn settle(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let this = slf.get();
    let verdict = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        if connection.digesting {
            return Ok(());
        }
        let flushed = flush(connection, &mut state.spare, state.now);
        let verdict = judge(connection, &flushed, this);
        match verdict {
            Verdict::Stay { again: true, .. } => state.queue(key),
            Verdict::Linger => linger(state, key, this),
            _ => {}
        }
        state.arm(key, &this.settings);
        verdict
    };
    carry_out(slf, key, verdict)
}

enum Verdict {
    /// Goes on. `wake`: the application may send again. `again`: there is more to do at once.
    Stay {
        wake: Vec<Py<Exchange>>,
        left: Vec<Py<Exchange>>,
        again: bool,
    },
    Linger,
    Lost(&'static str),
}

fn flush(connection: &mut Connection, spare: &mut Vec<Vec<u8>>, now: Millis) -> Flushed {
    let flushed = connection.flush(now);
    if matches!(flushed, Flushed::Done)
        && spare.len() < 16
        && let Some(buffer) = connection.outlet.take_spare()
    {
        spare.push(buffer);
    }
    flushed
}

fn judge(connection: &mut Connection, flushed: &Flushed, reactor: &Reactor) -> Verdict {
    if let Flushed::Lost(reason) = flushed {
        return Verdict::Lost(reason);
    }
    if let Some(linger) = connection.closing() {
        return if linger && !connection.ended { Verdict::Linger } else { Verdict::Lost("") };
    }
    let empty = connection.outlet.is_empty();
    if empty && connection.exchanges.is_empty() && connection.ended && !connection.fresh {
        return Verdict::Lost("");
    }
    let has_room = connection.outlet.len() <= reactor.settings.write_buffer / 2;
    let wake = if has_room { std::mem::take(&mut connection.waiting_for_room) } else { Vec::new() };
    let left = if empty { std::mem::take(&mut connection.leaving) } else { Vec::new() };
    let useful = connection.wants_input() && connection.has_input();
    let again = matches!(flushed, Flushed::Again) || (useful && connection.exchanges.is_empty());
    Verdict::Stay { wake, left, again }
}

fn carry_out(slf: &Bound<'_, Reactor>, key: usize, verdict: Verdict) -> PyResult<()> {
    match verdict {
        Verdict::Stay { wake, left, again } => {
            for exchange in wake {
                exchange.get().wake(slf.py())?;
            }
            for exchange in left {
                crate::tally::ended(exchange.bind(slf.py()), "complete")?;
            }
            if again {
                Reactor::schedule(slf)?;
            }
            Reactor::set_alarm(slf)
        }
        Verdict::Linger => {
            lose_leaving(slf, key, "complete")?;
            Reactor::schedule(slf)
        }
        Verdict::Lost(reason) => lose(slf, key, reason),
    }
}

fn lose_leaving(slf: &Bound<'_, Reactor>, key: usize, outcome: &'static str) -> PyResult<()> {
    let left = match slf.get().state.lock()?.connections.get_mut(key) {
        Some(connection) => std::mem::take(&mut connection.leaving),
        None => Vec::new(),
    };
    for exchange in left {
        crate::tally::ended(exchange.bind(slf.py()), outcome)?;
    }
    Ok(())
}

/// Our side is done: say so, and read for a while so that the peer can read our answer.
fn linger(state: &mut State, key: usize, reactor: &Reactor) {
    let now = state.now;
    if let Some(connection) = state.connections.get_mut(key)
        && connection.linger_until.is_none()
    {
        connection.stream.shutdown_write();
        connection.linger_until = Some(now + reactor.settings.linger_timeout);
        connection.inbox = Vec::new();
        connection.readable = true;
    }
    state.queue(key);
}

/// Ends a connection. Exchanges that were not complete hear of it.
pub fn lose(slf: &Bound<'_, Reactor>, key: usize, reason: &'static str) -> PyResult<()> {
    let this = slf.get();
    let connection = {
        let mut state = this.state.lock()?;
        let Some(connection) = state.connections.remove(key) else { return Ok(()) };
        // The descriptor must leave the poller before it is closed: a duplicate in a child process would keep it there.
        let _ = state.poller.deregister(connection.stream.as_raw_fd());
        connection
    };
    if !reason.is_empty() {
        observe(slf, "refused", (connection.client.as_ref(), 0, reason));
    }
    let outcome = if connection.outlet.is_empty() { "complete" } else { "disconnected" };
    for exchange in &connection.leaving {
        crate::tally::ended(exchange.bind(slf.py()), outcome)?;
    }
    for (_, exchange) in &connection.exchanges {
        Exchange::client_left(exchange.bind(slf.py()))?;
    }
    for exchange in &connection.waiting_for_room {
        exchange.get().state.lock()?.cut_off = !connection.outlet.is_empty();
        exchange.get().wake(slf.py())?;
    }
    drop(connection);
    accept::resume(slf)?;
    crate::shutdown::tell_when_drained(slf)
}

/// After a fault of ours: the connection goes, quietly.
pub fn give_up(slf: &Bound<'_, Reactor>, key: usize) {
    let unlocked = slf.get().state.lock().map(|mut state| {
        state.dispatching = None;
        if let Some(connection) = state.connections.get_mut(key) {
            connection.digesting = false;
        }
    });
    if let Err(error) = unlocked.and_then(|()| lose(slf, key, "")) {
        error.write_unraisable(slf.py(), Some(slf.as_any()));
    }
}

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
        Late::Idle => cut_off(slf, key)?,
        Late::Told(status, reason) => {
            observe(slf, "refused", (client, status, reason));
            cut_off(slf, key)?;
        }
    }
    notice_end(slf, key)?;
    settle(slf, key)
}

enum Late {
    No,
    /// An idle connection has come to its natural end: no news.
    Idle,
    Told(u16, &'static str),
}

fn too_late(reactor: &Reactor, state: &mut State, key: usize) -> Late {
    let now = state.now;
    let Some(connection) = state.connections.get_mut(key) else { return Late::No };
    connection.alarm = Millis::MAX;
    if connection.linger_until.is_some_and(|until| until <= now) {
        connection.ended = true;
        return Late::No;
    }
    if connection.stalled_since.is_some_and(|since| since + reactor.settings.write_timeout <= now) {
        connection.outlet.clear();
        connection.broken = true;
        connection.ended = true;
        return Late::Told(0, "the client took no bytes for too long (timeout_write)");
    }
    let Err(error) = connection.session.handle_timeout(&reactor.settings.wire, now) else { return Late::No };
    let mut block = Block::default();
    state.defaults.append(&reactor.settings, &mut block, now);
    connection.refuse(&error, &block);
    if error.status == 0 { Late::Idle } else { Late::Told(error.status, error.reason) }
}

/// The protocol has refused to go on: exchanges that wait for more input will get none.
pub fn cut_off(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let exchanges = match slf.get().state.lock()?.connections.get_mut(key) {
        Some(connection) => std::mem::take(&mut connection.exchanges),
        None => Vec::new(),
    };
    for (_, exchange) in exchanges {
        Exchange::client_left(exchange.bind(slf.py()))?;
    }
    Ok(())
}

// ---- for exchanges -------------------------------------------------------------------------------------------------

/// The application waits for input: reads at once if there is some, so that a fast upload costs no turn of the loop.
pub fn pull(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    serve_once(slf, key).map(|_| ())
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
    connection.paused = false;
    connection.session.set_reading(true, now);
    connection.fresh |= !connection.inbox.is_empty();
    state.queue(key);
    drop(state);
    Reactor::schedule(slf)
}

/// The exchange is woken when there is room again on its connection, or none ever.
pub fn wait_for_room(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let mut state = this.reactor.get().state.lock()?;
    if let Some(connection) = state.connections.get_mut(this.key) {
        connection.waiting_for_room.push(exchange.clone().unbind());
    }
    Ok(())
}

pub fn waiting_to_be_written(reactor: &Reactor, key: usize) -> PyResult<Option<u64>> {
    Ok(reactor.state.lock()?.connections.get(key).map(|connection| connection.outlet.len()))
}

/// The last message of a response was taken: the exchange leaves its connection, which may go on to the next request.
pub fn response_completed(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.get();
    let (taken, waits) = {
        let mut inner = this.state.lock()?;
        let mut state = reactor.state.lock()?;
        if std::mem::take(&mut inner.counted) {
            state.in_flight -= 1;
        }
        let waits = inner.waits();
        let mut taken = None;
        if let Some(connection) = state.connections.get_mut(this.key) {
            taken = connection.take_exchange(this.stream);
            connection.fresh = !connection.inbox.is_empty();
            connection.paused = false;
            if let Some(exchange) = taken.take_if(|_| reactor.settings.access_log) {
                connection.leaving.push(exchange);
            }
        }
        (taken, waits)
    };
    drop(taken);
    if waits { this.wake(exchange.py()) } else { Ok(()) }
}

/// Writes after a command, or leaves it to the end of the dispatch or of the loop's round. Returns what still waits.
#[inline]
pub fn after_command(slf: &Bound<'_, Reactor>, key: usize, completed: bool) -> PyResult<u64> {
    let this = slf.get();
    let (waiting, lost, schedule) = {
        let mut state = this.state.lock()?;
        let state = &mut *state;
        let now = state.now;
        let ours = state.dispatching == Some(key);
        let Some(connection) = state.connections.get_mut(key) else { return Ok(0) };
        let crowded = connection.outlet.memory() as u64 > this.settings.write_buffer;
        if ours || (connection.dirty && !completed) {
            let lost = if crowded { connection.flush(now).lost() } else { None };
            (connection.outlet.len(), lost, false)
        } else if completed {
            (0, None, false)
        } else {
            // The first part goes out at once; what follows before the application yields leaves in one piece.
            let lost = connection.flush(now).lost();
            connection.dirty = true;
            let waiting = connection.outlet.len();
            state.mark_dirty(key);
            state.arm(key, &this.settings);
            (waiting, lost, true)
        }
    };
    if let Some(reason) = lost {
        lose(slf, key, reason)?;
        return Ok(0);
    }
    if schedule {
        Reactor::schedule(slf)?;
    }
    if completed && waiting == 0 {
        settle(slf, key)?;
        return Ok(waiting_to_be_written(this, key)?.unwrap_or(0));
    }
    Ok(waiting)
}

/// Interim responses are of no use later.
pub fn write_now(slf: &Bound<'_, Reactor>, key: usize) -> PyResult<()> {
    let lost = {
        let mut state = slf.get().state.lock()?;
        let now = state.now;
        let Some(connection) = state.connections.get_mut(key) else { return Ok(()) };
        connection.flush(now).lost()
    };
    match lost {
        Some(reason) => lose(slf, key, reason),
        None => Ok(()),
    }
}

/// Cuts a response visibly short and ends what carries it (ASGI-019).
pub fn abort(exchange: &Bound<'_, Exchange>) -> PyResult<()> {
    let this = exchange.get();
    let reactor = this.reactor.bind(exchange.py());
    let taken = {
        let mut state = reactor.get().state.lock()?;
        let now = state.now;
        match state.connections.get_mut(this.key) {
            Some(connection) => {
                connection.session.abort(this.stream);
                if connection.session.must_reset() {
                    connection.stream.reset();
                } else {
                    // What was sent before the fault is the application's word and still leaves.
                    let _ = connection.flush(now);
                }
                connection.ended |= matches!(connection.session.status(), Status::Closing { .. });
                connection.take_exchange(this.stream)
            }
            None => None,
        }
    };
    drop(taken);
    this.state.lock()?.phase = Phase::Complete;
    settle(reactor, this.key)
}
